/**
 * A server that speaks the staff API in memory, for one member of the staff: the answers of HTTP and
 * the frames of the stream, by the same rules as the real one. Tests steer it; it uses no clock.
 */

import { readFrame } from "../desk/protocol.js";

export const AT = "2026-11-02T11:36:00.000Z";
const STARTED_AT = "2026-11-02T11:32:00.000Z";

type Fields = Record<string, unknown>;
type Answer = { readonly status: number; readonly body: unknown };

export interface FakeSession {
  readonly sessionId: string;
  readonly customerId: string;
  readonly customerName: string | null;
  state: "WAITING" | "CONNECTED" | "ENDED";
  /** How the wait ended, where nobody of this desk took it. */
  ended: Fields | null;
  endedBy: string | null;
  seq: number;
  readonly messages: Fields[];
  present: boolean;
}

export class FakeStaffServer {
  readonly requests: { readonly route: string; readonly body: Fields; readonly token: string }[] =
    [];
  readonly sockets: FakeStaffSocket[] = [];
  readonly sessions: FakeSession[] = [];
  readonly events: { readonly seq: number; readonly text: string }[] = [];
  epoch = "epoch-1";
  /** "refuse" fails every call and connection. */
  network: "up" | "refuse" = "up";
  /** The next call is done, but its answer is lost. */
  loseNextAnswer = false;
  /** Connections open, and nothing that they say is answered. */
  silent = false;
  /** Events before this one are not kept any more. */
  forgottenBefore = 0;
  readonly #scripted = new Map<string, Answer[]>();
  readonly #tokens = new Set<string>();
  #sending: Promise<void> = Promise.resolve();

  readonly fetch = async (input: string, init: RequestInit): Promise<Response> => {
    if (this.network === "refuse") throw new TypeError("fetch failed");
    const { pathname, searchParams } = new URL(input);
    const path = pathname.replace("/v1/staff", "");
    const token = new Headers(init.headers).get("Authorization")?.replace("Bearer ", "") ?? "";
    const body: Fields = init.body ? JSON.parse(String(init.body)) : {};
    const route = `${init.method} ${path}`;
    this.requests.push({ route, body, token });
    if (route.endsWith("/messages") && init.method === "POST") await this.#sending;
    const scripted = this.#scripted.get(route)?.shift();
    const answer = scripted ?? this.#answer(route, body, token, Number(searchParams.get("after")));
    if (this.loseNextAnswer) {
      this.loseNextAnswer = false;
      throw new TypeError("connection reset");
    }
    return new Response(JSON.stringify(answer.body), { status: answer.status });
  };

  get WebSocket(): new (
    url: string,
  ) => WebSocket {
    const server = this;
    return class extends FakeStaffSocket {
      constructor(url: string) {
        super(url, server);
      }
    } as unknown as new (
      url: string,
    ) => WebSocket;
  }

  /** Scripts one answer for the next such request. */
  script(route: string, status: number, body: Fields): void {
    this.#scripted.set(route, [...(this.#scripted.get(route) ?? []), { status, body }]);
  }

