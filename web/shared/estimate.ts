/** A likely wait in whole minutes, as people are told it; `null` ends: more than half an hour. */
export interface WaitRange {
  readonly from: number;
  readonly to: number | null;
}

const OVER_HALF_AN_HOUR: WaitRange = { from: 30, to: null };

/**
 * The range told for an estimate. Rounded up throughout: a wait shorter than told pleases a
 * little, a longer one hurts much more.
 *
 * Under a minute 1–2; up to ten minutes ceil(m) to ceil(1.5 m), at least
 * one more; up to thirty to the next five, upper end
 * 1.4 times as far and at least five more; beyond that only "more than 30".
 *
 * @param seconds the server's estimate; null when the queue gave none
 */
export function rangeOf(seconds: number | null): WaitRange | null {
  if (seconds === null || !Number.isFinite(seconds) || seconds < 0) return null;
  const minutes = seconds / 60;
  if (minutes < 1) return { from: 1, to: 2 };
  if (minutes <= 10) {
    const from = Math.ceil(minutes);
    return { from, to: Math.max(Math.ceil(minutes * 1.5), from + 1) };
  }
  if (minutes > 30) return OVER_HALF_AN_HOUR;
  const from = nextFive(minutes);
  return { from, to: Math.max(nextFive(minutes * 1.4), from + 5) };
}

export function sameRange(a: WaitRange | null, b: WaitRange | null): boolean {
  return a?.from === b?.from && a?.to === b?.to;
}

/** Whether `b` tells a longer wait than `a`. */
export function isLonger(a: WaitRange, b: WaitRange): boolean {
  return (b.to ?? Number.POSITIVE_INFINITY) > (a.to ?? Number.POSITIVE_INFINITY);
}

function nextFive(minutes: number): number {
  // 1.4 times a number of minutes carries a rounding error that must not cost five minutes more.
  return Math.ceil(Number((minutes / 5).toFixed(6))) * 5;
}
