/** What the page knows, and how each thing that happens changes it. Pure: no clock, no network. */

import { type ChatEntry, CLOSE, type Help } from "diyalog";
import { instantOf } from "#shared/clock.ts";
import { rangeOf, sameRange, type WaitRange } from "#shared/estimate.ts";
import type { Trial } from "./trial.js";

/** The estimate on the screen changes at most this often. */
const REDRAW_EVERY_MS = 30_000;
/** With no estimate at all, a wait counts as long after this. */
const LONG_WHEN_UNKNOWN_MS = 600_000;
/** A cut shorter than this leaves no trace in the record. */
const CUT_TO_TELL_MS = 15_000;
/** Under this nobody sees that anything happened, so "sending" is not shown for a moment only. */
export const FLASH_MS = 400;
/** What was shown stays readable this long. */
const READABLE_MS = 1_200;

/** Why no request could be made. Times are the device's, in milliseconds. */
export type Problem =
  | { readonly kind: "link" | "refused" | "notActive" | "inTalk" | "barred" }
  | { readonly kind: "tooOften"; readonly at: number | null }
  | { readonly kind: "away"; readonly retryAt: number | null };

export type Stage =
  | { readonly at: "opening"; readonly since: number }
  | { readonly at: "choosing" }
  | { readonly at: "asking"; readonly since: number; readonly tapped: boolean }
  | {
      readonly at: "session";
      readonly help: Help;
      readonly late: boolean;
      readonly heldUntil: number;
    }
  /** The queue did not take the request: told in the answer to the start itself. */
  | {
      readonly at: "failed";
      readonly reason: string | null;
      readonly reference: string | null;
      readonly askedAt: number;
    }
  | { readonly at: "gone" }
  | { readonly at: "unsent" }
  | { readonly at: "problem"; readonly problem: Problem };

export type Link =
  | { readonly kind: "open" }
  | { readonly kind: "lost"; readonly since: number }
  | { readonly kind: "elsewhere" };

export type Stop = "no" | "asked" | "sending" | "unsure";

/** What was written in a session's conversation, as far as the page knows. */
export interface ChatLog {
  readonly sessionId: string;
  /** Whether what was written before has been read. */
  readonly loaded: boolean;
  readonly messages: readonly ChatEntry[];
  readonly agentTypes: boolean;
}

/** What must survive a reload so that the page goes on telling the same story about one wait. */
export interface WaitMemory {
  readonly sessionId: string;
  /** Server time at which the request joined the line, null when this app did not see it. */
  readonly joinedAt: number | null;
  readonly lowestPosition: number | null;
  /** The position rose once: numbers of people are not shown any more. */
  readonly orderChanged: boolean;
  /** The range on the screen and since when; `null` range: unknown. */
  readonly shown: { readonly range: WaitRange | null; readonly at: number } | null;
  /** Device time from which the wait is longer than was said. */
  readonly longAt: number | null;
  readonly longDismissed: boolean;
  readonly timeHidden: boolean;
  /** Server time at which the agent joined. */
  readonly connectedAt: number | null;
  /** Server time of the last return after a cut worth telling. */
  readonly backAt: number | null;
}

export interface State {
  readonly stage: Stage;
  readonly link: Link;
  readonly stop: Stop;
  readonly wait: WaitMemory | null;
  /** Server clock minus device clock, in milliseconds; 0 until the server has told its time. */
  readonly clockOffset: number;
  readonly clockKnown: boolean;
  /** Whether a sound would be heard when somebody joins; null where the browser has none. */
  readonly sound: boolean | null;
  /** What trying the devices shows; null before the first try. */
  readonly trial: Trial | null;
  /** null before the first conversation. */
  readonly chat: ChatLog | null;
}

