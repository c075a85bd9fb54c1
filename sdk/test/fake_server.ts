/**
 * A server that speaks the customer API in memory: the answers of HTTP and the frames of the event
 * stream, by the same rules as the real one. Tests steer it; nothing in it waits or uses a clock.
 */

import { type Help, readServerMessage } from "../src/messages.js";
import { type Answer, FakeConversation, problem } from "./fake_conversation.js";

export const EPOCH = "epoch-1";
const STARTED_AT = "2026-11-02T11:32:00.000Z";
const SERVER_TIME = "2026-11-02T11:32:05.000Z";

interface Session {
  help: Help;
  readonly customerId: string;
  readonly events: { seq: number; text: string }[];
  /** Number of its wait.ended, 0 while there is none. */
  endSeq: number;
  acknowledged: boolean;
  readonly conversation: FakeConversation;
}

export interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly body: Record<string, unknown>;
  readonly key: string | null;
  readonly authorization: string | null;
}

export class FakeServer {
  readonly requests: Recorded[] = [];
  readonly sockets: FakeSocket[] = [];
  readonly sessions: Session[] = [];
  /** What clients said for the moment. */
  readonly asides: Record<string, unknown>[] = [];
  epoch = EPOCH;
  /** "refuse" fails every call and connection, "hang" never opens a socket. */
  network: "up" | "refuse" | "hang" = "up";
  /** The server stops answering pings, as a dead path does. */
  silent = false;
  /** The next start reaches the server, but its answer is lost. */
  loseNextStart = false;
  /** Every call but a start reaches the server, and its answer is lost. */
  loseAnswers = false;
  /** The next start never reaches the server, and nobody tells the app. */
  swallowNextStart = false;
  /** Answers that go out before the rules are asked, by "METHOD path". */
  readonly scripted = new Map<string, Answer[]>();
  /** Starts wait for this before they are answered. */
  queueAnswers: Promise<void> = Promise.resolve();

  readonly #tokens = new Map<string, string>();
  readonly #byKey = new Map<string, Session>();

