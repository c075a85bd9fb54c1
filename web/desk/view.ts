/** What the desk shows, worked out from what it knows. Pure: components only put it into words. */

import type { HelpType } from "diyalog";
import { wholeMinutes } from "#shared/clock.ts";
import { type Chat, type Ending, isOver, unansweredSince, unreadOf } from "./chats.js";
import type { Loss, Row } from "./line.js";
import { currentChat, type Pane, type Refusal, type State } from "./model.js";
import type { Attached, EndedBy, Matter } from "./protocol.js";

/** From here on a wait counts as long. */
const LONG_WAIT_MINUTES = 10;
/** A customer without an answer for so long is marked. */
const UNANSWERED_MS = 60_000;
/** A shorter cut changes nothing that anybody would see. */
const CUT_TO_SHOW_MS = 1_000;
/** "Taking" and "sending" that are over sooner do not flash by. */
const FLASH_MS = 150;
/** Names under which companies attach what a request is about. */
const TOPIC = /^(topic|subject|reason|konu|sebep)$/i;

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
  readonly rows: readonly RowView[];
  /** Rows that can be accepted. */
  readonly waiting: number;
  readonly emptySince: number | null;
  readonly queueKnown: boolean;
  readonly chats: readonly ChatEntry[];
  /** New messages of all conversations. */
  readonly unread: number;
  readonly chat: ChatView | null;
  readonly shortcuts: boolean;
}

/** Whom something is about: by name, or by what may be shown of the number. */
export interface Person {
  readonly name: string | null;
  readonly masked: string;
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
  readonly presence: Presence;
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

/** The last two characters, which are enough to compare. */
export function masked(text: string): string {
  return `••••${[...text].slice(-2).join("")}`;
}

/** Whether a value reads like a number of a person, a card or a telephone. */
export function isSensitive(value: string): boolean {
  return /^\+?[\d\s()./-]+$/.test(value) && value.replace(/\D/g, "").length >= 7;
}

function deskView(state: State, now: number): DeskView {
  const { agent, single, pane, emptySince, queueKnown, shortcuts, link } = state;
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
    rows: state.rows.map((row) => rowView(row, now, serverNow)),
    waiting: state.rows.filter(({ lost }) => lost === null).length,
    emptySince,
    queueKnown,
    chats,
    unread: chats.reduce((sum, { unread }) => sum + unread, 0),
    chat: chat === undefined ? null : chatView(chat, now),
    shortcuts,
  };
}

function rowView(row: Row, now: number, serverNow: number): RowView {
  const { waiting, takingSince, awaySince, awayAtFirst, lost, unsure } = row;
  const minutes = wholeMinutes(waiting.startedAt, serverNow);
  const taking = takingSince !== null && now - takingSince >= FLASH_MS;
  return {
    sessionId: waiting.sessionId,
    person: personOf(waiting),
    helpType: waiting.helpType,
    minutes,
    long: minutes >= LONG_WAIT_MINUTES,
    topic: topicOf(waiting.attached),
    presence: awaySince === null ? "here" : { since: awayAtFirst ? null : awaySince },
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
      ...chat.messages.map(({ id, author, text, at }): MessageView => {
        const own = author === "agent";
        return { id, own, text, at, state: "arrived" };
      }),
      ...outbox.map(({ id, text, at, state }): MessageView => {
        const quick = state === "sending" && now - at < FLASH_MS;
        return { id, own: true, text, at, state: quick ? "arrived" : state };
      }),
    ],
    loaded: chat.loadedTo !== null,
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

function factsOf({ conversation, joinedAt }: Chat): readonly Fact[] {
  const { startedAt, endedAt } = conversation;
  const facts: Fact[] = [];
  if (joinedAt !== null) facts.push({ kind: "joined", at: joinedAt });
  const minutes = joinedAt === null ? null : wholeMinutes(joinedAt, startedAt);
  facts.push({ kind: "accepted", at: startedAt, minutes });
  if (endedAt !== null) facts.push({ kind: "ended", at: endedAt });
  return facts;
}

function personOf({ customerName, customerId }: Matter): Person {
  return { name: customerName, masked: masked(customerId) };
}

/** What the request is about, if the company's app said it, and said it in words. */
function topicOf(attached: readonly Attached[]): string | null {
  const named = attached.find(({ name }) => TOPIC.test(name));
  const worded = named ?? attached.find(({ value }) => /\p{Letter}{3}/u.test(value));
  return worded === undefined || isSensitive(worded.value) ? null : worded.value;
}
