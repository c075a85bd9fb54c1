/** What the desk knows, and how each thing that happens changes it. Pure: no clock, no network. */

import { CLOSE } from "diyalog";
import type { Answer } from "./answers.js";
import {
  type Chat,
  changedChat,
  chatOf,
  type Ending,
  endAsked,
  type Outgoing,
  withArrived,
  withConversation,
  withEnd,
  withEndTimedOut,
  withHistory,
  withMarks,
  withMessage,
  withOutgoing,
  withOutgoingState,
  withSeen,
  withTyping,
} from "./chats.js";
import {
  changedOffer,
  type Duty,
  dutyAfter,
  dutyTicked,
  lostOffer,
  NO_DUTY,
  withoutOffer,
} from "./duty.js";
import type { Happening, InChat } from "./happening.js";
import { changedRow, type Loss, lostRow, type Row, withLine, withoutOld } from "./line.js";
import { notesAfter } from "./notes.js";
import type { NoticesState } from "./notices.js";
import type { Conversation, Line, Moment, StaffEvent, Welcome } from "./protocol.js";

/** Why nobody can work at this desk. */
export type Refusal =
  /** The link lacks the agent. */
  | { readonly kind: "link" }
  /** The company, or the server, does not confirm the agent. */
  | { readonly kind: "signIn"; readonly code: string }
  /** The token is too old or was revoked. */
  | { readonly kind: "over" }
  /** The stream was closed for good: a fault of the desk or of something in between. */
  | { readonly kind: "fault"; readonly code: string };

export type Stage =
  /** `slow`: the server was not reached, and is tried again. */
  | { readonly at: "signingIn" | "opening"; readonly slow: boolean }
  | { readonly at: "refused"; readonly refusal: Refusal }
  | { readonly at: "notWaiting"; readonly customerId: string; readonly loss: Loss }
  | { readonly at: "working" };

/** The staff's stream. Times are the device's. */
export type Link =
  | { readonly kind: "connecting" | "lost"; readonly since: number }
  | { readonly kind: "open" | "elsewhere" };

export const PANES = ["waiting", "chat", "customer"] as const;
export type Pane = (typeof PANES)[number];

/** What survives a reload, by conversation. */
export interface Kept {
  readonly joined: Readonly<Record<string, number>>;
  readonly outbox: Readonly<Record<string, readonly Outgoing[]>>;
  readonly notes: Readonly<Record<string, readonly Outgoing[]>>;
}

export interface Agent {
  readonly userId: string;
  readonly userName: string;
  /** May close requests. */
  readonly supervisor: boolean;
}

export interface State {
  readonly stage: Stage;
  /** null until the server knows who works here. */
  readonly agent: Agent | null;
  readonly link: Link;
  readonly rows: readonly Row[];
  /** How many wait besides those whom the server names. */
  readonly beyond: number;
  /** Device time since which nobody waits; null: somebody does, or it is not known. */
  readonly emptySince: number | null;
  readonly lineKnown: boolean;
  readonly duty: Duty;
  readonly chats: readonly Chat[];
  readonly current: string | null;
  /** Opened for one customer: the list is out of the way. */
  readonly single: boolean;
  readonly pane: Pane;
  /** One column at a time. */
  readonly narrow: boolean;
  /** Somebody may be looking. */
  readonly visible: boolean;
  /** Server clock minus device clock, in milliseconds. */
  readonly clockOffset: number;
  readonly kept: Kept;
  /** The agent's own ready answers; null: the standard ones. */
  readonly answers: readonly Answer[] | null;
  /** Alt and a key do something. */
  readonly shortcuts: boolean;
  /** Larger rows and buttons. */
  readonly comfortable: boolean;
  readonly notices: NoticesState;
  /** A sound would be heard. */
  readonly sound: boolean;
}

export function initialState(now: number, kept: Kept): State {
  return {
    stage: { at: "signingIn", slow: false },
    agent: null,
    link: { kind: "connecting", since: now },
    rows: [],
    beyond: 0,
    emptySince: null,
    lineKnown: false,
    duty: NO_DUTY,
    chats: [],
    current: null,
    single: false,
    pane: "waiting",
    narrow: false,
    visible: true,
    clockOffset: 0,
    kept,
    answers: null,
    shortcuts: true,
    comfortable: false,
    notices: "off",
    sound: false,
  };
}

/** @param now the device's clock in milliseconds */
export function update(state: State, happening: Happening, now: number): State {
  return withCurrentSeen(changed(state, happening, now));
}

/** The conversation that is in front; undefined: none is. */
export function currentChat({ chats, current }: State): Chat | undefined {
  return chats.find(({ conversation }) => conversation.conversationId === current);
}