export type Happening =
  | { readonly type: "tick" }
  | { readonly type: "choosing" }
  | { readonly type: "asking"; readonly tapped: boolean }
  | { readonly type: "help"; readonly help: Help; readonly late?: boolean }
  | { readonly type: "failed"; readonly reason: string | null; readonly reference: string | null }
  | { readonly type: "gone" | "unsent" }
  | { readonly type: "problem"; readonly problem: Problem }
  | { readonly type: "linkOpen"; readonly serverTime: string }
  | { readonly type: "linkLost" }
  | { readonly type: "linkClosed"; readonly code: number }
  | { readonly type: "stop"; readonly stop: Stop }
  | { readonly type: "keepWaiting" }
  | { readonly type: "toggleTime" }
  | { readonly type: "sound"; readonly on: boolean }
  | { readonly type: "trial"; readonly trial: Trial }
  | { readonly type: "chat"; readonly chat: ChatLog };

export function initialState(now: number, wait: WaitMemory | null): State {
  return {
    stage: { at: "opening", since: now },
    link: { kind: "open" },
    stop: "no",
    wait,
    clockOffset: 0,
    clockKnown: false,
    sound: null,
    trial: null,
    chat: null,
  };
}

/** @param now the device's clock in milliseconds */
export function update(state: State, happening: Happening, now: number): State {
  switch (happening.type) {
    case "tick":
      return redrawn(state, now);
    case "choosing":
      return begin(state, { at: "choosing" });
    case "asking":
      return begin(state, { at: "asking", since: now, tapped: happening.tapped });
    case "help":
      return withHelp(state, happening.help, happening.late ?? false, now);
    case "failed":
      return begin(state, failedStage(state, happening, now));
    case "gone":
    case "unsent":
      return begin(state, { at: happening.type });
    case "problem":
      return begin(state, { at: "problem", problem: happening.problem });
    case "linkOpen":
      return linkOpen(state, happening.serverTime, now);
    case "linkLost":
      return state.link.kind === "lost" ? state : { ...state, link: { kind: "lost", since: now } };
    case "linkClosed":
      return happening.code === CLOSE.elsewhere
        ? { ...state, link: { kind: "elsewhere" }, stop: "no" }
        : state;
    case "stop":
      return { ...state, stop: happening.stop };
    case "keepWaiting":
      return remember(state, { longDismissed: true });
    case "toggleTime":
      return remember(state, { timeHidden: !(state.wait?.timeHidden ?? false) });
    case "sound":
      return { ...state, sound: happening.on };
    case "trial":
      return { ...state, trial: happening.trial };
    case "chat":
      return { ...state, chat: happening.chat };
  }
}

export function isOver(help: Help): boolean {
  return help.state === "ENDED";
}

function begin(state: State, stage: Stage): State {
  // A stop that was asked for while the request was being sent goes on with the request.
  const stop = stage.at === "asking" ? state.stop : "no";
  return { ...state, stage, link: { kind: "open" }, stop };
}

function failedStage(
  state: State,
  failed: { readonly reason: string | null; readonly reference: string | null },
  now: number,
): Stage {
  const askedAt = state.stage.at === "asking" ? state.stage.since + state.clockOffset : now;
  return { at: "failed", reason: failed.reason, reference: failed.reference, askedAt };
}

function withHelp(state: State, help: Help, late: boolean, now: number): State {
  const stage = state.stage;
  const known = stage.at === "session" && stage.help.sessionId === help.sessionId;
  if (known && isStale(stage.help, help)) return state;
  const next: State = {
    ...state,
    stage: {
      at: "session",
      help,
      late: late || (known && stage.late),
      heldUntil: known ? stage.heldUntil : heldUntil(stage, now),
    },
    link: known ? state.link : { kind: "open" },
    stop: known && isOther(stage.help, help) ? "no" : state.stop,
    wait: withPosition(memoryFor(state, help, now), help),
  };
  return redrawn(next, now);
}

/** Whether a stop that was asked for meant something that is over now: the wait, or the conversation. */
function isOther(before: Help, help: Help): boolean {
  return (before.state === "CONNECTED") !== (help.state === "CONNECTED") || isOver(help);
}

/** An answer that was overtaken by events must not bring an older state back. */
function isStale(present: Help, arriving: Help): boolean {
  // Another history counts from its own beginning.
  if (arriving.epoch !== present.epoch) return false;
  if (arriving.seq !== present.seq) return arriving.seq < present.seq;
  return ORDER.indexOf(arriving.state) < ORDER.indexOf(present.state);
}
const ORDER = ["REQUESTED", "WAITING", "CONNECTED", "ENDED"];

