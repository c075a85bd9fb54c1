import { ServerClock } from "./clock.js";
import { ERROR, type HelpType } from "./codes.js";
import type { WebSocketConstructor } from "./connection.js";
import { connectionError, DiyalogError } from "./errors.js";
import { type DiyalogEvents, Following } from "./following.js";
import { type Call, type Fetch, Http } from "./http.js";
import { type Lifecycle, pageLifecycle } from "./lifecycle.js";
import { type Listener, Listeners } from "./listeners.js";
import { type ClientStorage, Memory, tabStorage } from "./memory.js";
import {
  type ChatMessage,
  type Fields,
  type Help,
  numberOf,
  readChatMessage,
  readHelpObject,
  textOf,
} from "./messages.js";
import { pageTabs, type Tabs } from "./tabs.js";

const ANSWER_LIMIT_MS = 15_000;
/** A start is answered only after the company's queue has answered, so it gets longer. */
const START_LIMIT_MS = 60_000;
/** The same request within this time after its answer is a second tap on the same button. */
const SAME_TAP_MS = 1_000;

export interface DiyalogOptions {
  /** Origin of the server, for instance `https://help.example.com`. */
  readonly url: string;
  readonly fetch?: Fetch;
  readonly WebSocket?: WebSocketConstructor;
  /** Where the token and an unanswered start are kept; `sessionStorage` by default, null: nowhere. */
  readonly storage?: ClientStorage | null;
  readonly lifecycle?: Lifecycle;
  readonly tabs?: Tabs;
  readonly random?: () => number;
  readonly now?: () => number;
}

/** Who asks for help, and what proves it: a transaction hash, the company's token, or open access. */
export interface ActivationRequest {
  readonly customerId: string;
  readonly customerName?: string;
  readonly deviceHash?: string;
  readonly transactionHash?: string;
  readonly deviceId?: string;
  readonly dlgToken?: string;
  readonly phone?: string;
  readonly email?: string;
}

export interface Activation {
  readonly clientToken: string;
  readonly expiresAt: string;
  readonly customerId: string;
}

export interface HelpRequest {
  readonly helpType: HelpType;
  readonly attachedData?: Readonly<Record<string, string>>;
  readonly identityNumber?: string;
}

export interface CallOptions {
  /** Ends the waiting for the answer: the call rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

export interface StartOptions extends CallOptions {
  /** Names the attempt yourself; by default the SDK does, and remembers it until it is answered. */
  readonly idempotencyKey?: string;
}

/** `cancelled` false: the wait had ended otherwise before; `help` says how. */
export interface CancelResult {
  readonly cancelled: boolean;
  readonly help: Help;
}

/** A message to be sent. `id`, 1 to 64 of A-Z a-z 0-9 - _, makes every repeat the same message. */
export interface Writing {
  readonly id: string;
  /** 1 to 4,000 characters. */
  readonly text: string;
}

/** Where a sent message stands among the session's events, and when it was stored. */
export interface Sent {
  readonly seq: number;
  readonly at: string;
}

interface Start {
  readonly request: string;
  readonly answer: Promise<Help>;
  /** Device time from which the same request is a new one; none while it is not answered. */
  until: number;
}

/**
 * A customer's live help without any screen: activate, ask for help, follow the wait, cancel.
 *
 * One instance serves one customer and follows one session at a time. All calls reject with
 * `DiyalogError`, or with the reason of their own `signal`.
 */
export class Diyalog {
  readonly #http: Http;
  readonly #streamUrl: string;
  readonly #options: DiyalogOptions;
  readonly #lifecycle: Lifecycle;
  readonly #tabs: Tabs;
  readonly #now: () => number;
  readonly #clock: ServerClock;
  readonly #memory: Memory;
  readonly #listeners = new Listeners<DiyalogEvents>();
  #start: Start | null = null;
  #followed: Following | null = null;

  constructor(options: DiyalogOptions) {
    const base = options.url.replace(/\/+$/, "");
    const fetch: Fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.#http = new Http(base, fetch);
    this.#streamUrl = `${base.replace(/^http/, "ws")}/v1/client/events`;
    this.#options = options;
    this.#lifecycle = options.lifecycle ?? pageLifecycle();
    this.#tabs = options.tabs ?? pageTabs();
    this.#now = options.now ?? Date.now;
    this.#clock = new ServerClock(this.#now);
    this.#memory = new Memory(options.storage === undefined ? tabStorage() : options.storage);
  }

