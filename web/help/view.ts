/** What the page shows: one member for each screen, made from what it knows and the time. */

import { type ChatEntry, ENDED_BY, type Help } from "diyalog";
import { instantOf, spanOf, wholeMinutes } from "#shared/clock.ts";
import type { WaitRange } from "#shared/estimate.ts";
import { FLASH_MS, type Problem, type State, type Stop } from "./model.js";
import type { Trial } from "./trial.js";

const SLOW_OPENING_MS = 1_000;
const ASKING_LIMIT_TOLD_MS = 3_000;
const CUT_QUIET_MS = 3_000;
const CUT_NOTE_MS = 15_000;
const CUT_LONG_MS = 60_000;
const NEAR_LIMIT_MS = 180_000;
const MOST_COUNTED_AHEAD = 20;
/** The server's own line keeps the place of who lost the agent for so long. */
const PLACE_KEPT_MS = 600_000;

/** A span of time in words: so many minutes or seconds. */
export type Span = ReturnType<typeof spanOf>;

/**
 * A fact of the record; instants are server times in milliseconds, null when not known. `minutes` is
 * null while it is not known, or hidden by the customer.
 */
export type Fact =
  | {
      readonly kind: "asked" | "joined" | "stopped" | "ended" | "conversationEnded" | "back";
      readonly at: number | null;
    }
  | { readonly kind: "agentJoined"; readonly at: number | null; readonly name: string | null }
  | { readonly kind: "looking"; readonly minutes: number | null }
  | { readonly kind: "reconnecting" };

export type Ahead =
  | { readonly kind: "none" | "many" | "changed" | "next" }
  | { readonly kind: "count"; readonly n: number };

/** The connection during a wait; `kept` and `past` are server times. */
export type CutOff =
  | { readonly kind: "no" | "quiet" | "note" }
  | { readonly kind: "long" | "past"; readonly kept: number };

export interface WaitingView {
  readonly kind: "waiting";
  readonly range: WaitRange | null;
  readonly timeHidden: boolean;
  readonly ahead: Ahead;
  readonly cutOff: CutOff;
  /** Server time of what is shown, while it may be out of date. */
  readonly lastKnown: number | null;
  readonly longer: boolean;
  readonly nearLimit: number | null;
  readonly kept: Span | null;
  readonly heldUntil: number | null;
  readonly facts: readonly Fact[];
  readonly reference: string;
  readonly stop: Stop;
  /** Where the sound's switch stands; null where there can be none. */
  readonly sound: boolean | null;
  /** Camera and microphone, for calls only. */
  readonly trial: Trial | null;
}

export type Ending =
  | { readonly kind: "notDelivered"; readonly message: string | null }
  | { readonly kind: "stopped" | "replaced" | "closed" }
  | { readonly kind: "timeLimit"; readonly waited: Span | null }
  | { readonly kind: "abandoned"; readonly kept: Span | null }
  | { readonly kind: "queueRefused" | "queueTimeout" | "failed" }
  | {
      readonly kind: "conversationOver";
      readonly by: "agent" | "customer" | "company" | "agent_lost" | "customer_lost" | null;
      readonly name: string | null;
      /** The server keeps the line, and still gives who asks again the old place. */
      readonly placeKept: boolean;
    }
  | { readonly kind: "gone" | "unsent" };

/** The conversation; `open` while something can be written. */
export interface ChatView {
  readonly open: boolean;
  readonly loaded: boolean;
  readonly name: string | null;
  readonly messages: readonly ChatEntry[];
  readonly agentTypes: boolean;
}

export interface ConnectedView {
  readonly kind: "connected";
  readonly name: string | null;
  readonly call: boolean;
  readonly late: boolean;
  /** The connection has been away long enough to say so. */
  readonly offline: boolean;
  readonly facts: readonly Fact[];
  readonly chat: ChatView;
  readonly reference: string;
  readonly stop: Stop;
}

export type View =
  | { readonly kind: "opening"; readonly shown: boolean; readonly slow: boolean }
  | { readonly kind: "choose" }
  | {
      readonly kind: "asking";
      readonly upTo: number | null;
      readonly facts: readonly Fact[];
      readonly stop: Stop;
    }
  | WaitingView
  | { readonly kind: "elsewhere"; readonly reference: string }
  | ConnectedView
  | {
      readonly kind: "ended";
      readonly ending: Ending;
      readonly facts: readonly Fact[];
      /** What was written, after a conversation. */
      readonly chat?: ChatView;
      readonly reference: string | null;
    }
  | { readonly kind: "problem"; readonly problem: Problem };

/** The contract's word for the state, in `<main data-state>`. */
export type DataState = "starting" | "waiting" | "offline" | "ended" | "connected";

