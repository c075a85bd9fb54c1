import { ERROR, type HelpType } from "./codes.js";
import { Connection, type WebSocketConstructor } from "./connection.js";
import { connectionError, DiyalogError } from "./errors.js";
import { type Fetch, Http } from "./http.js";
import { type Lifecycle, pageLifecycle } from "./lifecycle.js";
import {
  applyEvent,
  type Fields,
  type Help,
  readHelpObject,
  readWaitEnded,
  readWaitStarted,
  readWaitUpdated,
  type SessionEvent,
  textOf,
  type WaitEnded,
  type WaitStarted,
  type WaitUpdated,
} from "./messages.js";

const ANSWER_LIMIT_MS = 15_000;
/** A start is answered only after the company's queue has answered, so it gets longer. */
const START_LIMIT_MS = 60_000;

export interface DiyalogOptions {
  /** Origin of the server, for instance `https://help.example.com`. */
  readonly url: string;
  readonly fetch?: Fetch;
  readonly WebSocket?: WebSocketConstructor;
  readonly lifecycle?: Lifecycle;
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

/** `cancelled` false: the wait had ended otherwise before; `help` says how. */
export interface CancelResult {
  readonly cancelled: boolean;
  readonly help: Help;
}

/**
 * State of the followed event stream. `open`: current. `lost`: comes back by itself in `retryInMs`.
 * `closed`: does not come back; 1000 when all is said, 4409 when another screen took over.
 */
export type ConnectionChange =
  | { readonly state: "open"; readonly serverTime: string }
  | { readonly state: "lost"; readonly code: number; readonly retryInMs: number }
  | { readonly state: "closed"; readonly code: number };

/** What `on` can listen to. Names with a dot are the server's events. */
export interface DiyalogEvents {
  connection: ConnectionChange;
  /** The session as it is now, after every event and every snapshot. */
  help: Help;
  "wait.started": WaitStarted;
  "wait.updated": WaitUpdated;
  "wait.ended": WaitEnded;
  /** Every event as it came, those of this list too. */
  event: SessionEvent;
}

/**
 * A customer's live help without any screen: activate, ask for help, follow the wait, cancel.
 *
 * One instance serves one customer and follows one session at a time. All calls reject with
 * `DiyalogError`.
 */
export class Diyalog {
  readonly #http: Http;
  readonly #streamUrl: string;
  readonly #webSocket: WebSocketConstructor;
  readonly #lifecycle: Lifecycle;
  readonly #random: () => number;
  readonly #now: () => number;
  readonly #events = new EventTarget();
  #token: string | null = null;
  #connection: Connection | null = null;
  #followed: Help | null = null;

  constructor(options: DiyalogOptions) {
    const base = options.url.replace(/\/+$/, "");
    const fetch: Fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.#http = new Http(base, fetch);
    this.#streamUrl = `${base.replace(/^http/, "ws")}/v1/client/events`;
    this.#webSocket = options.WebSocket ?? globalThis.WebSocket;
    this.#lifecycle = options.lifecycle ?? pageLifecycle();
    this.#random = options.random ?? Math.random;
    this.#now = options.now ?? Date.now;
  }

  /** Listens until `signal` is aborted. */
  on<Name extends keyof DiyalogEvents>(
    name: Name,
    listener: (detail: DiyalogEvents[Name]) => void,
    options: { readonly signal?: AbortSignal } = {},
  ): void {
    const handle = (event: Event) => listener((event as CustomEvent<DiyalogEvents[Name]>).detail);
    this.#events.addEventListener(name, handle, options);
  }

