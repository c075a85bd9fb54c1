/** What travels between an app and the server: help objects and the frames of the event stream. */

import {
  AUTHORS,
  type Author,
  type EndedBy,
  HELP_STATES,
  HELP_TYPES,
  type HelpState,
  type HelpType,
  type Outcome,
} from "./codes.js";

/** The server's own limits, in seconds. 0 means that there is none. */
export interface HelpLimits {
  readonly waitLimitSeconds: number;
  readonly abandonAfterSeconds: number;
  readonly queueTimeoutSeconds: number;
}

/** The conversation that a wait led to. */
export interface HelpConversation {
  readonly startedAt: string;
  readonly endedAt: string | null;
  /** An `EndedBy`, or a word that this version of the SDK does not know yet. */
  readonly endedBy: EndedBy | (string & {}) | null;
  /** The newest event that the agent's desk has received, and that the agent has read; 0: none. */
  readonly agentReceived: number;
  readonly agentRead: number;
}

/** One request for help as the server knows it. Times are RFC 3339 in UTC. */
export interface Help {
  readonly sessionId: string;
  readonly interactionId: string | null;
  readonly helpType: HelpType;
  readonly state: HelpState;
  readonly startedAt: string;
  readonly endedAt: string | null;
  /** An `Outcome`, or a word that this version of the SDK does not know yet. */
  readonly outcome: Outcome | (string & {}) | null;
  readonly reason: string | null;
  /** The company's own text, unchanged. */
  readonly message: string | null;
  readonly agentName: string | null;
  /** null until an agent took the request. */
  readonly conversation: HelpConversation | null;
  /** 1 is next. */
  readonly position: number | null;
  readonly estimatedWaitSeconds: number | null;
  /** Number of the newest event that this object includes. */
  readonly seq: number;
  readonly epoch: string | null;
  readonly limits: HelpLimits;
}

export interface WaitStarted {
  readonly interactionId: string | null;
  readonly helpType: HelpType | null;
}

export interface WaitUpdated {
  readonly position: number | null;
  readonly estimatedWaitSeconds: number | null;
}

export interface WaitEnded {
  readonly sessionId: string;
  readonly outcome: Outcome | (string & {});
  readonly reason: string | null;
  readonly message: string | null;
  readonly interactionId: string | null;
  readonly agentName: string | null;
}

/** What one side wrote. `id` is its author's own; `seq` its place among the session's events. */
export interface ChatMessage {
  readonly seq: number;
  readonly id: string;
  readonly author: Author;
  /** As it was written: text, never markup. */
  readonly text: string;
  readonly at: string;
}

/** How far the agent is in the session's events: what the desk received, what the agent has read. */
export interface ChatRead {
  readonly received: number;
  readonly read: number;
}

/** What holds for a moment: it has no number, and the next one of its kind replaces it. */
export interface Momentary {
  readonly sessionId: string;
  readonly event: string;
  readonly at: string;
  readonly data: Fields;
}

/** One event of a session; `data` is as the server sent it. */
export interface SessionEvent extends Momentary {
  readonly seq: number;
}

export interface Welcome {
  readonly type: "welcome";
  readonly sessionId: string;
  readonly seq: number;
  readonly epoch: string;
  readonly serverTime: string;
  /** true: every event after the asked one follows. false: the snapshot is the truth. */
  readonly recovered: boolean;
  readonly snapshot: Help;
}

export type ServerMessage =
  | Welcome
  | ({ readonly type: "event" } & SessionEvent)
  | ({ readonly type: "momentary" } & Momentary)
  | { readonly type: "pong" }
  | { readonly type: "unknown" };

export type ClientMessage =
  | {
      readonly type: "hello";
      readonly token: string;
      readonly sessionId: string;
      readonly after: number;
      readonly epoch: string | null;
    }
  | { readonly type: "ack"; readonly seq: number }
  | { readonly type: "ping" }
  | { readonly type: "typing" }
  | { readonly type: "read"; readonly seq: number };

