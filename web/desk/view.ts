/** What the desk shows, worked out from what it knows. Pure: components only put it into words. */

import type { HelpType } from "diyalog";
import { wholeMinutes } from "#shared/clock.ts";
import type { Answer } from "./answers.js";
import {
  type Chat,
  type Ending,
  isOver,
  type Outgoing,
  unansweredSince,
  unreadOf,
} from "./chats.js";
import type { Duty } from "./duty.js";
import { type DutyView, dutyView, type OfferView, offerViews } from "./duty_view.js";
import type { Loss, Row } from "./line.js";
import { type Agent, currentChat, type Pane, type Refusal, type State } from "./model.js";
import type { NoticesState } from "./notices.js";
import { type Person, personOf, topicOf } from "./people.js";
import type { Attached, EndedBy } from "./protocol.js";

/** From here on a wait counts as long. */
const LONG_WAIT_MINUTES = 10;
/** A customer without an answer for so long is marked. */
const UNANSWERED_MS = 60_000;
/** A shorter cut changes nothing that anybody would see. */
const CUT_TO_SHOW_MS = 1_000;
/** "Taking" and "sending" that are over sooner do not flash by. */
const FLASH_MS = 150;

export type View =
  | { readonly kind: "signingIn" | "opening"; readonly slow: boolean }
  | { readonly kind: "refused"; readonly refusal: Refusal }
  | { readonly kind: "elsewhere" }
  | { readonly kind: "notWaiting"; readonly loss: Loss }
  | DeskView;

export interface DeskView {
  readonly kind: "desk";
  readonly agentName: string;
  /** The list is out of the way. */
  readonly single: boolean;
  readonly pane: Pane;
  /** Device time since which there is no connection worth telling of; null: there is one. */
  readonly cutOffSince: number | null;
  /** Somebody can be accepted. */
  readonly ready: boolean;
  /** null: there is nothing to switch. */
  readonly duty: DutyView | null;
  /** The agent wanted to come or go, and the company's queue decides that. */
  readonly elsewhere: boolean;
  /** Those who are offered, and for a moment those who were. */
  readonly offers: readonly OfferView[];
  readonly rows: readonly RowView[];
  /** Everybody in line, shown or not. */
  readonly waiting: number;
  /** How many of them are not shown. */
  readonly beyond: number;
  readonly emptySince: number | null;
  readonly lineKnown: boolean;
  readonly chats: readonly ChatEntry[];
  /** New messages of all conversations. */
  readonly unread: number;
  readonly chat: ChatView | null;
  /** The agent's own; null: the standard ones. */
  readonly answers: readonly Answer[] | null;
  readonly shortcuts: boolean;
  readonly comfortable: boolean;
  readonly notices: NoticesState;
  /** A sound would be heard. */
  readonly sound: boolean;
}

/** Whether a customer's app is connected. `since` null: it is not known since when it is not. */
export type Presence = "here" | { readonly since: number | null };

export interface RowView {
  readonly sessionId: string;
  readonly person: Person;
  readonly helpType: HelpType;
  readonly minutes: number;
  readonly long: boolean;
  readonly topic: string | null;
  /** Place in line; null: it is not known. */
  readonly position: number | null;
  /** Somebody is being asked to take it just now. */
  readonly offered: boolean;
  readonly presence: Presence;
  /** Whether the agent closes it; null: they may not. */
  readonly closing: Row["closing"]["step"] | null;
  readonly step: "free" | "taking" | "unsure";
  readonly loss: Loss | null;
}

export interface ChatEntry {
  readonly conversationId: string;
  readonly person: Person;
  readonly helpType: HelpType;
  readonly unread: number;
  /** Minutes for which the customer has had no answer; null: less than one, or not waiting for one. */
  readonly unanswered: number | null;
  readonly over: boolean;
  readonly current: boolean;
}