export function dataState(view: View): DataState {
  switch (view.kind) {
    case "opening":
    case "choose":
    case "asking":
      return "starting";
    case "waiting":
      return view.cutOff.kind === "no" ? "waiting" : "offline";
    case "elsewhere":
      return "offline";
    case "connected":
      return "connected";
    case "ended":
      return "ended";
    case "problem":
      return view.problem.kind === "away" ? "offline" : "ended";
  }
}

/** @param now the device's clock in milliseconds */
export function viewOf(state: State, now: number): View {
  const stage = state.stage;
  switch (stage.at) {
    case "opening":
      return openingView(now - stage.since);
    case "choosing":
      return { kind: "choose" };
    case "asking": {
      const elapsed = now - stage.since;
      if (!stage.tapped && state.stop === "no" && elapsed < FLASH_MS) return openingView(0);
      return askingView(state, stage.since + state.clockOffset, elapsed, null);
    }
    case "session":
      return sessionView(state, stage, now);
    case "failed": {
      const facts: Fact[] = [
        { kind: "asked", at: stage.askedAt },
        { kind: "ended", at: null },
      ];
      const ending = endingOf("FAILED", stage.reason);
      return { kind: "ended", ending, facts, reference: stage.reference };
    }
    case "gone":
    case "unsent":
      return { kind: "ended", ending: { kind: stage.at }, facts: [], reference: null };
    case "problem":
      return { kind: "problem", problem: stage.problem };
  }
}

function openingView(elapsed: number): View {
  return { kind: "opening", shown: elapsed >= FLASH_MS, slow: elapsed >= SLOW_OPENING_MS };
}

function askingView(state: State, askedAt: number, elapsed: number, limit: number | null): View {
  return {
    kind: "asking",
    upTo: elapsed >= ASKING_LIMIT_TOLD_MS && limit !== null && limit > 0 ? limit : null,
    facts: [{ kind: "asked", at: askedAt }],
    stop: state.stop,
  };
}

function sessionView(
  state: State,
  stage: Extract<State["stage"], { at: "session" }>,
  now: number,
): View {
  const help = stage.help;
  const serverNow = now + state.clockOffset;
  const startedAt = instantOf(help.startedAt) ?? serverNow;
  if (help.state === "ENDED") return endedView(state, help, serverNow);
  if (state.link.kind === "elsewhere") return { kind: "elsewhere", reference: referenceOf(help) };
  if (help.state === "CONNECTED") {
    return {
      kind: "connected",
      name: help.agentName,
      call: help.helpType !== "chat",
      late: stage.late,
      offline: state.link.kind === "lost" && now - state.link.since >= CUT_NOTE_MS,
      facts: [...beginning(state, help), agentFact(state, help)],
      chat: chatView(state, help),
      reference: referenceOf(help),
      stop: state.stop,
    };
  }
  if (help.state === "REQUESTED" || now < stage.heldUntil) {
    return askingView(state, startedAt, serverNow - startedAt, help.limits.queueTimeoutSeconds);
  }
  return waitingView(state, help, startedAt, now);
}

function waitingView(state: State, help: Help, startedAt: number, now: number): WaitingView {
  const serverNow = now + state.clockOffset;
  const cutOff = cutOffOf(state, help, now);
  const wait = state.wait;
  const hidden = wait?.timeHidden ?? false;
  // A phone may be set wrong: until the server has told its time, nothing is said of time that passes.
  const timed = state.clockKnown;
  const heldUntil =
    help.limits.waitLimitSeconds > 0 ? startedAt + help.limits.waitLimitSeconds * 1000 : null;
  return {
    kind: "waiting",
    range: wait?.shown?.range ?? null,
    timeHidden: hidden,
    ahead: aheadOf(help.position, wait?.orderChanged ?? false),
    cutOff,
    lastKnown:
      state.link.kind === "lost" && cutOff.kind !== "no"
        ? state.link.since + state.clockOffset
        : null,
    longer: wait !== null && wait.longAt !== null && now >= wait.longAt && !wait.longDismissed,
    nearLimit:
      heldUntil !== null && timed && serverNow >= heldUntil - NEAR_LIMIT_MS ? heldUntil : null,
    kept: help.limits.abandonAfterSeconds > 0 ? spanOf(help.limits.abandonAfterSeconds) : null,
    heldUntil,
    facts: [
      ...beginning(state, help),
      cutOff.kind === "no"
        ? { kind: "looking", minutes: hidden || !timed ? null : wholeMinutes(startedAt, serverNow) }
        : { kind: "reconnecting" },
    ],
    reference: referenceOf(help),
    stop: state.stop,
    sound: state.sound,
    trial: help.helpType === "chat" ? null : trialOf(state, help),
  };
}

function chatView({ chat }: State, help: Help): ChatView {
  const known = chat?.sessionId === help.sessionId ? chat : null;
  return {
    open: help.state === "CONNECTED",
    loaded: known?.loaded ?? false,
    name: help.agentName,
    messages: known?.messages ?? [],
    agentTypes: help.state === "CONNECTED" && (known?.agentTypes ?? false),
  };
}