  /** Proves the customer to the server; later calls use the token it answers. */
  async activate(request: ActivationRequest): Promise<Activation> {
    const answer = await this.#http.call({
      method: "POST",
      path: "/v1/client/activations",
      body: request,
      limitMs: ANSWER_LIMIT_MS,
    });
    const fields = (answer ?? {}) as Fields;
    const clientToken = textOf(fields["clientToken"]);
    if (clientToken === null) throw connectionError();
    this.#token = clientToken;
    return {
      clientToken,
      expiresAt: textOf(fields["expiresAt"]) ?? "",
      customerId: textOf(fields["customerId"]) ?? request.customerId,
    };
  }

  /** Goes on with a token of an earlier activation. */
  resume(clientToken: string): void {
    this.#token = clientToken;
  }

  /**
   * Asks for help. A start whose result is unknown (status 0) may be repeated with the same key:
   * the server then answers for the first one and never makes a second wait.
   */
  async startHelp(
    request: HelpRequest,
    options: { readonly idempotencyKey?: string } = {},
  ): Promise<Help> {
    return this.#help({
      method: "POST",
      path: "/v1/client/help",
      body: request,
      idempotencyKey: options.idempotencyKey ?? newIdempotencyKey(),
      limitMs: START_LIMIT_MS,
    });
  }

  /** The open session, else the newest whose end was not acknowledged, else null. */
  async currentHelp(): Promise<Help | null> {
    try {
      return await this.#help({ method: "GET", path: "/v1/client/help", limitMs: ANSWER_LIMIT_MS });
    } catch (error) {
      if (error instanceof DiyalogError && error.status === 404) return null;
      throw error;
    }
  }

  /** One session of this customer, open or ended. */
  async readHelp(sessionId: string): Promise<Help> {
    return this.#help({ method: "GET", path: pathOf(sessionId), limitMs: ANSWER_LIMIT_MS });
  }

  /** Stops waiting. Whoever ended the wait first has won; the answer says who. */
  async cancel(sessionId: string): Promise<CancelResult> {
    try {
      const help = await this.#help({
        method: "DELETE",
        path: pathOf(sessionId),
        limitMs: ANSWER_LIMIT_MS,
      });
      return { cancelled: true, help };
    } catch (error) {
      if (!(error instanceof DiyalogError) || error.code !== ERROR.waitEnded) throw error;
      return { cancelled: false, help: await this.readHelp(sessionId) };
    }
  }

  /**
   * Follows a session from the given state on, until its end is acknowledged, `unfollow` is
   * called, or another screen takes over. Replaces what was followed before.
   */
  follow(help: Help): void {
    this.unfollow();
    const position = { sessionId: help.sessionId, after: help.seq, epoch: help.epoch };
    this.#followed = help;
    this.#connection = new Connection(
      { url: this.#streamUrl, token: this.#requireToken(), position },
      {
        onWelcome: (welcome) => {
          // Events that follow bring the state up to date one by one; without any, the snapshot is it.
          const followed = this.#followed;
          const eventsFollow = welcome.recovered && followed !== null && welcome.seq > followed.seq;
          this.#emit("connection", { state: "open", serverTime: welcome.serverTime });
          if (eventsFollow) return;
          this.#followed = welcome.snapshot;
          this.#emit("help", welcome.snapshot);
        },
        onEvent: (event) => this.#onEvent(event),
        onLost: ({ code, retryInMs }) =>
          this.#emit("connection", { state: "lost", code, retryInMs }),
        onClosed: ({ code }) => this.#emit("connection", { state: "closed", code }),
      },
      {
        WebSocket: this.#webSocket,
        lifecycle: this.#lifecycle,
        random: this.#random,
        now: this.#now,
      },
    );
  }

  /** Connects at once instead of after the pause. */
  reconnectNow(): void {
    this.#connection?.wake();
  }

  unfollow(): void {
    this.#connection?.close();
    this.#connection = null;
    this.#followed = null;
  }

  #onEvent(event: SessionEvent): void {
    if (this.#followed === null) return;
    this.#followed = applyEvent(this.#followed, event);
    if (event.event === "wait.started") this.#emit("wait.started", readWaitStarted(event.data));
    if (event.event === "wait.updated") this.#emit("wait.updated", readWaitUpdated(event.data));
    if (event.event === "wait.ended") this.#emit("wait.ended", readWaitEnded(event.data));
    this.#emit("event", event);
    if (this.#followed !== null) this.#emit("help", this.#followed);
  }

  #emit<Name extends keyof DiyalogEvents>(name: Name, detail: DiyalogEvents[Name]): void {
    this.#events.dispatchEvent(new CustomEvent(name, { detail }));
  }

  async #help(call: Omit<Parameters<Http["call"]>[0], "token">): Promise<Help> {
    const help = readHelpObject(await this.#http.call({ ...call, token: this.#requireToken() }));
    if (help === null) throw connectionError();
    return help;
  }

  #requireToken(): string {
    if (this.#token === null) {
      throw new DiyalogError({ code: ERROR.notActivated, retryable: false });
    }
    return this.#token;
  }
}

/** A key for one start: 128 random bits. Works on pages without HTTPS, unlike `randomUUID`. */
export function newIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function pathOf(sessionId: string): string {
  return `/v1/client/help/${encodeURIComponent(sessionId)}`;
}
