/** The agent's conversations: what was said, what is on its way, and what was seen. Pure. */

import { type Notes, notesOf } from "./notes.js";
import type { Conversation, EndedBy, Marks, Message } from "./protocol.js";

/** How long "End?" stands there. */
const END_ASKED_MS = 5_000;
/** How long a sign of writing holds. */
const TYPING_MS = 3_000;

/** A message of the agent that is not known to have arrived. `refused`: the server does not take it. */
export interface Outgoing {
  readonly id: string;
  readonly text: string;
  readonly at: number;
  readonly state: "waiting" | "sending" | "refused";
}

/** Ending asks once, in place; `failed`: the server was not reached. */
export type Ending =
  | { readonly step: "no" | "sending" | "failed" }
  | { readonly step: "asked"; readonly until: number };

export interface Chat {
  readonly conversation: Conversation;
  /** Server time at which the customer joined the line; null when this desk did not see it. */
  readonly joinedAt: number | null;
  /** By their number, each once. */
  readonly messages: readonly Message[];
  readonly outbox: readonly Outgoing[];
  readonly draft: string;
  readonly notes: Notes;
  /** Every message up to this number was asked for; null: none was yet. */
  readonly loadedTo: number | null;
  /** Messages may be missing: they have to be asked for. */
  readonly stale: boolean;
  /** The newest message that the agent has had in view. */
  readonly seen: number;
  readonly ending: Ending;
  /** The customer's app is away; `since` null: it was when the desk first saw it. Device time. */
  readonly away: { readonly since: number | null } | null;
  /** Device time until which the customer counts as writing. */
  readonly typingUntil: number;
  /** What is masked is shown, for this conversation only. */
  readonly revealed: boolean;
}

export function chatOf(
  conversation: Conversation,
  joinedAt: number | null,
  outbox: readonly Outgoing[] = [],
  notes: readonly Outgoing[] = [],
): Chat {
  const over = conversation.endedAt !== null;
  return {
    conversation,
    joinedAt,
    messages: [],
    // What was being sent when the page went away may have arrived: its id says so.
    outbox: outbox.map((one) => ({ ...one, state: over ? "refused" : "waiting" })),
    draft: "",
    notes: notesOf(notes),
    loadedTo: null,
    stale: true,
    seen: 0,
    ending: { step: "no" },
    away: conversation.present === false ? { since: null } : null,
    typingUntil: 0,
    revealed: false,
  };
}

export function isOver({ conversation }: Chat): boolean {
  return conversation.endedAt !== null;
}

export function unreadOf({ messages, seen }: Chat): number {
  return messages.filter(({ author, seq }) => author === "customer" && seq > seen).length;
}

/** Since when the customer has had no answer, in server time; null: nobody waits for one. */
export function unansweredSince(chat: Chat): number | null {
  if (isOver(chat) || chat.outbox.length > 0) return null;
  let since: number | null = null;
  for (const { author, at } of chat.messages) since = author === "agent" ? null : (since ?? at);
  return since;
}

export function changedChat(
  chats: readonly Chat[],
  conversationId: string,
  change: (chat: Chat) => Chat,
): readonly Chat[] {
  return chats.map((chat) =>
    chat.conversation.conversationId === conversationId ? change(chat) : chat,
  );
}

/** News of the conversation itself. What is over stays over. */
export function withConversation(chat: Chat, conversation: Conversation, now: number): Chat {
  if (isOver(chat)) return chat;
  const away = conversation.present === false ? (chat.away ?? { since: now }) : null;
  const marks = further(chat.conversation.marks, conversation.marks);
  const news = { ...chat, conversation: { ...conversation, marks }, away };
  return conversation.endedAt === null ? news : closed(news);
}

export function withEnd(chat: Chat, endedAt: number, endedBy: EndedBy | null): Chat {
  if (isOver(chat)) return chat;
  return closed({ ...chat, conversation: { ...chat.conversation, endedAt, endedBy } });
}