  /** Listens until the returned function is called or `signal` is aborted. */
  on<Name extends keyof DiyalogEvents>(
    name: Name,
    listener: Listener<DiyalogEvents[Name]>,
    options: CallOptions = {},
  ): () => void {
    return this.#listeners.on(name, listener, options.signal);
  }

  /** Milliseconds since 1970 by the server's clock, to count from `startedAt` on a phone set wrong. */
  serverNow(): number {
    return this.#clock.now();
  }

  /** Proves the customer to the server; later calls use the token it answers. */
  async activate(request: ActivationRequest, options: CallOptions = {}): Promise<Activation> {
    const answer = await this.#http.call({
      method: "POST",
      path: "/v1/client/activations",
      body: request,
      limitMs: ANSWER_LIMIT_MS,
      signal: options.signal,
    });
    const fields = (answer ?? {}) as Fields;
    const clientToken = textOf(fields["clientToken"]);
    if (clientToken === null) throw connectionError();
    await this.#memory.activated(request.customerId, clientToken);
    return {
      clientToken,
      expiresAt: textOf(fields["expiresAt"]) ?? "",
      customerId: textOf(fields["customerId"]) ?? request.customerId,
    };
  }

  /**
   * Goes on with what an earlier visit stored.
   * @returns false when this customer must activate: nothing is stored, or the server refused it (401)
   */
  restore(customerId: string): Promise<boolean> {
    return this.#memory.restore(customerId);
  }

  /** Goes on with a token that the app kept itself. */
  resume(clientToken: string): void {
    this.#memory.use(clientToken);
  }

  /** Leaves nothing of the customer in this app, for instance when they log out. Ends no wait. */
  forget(): Promise<void> {
    this.unfollow();
    this.#start = null;
    return this.#memory.forget();
  }

  /**
   * Asks for help. However often it is called for the same request, there is one wait: a second
   * call joins the one under way, and a start whose answer was lost (status 0) is repeated as the
   * same start, also after a reload. Aborting ends the waiting for the answer, not the request.
   */
  startHelp(request: HelpRequest, options: StartOptions = {}): Promise<Help> {
    const asked = JSON.stringify([request, options.idempotencyKey]);
    if (this.#start?.request !== asked || this.#now() >= this.#start.until) {
      const answer = this.#ask(request, options.idempotencyKey);
      const start = { request: asked, answer, until: Number.POSITIVE_INFINITY };
      this.#start = start;
      answer.then(
        (help) => {
          start.until = help.state === "ENDED" ? 0 : this.#now() + SAME_TAP_MS;
        },
        () => {
          start.until = 0;
        },
      );
    }
    return unlessAborted(this.#start.answer, options.signal);
  }

  /** The open session, else the newest whose end was not acknowledged, else null. */
  async currentHelp(options: CallOptions = {}): Promise<Help | null> {
    try {
      return await this.#help("GET", "/v1/client/help", options);
    } catch (error) {
      if (error instanceof DiyalogError && error.status === 404) return null;
      throw error;
    }
  }

  /** One session of this customer, open or ended. */
  readHelp(sessionId: string, options: CallOptions = {}): Promise<Help> {
    return this.#help("GET", pathOf(sessionId), options);
  }

  /**
   * Stops waiting. Whoever ended the wait first has won; the answer says who. Should it be too late
   * and the session unreadable, the `WAIT_ENDED` error carries the outcome in its `problem`.
   */
  async cancel(sessionId: string, options: CallOptions = {}): Promise<CancelResult> {
    try {
      const help = await this.#help("DELETE", pathOf(sessionId), options);
      return { cancelled: true, help };
    } catch (error) {
      if (!(error instanceof DiyalogError) || error.code !== ERROR.waitEnded) throw error;
      const help = await this.readHelp(sessionId, options).catch(() => {
        throw error;
      });
      return { cancelled: false, help };
    }
  }

  /** Sends a message of a conversation; again with the same id, it is still one. `Chat` does it for you. */
  async sendMessage(
    sessionId: string,
    { id, text }: Writing,
    options: CallOptions = {},
  ): Promise<Sent> {
    const path = `${pathOf(sessionId)}/messages`;
    const answer = await this.#call("POST", path, { ...options, body: { id, text } });
    const seq = numberOf(answer["seq"]);
    if (seq === null) throw connectionError();
    return { seq, at: textOf(answer["at"]) ?? "" };
  }

  /** What was written in a conversation after the event with the number `after`, in order. */
  async readMessages(
    sessionId: string,
    after = 0,
    options: CallOptions = {},
  ): Promise<readonly ChatMessage[]> {
    const path = `${pathOf(sessionId)}/messages?after=${after}`;
    const { messages } = await this.#call("GET", path, options);
    if (!Array.isArray(messages)) throw connectionError();
    return messages.map(readChatMessage).filter((message) => message !== null);
  }

  /** Ends the conversation; one that is over stays as it ended. */
  endConversation(sessionId: string, options: CallOptions = {}): Promise<Help> {
    return this.#help("POST", `${pathOf(sessionId)}/end`, { ...options, body: {} });
  }

  /**
   * Follows a session from the given state on, until its end is acknowledged, `unfollow` is
   * called, `signal` is aborted, or another screen takes over. Replaces what was followed before.
   */
  follow(help: Help, options: CallOptions = {}): void {
    this.unfollow();
    const { signal } = options;
    if (signal?.aborted) return;
    const followed = new Following(help, {
      url: this.#streamUrl,
      token: this.#requireToken(),
      tabs: this.#tabs,
      clock: this.#clock,
      listeners: this.#listeners,
      around: {
        WebSocket: this.#options.WebSocket ?? globalThis.WebSocket,
        lifecycle: this.#lifecycle,
        random: this.#options.random ?? Math.random,
        now: this.#now,
      },
    });
    this.#followed = followed;
    signal?.addEventListener("abort", () => followed.close(), { once: true });
  }

  /** Tells the agent that the customer is writing; to be called at every key, it is said every 2 s. */
  typing(): void {
    this.#followed?.typing();
  }

  /** Tells the agent that the customer has read everything up to the event with the number `seq`. */
  read(seq: number): void {
    this.#followed?.read(seq);
  }

  /** Takes the followed session back from the screen that continued it (closed with 4409). */
  useHere(): void {
    this.#followed?.useHere();
  }

  /** Connects at once instead of after the pause. */
  reconnectNow(): void {
    this.#followed?.wake();
  }

  /** Stops following. The wait itself goes on. */
  unfollow(): void {
    this.#followed?.close();
    this.#followed = null;
  }

  async #ask(request: HelpRequest, named: string | undefined): Promise<Help> {
    const fresh = newIdempotencyKey();
    const key = named ?? (await this.#memory.startKey(fresh, this.#now()));
    try {
      const help = await this.#help("POST", "/v1/client/help", {
        body: request,
        idempotencyKey: key,
        limitMs: START_LIMIT_MS,
      });
      await this.#memory.startAnswered(key);
      return help;
    } catch (error) {
      if (hasAnswer(error)) await this.#memory.startAnswered(key);
      // The start that was not answered asked for something else: this is another one.
      const another = error instanceof DiyalogError && error.status === 422 && named === undefined;
      if (another && key !== fresh) return this.#ask(request, undefined);
      throw error;
    }
  }

  async #help(method: Call["method"], path: string, options: Partial<Call>): Promise<Help> {
    const help = readHelpObject(await this.#call(method, path, options));
    if (help === null) throw connectionError();
    return help;
  }

  async #call(method: Call["method"], path: string, options: Partial<Call>): Promise<Fields> {
    const token = this.#requireToken();
    const call = { limitMs: ANSWER_LIMIT_MS, ...options, method, path, token };
    try {
      return ((await this.#http.call(call)) ?? {}) as Fields;
    } catch (error) {
      if (error instanceof DiyalogError && error.status === 401) await this.#memory.refused();
      throw error;
    }
  }

  #requireToken(): string {
    const token = this.#memory.token;
    if (token === null) throw new DiyalogError({ code: ERROR.notActivated, retryable: false });
    return token;
  }
}

/** A key for one start: 128 random bits. Works on pages without HTTPS, unlike `randomUUID`. */
export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** false: the start may have got through all the same, as after a lost answer or a proxy's own 5xx. */
function hasAnswer(error: unknown): boolean {
  return (
    error instanceof DiyalogError && error.status > 0 && typeof error.problem?.["code"] === "string"
  );
}

function unlessAborted<T>(answer: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return answer;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

function pathOf(sessionId: string): string {
  return `/v1/client/help/${encodeURIComponent(sessionId)}`;
}
