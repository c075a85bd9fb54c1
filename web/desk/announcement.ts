/** What a screen reader is told when one view follows another: what happened, never numbers that tick. */

import type { DeskWords } from "../words/desk.js";
import { coverText, coverTitle } from "./covers.js";
import type { OfferView } from "./duty_view.js";
import { dutyText, offerEndText } from "./offers.js";
import { lossText, nameOf, presenceText } from "./parts.js";
import type { ChatView, DeskView, NoteView, View } from "./view.js";

/** At most one thing: what matters most comes first. Messages in the front speak for themselves. */
export function announcementOf(before: View | null, view: View, words: DeskWords): string | null {
  if (view.kind !== "desk") {
    const text = coverText(view, words);
    const same = before !== null && before.kind !== "desk" && before.kind === view.kind;
    if (same) return coverText(before, words) === text ? null : text;
    return [`${coverTitle(view, words)}.`, text].filter((part) => part !== null).join(" ");
  }
  return before?.kind === "desk"
    ? (dutyTold(before, view, words) ??
        lossTold(before, view, words) ??
        chatTold(before, view, words))
    : null;
}

/** The names of rows that were not there before, as those of the first list are. */
export function newRows(before: View | null, view: View): number {
  if (view.kind !== "desk" || before?.kind !== "desk" || !before.lineKnown) return 0;
  const known = new Set(before.rows.map(({ sessionId }) => sessionId));
  return view.rows.filter(({ sessionId }) => !known.has(sessionId)).length;
}

/** Somebody who is offered now and was not before; nothing is more urgent. */
export function newOffer(before: View | null, view: View): OfferView | null {
  if (view.kind !== "desk") return null;
  const known = new Set(before?.kind === "desk" ? before.offers.map(idOf) : []);
  return view.offers.find((offer) => offer.gone === null && !known.has(idOf(offer))) ?? null;
}

/** What the agent did not do: to be sent away, to have nothing to switch, to lose an offer. */
function dutyTold(before: DeskView, view: DeskView, words: DeskWords): string | null {
  const text = dutyText(view, words);
  if (text !== null && text !== dutyText(before, words)) return text;
  for (const offer of view.offers) {
    const was = before.offers.find((one) => idOf(one) === idOf(offer));
    if (offer.gone !== null && was?.gone === null) {
      return `${nameOf(offer.person, words)}: ${offerEndText(offer.gone, words)}.`;
    }
    if (offer.step === "unsure" && was?.step !== "unsure") return words.offers.unsure;
  }
  return null;
}

/** A row that the agent wanted, and did not get. Others go in silence. */
function lossTold(before: DeskView, view: DeskView, words: DeskWords): string | null {
  for (const { sessionId, loss, step, closing } of view.rows) {
    const was = before.rows.find((row) => row.sessionId === sessionId);
    if (loss !== null && was?.loss === null && (loss.kind !== "gone" || was.step === "taking")) {
      return `${lossText(loss, words)}.`;
    }
    if ((closing === "failed" || closing === "noRight") && was?.closing !== closing) {
      return words.close[closing];
    }
    if (step === "unsure" && was?.step !== "unsure") return words.list.unsure;
  }
  return null;
}

function chatTold(before: DeskView, view: DeskView, words: DeskWords): string | null {
  for (const { conversationId, person, over, unread, current } of view.chats) {
    const was = before.chats.find((entry) => entry.conversationId === conversationId);
    if (was === undefined) continue;
    const name = nameOf(person, words);
    if (over && !was.over) {
      const by = current ? view.chat?.over?.by : null;
      return [words.announce.over(name), by && words.chat.overBy[by]].filter(Boolean).join(" ");
    }
    if (unread > was.unread) return words.announce.message(name);
  }
  const [chat, was] = [view.chat, before.chat];
  return chat !== null && was?.conversationId === chat.conversationId
    ? frontTold(was, chat, words)
    : null;
}

function frontTold(was: ChatView, chat: ChatView, words: DeskWords): string | null {
  const here = chat.presence === "here";
  if (chat.presence !== null && was.presence !== null && here !== (was.presence === "here")) {
    const text = here ? words.list.back : presenceText(chat.presence, words);
    return `${nameOf(chat.person, words)}: ${text}.`;
  }
  if (refusedOf(chat) > refusedOf(was)) return `${words.chat.refused}.`;
  if (noteSaved(was, chat)) return words.announce.noted;
  if (chat.notes.failed && !was.notes.failed) return words.notes.failed;
  return chat.ending === "failed" && was.ending === "sending" ? words.chat.endFailed : null;
}

/** Whether the server has a note that it did not have before. */
function noteSaved(was: ChatView, chat: ChatView): boolean {
  const saved = new Set(chat.notes.list.filter(({ state }) => state === "saved").map(noteId));
  return was.notes.list.some((note) => note.state !== "saved" && saved.has(noteId(note)));
}

/** How many messages of the conversation in front the server did not take. */
function refusedOf(chat: ChatView): number {
  return chat.messages.filter(({ state }) => state === "refused").length;
}

function idOf({ sessionId }: OfferView): string {
  return sessionId;
}

function noteId({ id }: NoteView): string {
  return id;
}