/** A message that has just come. Whoever writes is there, and has written. */
export function withMessage(chat: Chat, message: Message): Chat {
  const now = message.author === "customer" ? { away: null, typingUntil: 0 } : {};
  return withMessages({ ...chat, ...now }, [message]);
}

/** The customer is writing. */
export function withTyping(chat: Chat, now: number): Chat {
  return isOver(chat) ? chat : { ...chat, away: null, typingUntil: now + TYPING_MS };
}

/** How far the customer is. Marks only ever grow. */
export function withMarks(chat: Chat, marks: Marks): Chat {
  const { conversation } = chat;
  return { ...chat, conversation: { ...conversation, marks: further(conversation.marks, marks) } };
}

/** Messages from the stream or from an answer, in any order, some perhaps known. */
export function withMessages(chat: Chat, messages: readonly Message[]): Chat {
  const known = new Map(chat.messages.map((one) => [one.seq, one]));
  const fresh = messages.filter(({ seq }) => !known.has(seq));
  if (fresh.length === 0) return chat;
  for (const one of fresh) known.set(one.seq, one);
  const arrived = new Set(fresh.filter(({ author }) => author === "agent").map(({ id }) => id));
  return {
    ...chat,
    messages: [...known.values()].sort((a, b) => a.seq - b.seq),
    outbox: chat.outbox.filter(({ id }) => !arrived.has(id)),
  };
}

/** The whole answer to "what was said since": what was there before the desk opened counts as seen. */
export function withHistory(chat: Chat, messages: readonly Message[]): Chat {
  const newest = messages.at(-1)?.seq ?? 0;
  const seen = chat.loadedTo === null ? Math.max(chat.seen, newest) : chat.seen;
  const loadedTo = Math.max(chat.loadedTo ?? 0, newest);
  return { ...withMessages(chat, messages), seen, loadedTo, stale: false };
}

export function withSeen(chat: Chat): Chat {
  const newest = chat.messages.at(-1)?.seq ?? 0;
  return newest > chat.seen ? { ...chat, seen: newest } : chat;
}

export function withOutgoing(chat: Chat, id: string, text: string, at: number): Chat {
  if (isOver(chat)) return chat;
  const outbox: Chat["outbox"] = [...chat.outbox, { id, text, at, state: "waiting" }];
  return { ...chat, outbox, draft: "" };
}

export function withOutgoingState(chat: Chat, id: string, state: Outgoing["state"]): Chat {
  // A conversation that is over takes nothing any more, whatever was being tried.
  const next = isOver(chat) ? "refused" : state;
  return {
    ...chat,
    outbox: chat.outbox.map((one) => (one.id === id ? { ...one, state: next } : one)),
  };
}

/** The server has it, under a number of the stream. */
export function withArrived(chat: Chat, id: string, seq: number, at: number): Chat {
  const sent = chat.outbox.find((one) => one.id === id);
  if (sent === undefined) return chat;
  return withMessages(chat, [{ seq, id, author: "agent", text: sent.text, at }]);
}

/** The next message that has to be sent: one at a time, so that they arrive as they were written. */
export function nextOutgoing({ outbox }: Pick<Chat, "outbox">): Outgoing | null {
  const head = outbox.find(({ state }) => state !== "refused");
  return head?.state === "waiting" ? head : null;
}

export function endAsked(now: number): Ending {
  return { step: "asked", until: now + END_ASKED_MS };
}

/** Takes a question back that nobody answered. */
export function withEndTimedOut(chat: Chat, now: number): Chat {
  return chat.ending.step === "asked" && chat.ending.until <= now
    ? { ...chat, ending: { step: "no" } }
    : chat;
}

function closed(chat: Chat): Chat {
  const outbox = chat.outbox.map((one) => ({ ...one, state: "refused" as const }));
  return { ...chat, outbox, ending: { step: "no" }, typingUntil: 0 };
}

function further(a: Marks, b: Marks): Marks {
  return { received: Math.max(a.received, b.received), read: Math.max(a.read, b.read) };
}