  /** Messages wait for the returned function before they are answered. */
  holdMessages(): () => void {
    let release = () => {};
    this.#sending = new Promise((resolve) => {
      release = resolve;
    });
    return release;
  }

  count(route: string): number {
    return this.requests.filter((request) => request.route === route).length;
  }

  get socket(): FakeStaffSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error("no socket yet");
    return socket;
  }

  /** Signs everybody out. */
  revoke(): void {
    this.#tokens.clear();
  }

  waits(customerId: string, customerName: string | null = null): FakeSession {
    const session: FakeSession = {
      sessionId: `s-${customerId}-${this.sessions.length}`,
      customerId,
      customerName,
      state: "WAITING",
      ended: null,
      endedBy: null,
      seq: 1,
      messages: [],
      present: true,
    };
    this.sessions.push(session);
    return session;
  }

  /** The wait ends without this desk. */
  lose(session: FakeSession, outcome: string, reason: string | null, agentName?: string): void {
    session.state = "ENDED";
    session.ended = { outcome, reason, ...(agentName !== undefined && { agentName }) };
  }

  /** The customer writes, or the agent from another device of the same stream. */
  says(session: FakeSession, text: string, author = "customer", id = `c${session.seq}`): Fields {
    session.seq += 1;
    const message = { seq: session.seq, id, author, text, at: AT };
    session.messages.push(message);
    this.#emit("chat.message", { conversationId: session.sessionId, ...message });
    return message;
  }

  connect(session: FakeSession): void {
    session.state = "CONNECTED";
    session.seq += 2;
    const state = { state: "CHAT_INPROGRESS", agentName: "Selin Aksoy" };
    this.#emit("chat.state", { conversationId: session.sessionId, seq: session.seq, ...state });
  }

  end(session: FakeSession, endedBy: string): void {
    session.state = "ENDED";
    session.endedBy = endedBy;
    session.seq += 1;
    const state = { state: "CHAT_ENDED", endedBy };
    this.#emit("chat.state", { conversationId: session.sessionId, seq: session.seq, ...state });
  }

  handle(socket: FakeStaffSocket, frame: Fields): void {
    if (this.silent) return;
    if (frame["type"] === "ping") socket.receive('{"type":"pong"}');
    if (frame["type"] !== "hello") return;
    if (!this.#tokens.has(String(frame["token"]))) {
      socket.serverCloses(4401);
      return;
    }
    for (const other of this.sockets) if (other.live) other.serverCloses(4409);
    socket.live = true;
    const after = Number(frame["after"]);
    const sameHistory = after === 0 || frame["epoch"] === this.epoch;
    const recovered = sameHistory && after >= this.forgottenBefore;
    const live = this.sessions.filter(({ state }) => state === "CONNECTED");
    const welcome = {
      type: "welcome",
      userId: "31007",
      seq: this.events.length,
      epoch: this.epoch,
      serverTime: AT,
      recovered,
      snapshot: { userId: "31007", userName: "Selin Aksoy", conversations: live.map(objectOf) },
    };
    socket.receive(JSON.stringify(welcome));
    for (const { seq, text } of this.events) if (recovered && seq > after) socket.receive(text);
  }

  #emit(event: string, data: Fields): void {
    const seq = this.events.length + 1;
    const text = JSON.stringify({ type: "event", seq, event, at: AT, data });
    this.events.push({ seq, text });
    for (const socket of this.sockets) if (socket.live) socket.receive(text);
  }

  #answer(route: string, body: Fields, token: string, after: number): Answer {
    if (route === "POST /sessions") {
      const staffToken = `staff-${this.#tokens.size + 1}`;
      this.#tokens.add(staffToken);
      return { status: 201, body: { ...body, staffToken, expiresAt: AT } };
    }
    if (!this.#tokens.has(token)) return problem(401, "TOKEN_UNKNOWN");
    if (route === "GET /queue") return { status: 200, body: { waiting: this.#queue() } };
    if (route === "POST /conversations") return this.#accept(body);
    const [, method, id, call] = /^(\w+) \/conversations\/([^/]+)\/?(\w*)$/.exec(route) ?? [];
    const session = this.sessions.find(({ sessionId }) => sessionId === id);
    if (session === undefined || session.ended !== null) return problem(404, "SESSION_NOT_FOUND");
    if (call === "messages") {
      return method === "POST" ? this.#take(session, body) : told(session, after);
    }
    if (call === "end" && session.state !== "ENDED") this.end(session, "agent");
    return { status: 200, body: objectOf(session) };
  }

  #queue(): Fields[] {
    return this.sessions.filter(({ state }) => state === "WAITING").map(waitingOf);
  }

  #accept(body: Fields): Answer {
    const session = [...this.sessions]
      .reverse()
      .find(
        ({ sessionId, customerId }) =>
          sessionId === body["sessionId"] || customerId === body["customerId"],
      );
    if (session === undefined) return problem(404, "SESSION_NOT_FOUND");
    if (session.ended !== null) return problem(409, "WAIT_ENDED", session.ended);
    if (session.state === "WAITING") this.connect(session);
    return { status: 201, body: objectOf(session) };
  }

  #take(session: FakeSession, body: Fields): Answer {
    if (session.state === "ENDED") return problem(409, "CONVERSATION_ENDED");
    const known = session.messages.find(({ id }) => id === body["id"]);
    const { id, seq, at } =
      known ?? this.says(session, String(body["text"]), "agent", String(body["id"]));
    return { status: 201, body: { id, seq, at } };
  }
}

/** The desk's end of a connection. Everything arrives a microtask later, as events do. */
export class FakeStaffSocket {
  readonly sent: Fields[] = [];
  readyState = 0;
  live = false;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((close: { code: number; reason: string }) => void) | null = null;
  readonly #server: FakeStaffServer;
  /** Nothing passes any more, in neither direction, and neither end knows. */
  broken = false;

  constructor(
    readonly url: string,
    server: FakeStaffServer,
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

function objectOf(session: FakeSession): Fields {
  const { sessionId, customerId, customerName, state, endedBy, seq, present } = session;
  return {
    conversationId: sessionId,
    sessionId,
    customerId,
    customerName,
    helpType: "chat",
    interactionId: `i-${customerId}`,
    state,
    startedAt: AT,
    ...(state === "ENDED" && { endedAt: AT, endedBy }),
    present,
    seq,
    attachedData: { topic: "limit" },
  };
}

function waitingOf({ sessionId, customerId, customerName }: FakeSession, index: number): Fields {
  return {
    sessionId,
    interactionId: `i-${customerId}`,
    customerId,
    customerName,
    helpType: "chat",
    startedAt: STARTED_AT,
    position: index + 1,
    present: true,
    attachedData: {},
  };
}

function told(session: FakeSession, after: number): Answer {
  const messages = session.messages.filter(({ seq }) => Number(seq) > after);
  return { status: 200, body: { messages } };
}

function problem(status: number, code: string, more: Fields = {}): Answer {
  return { status, body: { code, detail: code, retryable: status >= 500, ...more } };
}
