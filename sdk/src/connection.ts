/** One followed session: a WebSocket that is kept, found dead in time, and opened again. */

import { CLOSE } from "./codes.js";
import type { Lifecycle } from "./lifecycle.js";
import {
  type ClientMessage,
  type Momentary,
  readServerMessage,
  type ServerMessage,
  type SessionEvent,
  type Welcome,
} from "./messages.js";
import { type ReconnectHint, reconnectDelay } from "./reconnect.js";

const OPEN_LIMIT_MS = 5_000;
const WELCOME_LIMIT_MS = 5_000;
const PING_EVERY_MS = 15_000;
const PONG_LIMIT_MS = 5_000;
/** A connection that lived this long makes the next pause short again. */
const STABLE_MS = 10_000;
/** Silence after which an app that wakes replaces a connection instead of asking it whether it lives. */
const DOUBTFUL_MS = PING_EVERY_MS + PONG_LIMIT_MS;
const LOST: ReconnectHint = { code: 1006, reason: "" };

export type WebSocketConstructor = new (url: string) => WebSocket;

/** Where a session stands for this app: the last event it has, in which history. */
export interface Position {
  readonly sessionId: string;
  readonly after: number;
  readonly epoch: string | null;
}

export interface ConnectionListener {
  /** `helloAt`: when the hello was sent, by the app's clock in milliseconds. */
  onWelcome(welcome: Welcome, helloAt: number): void;
  onEvent(event: SessionEvent): void;
  onMomentary(momentary: Momentary): void;
  /** The connection broke and comes back in `retryInMs`. The wait itself goes on. */
  onLost(lost: { readonly code: number; readonly retryInMs: number }): void;
  /** The connection does not come back by itself. */
  onClosed(closed: { readonly code: number; readonly reason: string }): void;
}

export interface ConnectionSurroundings {
  readonly WebSocket: WebSocketConstructor;
  readonly lifecycle: Lifecycle;
  readonly random: () => number;
  readonly now: () => number;
}

type Aside = Extract<ClientMessage, { type: "typing" | "read" }>;
type Phase = "connecting" | "greeting" | "live" | "pausing" | "closed";

export class Connection {
  readonly #url: string;
  readonly #token: string;
  readonly #sessionId: string;
  readonly #listener: ConnectionListener;
  readonly #around: ConnectionSurroundings;
  readonly #unsubscribe: () => void;

  #phase: Phase = "pausing";
  #socket: WebSocket | null = null;
  #seq: number;
  #epoch: string | null;
  #acknowledged = false;
  #attempt = 0;
  /** When the present phase began, and when the server was last heard. */
  #since = 0;
  #heardAt = 0;
  /** The one deadline of the present phase: to open, to be welcomed, or to end a pause. */
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #pingTimer: ReturnType<typeof setTimeout> | undefined;
  #pongDeadline: ReturnType<typeof setTimeout> | undefined;

  /** Connects at once. `token` goes into the first frame only, never into the address. */
  constructor(
    target: { readonly url: string; readonly token: string; readonly position: Position },
    listener: ConnectionListener,
    around: ConnectionSurroundings,
  ) {
    this.#url = target.url;
    this.#token = target.token;
    this.#sessionId = target.position.sessionId;
    this.#seq = target.position.after;
    this.#epoch = target.position.epoch;
    this.#listener = listener;
    this.#around = around;
    this.#unsubscribe = around.lifecycle.subscribe(() => this.wake());
    this.#connect();
  }

