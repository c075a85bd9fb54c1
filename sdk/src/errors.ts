import { ERROR, type ErrorCode } from "./codes.js";
import { type Fields, numberOf, parseObject, textOf } from "./messages.js";

/**
 * Every refusal and every failure of the SDK.
 *
 * `code` is the server's (`DLGEXCP…`, `WAIT_ENDED`) or one of `ERROR`; `retryable` says whether the
 * same call may succeed later; `status` is the HTTP status, 0 when there was no answer, which also
 * means that the result of a start is unknown; `problem` is the body of the answer (RFC 9457), if any.
 * `message` is for developers and carries nothing personal.
 */
export class DiyalogError extends Error {
  override readonly name = "DiyalogError";
  readonly code: ErrorCode | (string & {});
  readonly retryable: boolean;
  readonly status: number;
  readonly problem: Fields | null;
  /** Seconds after which the server wants to be asked again, null when it did not say. */
  readonly retryAfterSeconds: number | null;

  constructor(init: {
    code: string;
    retryable: boolean;
    status?: number;
    problem?: Fields | null;
    retryAfterSeconds?: number | null;
  }) {
    super(`${init.code} (HTTP ${init.status ?? 0})`);
    this.code = init.code;
    this.retryable = init.retryable;
    this.status = init.status ?? 0;
    this.problem = init.problem ?? null;
    this.retryAfterSeconds = init.retryAfterSeconds ?? null;
  }
}

/** No answer came: the network, the server, or the time allowed for an answer failed. */
export function connectionError(): DiyalogError {
  return new DiyalogError({ code: ERROR.connection, retryable: true });
}

/** Makes the error of an answer that is no success. The body may come from a proxy: then it is ignored. */
export function errorOfAnswer(
  status: number,
  body: string,
  retryAfter: string | null,
): DiyalogError {
  const problem = parseObject(body);
  const stated = problem?.["retryable"];
  return new DiyalogError({
    code: textOf(problem?.["code"]) ?? ERROR.general,
    retryable: typeof stated === "boolean" ? stated : status >= 500 || [408, 429].includes(status),
    status,
    problem,
    retryAfterSeconds: retryAfterOf(retryAfter, problem),
  });
}

function retryAfterOf(header: string | null, problem: Fields | null): number | null {
  const seconds = header === null || header.trim() === "" ? Number.NaN : Number(header);
  return Number.isFinite(seconds) && seconds >= 0
    ? seconds
    : numberOf(problem?.["retryAfterSeconds"]);
}