/** "Sending" that was on the screen stays readable; one that nobody saw yet is left out. */
function heldUntil(stage: Stage, now: number): number {
  if (stage.at !== "asking") return 0;
  const seen = stage.tapped || now - stage.since >= FLASH_MS;
  return seen ? stage.since + READABLE_MS : 0;
}

function memoryFor(state: State, help: Help, now: number): WaitMemory {
  const memory =
    state.wait?.sessionId === help.sessionId ? state.wait : freshMemory(help.sessionId);
  if (help.state === "CONNECTED") {
    const connectedAt = memory.connectedAt ?? instantOf(help.endedAt) ?? now + state.clockOffset;
    return { ...memory, connectedAt };
  }
  if (memory.joinedAt !== null || help.state !== "WAITING") return memory;
  // Joined now if this app was there when it was asked; otherwise the moment is not known.
  const stage = state.stage;
  const wasThere =
    stage.at === "asking" || (stage.at === "session" && stage.help.state === "REQUESTED");
  return wasThere ? { ...memory, joinedAt: now + state.clockOffset } : memory;
}

function freshMemory(sessionId: string): WaitMemory {
  return {
    sessionId,
    joinedAt: null,
    lowestPosition: null,
    orderChanged: false,
    shown: null,
    longAt: null,
    longDismissed: false,
    timeHidden: false,
    connectedAt: null,
    backAt: null,
  };
}

function withPosition(memory: WaitMemory, help: Help): WaitMemory {
  const position = help.position;
  if (position === null) return memory;
  const lowest = memory.lowestPosition ?? position;
  return {
    ...memory,
    lowestPosition: Math.min(lowest, position),
    orderChanged: memory.orderChanged || position > lowest,
  };
}

/** Brings the shown range up to date, at most every 30 s, and only when it differs. */
function redrawn(state: State, now: number): State {
  const stage = state.stage;
  if (stage.at !== "session" || stage.help.state !== "WAITING" || state.wait === null) return state;
  const range = rangeOf(stage.help.estimatedWaitSeconds);
  const shown = state.wait.shown;
  if (shown !== null && sameRange(shown.range, range)) return timed(state, stage.help, range, now);
  // A first time is shown as soon as there is one; after that the number keeps still for a while.
  const tooSoon = shown !== null && now - shown.at < REDRAW_EVERY_MS;
  if (tooSoon && shown.range !== null) return state;
  return timed(remember(state, { shown: { range, at: now } }), stage.help, range, now);
}

/** Settles, once, when the wait is longer than was said. */
function timed(state: State, help: Help, range: WaitRange | null, now: number): State {
  if (state.wait === null || state.wait.longAt !== null) return state;
  // Without an estimate it counts from the start, whose time is the server's: a phone may be set wrong.
  if (range === null && !state.clockKnown) return state;
  const longAt = firstLongAt(range, instantOf(help.startedAt), state.clockOffset, now);
  return longAt === null ? state : remember(state, { longAt });
}

/** The upper end first shown; without one, ten minutes from the start. */
function firstLongAt(
  range: WaitRange | null,
  startedAt: number | null,
  clockOffset: number,
  now: number,
): number | null {
  if (range === null) return (startedAt ?? now + clockOffset) - clockOffset + LONG_WHEN_UNKNOWN_MS;
  return range.to === null ? null : now + range.to * 60_000;
}

function linkOpen(state: State, serverTime: string, now: number): State {
  const server = instantOf(serverTime);
  const clockOffset = server === null ? state.clockOffset : server - now;
  const told = state.link.kind === "lost" && now - state.link.since >= CUT_TO_TELL_MS;
  const clockKnown = state.clockKnown || server !== null;
  const open: State = { ...state, link: { kind: "open" }, clockOffset, clockKnown };
  return redrawn(told ? remember(open, { backAt: now + clockOffset }) : open, now);
}

function remember(state: State, change: Partial<WaitMemory>): State {
  return state.wait === null ? state : { ...state, wait: { ...state.wait, ...change } };
}
