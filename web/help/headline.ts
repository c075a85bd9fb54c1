/** The one sentence that names a screen: its h1, and the first part of the title. */

import type { Words } from "../words/words.js";
import type { Problem } from "./model.js";
import type { Ending, View } from "./view.js";

/** Empty while nothing is known yet: the page is only opening. */
export function headlineOf(view: View, words: Words): string {
  switch (view.kind) {
    case "opening":
      return "";
    case "choose":
      return words.choose.title;
    case "asking":
      return words.asking.title;
    case "waiting":
      return view.ahead.kind === "next" ? words.waiting.nextTitle : words.waiting.title;
    case "elsewhere":
      return words.elsewhere.title;
    case "connected":
      return words.connected.title(view.name);
    case "ended":
      return endingHeadline(view.ending, words);
    case "problem":
      return problemHeadline(view.problem, words);
  }
}

function endingHeadline(ending: Ending, words: Words): string {
  switch (ending.kind) {
    case "queueRefused":
      return words.ended.refused;
    case "failed":
    case "unsent":
      return words.ended.queueTimeout;
    default:
      return words.ended[ending.kind];
  }
}

function problemHeadline(problem: Problem, words: Words): string {
  return words.problem[problem.kind];
}
