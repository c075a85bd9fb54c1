/** The staff API over HTTP: what the desk asks of the server. */

import { DiyalogError, ERROR } from "diyalog";
import { instantOf } from "#shared/clock.ts";
import { fieldsOf, listOf, numberOf, parsedFields, textOf } from "#shared/fields.ts";
import {
  type Availability,
  type Conversation,
  type Message,
  type Note,
  readAvailability,
  readConversation,
  readMessages,
  readNotes,
} from "./protocol.js";

/** Who wants to work at the desk, and the company's proof of it; open access does without a proof. */
export interface Credentials {
  readonly userId: string;
  readonly userName: string;
  /** The agent's session in the company's own application. */
  readonly sessionId: string | null;
  readonly token: string | null;
}

export interface SignedIn {
  readonly staffToken: string;
  readonly userId: string;
  readonly userName: string;
  /** May close requests. */
  readonly supervisor: boolean;
}

/** Names a waiting request by itself or by its customer. */
export type Wanted = { readonly sessionId: string } | { readonly customerId: string };

/** Every call fails with a `DiyalogError`: status 0 when no answer came. */
export interface StaffApi {
  signIn(credentials: Credentials): Promise<SignedIn>;
  /** Takes a wait. Code `WAIT_ENDED` when somebody or something else was first. */
  accept(wanted: Wanted): Promise<Conversation>;
  /** Closes a request, as supervisors may. Codes `RIGHT_MISSING`, and `WAIT_ENDED` as for taking it. */
  closeWait(sessionId: string): Promise<void>;
  /** Lets an offer pass. */
  decline(sessionId: string): Promise<void>;
  /** Takes offers, or no longer. Code `ROUTING_ELSEWHERE` where the company's own queue routes. */
  setAvailable(available: boolean): Promise<Availability>;
  conversation(conversationId: string): Promise<Conversation>;
  /** The messages after a number of the session's stream, oldest first. */
  messages(conversationId: string, after: number): Promise<readonly Message[]>;
  /** Sent again under the same id it is one message. */
  send(
    conversationId: string,
    message: { readonly id: string; readonly text: string },
  ): Promise<{ readonly seq: number; readonly at: number }>;
  end(conversationId: string): Promise<Conversation>;
  /** Has it written down that the agent looks at the customer's numbers; only then they are shown. */
  reveal(conversationId: string): Promise<void>;
  /** All notes about the customer of the conversation, oldest first. */
  notes(conversationId: string): Promise<readonly Note[]>;
  /** Also when the conversation is over. Sent again under the same id it is one note. */
  note(
    conversationId: string,
    note: { readonly id: string; readonly text: string },
  ): Promise<{ readonly at: number }>;
}

export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

const ANSWER_LIMIT_MS = 15_000;
const STAFF = "/v1/staff";

export class HttpStaffApi implements StaffApi {
  readonly #base: string;
  readonly #fetch: Fetch;
  readonly #token: () => string | null;

  /** @param base origin of the server */
  constructor(base: string, fetch: Fetch, token: () => string | null) {
    this.#base = base;
    this.#fetch = fetch;
    this.#token = token;
  }