  /**
   * The app came to the front or the network is another one. A pause ends at once. A connection
   * that may have died meanwhile is replaced, which costs nothing because the hello resumes; one
   * that was heard lately is asked for a sign of life.
   */
  wake(): void {
    const now = this.#around.now();
    const pausing = this.#phase === "pausing";
    const opening = this.#phase === "connecting" || this.#phase === "greeting";
    const live = this.#phase === "live";
    // Timers stand still in an app that sleeps, so an attempt may be older than its own limit.
    const overdue = opening && now - this.#since >= OPEN_LIMIT_MS;
    const doubtful =
      live && (this.#pongDeadline !== undefined || now - this.#heardAt >= DOUBTFUL_MS);
    if (pausing || overdue || doubtful) {
      this.#attempt = 0;
      this.#discard();
      this.#connect();
    } else if (live) this.#ping();
  }

  /**
   * Tells the server that the app has received an end; nothing while the connection is away.
   * @param over whether nothing follows it, so that the server's 1000 is the last word
   */
  acknowledge(seq: number, over = true): void {
    if (this.#phase !== "live" || seq > this.#seq) return;
    this.#acknowledged ||= over;
    this.#send({ type: "ack", seq });
  }

  /** Says something for the moment: typing, or what was read. Nothing while the connection is away. */
  say(message: Aside): void {
    if (this.#phase === "live") this.#send(message);
  }

  /** Stops following. The session itself is not touched; no more calls reach the listener. */
  close(): void {
    this.#finish();
  }

  #connect(): void {
    this.#clearTimers();
    this.#enter("connecting");
    let socket: WebSocket;
    try {
      socket = new this.#around.WebSocket(this.#url);
    } catch {
      this.#lose(LOST);
      return;
    }
    this.#socket = socket;
    const current = () => this.#socket === socket;
    socket.onopen = () => current() && this.#greet();
    socket.onmessage = (message) => current() && this.#receive(message.data);
    socket.onclose = (close) => current() && this.#lose({ code: close.code, reason: close.reason });
    this.#deadline = setTimeout(() => this.#abandon(), OPEN_LIMIT_MS);
  }

  #greet(): void {
    clearTimeout(this.#deadline);
    this.#enter("greeting");
    this.#send({
      type: "hello",
      token: this.#token,
      sessionId: this.#sessionId,
      after: this.#seq,
      epoch: this.#epoch,
    });
    this.#deadline = setTimeout(() => this.#abandon(), WELCOME_LIMIT_MS);
  }

  #receive(data: unknown): void {
    clearTimeout(this.#pongDeadline);
    this.#pongDeadline = undefined;
    this.#heardAt = this.#around.now();
    const message = typeof data === "string" ? readServerMessage(data) : null;
    if (message === null) this.#abandon();
    else this.#handle(message);
  }

  #handle(message: ServerMessage): void {
    switch (message.type) {
      case "welcome":
        if (this.#phase === "greeting") this.#welcome(message);
        break;
      case "event":
        if (this.#follows(message)) this.#event(message);
        break;
      case "momentary":
        if (this.#follows(message)) this.#listener.onMomentary(message);
        break;
      default:
        break;
    }
  }

  #follows({ sessionId }: Momentary): boolean {
    return this.#phase === "live" && sessionId === this.#sessionId;
  }

  #welcome(welcome: Welcome): void {
    clearTimeout(this.#deadline);
    const helloAt = this.#since;
    this.#enter("live");
    // Another history, or one with a gap: the snapshot includes everything up to its seq.
    if (!welcome.recovered) this.#seq = welcome.seq;
    this.#epoch = welcome.epoch;
    this.#schedulePing();
    this.#listener.onWelcome(welcome, helloAt);
  }

  #event(event: SessionEvent): void {
    if (event.seq <= this.#seq) return;
    if (event.seq > this.#seq + 1) {
      // A gap can only be a fault on the way: asking again from the last event repairs it.
      this.#abandon();
      return;
    }
    this.#seq = event.seq;
    this.#listener.onEvent(event);
  }

  #schedulePing(): void {
    clearTimeout(this.#pingTimer);
    this.#pingTimer = setTimeout(() => {
      if (this.#around.lifecycle.visible()) this.#ping();
      else this.#schedulePing();
    }, PING_EVERY_MS);
  }

  #ping(): void {
    this.#schedulePing();
    if (this.#pongDeadline !== undefined) return;
    this.#send({ type: "ping" });
    this.#pongDeadline = setTimeout(() => this.#abandon(), PONG_LIMIT_MS);
  }

  #send(message: ClientMessage): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  /** Gives a socket up without waiting for it: a dead one may take minutes to say so. */
  #abandon(): void {
    this.#discard();
    this.#lose(LOST);
  }

  /** Lets go of the socket, so that nothing that it still says is heard. */
  #discard(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#since = this.#around.now();
  }

  #lose(hint: ReconnectHint): void {
    const wasStable = this.#phase === "live" && this.#around.now() - this.#since >= STABLE_MS;
    if (wasStable) this.#attempt = 0;
    this.#socket = null;
    this.#clearTimers();
    const delay = reconnectDelay(this.#attempt, hint, this.#around.random);
    if (delay === null || (hint.code === CLOSE.done && this.#acknowledged)) {
      this.#finish();
      this.#listener.onClosed(hint);
      return;
    }
    this.#attempt += 1;
    this.#enter("pausing");
    this.#deadline = setTimeout(() => this.#connect(), delay);
    this.#listener.onLost({ code: hint.code, retryInMs: delay });
  }

  #finish(): void {
    this.#phase = "closed";
    this.#clearTimers();
    this.#unsubscribe();
    this.#discard();
  }

  #clearTimers(): void {
    clearTimeout(this.#deadline);
    clearTimeout(this.#pingTimer);
    clearTimeout(this.#pongDeadline);
    this.#pongDeadline = undefined;
  }
}
