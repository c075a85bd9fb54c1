import { type DiyalogError, ERROR } from "diyalog";
import type { Problem } from "./model.js";

/** The screen for a refusal. What may pass by itself is "away" and is tried again. */
export function problemOf(error: DiyalogError, now: number, retryAt: number | null): Problem {
  if (error.code === ERROR.notActive) return { kind: "notActive" };
  if (error.code === ERROR.inConversation) return { kind: "inTalk" };
  if (error.code === ERROR.forbidden || error.status === 403) return { kind: "barred" };
  if (error.code.startsWith("DLGEXCPINP_") || error.status === 400) return { kind: "link" };
  if (error.status === 401) return { kind: "refused" };
  if (error.status === 429) {
    const seconds = error.retryAfterSeconds;
    return { kind: "tooOften", at: seconds === null ? null : now + seconds * 1000 };
  }
  return { kind: "away", retryAt: error.retryable ? retryAt : null };
}