/** Whether the conversation in front is really in view. */
export function inView(state: State): boolean {
  return state.visible && state.stage.at === "working" && (!state.narrow || state.pane === "chat");
}

function changed(state: State, happening: Happening, now: number): State {
  switch (happening.type) {
    case "tick":
      return ticked(state, now);
    case "signedIn": {
      const { agent, single } = happening;
      const stage: Stage = single ? { at: "opening", slow: false } : { at: "working" };
      return { ...state, agent, single, stage, pane: single ? "chat" : "waiting" };
    }
    case "signingIn":
    case "opening":
      return { ...state, stage: { at: happening.type, slow: false } };
    case "unreachable":
      return "slow" in state.stage ? { ...state, stage: { ...state.stage, slow: true } } : state;
    case "refused":
      return { ...state, stage: { at: "refused", refusal: happening.refusal } };
    case "line":
      return lineTold(state, happening.line, now);
    case "taking":
    case "takeUnsure":
      return asked(state, happening.sessionId, happening.type === "taking" ? now : null);
    case "closing": {
      const { sessionId, step } = happening;
      const closing = step === "asked" ? endAsked(now) : { step };
      return {
        ...state,
        rows: changedRow(state.rows, sessionId, (row) => ({ ...row, closing })),
      };
    }
    case "lost":
      return lost(state, happening.sessionId, happening.loss, now);
    case "ownDesk":
    case "availability":
    case "switching":
    case "passing":
    case "passUnsure":
    case "passed": {
      const duty = dutyAfter(state.duty, happening, now, now + state.clockOffset);
      return { ...state, duty };
    }
    case "taken":
      return taken(state, happening.conversation, now);
    case "notWaiting": {
      const { customerId, loss } = happening;
      return { ...state, stage: { at: "notWaiting", customerId, loss } };
    }
    case "showList":
      return { ...state, single: false, stage: { at: "working" }, pane: "waiting" };
    case "welcome":
      return welcomed(state, happening.welcome, happening.clockOffset, now);
    case "reconnecting":
      return { ...state, link: { kind: "connecting", since: now } };
    case "linkLost":
      return state.link.kind === "lost" ? state : { ...state, link: { kind: "lost", since: now } };
    case "linkClosed":
      return linkClosed(state, happening.code);
    case "event":
      return heard(state, happening.event);
    case "moment":
      return moved(state, happening.moment, now);
    case "conversation":
      return withNews(state, happening.conversation, now);
    case "choose":
      return { ...state, current: happening.conversationId, pane: "chat" };
    case "dismiss":
      return dismissed(state, happening.conversationId);
    case "pane":
      return { ...state, pane: happening.pane };
    case "answers":
      return { ...state, answers: happening.answers };
    case "notices":
      return { ...state, notices: happening.notices };
    case "narrow":
    case "visible":
    case "shortcuts":
    case "comfortable":
    case "sound":
      return { ...state, [happening.type]: happening.on };
    default:
      return inChat(state, happening.conversationId, (chat) => chatAfter(chat, happening, now));
  }
}

function chatAfter(chat: Chat, happening: InChat, now: number): Chat {
  switch (happening.type) {
    case "history":
      return withHistory(chat, happening.messages);
    case "draft":
      return { ...chat, draft: happening.text };
    case "written":
      return withOutgoing(chat, happening.id, happening.text, now);
    case "outgoing":
      return withOutgoingState(chat, happening.id, happening.state);
    case "arrived":
      return withArrived(chat, happening.id, happening.seq, happening.at);
    case "ending": {
      const ending: Ending = happening.step === "asked" ? endAsked(now) : { step: happening.step };
      return chat.conversation.endedAt === null ? { ...chat, ending } : chat;
    }
    case "reveal":
      return { ...chat, revealed: happening.on };
    default:
      return { ...chat, notes: notesAfter(chat.notes, happening, now) };
  }
}

function ticked(state: State, now: number): State {
  const rows = withoutOld(state.rows, now);
  const chats = state.chats.some((chat) => withEndTimedOut(chat, now) !== chat)
    ? state.chats.map((chat) => withEndTimedOut(chat, now))
    : state.chats;
  return { ...state, rows, chats, duty: dutyTicked(state.duty, now, now + state.clockOffset) };
}

/** The server is being asked for somebody who waits; `since` null: it gave no decision. */
function asked(state: State, sessionId: string, since: number | null): State {
  const unsure = since === null;
  return {
    ...state,
    rows: changedRow(state.rows, sessionId, (row) => ({ ...row, takingSince: since, unsure })),
    duty: changedOffer(state.duty, sessionId, (offer) => {
      return { ...offer, takingSince: since, step: unsure ? "unsure" : "free" };
    }),
  };
}