export type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads one frame. A type that is not known is "unknown", so that the server may add types.
 * @returns null when the text is no message at all or lacks what its type requires.
 */
export function readServerMessage(text: string): ServerMessage | null {
  const fields = parseObject(text);
  if (fields === null) return null;
  switch (fields["type"]) {
    case "pong":
      return { type: "pong" };
    case "welcome":
      return readWelcome(fields);
    case "event":
      return readEvent(fields);
    default:
      return typeof fields["type"] === "string" ? { type: "unknown" } : null;
  }
}

/** Reads a help object. @returns null when it is none. */
export function readHelpObject(value: unknown): Help | null {
  if (!isFields(value)) return null;
  const sessionId = textOf(value["sessionId"]);
  const state = oneOf(HELP_STATES, value["state"]);
  const startedAt = textOf(value["startedAt"]);
  if (sessionId === null || state === null || startedAt === null) return null;
  const limits = isFields(value["limits"]) ? value["limits"] : {};
  return {
    sessionId,
    interactionId: textOf(value["interactionId"]),
    helpType: oneOf(HELP_TYPES, value["helpType"]) ?? "chat",
    state,
    startedAt,
    endedAt: textOf(value["endedAt"]),
    outcome: textOf(value["outcome"]),
    reason: textOf(value["reason"]),
    message: textOf(value["message"]),
    agentName: textOf(value["agentName"]),
    conversation: readConversation(value["conversation"]),
    position: numberOf(value["position"]),
    estimatedWaitSeconds: numberOf(value["estimatedWaitSeconds"]),
    seq: numberOf(value["seq"]) ?? 0,
    epoch: textOf(value["epoch"]),
    limits: {
      waitLimitSeconds: numberOf(limits["waitLimitSeconds"]) ?? 0,
      abandonAfterSeconds: numberOf(limits["abandonAfterSeconds"]) ?? 0,
      queueTimeoutSeconds: numberOf(limits["queueTimeoutSeconds"]) ?? 0,
    },
  };
}

/** Reads a message, of a transcript or of an event's data. @returns null when it is none. */
export function readChatMessage(value: unknown): ChatMessage | null {
  if (!isFields(value)) return null;
  const seq = numberOf(value["seq"]);
  const id = textOf(value["id"]);
  const author = oneOf(AUTHORS, value["author"]);
  const text = textOf(value["text"]);
  if (seq === null || id === null || author === null || text === null) return null;
  return { seq, id, author, text, at: textOf(value["at"]) ?? "" };
}

function readConversation(value: unknown): HelpConversation | null {
  if (!isFields(value)) return null;
  return {
    startedAt: textOf(value["startedAt"]) ?? "",
    endedAt: textOf(value["endedAt"]),
    endedBy: textOf(value["endedBy"]),
    agentReceived: numberOf(value["agentReceived"]) ?? 0,
    agentRead: numberOf(value["agentRead"]) ?? 0,
  };
}

export function readWaitStarted(data: Fields): WaitStarted {
  return {
    interactionId: textOf(data["interactionId"]),
    helpType: oneOf(HELP_TYPES, data["helpType"]),
  };
}

export function readWaitUpdated(data: Fields): WaitUpdated {
  return {
    position: numberOf(data["position"]),
    estimatedWaitSeconds: numberOf(data["estimatedWaitSeconds"]),
  };
}

export function readChatRead(data: Fields): ChatRead {
  return { received: numberOf(data["received"]) ?? 0, read: numberOf(data["read"]) ?? 0 };
}

/** Reads the end from an event of the session. */
export function readWaitEnded({ sessionId, data }: SessionEvent): WaitEnded {
  return {
    sessionId,
    outcome: textOf(data["outcome"]) ?? "",
    reason: textOf(data["reason"]),
    message: textOf(data["message"]),
    interactionId: textOf(data["interactionId"]),
    agentName: textOf(data["agentName"]),
  };
}