  async signIn({ userId, userName, sessionId, token }: Credentials): Promise<SignedIn> {
    const proof = { ...(sessionId && { sessionId }), ...(token && { token }) };
    const answer = fieldsOf(await this.#call("POST", "/sessions", { userId, userName, ...proof }));
    return {
      staffToken: needed(textOf(answer?.["staffToken"])),
      userId: textOf(answer?.["userId"]) ?? userId,
      userName: textOf(answer?.["userName"]) ?? userName,
      supervisor: listOf(answer?.["rights"]).includes("supervisor"),
    };
  }

  async accept(wanted: Wanted): Promise<Conversation> {
    return needed(readConversation(await this.#call("POST", "/conversations", wanted)));
  }

  async closeWait(sessionId: string): Promise<void> {
    await this.#call("DELETE", `/waits/${encodeURIComponent(sessionId)}`);
  }

  async decline(sessionId: string): Promise<void> {
    await this.#call("POST", `/offers/${encodeURIComponent(sessionId)}/decline`, {});
  }

  async setAvailable(available: boolean): Promise<Availability> {
    return needed(readAvailability(await this.#call("PUT", "/availability", { available })));
  }

  async conversation(conversationId: string): Promise<Conversation> {
    return needed(readConversation(await this.#call("GET", pathOf(conversationId))));
  }

  async messages(conversationId: string, after: number): Promise<readonly Message[]> {
    const path = `${pathOf(conversationId)}/messages?after=${after}`;
    return readMessages(await this.#call("GET", path));
  }

  async send(conversationId: string, message: { readonly id: string; readonly text: string }) {
    const path = `${pathOf(conversationId)}/messages`;
    const { id, text } = message;
    const answer = fieldsOf(await this.#call("POST", path, { id, text }));
    const at = Date.parse(textOf(answer?.["at"]) ?? "");
    return { seq: needed(numberOf(answer?.["seq"])), at: needed(numberOf(at)) };
  }

  async end(conversationId: string): Promise<Conversation> {
    return needed(readConversation(await this.#call("POST", `${pathOf(conversationId)}/end`, {})));
  }

  async reveal(conversationId: string): Promise<void> {
    await this.#call("POST", `${pathOf(conversationId)}/reveal`, {});
  }

  async notes(conversationId: string): Promise<readonly Note[]> {
    return readNotes(await this.#call("GET", `${pathOf(conversationId)}/notes`));
  }

  async note(conversationId: string, note: { readonly id: string; readonly text: string }) {
    const { id, text } = note;
    const path = `${pathOf(conversationId)}/notes`;
    const answer = fieldsOf(await this.#call("POST", path, { id, text }));
    return { at: needed(instantOf(textOf(answer?.["at"]))) };
  }

  async #call(
    method: "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    body?: unknown,
  ): Promise<unknown> {
    const token = this.#token();
    const answer = await this.#exchange(path, {
      method,
      headers: {
        Accept: "application/json",
        ...(body !== undefined && { "Content-Type": "application/json" }),
        ...(token !== null && { Authorization: `Bearer ${token}` }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      cache: "no-store",
      credentials: "omit",
    });
    if (!answer.ok) throw refusal(answer);
    return needed(parsedFields(answer.text));
  }

  async #exchange(path: string, init: RequestInit) {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), ANSWER_LIMIT_MS);
    try {
      const answer = await this.#fetch(this.#base + STAFF + path, {
        ...init,
        signal: limit.signal,
      });
      const retryAfter = Number(answer.headers.get("Retry-After") || Number.NaN);
      return { ok: answer.ok, status: answer.status, text: await answer.text(), retryAfter };
    } catch {
      throw unanswered();
    } finally {
      clearTimeout(timer);
    }
  }
}

function pathOf(conversationId: string): string {
  return `/conversations/${encodeURIComponent(conversationId)}`;
}

function refusal(answer: { status: number; text: string; retryAfter: number }): DiyalogError {
  const problem = parsedFields(answer.text);
  const stated = problem?.["retryable"];
  const mayPass = answer.status >= 500 || answer.status === 408 || answer.status === 429;
  return new DiyalogError({
    code: textOf(problem?.["code"]) ?? ERROR.general,
    retryable: typeof stated === "boolean" ? stated : mayPass,
    status: answer.status,
    problem,
    retryAfterSeconds: numberOf(answer.retryAfter),
  });
}

function unanswered(): DiyalogError {
  return new DiyalogError({ code: ERROR.connection, retryable: true });
}

/** An answer that lacks what it must have is none: it may come from something in between. */
function needed<Value>(value: Value | null): Value {
  if (value === null) throw unanswered();
  return value;
}
