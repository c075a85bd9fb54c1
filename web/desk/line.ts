/** The list of those who wait, as the agent sees it: it may lag, but it never jumps. Pure. */

import type { Ending } from "./chats.js";
import type { Line, Waiting } from "./protocol.js";

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
  /** Whether a supervisor closes it; `noRight`: the server says that they may not. */
  readonly closing: Ending | { readonly step: "noRight" };
  /** Why it stays only until then. */
  readonly lost: { readonly loss: Loss; readonly until: number } | null;
}

/** The rows after the server has told who waits. New ones come at the end. */
export function withLine(
  rows: readonly Row[],
  { waiting, total }: Pick<Line, "waiting" | "total">,
  now: number,
): readonly Row[] {
  // Where not everybody is told, whoever would come last may only have been pushed out of it.
  const last = total > waiting.length ? (waiting.at(-1)?.startedAt ?? 0) : Number.POSITIVE_INFINITY;
  const told = new Map(waiting.map((one) => [one.sessionId, one]));
  const kept = rows.flatMap((row) => {
    const news = told.get(row.waiting.sessionId);
    told.delete(row.waiting.sessionId);
    if (row.lost !== null) return row;
    // Whether it was taken or closed is being decided right now: the answer to that tells.
    if (news === undefined && !takeable(row)) return row;
    if (news === undefined) return row.waiting.startedAt < last ? withLoss(row, GONE, now) : [];
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

/** Takes rows away whose reason was there long enough, and questions back that nobody answered. */
export function withoutOld(rows: readonly Row[], now: number): readonly Row[] {
  const past = (part: object | null) =>
    part !== null && "until" in part && Number(part.until) <= now;
  if (!rows.some(({ lost, closing }) => past(lost) || past(closing))) return rows;
  return rows
    .filter(({ lost }) => !past(lost))
    .map((row) => (past(row.closing) ? { ...row, closing: { step: "no" } } : row));
}

export function changedRow(
  rows: readonly Row[],
  sessionId: string,
  change: (row: Row) => Row,
): readonly Row[] {
  return rows.map((row) => (row.waiting.sessionId === sessionId ? change(row) : row));
}

/** Whether the server can be asked for it. */
export function takeable({ takingSince, lost, closing }: Row): boolean {
  return takingSince === null && lost === null && closing.step !== "sending";
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
    closing: { step: "no" },
    lost: null,
  };
}
