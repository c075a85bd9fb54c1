/** The desk's end of a connection to the server in memory. */

import { readFrame } from "../desk/protocol.js";

type Fields = Record<string, unknown>;

/** What a connection needs of the server at its other end. */
export interface FakeEnd {
  readonly network: "up" | "refuse";
  readonly sockets: FakeStaffSocket[];
  handle(socket: FakeStaffSocket, frame: Fields): void;
}

/** Everything arrives a microtask later, as events do. */
export class FakeStaffSocket {
  readonly sent: Fields[] = [];
  readyState = 0;
  live = false;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((close: { code: number; reason: string }) => void) | null = null;
  readonly #server: FakeEnd;
  /** Nothing passes any more, in neither direction, and neither end knows. */
  broken = false;

  constructor(
    readonly url: string,
    server: FakeEnd,
  ) {
    this.#server = server;
    server.sockets.push(this);
    queueMicrotask(() => {
      if (server.network === "refuse") this.serverCloses(1006);
      else {
        this.readyState = 1;
        this.onopen?.();
      }
    });
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
    queueMicrotask(() => {
      if (!this.broken) this.#server.handle(this, JSON.parse(text));
    });
  }

  close(): void {
    this.readyState = 3;
    this.live = false;
  }

  receive(text: string): void {
    // The fake must not speak a dialect: what it sends, the desk's reader must accept.
    if (readFrame(text) === null) throw new Error(`no legal frame: ${text}`);
    queueMicrotask(() => {
      if (this.readyState === 1 && !this.broken) this.onmessage?.({ data: text });
    });
  }

  serverCloses(code: number, reason = ""): void {
    this.live = false;
    queueMicrotask(() => {
      if (this.readyState === 3 || this.broken) return;
      this.readyState = 3;
      this.onclose?.({ code, reason });
    });
  }
}