export interface MessageView {
  /** Its sender's name for it. */
  readonly id: string;
  readonly own: boolean;
  readonly text: string;
  readonly at: number;
  readonly state: "arrived" | "sending" | "waiting" | "refused";
  /** How far one's own has come that the server has; null: another's, or not there yet. */
  readonly mark: "sent" | "delivered" | "read" | null;
}

export interface NoteView {
  readonly id: string;
  readonly author: string;
  readonly at: number;
  readonly today: boolean;
  readonly text: string;
  /** It was written on this conversation. */
  readonly here: boolean;
  readonly state: "saved" | Outgoing["state"];
}

export interface NotesView {
  readonly list: readonly NoteView[];
  readonly failed: boolean;
  readonly draft: string;
}

export interface ChatView {
  readonly conversationId: string;
  readonly person: Person;
  /** null: it is over, or not known. */
  readonly presence: Presence | null;
  readonly over: { readonly by: EndedBy | null } | null;
  readonly facts: readonly Fact[];
  readonly messages: readonly MessageView[];
  /** Everything that was said is there. */
  readonly loaded: boolean;
  readonly notes: NotesView;
  /** The customer is writing. */
  readonly typing: boolean;
  readonly draft: string;
  readonly ending: Ending["step"];
  readonly customer: CustomerView;
}

/** What really happened, for the record. `minutes` null: it is not known how long the wait was. */
export type Fact =
  | { readonly kind: "joined" | "ended"; readonly at: number }
  | { readonly kind: "accepted"; readonly at: number; readonly minutes: number | null };

export interface CustomerView {
  readonly name: string | null;
  readonly number: string;
  readonly reference: string | null;
  readonly helpType: HelpType;
  readonly attached: readonly Attached[];
  readonly revealed: boolean;
}

/** @param now the device's clock in milliseconds */
export function viewOf(state: State, now: number): View {
  const { stage, link } = state;
  if (stage.at === "refused") return { kind: "refused", refusal: stage.refusal };
  if (link.kind === "elsewhere") return { kind: "elsewhere" };
  if (stage.at === "notWaiting") return { kind: "notWaiting", loss: stage.loss };
  if (stage.at !== "working") return { kind: stage.at, slow: stage.slow };
  return deskView(state, now);
}

/** What the outside may know of the desk. */
export function dataState(view: View): string {
  switch (view.kind) {
    case "signingIn":
    case "opening":
      return "starting";
    case "notWaiting":
      return "ended";
    case "desk":
      return view.cutOffSince === null ? "open" : "offline";
    default:
      return view.kind;
  }
}

function deskView(state: State, now: number): DeskView {
  const {
    agent,
    single,
    pane,
    beyond,
    emptySince,
    lineKnown,
    answers,
    shortcuts,
    comfortable,
    notices,
    sound,
    link,
    duty,
  } = state;
  const serverNow = now + state.clockOffset;
  const chat = currentChat(state);
  const cut = link.kind === "lost" && now - link.since >= CUT_TO_SHOW_MS;
  const chats = state.chats.map((one) => entryOf(one, one === chat, serverNow));
  return {
    kind: "desk",
    agentName: agent?.userName ?? "",
    single,
    pane,
    cutOffSince: cut ? link.since : null,
    ready: link.kind === "open",
    duty: dutyView(duty),
    elsewhere: duty.switching === "elsewhere",
    offers: offerViews(duty, now, serverNow),
    rows: state.rows
      .filter((row) => !isOffered(row, duty))
      .map((row) => rowView(row, agent, now, serverNow)),
    waiting: state.rows.filter(({ lost }) => lost === null).length + beyond,
    beyond,
    emptySince,
    lineKnown,
    chats,
    unread: chats.reduce((sum, { unread }) => sum + unread, 0),
    chat: chat === undefined ? null : chatView(chat, now),
    answers,
    shortcuts,
    comfortable,
    notices,
    sound,
  };
}

/** Whether it stands among the offers, so that it need not stand in the line as well. */
function isOffered({ waiting, lost }: Row, duty: Duty): boolean {
  const offer = duty.offers.find(({ offered }) => offered.sessionId === waiting.sessionId);
  return offer !== undefined && (offer.gone === null || lost !== null);
}

