/** The staff's event stream: one WebSocket that is kept, found dead in time, and opened again. */

import { isFinalClose, type Lifecycle, reconnectDelay } from "diyalog";
import {
  type Aside,
  type Command,
  type Frame,
  type Line,
  type Moment,
  type OwnDesk,
  readFrame,
  type StaffEvent,
  type Welcome,
} from "./protocol.js";

/** To open, and then to be welcomed. */
const ANSWER_LIMIT_MS = 5_000;
const PING_EVERY_MS = 15_000;
/** A connection that lived this long makes the next pause short again. */
const STABLE_MS = 10_000;
const LOST = { code: 1006, reason: "" };

/** The last event that the desk has, in which history. */
export interface Position {
  readonly after: number;
  readonly epoch: string | null;
}

export interface StreamListener {
  /** `helloAt`: when the hello was sent, by the desk's clock. */
  onWelcome(welcome: Welcome, helloAt: number): void;
  /** `replayed`: the welcome before it knew of the event already. */
  onEvent(event: StaffEvent, replayed: boolean): void;
  /** What holds now, in place of what was told before. */
  onNow(news: Line | OwnDesk): void;
  onMoment(moment: Moment): void;
  /** The connection broke; it comes back by itself. */
  onLost(): void;
  /** The connection does not come back by itself. */
  onClosed(code: number): void;
}

export interface StreamSurroundings {
  readonly WebSocket: new (url: string) => WebSocket;
  readonly lifecycle: Lifecycle;
  readonly random: () => number;
  readonly now: () => number;
}

export class StaffStream {
  readonly #url: string;
  readonly #token: string;
  readonly #listener: StreamListener;
  readonly #around: StreamSurroundings;
  readonly #unsubscribe: () => void;

  #socket: WebSocket | null = null;
  #live = false;
  #position: Position;
  /** The newest event when the server welcomed the desk. */
  #welcomedAt = 0;
  #attempt = 0;
  /** When the socket was opened, greeted, or went live; and when the server was last heard. */
  #since = 0;
  #heardAt = 0;
  /** The one deadline of the moment: to open, to be welcomed, to be answered, to end a pause. */
  #deadline: ReturnType<typeof setTimeout> | undefined;
  #pingTimer: ReturnType<typeof setTimeout> | undefined;

  /** Connects at once. The token goes into the first frame only, never into the address. */
  constructor(
    target: { readonly url: string; readonly token: string; readonly position: Position },
    listener: StreamListener,
    around: StreamSurroundings,
  ) {
    this.#url = target.url;
    this.#token = target.token;
    this.#position = target.position;
    this.#listener = listener;
    this.#around = around;
    this.#unsubscribe = around.lifecycle.subscribe(() => this.wake());
    this.#connect();
  }

  /** Where another connection would go on. */
  get position(): Position {
    return this.#position;
  }

  /**
   * The page came to the front or the network changed: a pause ends at once, a connection that was
   * silent for long is replaced, and any other is asked for a sign of life.
   */
  wake(): void {
    const silent = this.#around.now() - Math.max(this.#since, this.#heardAt);
    if (this.#live && silent < PING_EVERY_MS + ANSWER_LIMIT_MS) this.#ping();
    else if (this.#socket === null || silent >= ANSWER_LIMIT_MS) {
      this.#attempt = 0;
      this.#discard();
      this.#connect();
    }
  }

  /** Says something of the moment; while there is no connection, nothing is said. */
  say(aside: Aside): void {
    if (this.#live) this.#send(aside);
  }

  /** Ends following for good; the listener hears nothing more. */
  close(): void {
    this.#unsubscribe();
    this.#discard();
  }

  #connect(): void {
    this.#since = this.#around.now();
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
    socket.onmessage = ({ data }) => current() && this.#receive(data);
    socket.onclose = (close) => current() && this.#lose(close);
    this.#expectAnswer();
  }

  #greet(): void {
    this.#since = this.#around.now();
    this.#send({ type: "hello", token: this.#token, ...this.#position, line: true });
    this.#expectAnswer();
  }

  #receive(data: unknown): void {
    this.#heardAt = this.#around.now();
    const frame = typeof data === "string" ? readFrame(data) : null;
    if (frame === null) this.#abandon();
    else this.#handle(frame);
  }

  #handle(frame: Frame): void {
    if (frame.type === "welcome" && !this.#live) this.#welcome(frame);
    else if (this.#live) this.#told(frame);
    // Any frame proves that the connection carries.
    if (this.#live) clearTimeout(this.#deadline);
  }

  #told(frame: Frame): void {
    if (frame.type === "event") this.#event(frame.seq, frame.event);
    else if (frame.type === "moment") this.#listener.onMoment(frame.moment);
    else if (frame.type === "line" || frame.type === "desk") this.#listener.onNow(frame);
  }

  #welcome(welcome: Welcome): void {
    const helloAt = this.#since;
    this.#live = true;
    this.#since = this.#around.now();
    this.#welcomedAt = welcome.seq;
    const after = welcome.recovered ? this.#position.after : welcome.seq;
    this.#position = { after, epoch: welcome.epoch };
    this.#schedulePing();
    this.#listener.onWelcome(welcome, helloAt);
  }

  #event(seq: number, event: StaffEvent): void {
    const { after, epoch } = this.#position;
    if (seq <= after) return;
    if (seq > after + 1) {
      // A gap can only be a fault on the way: asking again from the last event repairs it.
      this.#abandon();
      return;
    }
    this.#position = { after: seq, epoch };
    this.#listener.onEvent(event, seq <= this.#welcomedAt);
    this.#send({ type: "ack", seq });
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
    this.#send({ type: "ping" });
    this.#expectAnswer();
  }

  #expectAnswer(): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#abandon(), ANSWER_LIMIT_MS);
  }

  #send(command: Command): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(command));
  }

  /** Gives a socket up without waiting for it: a dead one may take minutes to say so. */
  #abandon(): void {
    this.#lose(LOST);
  }

  #lose(close: { readonly code: number; readonly reason: string }): void {
    if (this.#live && this.#around.now() - this.#since >= STABLE_MS) this.#attempt = 0;
    this.#discard();
    const pause = isFinalClose(close.code)
      ? null
      : reconnectDelay(this.#attempt, close, this.#around.random);
    if (pause === null) {
      this.close();
      this.#listener.onClosed(close.code);
      return;
    }
    this.#attempt += 1;
    this.#deadline = setTimeout(() => this.#connect(), pause);
    this.#listener.onLost();
  }

  /** Lets go of the socket, so that nothing that it still says is heard. */
  #discard(): void {
    clearTimeout(this.#deadline);
    clearTimeout(this.#pingTimer);
    this.#live = false;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}
