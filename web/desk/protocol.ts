/** What travels between the desk and the server, read into the desk's own terms. Times are in milliseconds. */

import { HELP_TYPES, type HelpType } from "diyalog";
import { instantOf } from "#shared/clock.ts";
import {
  type Fields,
  fieldsOf,
  listOf,
  numberOf,
  oneOf,
  parsedFields,
  textOf,
} from "#shared/fields.ts";

/** One name and value of what the customer's app attached to the request. */
export interface Attached {
  readonly name: string;
  readonly value: string;
}

/** Whom and what a request or a conversation is about. */
export interface Matter {
  readonly customerId: string;
  readonly customerName: string | null;
  readonly helpType: HelpType;
  /** The reference that the customer is told, too. */
  readonly interactionId: string | null;
  readonly attached: readonly Attached[];
}

/** One customer in line. */
export interface Waiting extends Matter {
  readonly sessionId: string;
  readonly startedAt: number;
  /** The customer's app is connected now. */
  readonly present: boolean;
  /** Place in line, from 1; null: the company's own queue keeps it. */
  readonly position: number | null;
  /** Somebody of the staff is being asked just now. */
  readonly offered: boolean;
}

/** Whoever ended a conversation; a side that was away for too long is lost, and ends it by that. */
export const ENDERS = ["agent", "customer", "company", "agent_lost", "customer_lost"] as const;
export type EndedBy = (typeof ENDERS)[number];

/** A conversation of this member of the staff; `endedAt` null: it goes on. */
export interface Conversation extends Matter {
  readonly conversationId: string;
  readonly startedAt: number;
  readonly endedAt: number | null;
  readonly endedBy: EndedBy | null;
  /** Whether the customer's app is connected now; null: the server did not say. */
  readonly present: boolean | null;
  readonly marks: Marks;
}

/** How far the customer is: the newest events that their app has received, and that they have read. */
export interface Marks {
  readonly received: number;
  readonly read: number;
}

export const AUTHORS = ["customer", "agent"] as const;
export type Author = (typeof AUTHORS)[number];

/** `seq` is its number in the session's stream, `id` its sender's own name for it. */
export interface Message {
  readonly seq: number;
  readonly id: string;
  readonly author: Author;
  readonly text: string;
  readonly at: number;
}

/** What one of the staff noted about a customer, in this conversation or another; `author` is a name. */
export interface Note {
  readonly id: string;
  readonly author: string;
  readonly at: number;
  readonly text: string;
  readonly conversationId: string;
}

/** An event of the staff's stream. */
export type StaffEvent =
  | { readonly kind: "message"; readonly conversationId: string; readonly message: Message }
  | { readonly kind: "began"; readonly conversationId: string }
  | {
      readonly kind: "ended";
      readonly conversationId: string;
      readonly at: number;
      readonly endedBy: EndedBy | null;
    }
  /** Something that this version of the desk does not know. */
  | { readonly kind: "unknown" };

/** Something of the moment, without a number: the newest of its kind replaces the one before. */
export type Moment =
  | { readonly kind: "typing"; readonly conversationId: string }
  | { readonly kind: "marks"; readonly conversationId: string; readonly marks: Marks }
  | { readonly kind: "unknown" };

export interface Welcome {
  readonly type: "welcome";
  /** The newest event of the stream. */
  readonly seq: number;
  readonly epoch: string;
  readonly serverTime: number | null;
  /** Every event after the asked one follows; otherwise `conversations` is the truth. */
  readonly recovered: boolean;
  /** Those that go on. */
  readonly conversations: readonly Conversation[];
}

/** Who waits, the longest wait first, as far as they are told; `total` is how many wait in all. */
export interface Line {
  readonly type: "line";
  readonly total: number;
  readonly waiting: readonly Waiting[];
}

export const AWAY_REASONS = ["agent", "missed", "lost"] as const;

/** Whether the agent takes offers. `reason` is why not: `missed` an offer, or the desk was `lost`. */
export interface Availability {
  readonly available: boolean;
  readonly since: number | null;
  readonly reason: (typeof AWAY_REASONS)[number] | null;
}

/** A customer who is offered to this desk, until before `expiresAt`. */
export interface Offered extends Waiting {
  readonly offeredAt: number;
  readonly expiresAt: number;
}