function trialOf({ trial }: State, { helpType }: Help): Trial {
  if (trial !== null && trial.step !== "closed") return trial;
  return { step: "closed", video: helpType === "video_call" };
}

function aheadOf(position: number | null, orderChanged: boolean): Ahead {
  if (orderChanged) return { kind: "changed" };
  if (position === null || position < 1) return { kind: "none" };
  if (position === 1) return { kind: "next" };
  const n = position - 1;
  return n > MOST_COUNTED_AHEAD ? { kind: "many" } : { kind: "count", n };
}

function cutOffOf(state: State, help: Help, now: number): CutOff {
  if (state.link.kind !== "lost") return { kind: "no" };
  const elapsed = now - state.link.since;
  if (elapsed < CUT_QUIET_MS) return { kind: "no" };
  if (elapsed < CUT_NOTE_MS) return { kind: "quiet" };
  const keptMs = help.limits.abandonAfterSeconds * 1000;
  if (elapsed < CUT_LONG_MS || keptMs <= 0) return { kind: "note" };
  const kept = state.link.since + state.clockOffset + keptMs;
  return { kind: elapsed < keptMs ? "long" : "past", kept };
}

function endedView(state: State, help: Help, serverNow: number): View {
  // A place was told: the line is the server's own. How long it is kept needs the server's clock.
  const inOwnLine = state.clockKnown && state.wait?.lowestPosition != null;
  const ending = endingOfHelp(help, inOwnLine, serverNow);
  if (ending.kind === "conversationOver") {
    const at = instantOf(help.conversation?.endedAt ?? null);
    return {
      kind: "ended",
      ending,
      facts: [...beginning(state, help), agentFact(state, help), { kind: "conversationEnded", at }],
      chat: chatView(state, help),
      reference: referenceOf(help),
    };
  }
  const last: Fact = {
    kind: ending.kind === "stopped" ? "stopped" : "ended",
    at: instantOf(help.endedAt),
  };
  return {
    kind: "ended",
    ending,
    facts: [...beginning(state, help), last],
    reference: referenceOf(help),
  };
}

function endingOfHelp(help: Help, inOwnLine: boolean, serverNow: number): Ending {
  if (help.outcome === "CONNECTED") {
    const by = ENDED_BY.find((known) => known === help.conversation?.endedBy) ?? null;
    const over = instantOf(help.conversation?.endedAt ?? null) ?? 0;
    const placeKept = inOwnLine && by === "agent_lost" && serverNow - over < PLACE_KEPT_MS;
    return { kind: "conversationOver", by, name: help.agentName, placeKept };
  }
  if (help.outcome === "NOT_DELIVERED") {
    return { kind: "notDelivered", message: help.message?.trim() ? help.message : null };
  }
  if (help.outcome !== "EXPIRED") return endingOf(help.outcome, help.reason);
  if (help.reason === "abandoned") {
    return { kind: "abandoned", kept: spanOrNull(help.limits.abandonAfterSeconds) };
  }
  const startedAt = instantOf(help.startedAt);
  const endedAt = instantOf(help.endedAt);
  const known = startedAt !== null && endedAt !== null;
  const seconds = known ? (endedAt - startedAt) / 1000 : help.limits.waitLimitSeconds;
  return { kind: "timeLimit", waited: spanOrNull(seconds) };
}

/** Outcomes and reasons may be added by a later server: each outcome has words for an unknown reason. */
function endingOf(outcome: string | null, reason: string | null): Ending {
  switch (outcome) {
    case "CANCELLED":
      if (reason === "customer") return { kind: "stopped" };
      return { kind: reason === "replaced" ? "replaced" : "closed" };
    case "FAILED":
      if (reason === "queue_refused") return { kind: "queueRefused" };
      return { kind: reason === "queue_timeout" ? "queueTimeout" : "failed" };
    default:
      return { kind: "closed" };
  }
}

function beginning(state: State, help: Help): Fact[] {
  const facts: Fact[] = [{ kind: "asked", at: instantOf(help.startedAt) }];
  const wait = state.wait?.sessionId === help.sessionId ? state.wait : null;
  const joined = wait?.joinedAt ?? null;
  if (joined !== null || help.interactionId !== null) facts.push({ kind: "joined", at: joined });
  if (wait?.backAt != null) facts.push({ kind: "back", at: wait.backAt });
  return facts;
}

function agentFact(state: State, help: Help): Fact {
  const wait = state.wait?.sessionId === help.sessionId ? state.wait : null;
  return { kind: "agentJoined", at: wait?.connectedAt ?? null, name: help.agentName };
}

function spanOrNull(seconds: number): Span | null {
  return seconds > 0 ? spanOf(seconds) : null;
}

/** The number to quote on the phone: the company's own for this request, else the server's. */
function referenceOf(help: Help): string {
  return help.interactionId ?? help.sessionId;
}
