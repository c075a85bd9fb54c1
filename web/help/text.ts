/** The sentence under the h1, for every screen that has one. */

import { clockTime } from "#shared/clock.ts";
import type { Company } from "#shared/company.ts";
import type { Words } from "../words/words.js";
import type { Problem } from "./model.js";
import type { Trial } from "./trial.js";
import type { Ending, Span, View } from "./view.js";

export function textOf(view: View, words: Words, company: Company): string | null {
  switch (view.kind) {
    case "opening":
    case "choose":
    case "elsewhere":
      return null;
    case "asking":
      return view.upTo === null ? null : words.asking.upTo(view.upTo);
    case "waiting":
      return view.ahead.kind === "next" ? words.waiting.nextLead : words.waiting.lead;
    case "connected": {
      const text = view.call ? words.connected.callText : words.connected.text;
      return view.late ? `${words.connected.late(view.name)} ${text}` : text;
    }
    case "ended":
      return endingText(view.ending, words, company);
    case "problem":
      return problemText(view.problem, words, company);
  }
}

export function spanText(span: Span, words: Words): string {
  return words.span(span.amount, span.unit);
}

/** What trying the devices has shown so far. */
export function trialText(trial: Trial, { devices }: Words): string {
  switch (trial.step) {
    case "closed":
      return "";
    case "asking":
      return devices.asking;
    case "running":
      if (trial.video && !trial.seen) return devices.moment;
      if (trial.heard) return trial.video ? devices.good : devices.goodVoice;
      return trial.silent ? devices.silent : devices.speak;
    case "failed": {
      const camera = trial.what === "camera";
      if (trial.cause === "none") return camera ? devices.noCamera : devices.noMicrophone;
      if (trial.cause === "busy") return camera ? devices.busyCamera : devices.busyMicrophone;
      return camera ? devices.refusedCamera : devices.refusedMicrophone;
    }
  }
}

function endingText(ending: Ending, words: Words, company: Company): string | null {
  switch (ending.kind) {
    case "notDelivered":
      return ending.message === null ? words.ended.notDeliveredText : null;
    case "stopped":
      return words.ended.stoppedText;
    case "replaced":
      return words.ended.replacedText;
    case "closed":
      return company.name === null ? null : words.ended.closedBy(company.name);
    case "timeLimit":
      return ending.waited === null
        ? null
        : words.ended.timeLimitText(spanText(ending.waited, words));
    case "abandoned":
      return ending.kept === null ? null : words.ended.abandonedText(spanText(ending.kept, words));
    case "queueTimeout":
    case "unsent":
      return words.ended.queueTimeoutText;
    case "queueRefused":
    case "failed":
    case "gone":
      return null;
    case "conversationOver":
      return whoEnded(ending, words, company);
  }
}

function whoEnded(
  { by, name, placeKept }: Extract<Ending, { kind: "conversationOver" }>,
  { ended }: Words,
  company: Company,
): string | null {
  switch (by) {
    case "agent":
      return ended.endedByAgent(name);
    case "customer":
      return ended.endedByCustomer;
    case "company":
      return ended.endedByCompany(company.name);
    case "agent_lost":
      return placeKept ? `${ended.agentLost} ${ended.placeKept}` : ended.agentLost;
    case "customer_lost":
      return ended.customerLost;
    case null:
      return null;
  }
}

function problemText(problem: Problem, words: Words, company: Company): string | null {
  switch (problem.kind) {
    case "link":
      return words.problem.linkText(company.name);
    case "refused":
      return words.problem.refusedText;
    case "notActive":
      return words.problem.notActiveText;
    case "inTalk":
      return null;
    case "barred":
      return words.problem.barredText(company.phone);
    case "tooOften":
      return problem.at === null
        ? words.problem.awayLater
        : words.problem.tooOftenText(clockTime(problem.at, words.lang));
    case "away":
      return problem.retryAt === null
        ? words.problem.awayLater
        : words.problem.awayText(clockTime(problem.retryAt, words.lang));
  }
}
