/** Times as people read them, computed from clocks and never by counting. */

/** Milliseconds of an RFC 3339 time, null when it is absent or unreadable. */
export function instantOf(text: string | null): number | null {
  const instant = text === null ? Number.NaN : Date.parse(text);
  return Number.isNaN(instant) ? null : instant;
}

/** A clock time of the device's time zone in 24 hours, for instance 14:32. */
export function clockTime(instant: number, lang: string): string {
  return new Intl.DateTimeFormat(lang, {
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).format(instant);
}

/** The same with its day, for instance 12 Oct 14:32. */
export function dayAndTime(instant: number, lang: string): string {
  const day = new Intl.DateTimeFormat(lang, { day: "numeric", month: "short" }).format(instant);
  return `${day} ${clockTime(instant, lang)}`;
}

/** Whole minutes between two instants, never negative. */
export function wholeMinutes(from: number, to: number): number {
  return Math.max(0, Math.floor((to - from) / 60_000));
}

/** A number of seconds in the largest unit that makes it no longer than it is. */
export function spanOf(seconds: number): {
  readonly amount: number;
  readonly unit: "minute" | "second";
} {
  return seconds < 60
    ? { amount: Math.max(1, Math.floor(seconds)), unit: "second" }
    : { amount: Math.floor(seconds / 60), unit: "minute" };
}