/** The end of a session's wait as a help object tells it; null while the wait has none. */
export function endOf(help: Help): WaitEnded | null {
  const { sessionId, outcome, reason, message, interactionId, agentName } = help;
  return outcome === null
    ? null
    : { sessionId, outcome, reason, message, interactionId, agentName };
}

/** The help object after one more event: what a fresh read of the session would say. */
export function applyEvent(help: Help, event: SessionEvent): Help {
  const next = { ...help, seq: event.seq };
  switch (event.event) {
    case "wait.started": {
      const started = readWaitStarted(event.data);
      const state = help.state === "REQUESTED" ? "WAITING" : help.state;
      return { ...next, state, interactionId: started.interactionId ?? help.interactionId };
    }
    case "wait.ended": {
      const ended = readWaitEnded(event);
      const connected = ended.outcome === "CONNECTED";
      return {
        ...next,
        outcome: ended.outcome,
        reason: ended.reason,
        message: ended.message,
        interactionId: ended.interactionId ?? help.interactionId,
        agentName: ended.agentName ?? help.agentName,
        conversation: connected ? begunAt(event.at) : null,
        state: connected ? "CONNECTED" : "ENDED",
        endedAt: event.at,
        position: null,
        estimatedWaitSeconds: null,
      };
    }
    case "chat.state": {
      const agentName = textOf(event.data["agentName"]) ?? help.agentName;
      if (event.data["state"] !== "CHAT_ENDED") return { ...next, agentName };
      const endedBy = textOf(event.data["endedBy"]);
      const begun = help.conversation ?? begunAt("");
      return { ...next, state: "ENDED", conversation: { ...begun, endedAt: event.at, endedBy } };
    }
    default:
      return next;
  }
}

/** The help object after something of the moment. */
export function applyMomentary(help: Help, { event, data }: Momentary): Help {
  if (event === "wait.updated") return { ...help, ...readWaitUpdated(data) };
  if (event !== "chat.read" || help.conversation === null) return help;
  const { received, read } = readChatRead(data);
  const { agentReceived, agentRead } = help.conversation;
  const conversation = {
    ...help.conversation,
    agentReceived: Math.max(agentReceived, received),
    agentRead: Math.max(agentRead, read),
  };
  return { ...help, conversation };
}

function begunAt(startedAt: string): HelpConversation {
  return { startedAt, endedAt: null, endedBy: null, agentReceived: 0, agentRead: 0 };
}

export function parseObject(text: string): Fields | null {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : null;
  } catch {
    return null;
  }
}

export function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

export function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function readWelcome(fields: Fields): Welcome | null {
  const snapshot = readHelpObject(fields["snapshot"]);
  const seq = numberOf(fields["seq"]);
  const epoch = textOf(fields["epoch"]);
  if (snapshot === null || seq === null || epoch === null) return null;
  return {
    type: "welcome",
    sessionId: textOf(fields["sessionId"]) ?? snapshot.sessionId,
    seq,
    epoch,
    serverTime: textOf(fields["serverTime"]) ?? "",
    recovered: fields["recovered"] === true,
    snapshot,
  };
}

function readEvent(fields: Fields): ServerMessage | null {
  const sessionId = textOf(fields["sessionId"]);
  const seq = numberOf(fields["seq"]);
  const event = textOf(fields["event"]);
  if (sessionId === null || event === null) return null;
  const data = isFields(fields["data"]) ? fields["data"] : {};
  const told = { sessionId, event, at: textOf(fields["at"]) ?? "", data };
  if (fields["seq"] === undefined) return { type: "momentary", ...told };
  return seq === null ? null : { type: "event", ...told, seq };
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function oneOf<T extends string>(known: readonly T[], value: unknown): T | null {
  return known.find((item) => item === value) ?? null;
}