/** What the built-in queue wants of this desk; `availability` null: the company's own queue routes. */
export interface OwnDesk {
  readonly type: "desk";
  readonly availability: Availability | null;
  readonly offers: readonly Offered[];
}

export type Frame =
  | Welcome
  | Line
  | OwnDesk
  | { readonly type: "event"; readonly seq: number; readonly event: StaffEvent }
  | { readonly type: "moment"; readonly moment: Moment }
  | { readonly type: "pong" }
  | { readonly type: "unknown" };

/** What the desk says of the agent in one conversation; `seq` counts in the session's stream. */
export type Aside = { readonly conversationId: string } & (
  | { readonly type: "typing" }
  | { readonly type: "received" | "read"; readonly seq: number }
);

export type Command =
  | {
      readonly type: "hello";
      readonly token: string;
      readonly after: number;
      readonly epoch: string | null;
      /** The desk wants to be told who waits. */
      readonly line: true;
    }
  | { readonly type: "ack"; readonly seq: number }
  | Aside
  | { readonly type: "ping" };

/** Reads one frame. @returns null when it is none, or lacks what its type requires */
export function readFrame(text: string): Frame | null {
  const fields = parsedFields(text);
  switch (fields?.["type"]) {
    case "welcome":
      return readWelcome(fields);
    case "event": {
      const seq = numberOf(fields["seq"]);
      return seq === null ? readMoment(fields) : { type: "event", seq, event: readEvent(fields) };
    }
    case "line":
      return readLine(fields);
    case "desk":
      return readOwnDesk(fields);
    case "pong":
      return { type: "pong" };
    default:
      return textOf(fields?.["type"]) === null ? null : { type: "unknown" };
  }
}

export function readMessages(answer: unknown): readonly Message[] {
  return readAll(fieldsOf(answer)?.["messages"], readMessage);
}

export function readNotes(answer: unknown): readonly Note[] {
  return readAll(fieldsOf(answer)?.["notes"], readNote);
}

/** Reads whether the agent takes offers. @returns null when it does not say */
export function readAvailability(value: unknown): Availability | null {
  const fields = fieldsOf(value);
  if (typeof fields?.["available"] !== "boolean") return null;
  return {
    available: fields["available"],
    since: timeOf(fields["since"]),
    reason: oneOf(AWAY_REASONS, fields["reason"]),
  };
}

/** Reads a conversation. @returns null when it is none */
export function readConversation(value: unknown): Conversation | null {
  const fields = fieldsOf(value);
  const matter = readMatter(fields);
  const conversationId = textOf(fields?.["conversationId"]);
  const startedAt = timeOf(fields?.["startedAt"]);
  if (fields === null || matter === null || conversationId === null || startedAt === null) {
    return null;
  }
  const over = /ENDED$/.test(String(fields["state"]));
  return {
    ...matter,
    conversationId,
    startedAt,
    endedAt: timeOf(fields["endedAt"]) ?? (over ? startedAt : null),
    endedBy: oneOf(ENDERS, fields["endedBy"]),
    present: typeof fields["present"] === "boolean" ? fields["present"] : null,
    marks: {
      received: numberOf(fields["customerReceived"]) ?? 0,
      read: numberOf(fields["customerRead"]) ?? 0,
    },
  };
}

function readWelcome(fields: Fields): Welcome | null {
  const [seq, epoch] = [numberOf(fields["seq"]), textOf(fields["epoch"])];
  if (seq === null || epoch === null) return null;
  return {
    type: "welcome",
    seq,
    epoch,
    serverTime: timeOf(fields["serverTime"]),
    recovered: fields["recovered"] === true,
    conversations: readAll(fieldsOf(fields["snapshot"])?.["conversations"], readConversation),
  };
}

function readLine(fields: Fields): Line {
  const waiting = readAll(fields["waiting"], readWaiting);
  return { type: "line", total: Math.max(numberOf(fields["total"]) ?? 0, waiting.length), waiting };
}

function readOwnDesk(fields: Fields): OwnDesk {
  const routing = fields["routing"] === true;
  return {
    type: "desk",
    availability: routing ? readAvailability(fields["availability"]) : null,
    offers: routing ? readAll(fields["offers"], readOffered) : [],
  };
}