function lost(state: State, sessionId: string, loss: Loss, now: number): State {
  return {
    ...state,
    rows: changedRow(state.rows, sessionId, (row) => lostRow(row, loss, now)),
    duty: changedOffer(state.duty, sessionId, (offer) => lostOffer(offer, loss, now)),
  };
}

function lineTold(state: State, { waiting, total }: Line, now: number): State {
  // A line from before an accept may still name who is in conversation by now.
  const others = waiting.filter(
    ({ sessionId }) =>
      !state.chats.some(({ conversation }) => conversation.conversationId === sessionId),
  );
  const emptySince = others.length > 0 ? null : (state.emptySince ?? now);
  return {
    ...state,
    rows: withLine(state.rows, { waiting: others, total }, now),
    beyond: total - waiting.length,
    emptySince,
    lineKnown: true,
  };
}

function taken(state: State, conversation: Conversation, now: number): State {
  const next = withNews(state, conversation, now);
  return { ...next, stage: { at: "working" }, current: conversation.conversationId, pane: "chat" };
}

function welcomed(state: State, welcome: Welcome, clockOffset: number, now: number): State {
  const known = welcome.recovered
    ? state.chats
    : state.chats.map((chat) =>
        chat.conversation.endedAt === null ? { ...chat, stale: true } : chat,
      );
  const next: State = { ...state, link: { kind: "open" }, clockOffset, chats: known };
  return welcome.conversations.reduce((so, one) => withNews(so, one, now), next);
}

function linkClosed(state: State, code: number): State {
  if (code === CLOSE.elsewhere) return { ...state, link: { kind: "elsewhere" } };
  const refusal: Refusal =
    code === CLOSE.unauthorized ? { kind: "over" } : { kind: "fault", code: String(code) };
  return { ...state, stage: { at: "refused", refusal } };
}

function heard(state: State, event: StaffEvent): State {
  switch (event.kind) {
    case "message":
      return inChat(state, event.conversationId, (chat) => withMessage(chat, event.message));
    case "ended":
      return inChat(state, event.conversationId, (chat) => withEnd(chat, event.at, event.endedBy));
    default:
      return state;
  }
}

function moved(state: State, moment: Moment, now: number): State {
  switch (moment.kind) {
    case "typing":
      return inChat(state, moment.conversationId, (chat) => withTyping(chat, now));
    case "marks":
      return inChat(state, moment.conversationId, (chat) => withMarks(chat, moment.marks));
    case "unknown":
      return state;
  }
}

/** A conversation as the server tells it, new to the desk or not. The first one comes to the front. */
function withNews(state: State, conversation: Conversation, now: number): State {
  const { conversationId } = conversation;
  const known = state.chats.some((chat) => chat.conversation.conversationId === conversationId);
  if (known) {
    return inChat(state, conversationId, (chat) => withConversation(chat, conversation, now));
  }
  const row = state.rows.find(({ waiting }) => waiting.sessionId === conversationId);
  const offer = state.duty.offers.find(({ offered }) => offered.sessionId === conversationId);
  const { [conversationId]: waitedFrom, ...joined } = state.kept.joined;
  const { [conversationId]: unsent, ...outbox } = state.kept.outbox;
  const { [conversationId]: unsentNotes, ...notes } = state.kept.notes;
  const joinedAt = row?.waiting.startedAt ?? offer?.offered.startedAt ?? waitedFrom ?? null;
  return {
    ...state,
    rows: state.rows.filter((one) => one !== row),
    duty: withoutOffer(state.duty, conversationId),
    chats: [...state.chats, chatOf(conversation, joinedAt, unsent, unsentNotes)].sort(
      (a, b) => a.conversation.startedAt - b.conversation.startedAt,
    ),
    current: state.current ?? conversationId,
    kept: { joined, outbox, notes },
  };
}

function dismissed(state: State, conversationId: string): State {
  const index = state.chats.findIndex(
    (chat) => chat.conversation.conversationId === conversationId,
  );
  const chats = state.chats.filter((_, at) => at !== index);
  if (state.current !== conversationId) return { ...state, chats };
  const next = chats[Math.min(index, chats.length - 1)]?.conversation.conversationId ?? null;
  return { ...state, chats, current: next, pane: next === null ? "waiting" : state.pane };
}

function inChat(state: State, conversationId: string, change: (chat: Chat) => Chat): State {
  return { ...state, chats: changedChat(state.chats, conversationId, change) };
}

function withCurrentSeen(state: State): State {
  const chat = currentChat(state);
  if (chat === undefined || !inView(state) || withSeen(chat) === chat) return state;
  return inChat(state, chat.conversation.conversationId, withSeen);
}
