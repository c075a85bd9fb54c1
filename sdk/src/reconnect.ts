/** When to connect again. Pure, so that it can be tested and reused by other clients. */

import { CLOSE, isFinalClose } from "./codes.js";

/** Upper end of the first pause and of every later one, in milliseconds. */
export const FIRST_PAUSE_MS = 500;
export const LONGEST_PAUSE_MS = 15_000;
/** A server that goes away may spread its clients; more than this is not taken from it. */
const LONGEST_ASKED_MS = 300_000;

/** Why the last connection ended: its close code and reason; 1006 when there was no close frame. */
export interface ReconnectHint {
  readonly code: number;
  readonly reason: string;
}

/**
 * Pause before the next attempt.
 *
 * Full jitter: anything between 0 and an upper end that doubles from 0.5 s to 15 s, so that a
 * thousand apps that lose the same server do not come back in the same moment. A server that
 * goes away (1012) paces its clients itself: its reason is a decimal number of seconds.
 *
 * @param attempt 0 for the first attempt after a connection that worked
 * @param random uniform in [0, 1)
 * @returns milliseconds, or null when the close code is final
 */
export function reconnectDelay(
  attempt: number,
  hint: ReconnectHint,
  random: () => number,
): number | null {
  if (isFinalClose(hint.code)) return null;
  if (hint.code === CLOSE.goingAway) {
    const asked = secondsOf(hint.reason);
    if (asked !== null) return Math.min(asked * 1000, LONGEST_ASKED_MS);
  }
  const doublings = Math.min(Math.max(attempt, 0), 10);
  return random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** doublings);
}

function secondsOf(reason: string): number | null {
  return /^\d{1,6}(\.\d{1,6})?$/.test(reason) ? Number(reason) : null;
}