function readOffered(value: unknown): Offered | null {
  const fields = fieldsOf(value);
  const waiting = readWaiting(fields);
  const [offeredAt, expiresAt] = [timeOf(fields?.["offeredAt"]), timeOf(fields?.["expiresAt"])];
  if (waiting === null || offeredAt === null || expiresAt === null) return null;
  return { ...waiting, offeredAt, expiresAt };
}

function readEvent(fields: Fields): StaffEvent {
  const data = fieldsOf(fields["data"]);
  const conversationId = textOf(data?.["conversationId"]);
  const at = timeOf(fields["at"]);
  if (data === null || conversationId === null || at === null) return { kind: "unknown" };
  if (fields["event"] === "chat.message") {
    const message = readMessage({ ...data, at: fields["at"] });
    return message === null ? { kind: "unknown" } : { kind: "message", conversationId, message };
  }
  if (fields["event"] !== "chat.state") return { kind: "unknown" };
  switch (data["state"]) {
    case "CHAT_INPROGRESS":
      return { kind: "began", conversationId };
    case "CHAT_ENDED":
      return { kind: "ended", conversationId, at, endedBy: oneOf(ENDERS, data["endedBy"]) };
    default:
      return { kind: "unknown" };
  }
}

/** Reads an event without a number. @returns null when it should have one */
function readMoment(fields: Fields): Frame | null {
  const data = fieldsOf(fields["data"]);
  const conversationId = textOf(data?.["conversationId"]);
  const ofCustomer = conversationId !== null && data?.["author"] === "customer";
  const unknown = { type: "moment", moment: { kind: "unknown" } } as const;
  switch (fields["event"]) {
    case "chat.state":
    case "chat.message":
      return null;
    case "chat.typing":
      return ofCustomer ? { type: "moment", moment: { kind: "typing", conversationId } } : unknown;
    case "chat.read": {
      if (!ofCustomer) return unknown;
      const [received, read] = [numberOf(data?.["received"]) ?? 0, numberOf(data?.["read"]) ?? 0];
      return {
        type: "moment",
        moment: { kind: "marks", conversationId, marks: { received, read } },
      };
    }
    default:
      return unknown;
  }
}

function readWaiting(value: unknown): Waiting | null {
  const fields = fieldsOf(value);
  const matter = readMatter(fields);
  const sessionId = textOf(fields?.["sessionId"]);
  const startedAt = timeOf(fields?.["startedAt"]);
  if (matter === null || sessionId === null || startedAt === null) return null;
  return {
    ...matter,
    sessionId,
    startedAt,
    present: fields?.["present"] === true,
    position: numberOf(fields?.["position"]),
    offered: fields?.["offered"] === true,
  };
}

function readMatter(fields: Fields | null): Matter | null {
  const customerId = textOf(fields?.["customerId"]);
  if (fields === null || customerId === null) return null;
  return {
    customerId,
    customerName: textOf(fields["customerName"]),
    helpType: oneOf(HELP_TYPES, fields["helpType"]) ?? "chat",
    interactionId: textOf(fields["interactionId"]),
    attached: Object.entries(fieldsOf(fields["attachedData"]) ?? {}).map(([name, given]) => ({
      name,
      value: typeof given === "string" ? given : JSON.stringify(given),
    })),
  };
}

function readMessage(value: unknown): Message | null {
  const fields = fieldsOf(value);
  const [seq, at] = [numberOf(fields?.["seq"]), timeOf(fields?.["at"])];
  const [id, text] = [textOf(fields?.["id"]), textOf(fields?.["text"])];
  const author = oneOf(AUTHORS, fields?.["author"]);
  if (seq === null || at === null || id === null || text === null || author === null) return null;
  return { seq, id, author, text, at };
}

function readNote(value: unknown): Note | null {
  const fields = fieldsOf(value);
  const [id, text] = [textOf(fields?.["id"]), textOf(fields?.["text"])];
  const [at, conversationId] = [timeOf(fields?.["at"]), textOf(fields?.["conversationId"])];
  if (id === null || text === null || at === null || conversationId === null) return null;
  return { id, author: textOf(fields?.["author"]) ?? "", at, text, conversationId };
}

function readAll<Item>(list: unknown, read: (value: unknown) => Item | null): readonly Item[] {
  return listOf(list)
    .map(read)
    .filter((item) => item !== null);
}

function timeOf(value: unknown): number | null {
  return instantOf(textOf(value));
}
