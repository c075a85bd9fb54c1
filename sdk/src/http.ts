import { connectionError, errorOfAnswer } from "./errors.js";

export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

export interface Call {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly token?: string;
  readonly body?: unknown;
  readonly idempotencyKey?: string;
  readonly limitMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** The customer API over HTTP: JSON in, JSON out, every failure a `DiyalogError`. */
export class Http {
  readonly #base: string;
  readonly #fetch: Fetch;

  constructor(base: string, fetch: Fetch) {
    this.#base = base;
    this.#fetch = fetch;
  }

  /**
   * @returns the body of a 2xx answer
   * @throws DiyalogError with status 0 when no whole answer came within `limitMs`; the signal's
   *   reason when it was aborted
   */
  async call(call: Call): Promise<unknown> {
    const { ok, status, text, retryAfter } = await this.#exchange(call);
    if (!ok) throw errorOfAnswer(status, text, retryAfter);
    try {
      return JSON.parse(text);
    } catch {
      // A 2xx that is not ours, for instance the sign-in page of a café's network.
      throw connectionError();
    }
  }

  async #exchange(call: Call) {
    call.signal?.throwIfAborted();
    const limit = new AbortController();
    const stop = () => limit.abort();
    const timer = setTimeout(stop, call.limitMs);
    call.signal?.addEventListener("abort", stop);
    try {
      const answer = await this.#fetch(this.#base + call.path, {
        method: call.method,
        headers: headersOf(call),
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        signal: limit.signal,
        cache: "no-store",
        credentials: "omit",
      });
      return {
        ok: answer.ok,
        status: answer.status,
        text: await answer.text(),
        retryAfter: answer.headers.get("Retry-After"),
      };
    } catch {
      call.signal?.throwIfAborted();
      throw connectionError();
    } finally {
      clearTimeout(timer);
      call.signal?.removeEventListener("abort", stop);
    }
  }
}

function headersOf(call: Call): Record<string, string> {
  return {
    Accept: "application/json",
    ...(call.body === undefined ? {} : { "Content-Type": "application/json" }),
    ...(call.token === undefined ? {} : { Authorization: `Bearer ${call.token}` }),
    ...(call.idempotencyKey === undefined ? {} : { "Idempotency-Key": call.idempotencyKey }),
  };
}
