/** What the desk knows, and how each thing that happens changes it. Pure: no clock, no network. */

import { CLOSE } from "diyalog";
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
  withMessage,
  withOutgoing,
  withOutgoingState,
  withSeen,
} from "./chats.js";
import { changedRow, type Loss, lostRow, type Row, withoutOld, withQueue } from "./line.js";
import type { Conversation, Message, StaffEvent, Waiting, Welcome } from "./protocol.js";

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
}

export interface Agent {
  readonly userId: string;
  readonly userName: string;
}

export interface State {
  readonly stage: Stage;
  /** null until the server knows who works here. */
  readonly agent: Agent | null;
  readonly link: Link;
  readonly rows: readonly Row[];
  /** Device time since which nobody waits; null: somebody does, or it is not known. */
  readonly emptySince: number | null;
  readonly queueKnown: boolean;
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
  /** Alt and a key do something. */
  readonly shortcuts: boolean;
}

export type Happening =
  | { readonly type: "tick" | "linkLost" | "reconnecting" | "unreachable" | "showList" }
  | { readonly type: "signingIn" | "opening" }
  | { readonly type: "signedIn"; readonly agent: Agent; readonly single: boolean }
  | { readonly type: "refused"; readonly refusal: Refusal }
  | { readonly type: "queue"; readonly waiting: readonly Waiting[] }
  | { readonly type: "taking" | "takeUnsure"; readonly sessionId: string }
  | { readonly type: "taken"; readonly conversation: Conversation }
  | { readonly type: "lost"; readonly sessionId: string; readonly loss: Loss }
  | { readonly type: "notWaiting"; readonly customerId: string; readonly loss: Loss }
  | { readonly type: "welcome"; readonly welcome: Welcome; readonly clockOffset: number }
  | { readonly type: "event"; readonly event: StaffEvent }
  | { readonly type: "linkClosed"; readonly code: number }
  | { readonly type: "conversation"; readonly conversation: Conversation }
  | InChat
  | { readonly type: "choose" | "dismiss"; readonly conversationId: string }
  | { readonly type: "pane"; readonly pane: Pane }
  | { readonly type: "narrow" | "visible" | "shortcuts"; readonly on: boolean };

/** What happens in one conversation. */
type InChat = { readonly conversationId: string } & (
  | { readonly type: "history"; readonly messages: readonly Message[] }
  | { readonly type: "draft"; readonly text: string }
  | { readonly type: "written"; readonly id: string; readonly text: string }
  | { readonly type: "outgoing"; readonly id: string; readonly state: Outgoing["state"] }
  | { readonly type: "arrived"; readonly id: string; readonly seq: number; readonly at: number }
  | { readonly type: "ending"; readonly step: "no" | "asked" | "sending" | "failed" }
  | { readonly type: "reveal" }
);

export function initialState(now: number, kept: Kept): State {
  return {
    stage: { at: "signingIn", slow: false },
    agent: null,
    link: { kind: "connecting", since: now },
    rows: [],
    emptySince: null,
    queueKnown: false,
    chats: [],
    current: null,
    single: false,
    pane: "waiting",
    narrow: false,
    visible: true,
    clockOffset: 0,
    kept,
    shortcuts: true,
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
    case "queue":
      return queueTold(state, happening.waiting, now);
    case "taking":
      return inRow(state, happening.sessionId, (row) => {
        return { ...row, takingSince: now, unsure: false };
      });
    case "takeUnsure":
      return inRow(state, happening.sessionId, (row) => {
        return { ...row, takingSince: null, unsure: true };
      });
    case "lost":
      return inRow(state, happening.sessionId, (row) => lostRow(row, happening.loss, now));
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
    case "conversation":
      return withNews(state, happening.conversation, now);
    case "choose":
      return { ...state, current: happening.conversationId, pane: "chat" };
    case "dismiss":
      return dismissed(state, happening.conversationId);
    case "pane":
      return { ...state, pane: happening.pane };
    case "narrow":
    case "visible":
    case "shortcuts":
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
      return { ...chat, revealed: !chat.revealed };
  }
}

function ticked(state: State, now: number): State {
  const rows = withoutOld(state.rows, now);
  const chats = state.chats.some((chat) => withEndTimedOut(chat, now) !== chat)
    ? state.chats.map((chat) => withEndTimedOut(chat, now))
    : state.chats;
  return { ...state, rows, chats };
}

function queueTold(state: State, waiting: readonly Waiting[], now: number): State {
  // An answer that was asked for before an accept may still name who is in conversation by now.
  const others = waiting.filter(
    ({ sessionId }) =>
      !state.chats.some(({ conversation }) => conversation.conversationId === sessionId),
  );
  const emptySince = others.length > 0 ? null : (state.emptySince ?? now);
  return {
    ...state,
    rows: withQueue(state.rows, others, now),
    emptySince,
    queueKnown: true,
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

/** A conversation as the server tells it, new to the desk or not. The first one comes to the front. */
function withNews(state: State, conversation: Conversation, now: number): State {
  const { conversationId } = conversation;
  const known = state.chats.some((chat) => chat.conversation.conversationId === conversationId);
  if (known) {
    return inChat(state, conversationId, (chat) => withConversation(chat, conversation, now));
  }
  const row = state.rows.find(({ waiting }) => waiting.sessionId === conversationId);
  const { [conversationId]: waitedFrom, ...joined } = state.kept.joined;
  const { [conversationId]: unsent, ...outbox } = state.kept.outbox;
  const joinedAt = row?.waiting.startedAt ?? waitedFrom ?? null;
  return {
    ...state,
    rows: state.rows.filter((one) => one !== row),
    chats: [...state.chats, chatOf(conversation, joinedAt, unsent ?? [])].sort(
      (a, b) => a.conversation.startedAt - b.conversation.startedAt,
    ),
    current: state.current ?? conversationId,
    kept: { joined, outbox },
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

function inRow(state: State, sessionId: string, change: (row: Row) => Row): State {
  return { ...state, rows: changedRow(state.rows, sessionId, change) };
}

function inChat(state: State, conversationId: string, change: (chat: Chat) => Chat): State {
  return { ...state, chats: changedChat(state.chats, conversationId, change) };
}

function withCurrentSeen(state: State): State {
  const chat = currentChat(state);
  if (chat === undefined || !inView(state) || withSeen(chat) === chat) return state;
  return inChat(state, chat.conversation.conversationId, withSeen);
}
