/** What a screen reader is told when one screen follows another: states, never numbers that tick. */

import { clockTime } from "#shared/clock.ts";
import type { Company } from "#shared/company.ts";
import { isLonger, type WaitRange } from "#shared/estimate.ts";
import type { Words } from "../words/words.js";
import { headlineOf } from "./headline.js";
import { textOf, trialText } from "./text.js";
import type { View, WaitingView } from "./view.js";

/** `headline` is left out when focus moves to the h1, which then speaks for itself. */
export interface Announcement {
  readonly headline: string | null;
  readonly rest: string | null;
  /** Cannot wait until the reader is done with something else: an agent is there for a call. */
  readonly urgent: boolean;
}

const SILENCE: Announcement = { headline: null, rest: null, urgent: false };

/** @param before null for the first screen */
export function announcementOf(
  before: View | null,
  view: View,
  words: Words,
  company: Company,
): Announcement {
  if (view.kind === "opening") return view.slow ? { ...SILENCE, rest: words.opening } : SILENCE;
  if (before === null || screenOf(before) !== screenOf(view)) {
    return {
      headline: sentence(headlineOf(view, words)),
      rest: firstTold(view, words, company),
      urgent: view.kind === "connected" && view.call,
    };
  }
  if (view.kind === "waiting" && before.kind === "waiting") {
    return { ...SILENCE, rest: changeTold(before, view, words) };
  }
  if (view.kind === "connected" && before.kind === "connected") {
    if (view.offline && !before.offline) return { ...SILENCE, rest: words.chat.offline };
    if (!view.offline && before.offline) return { ...SILENCE, rest: `${words.cutOff.back}.` };
  }
  if (stopOf(view) === "unsure" && stopOf(before) !== "unsure") {
    return { ...SILENCE, rest: words.stop.unsure };
  }
  return SILENCE;
}

/** Two views with the same name are the same screen: focus stays and the h1 is not told again. */
export function screenOf(view: View): string {
  switch (view.kind) {
    case "waiting":
      return view.ahead.kind === "next" ? "next" : "waiting";
    case "ended":
      return `ended ${view.ending.kind}`;
    case "problem":
      return `problem ${view.problem.kind}`;
    default:
      return view.kind;
  }
}

function firstTold(view: View, words: Words, company: Company): string | null {
  if (view.kind === "waiting") {
    if (view.ahead.kind === "next") return words.waiting.nextLead;
    if (view.timeHidden) return null;
    return view.range === null ? sentence(words.waiting.unknown) : likelyWait(view.range, words);
  }
  if (view.kind === "connected") return textOf(view, words, company);
  if (view.kind === "ended") {
    const message = view.ending.kind === "notDelivered" ? view.ending.message : null;
    return message ?? textOf(view, words, company);
  }
  return view.kind === "problem" ? textOf(view, words, company) : null;
}

/** At most one thing: what matters most comes first. */
function changeTold(before: WaitingView, view: WaitingView, words: Words): string | null {
  if (view.stop === "unsure" && before.stop !== "unsure") return words.stop.unsure;
  const wasCut = isNoted(before);
  if (isNoted(view) && !wasCut) return words.cutOff.note;
  if (!isNoted(view) && wasCut) return words.cutOff.stillInLine;
  if (view.nearLimit !== null && before.nearLimit === null) {
    return words.waiting.heldUntil(clockTime(view.nearLimit, words.lang));
  }
  if (view.longer && !before.longer) return words.waiting.longer;
  if (view.ahead.kind === "changed" && before.ahead.kind !== "changed") {
    return words.waiting.orderChanged;
  }
  if (view.trial !== null && view.trial.step !== "closed") {
    const tried = trialText(view.trial, words);
    if (before.trial === null || tried !== trialText(before.trial, words)) return tried;
  }
  // Hidden is hidden for the ear too.
  if (view.timeHidden) return null;
  if (before.range === null && view.range !== null) return likelyWait(view.range, words);
  if (before.range !== null && view.range !== null && isLonger(before.range, view.range)) {
    const { from, to } = view.range;
    return to === null ? words.announce.nowOverHalfAnHour : words.announce.nowLikely(from, to);
  }
  return null;
}

function isNoted(view: WaitingView): boolean {
  return view.cutOff.kind !== "no" && view.cutOff.kind !== "quiet";
}

function stopOf(view: View): string | null {
  return "stop" in view ? view.stop : null;
}

function likelyWait(range: WaitRange, words: Words): string {
  return range.to === null
    ? words.announce.likelyOverHalfAnHour
    : words.announce.likelyWait(range.from, range.to);
}

function sentence(text: string): string {
  return /[.?!]$/.test(text) ? text : `${text}.`;
}