function rowView(row: Row, agent: Agent | null, now: number, serverNow: number): RowView {
  const { waiting, takingSince, awaySince, awayAtFirst, lost, unsure, closing } = row;
  const minutes = wholeMinutes(waiting.startedAt, serverNow);
  const taking = takingSince !== null && now - takingSince >= FLASH_MS;
  return {
    sessionId: waiting.sessionId,
    person: personOf(waiting),
    helpType: waiting.helpType,
    minutes,
    long: minutes >= LONG_WAIT_MINUTES,
    topic: topicOf(waiting.attached),
    position: waiting.position,
    offered: waiting.offered,
    presence: awaySince === null ? "here" : { since: awayAtFirst ? null : awaySince },
    closing: agent?.supervisor || closing.step === "noRight" ? closing.step : null,
    step: taking ? "taking" : unsure ? "unsure" : "free",
    loss: lost?.loss ?? null,
  };
}

function entryOf(chat: Chat, current: boolean, serverNow: number): ChatEntry {
  const since = unansweredSince(chat);
  const waited = since !== null && serverNow - since >= UNANSWERED_MS;
  return {
    conversationId: chat.conversation.conversationId,
    person: personOf(chat.conversation),
    helpType: chat.conversation.helpType,
    unread: unreadOf(chat),
    unanswered: waited ? wholeMinutes(since, serverNow) : null,
    over: isOver(chat),
    current,
  };
}

function chatView(chat: Chat, now: number): ChatView {
  const { conversation, outbox, draft, revealed, ending } = chat;
  const { conversationId, customerName, customerId, interactionId } = conversation;
  return {
    conversationId,
    person: personOf(conversation),
    presence: isOver(chat) || conversation.present === null ? null : (chat.away ?? "here"),
    over: isOver(chat) ? { by: conversation.endedBy } : null,
    facts: factsOf(chat),
    messages: [
      ...chat.messages.map(({ seq, id, author, text, at }): MessageView => {
        const own = author === "agent";
        return { id, own, text, at, state: "arrived", mark: own ? markOf(seq, chat) : null };
      }),
      ...outbox.map(({ id, text, at, state }): MessageView => {
        const quick = state === "sending" && now - at < FLASH_MS;
        return { id, own: true, text, at, state: quick ? "arrived" : state, mark: null };
      }),
    ],
    loaded: chat.loadedTo !== null,
    notes: notesView(chat, now),
    typing: chat.typingUntil > now,
    draft,
    ending: ending.step,
    customer: {
      name: customerName,
      number: customerId,
      reference: interactionId,
      helpType: conversation.helpType,
      attached: conversation.attached,
      revealed,
    },
  };
}

function notesView({ conversation, notes }: Chat, now: number): NotesView {
  const today = (at: number) => new Date(at).toDateString() === new Date(now).toDateString();
  const saved = notes.known.map(({ id, author, at, text, conversationId }): NoteView => {
    const here = conversationId === conversation.conversationId;
    return { id, author, at, today: today(at), text, here, state: "saved" };
  });
  const own = notes.outbox.map(({ id, text, at, state }): NoteView => {
    return { id, author: "", at, today: true, text, here: true, state };
  });
  return { list: [...saved, ...own], failed: notes.failed, draft: notes.draft };
}

function markOf(seq: number, { conversation: { marks } }: Chat): MessageView["mark"] {
  if (seq <= marks.read) return "read";
  return seq <= marks.received ? "delivered" : "sent";
}

function factsOf({ conversation, joinedAt }: Chat): readonly Fact[] {
  const { startedAt, endedAt } = conversation;
  const facts: Fact[] = [];
  if (joinedAt !== null) facts.push({ kind: "joined", at: joinedAt });
  const minutes = joinedAt === null ? null : wholeMinutes(joinedAt, startedAt);
  facts.push({ kind: "accepted", at: startedAt, minutes });
  if (endedAt !== null) facts.push({ kind: "ended", at: endedAt });
  return facts;
}
