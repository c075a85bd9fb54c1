/** The list of those who wait, as the agent sees it: it may lag, but it never jumps. Pure. */

import type { Waiting } from "./protocol.js";

/** A row that went stays this long, with its reason. */
const GONE_MS = 2_000;
/** The agent wanted it, so there is more to read. */
const LOST_MS = 4_000;

/** How a wait ended for somebody who did not get it. Words of the server that are not known: "gone". */
export type Loss =
  | {
      readonly kind: "left" | "replaced" | "closed" | "notDelivered" | "ranOut" | "away" | "failed";
    }
  | { readonly kind: "taken"; readonly by: string | null }
  | { readonly kind: "gone" };

export interface Row {
  readonly waiting: Waiting;
  /** Device time since which the customer's app is known to be away; null: it is here. */
  readonly awaySince: number | null;
  /** It was away when the desk first saw it: since when is not known. */
  readonly awayAtFirst: boolean;
  /** Device time since which the server is being asked for it. */
  readonly takingSince: number | null;
  /** Being asked failed without a decision: asking again is right. */
  readonly unsure: boolean;
  /** Why it stays only until then. */
  readonly lost: { readonly loss: Loss; readonly until: number } | null;
}

/** The rows after the server has told who waits. New ones come at the end. */
export function withQueue(
  rows: readonly Row[],
  waiting: readonly Waiting[],
  now: number,
): readonly Row[] {
  const told = new Map(waiting.map((one) => [one.sessionId, one]));
  const kept = rows.map((row) => {
    const news = told.get(row.waiting.sessionId);
    told.delete(row.waiting.sessionId);
    if (row.lost !== null) return row;
    // Whether it was taken is being decided right now: the answer to that tells.
    if (news === undefined) return row.takingSince === null ? withLoss(row, GONE, now) : row;
    const awaySince = news.present ? null : (row.awaySince ?? now);
    return {
      ...row,
      waiting: news,
      awaySince,
      awayAtFirst: row.awayAtFirst && !news.present,
    };
  });
  const added = [...told.values()]
    .sort((a, b) => a.startedAt - b.startedAt)
    .map((one) => rowOf(one, now));
  return withoutOld([...kept, ...added], now);
}

/** Takes rows away whose reason was there long enough. */
export function withoutOld(rows: readonly Row[], now: number): readonly Row[] {
  return rows.some(({ lost }) => lost !== null && lost.until <= now)
    ? rows.filter(({ lost }) => lost === null || lost.until > now)
    : rows;
}

export function changedRow(
  rows: readonly Row[],
  sessionId: string,
  change: (row: Row) => Row,
): readonly Row[] {
  return rows.map((row) => (row.waiting.sessionId === sessionId ? change(row) : row));
}

/** The agent wanted this row and did not get it. */
export function lostRow(row: Row, loss: Loss, now: number): Row {
  return { ...row, takingSince: null, lost: { loss, until: now + LOST_MS } };
}

/** The words of the server for how a wait ended. */
export function lossOf(
  outcome: string | null,
  reason: string | null,
  agentName: string | null,
): Loss {
  switch (outcome) {
    case "CONNECTED":
      return { kind: "taken", by: agentName };
    case "CANCELLED":
      if (reason === "customer") return { kind: "left" };
      return { kind: reason === "replaced" ? "replaced" : "closed" };
    case "NOT_DELIVERED":
      return { kind: "notDelivered" };
    case "EXPIRED":
      return { kind: reason === "abandoned" ? "away" : "ranOut" };
    case "FAILED":
      return { kind: "failed" };
    default:
      return GONE;
  }
}

const GONE: Loss = { kind: "gone" };

function withLoss(row: Row, loss: Loss, now: number): Row {
  return { ...row, lost: { loss, until: now + GONE_MS } };
}

function rowOf(waiting: Waiting, now: number): Row {
  return {
    waiting,
    awaySince: waiting.present ? null : now,
    awayAtFirst: !waiting.present,
    takingSince: null,
    unsure: false,
    lost: null,
  };
}