  readonly fetch = async (input: string, init: RequestInit): Promise<Response> => {
    if (this.network !== "up") throw new TypeError("fetch failed");
    const headers = new Headers(init.headers);
    const { pathname, search } = new URL(input);
    const request: Recorded = {
      method: init.method ?? "GET",
      path: pathname,
      body: init.body ? JSON.parse(String(init.body)) : {},
      key: headers.get("Idempotency-Key"),
      authorization: headers.get("Authorization"),
    };
    this.requests.push(request);
    const answer = this.#scripted(request) ?? (await this.#route(request, search));
    if (this.loseAnswers) throw new TypeError("connection reset");
    return new Response(
      typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body),
      { status: answer.status, headers: answer.headers ?? {} },
    );
  };

  /** The constructor that an app would find as `WebSocket`. */
  get WebSocket(): new (
    url: string,
  ) => WebSocket {
    const server = this;
    return class extends FakeSocket {
      constructor(url: string) {
        super(url, server);
      }
    } as unknown as new (
      url: string,
    ) => WebSocket;
  }

  /** Scripts one answer for the next such request. */
  answer(route: string, status: number, body: unknown, headers?: Record<string, string>): void {
    const answer = headers === undefined ? { status, body } : { status, body, headers };
    this.scripted.set(route, [...(this.scripted.get(route) ?? []), answer]);
  }

  /** Makes a waiting session, as a start would, and a token of its customer. */
  waiting(customerId = "c1"): { help: Help; token: string } {
    const session = this.#begin(customerId, "chat");
    this.#take(session);
    return { help: session.help, token: this.tokenOf(customerId) };
  }

  tokenOf(customerId: string): string {
    const token = `token-${this.#tokens.size + 1}`;
    this.#tokens.set(token, customerId);
    return token;
  }

  count(route: string): number {
    return this.requests.filter((r) => `${r.method} ${r.path}` === route).length;
  }

  get newest(): Session {
    const session = this.sessions.at(-1);
    if (session === undefined) throw new Error("no session yet");
    return session;
  }

  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error("no socket yet");
    return socket;
  }

  /** Adds an event to a session and sends it to whoever follows. */
  emit(event: string, data: Record<string, unknown>, session = this.newest): void {
    const seq = session.help.seq + 1;
    const { sessionId } = session.help;
    const text = JSON.stringify({ type: "event", sessionId, seq, event, at: SERVER_TIME, data });
    session.help = { ...session.help, seq };
    session.events.push({ seq, text });
    for (const socket of this.sockets) if (socket.follows === sessionId) socket.receive(text);
  }

  /** Sends something of the moment to whoever follows; nothing of it is kept. */
  moment(event: string, data: Record<string, unknown>, session = this.newest): void {
    const { sessionId } = session.help;
    const text = JSON.stringify({ type: "event", sessionId, event, at: SERVER_TIME, data });
    for (const socket of this.sockets) if (socket.follows === sessionId) socket.receive(text);
  }

  end(outcome: string, reason: string | null, message: string | null = null): void {
    const session = this.newest;
    const state = outcome === "CONNECTED" ? "CONNECTED" : "ENDED";
    const agentName = outcome === "CONNECTED" ? "Selin" : null;
    session.endSeq = session.help.seq + 1;
    session.help = {
      ...session.help,
      state,
      outcome,
      reason,
      message,
      agentName,
      endedAt: SERVER_TIME,
    };
    const { interactionId } = session.help;
    this.emit("wait.ended", { outcome, reason, message, interactionId, agentName });
    if (agentName !== null) session.conversation.begin(agentName);
  }

  /** What the agent does in the conversation of the newest session. */
  get conversation(): FakeConversation {
    return this.newest.conversation;
  }

  handle(socket: FakeSocket, text: string): void {
    const frame: Record<string, unknown> = JSON.parse(text);
    if (frame["type"] === "ping" && !this.silent) socket.receive('{"type":"pong"}');
    if (frame["type"] === "hello") this.#hello(socket, frame);
    if (frame["type"] === "typing" || frame["type"] === "read") this.asides.push(frame);
    if (frame["type"] === "ack") this.#acknowledge(socket, Number(frame["seq"]));
  }

  #hello(socket: FakeSocket, hello: Record<string, unknown>): void {
    const customerId = this.#tokens.get(String(hello["token"]));
    const session = this.sessions.find((s) => s.help.sessionId === hello["sessionId"]);
    if (customerId === undefined) {
      socket.serverCloses(4401);
      return;
    }
    if (session === undefined || session.customerId !== customerId) {
      socket.serverCloses(4404);
      return;
    }
    const { sessionId, seq } = session.help;
    for (const other of this.sockets) if (other.follows === sessionId) other.serverCloses(4409);
    socket.follows = sessionId;
    const after = Number(hello["after"]);
    const recovered = after === 0 || (hello["epoch"] === this.epoch && after <= seq);
    const snapshot = { ...session.help, epoch: this.epoch };
    const { epoch } = this;
    socket.receive(
      JSON.stringify({
        type: "welcome",
        sessionId,
        seq,
        epoch,
        serverTime: SERVER_TIME,
        recovered,
        snapshot,
      }),
    );
    const missed = session.events.filter((event) => recovered && event.seq > after);
    for (const event of missed) socket.receive(event.text);
  }

  #acknowledge(socket: FakeSocket, seq: number): void {
    const session = this.sessions.find((s) => s.help.sessionId === socket.follows);
    if (session === undefined) return;
    if (!(seq <= session.help.seq)) {
      socket.serverCloses(4400, "acknowledges what was not sent");
      return;
    }
    if (session.endSeq === 0 || seq < session.endSeq) return;
    session.acknowledged = true;
    if (session.help.state === "ENDED") socket.serverCloses(1000);
  }

  #scripted(request: Recorded): Answer | undefined {
    return this.scripted.get(`${request.method} ${request.path}`)?.shift();
  }

  async #route(request: Recorded, search: string): Promise<Answer> {
    if (request.path === "/v1/client/activations") {
      const customerId = String(request.body["customerId"]);
      const clientToken = this.tokenOf(customerId);
      return { status: 201, body: { clientToken, expiresAt: SERVER_TIME, customerId } };
    }
    const token = request.authorization?.replace("Bearer ", "") ?? "";
    const customerId = this.#tokens.get(token);
    if (customerId === undefined) return problem(401, "DLGEXCP_AUTH_REQUEST");
    if (request.path === "/v1/client/help") {
      return request.method === "POST"
        ? this.#start(request, customerId)
        : this.#current(customerId);
    }
    const [, , , , sessionId, part] = request.path.split("/");
    const session = this.sessions.find((s) => s.help.sessionId === sessionId);
    if (session === undefined || session.customerId !== customerId)
      return problem(404, "NOT_FOUND");
    if (part !== undefined) return session.conversation.route(part, request, search);
    return request.method === "DELETE"
      ? this.#cancel(session)
      : { status: 200, body: session.help };
  }

  async #start(request: Recorded, customerId: string): Promise<Answer> {
    if (this.swallowNextStart) {
      this.swallowNextStart = false;
      return new Promise(() => {});
    }
    const known = request.key === null ? undefined : this.#byKey.get(request.key);
    const session = known ?? this.#begin(customerId, String(request.body["helpType"]));
    if (request.key !== null) this.#byKey.set(request.key, session);
    if (this.loseNextStart) {
      this.loseNextStart = false;
      this.#take(session);
      throw new TypeError("connection reset");
    }
    await this.queueAnswers;
    this.#take(session);
    return { status: 201, body: session.help };
  }

  #current(customerId: string): Answer {
    const own = this.sessions.filter((s) => s.customerId === customerId);
    const open = own.find((s) => s.help.state !== "ENDED");
    const session = open ?? own.filter((s) => !s.acknowledged).at(-1);
    return session === undefined ? problem(404, "NOT_FOUND") : { status: 200, body: session.help };
  }

  #cancel(session: Session): Answer {
    const { state, outcome, reason, sessionId } = session.help;
    if (state === "REQUESTED" || state === "WAITING") {
      this.end("CANCELLED", "customer");
      session.acknowledged = true;
    } else if (outcome !== "CANCELLED") {
      return problem(409, "WAIT_ENDED", { outcome, reason, sessionId });
    }
    return { status: 200, body: session.help };
  }

  #begin(customerId: string, helpType: string): Session {
    const number = this.sessions.length + 1;
    const help: Help = {
      sessionId: `session-${number}`,
      interactionId: null,
      helpType: helpType === "video_call" ? "video_call" : "chat",
      state: "REQUESTED",
      startedAt: STARTED_AT,
      endedAt: null,
      outcome: null,
      reason: null,
      message: null,
      agentName: null,
      conversation: null,
      position: null,
      estimatedWaitSeconds: null,
      seq: 0,
      epoch: this.epoch,
      limits: { waitLimitSeconds: 1800, abandonAfterSeconds: 300, queueTimeoutSeconds: 10 },
    };
    const session: Session = {
      help,
      customerId,
      events: [],
      endSeq: 0,
      acknowledged: false,
      conversation: new FakeConversation({
        help: () => session.help,
        change: (part) => {
          session.help = { ...session.help, ...part };
          if (part.state !== "ENDED") return;
          session.endSeq = session.help.seq + 1;
          session.acknowledged = false;
        },
        emit: (event, data) => this.emit(event, data, session),
        told: () => {
          session.acknowledged = true;
        },
      }),
    };
    this.sessions.push(session);
    return session;
  }

  /** The queue takes a request that is still asked for. */
  #take(session: Session): void {
    if (session.help.state !== "REQUESTED") return;
    const interactionId = `interaction-${this.sessions.indexOf(session) + 1}`;
    session.help = { ...session.help, state: "WAITING", interactionId };
    this.emit("wait.started", { interactionId, helpType: session.help.helpType }, session);
  }
}

