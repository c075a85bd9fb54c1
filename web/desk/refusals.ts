/** What a call that failed means to the desk. */

import { DiyalogError, reconnectDelay } from "diyalog";
import { textOf } from "#shared/fields.ts";
import { type Loss, lossOf } from "./line.js";

const NO_ANSWER = { code: 1006, reason: "" };

/** The refusal of a call. Anything else is a fault of the program and goes on. */
export function refusalOf(error: unknown): DiyalogError {
  if (error instanceof DiyalogError) return error;
  throw error;
}

/** How the wait ended that could not be taken; null when that was not decided. */
export function lossIn(error: unknown): Loss | null {
  const { code, status, problem } = refusalOf(error);
  if (status === 404) return lossOf(null, null, null);
  if (code !== "WAIT_ENDED") return null;
  const said = (name: string) => textOf(problem?.[name]);
  return lossOf(said("outcome"), said("reason"), said("agentName"));
}

/** Milliseconds until the same call is tried again. */
export function pauseAfter(refusal: DiyalogError, attempt: number, random: () => number): number {
  if (refusal.retryAfterSeconds !== null) return refusal.retryAfterSeconds * 1000;
  return reconnectDelay(attempt, NO_ANSWER, random) ?? 0;
}