/** The app's end of a connection. Everything arrives a microtask later, as events do. */
export class FakeSocket {
  readonly sent: Record<string, unknown>[] = [];
  readyState = 0;
  follows: string | null = null;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((close: { code: number; reason: string }) => void) | null = null;
  readonly #server: FakeServer;
  #halfOpen = false;

  constructor(
    readonly url: string,
    server: FakeServer,
  ) {
    this.#server = server;
    server.sockets.push(this);
    if (server.network === "hang") return;
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
      if (!this.#halfOpen) this.#server.handle(this, text);
    });
  }

  /** Nothing passes any more, in neither direction, and neither end knows. */
  breakSilently(): void {
    this.#halfOpen = true;
  }

  close(): void {
    this.readyState = 3;
    this.follows = null;
  }

  receive(text: string): void {
    // The fake must not speak a dialect: what it sends, the SDK's reader must accept.
    if (readServerMessage(text) === null) throw new Error(`no legal frame: ${text}`);
    this.receiveRaw(text);
  }

  receiveRaw(text: string): void {
    queueMicrotask(() => {
      if (this.readyState === 1 && !this.#halfOpen) this.onmessage?.({ data: text });
    });
  }

  serverCloses(code: number, reason = ""): void {
    this.follows = null;
    queueMicrotask(() => {
      if (this.readyState === 3 || this.#halfOpen) return;
      this.readyState = 3;
      this.onclose?.({ code, reason });
    });
  }
}
