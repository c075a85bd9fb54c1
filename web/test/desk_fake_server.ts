/**
 * A server that speaks the staff API in memory, for one member of the staff: the answers of HTTP and
 * the frames of the stream, by the same rules as the real one. Tests steer it; it uses no clock.
 */

import { AT, type FakeSession, objectOf, waitingOf } from "./desk_fake_session.js";
import { FakeStaffSocket } from "./desk_fake_socket.js";

type Fields = Record<string, unknown>;
type Answer = { readonly status: number; readonly body: unknown };

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
  rights: readonly string[] = ["agent"];
  readonly notes: Fields[] = [];
  /** null: the company's own queue routes. */
  availability: Fields | null = null;
  /** Offers by session: when they end. */
  readonly offers = new Map<FakeSession, string>();
  /** How many wait besides those whom the line names. */
  beyond = 0;
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
      marks: { received: 0, read: 0 },
      present: true,
    };
    this.sessions.push(session);
    this.tellLine();
    return session;
  }

  /** Tells every desk who waits. The server does so at most once a second, so a desk may not know yet. */
  tellLine(): void {
    const waiting = this.sessions.filter(({ state }) => state === "WAITING").map(waitingOf);
    const line = { type: "line", total: waiting.length + this.beyond, waiting };
    for (const socket of this.sockets) if (socket.live) socket.receive(JSON.stringify(line));
  }

  /** The built-in queue routes, and the agent takes offers. */
  routes(): void {
    this.availability = { available: true, since: AT, reason: null, capacity: 3, skills: [] };
    this.tellDesk();
  }

  sendAway(reason: "agent" | "missed" | "lost"): void {
    this.availability = { ...this.availability, available: false, since: AT, reason };
    this.tellDesk();
  }

  /** @param seconds until the offer ends, from the time of the welcome */
  offer(session: FakeSession, seconds: number): void {
    this.offers.set(session, new Date(Date.parse(AT) + seconds * 1_000).toISOString());
    this.tellDesk();
  }

  withdraw(session: FakeSession): void {
    this.offers.delete(session);
    this.tellDesk();
  }

  tellDesk(): void {
    const offers = [...this.offers].map(([session, expiresAt], at) => {
      return { ...waitingOf(session, at), offeredAt: AT, expiresAt };
    });
    const routing = this.availability !== null;
    const desk = { type: "desk", routing, availability: this.availability, offers };
    for (const socket of this.sockets) if (socket.live) socket.receive(JSON.stringify(desk));
  }

  /** The wait ends without this desk, which is not told yet. */
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

  /** Somebody of the staff has left a note. */
  noted(conversationId: string, text: string, author: string, id = `n${this.notes.length}`): void {
    this.notes.push({ id, author, at: AT, text, conversationId });
  }

  /** The customer is writing just now. */
  types(session: FakeSession): void {
    this.#tell("chat.typing", { conversationId: session.sessionId, author: "customer" });
  }

  /** The customer's app has received, and the customer has read, so far. */
  reads(session: FakeSession, received: number, read: number): void {
    Object.assign(session.marks, { received, read });
    const marks = { author: "customer", received, read };
    this.#tell("chat.read", { conversationId: session.sessionId, ...marks });
  }

  #tell(event: string, data: Fields): void {
    const text = JSON.stringify({ type: "event", event, at: AT, data });
    for (const socket of this.sockets) if (socket.live) socket.receive(text);
  }

  connect(session: FakeSession): void {
    session.state = "CONNECTED";
    session.seq += 2;
    const state = { state: "CHAT_INPROGRESS", agentName: "Selin Aksoy" };
    this.#emit("chat.state", { conversationId: session.sessionId, seq: session.seq, ...state });
    this.tellLine();
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
    if (frame["line"] !== true) return;
    this.tellLine();
    this.tellDesk();
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
      const { rights } = this;
      return { status: 201, body: { ...body, staffToken, expiresAt: AT, rights } };
    }
    if (!this.#tokens.has(token)) return problem(401, "TOKEN_UNKNOWN");
    if (route === "POST /conversations") return this.#accept(body);
    if (route === "PUT /availability" || route.startsWith("POST /offers/")) {
      return this.#onDuty(route, body);
    }
    if (route.startsWith("DELETE /waits/"))
      return this.#close(route.slice("DELETE /waits/".length));
    const [, method, id, call] = /^(\w+) \/conversations\/([^/]+)\/?(\w*)$/.exec(route) ?? [];
    const session = this.sessions.find(({ sessionId }) => sessionId === id);
    if (session === undefined || session.ended !== null) return problem(404, "SESSION_NOT_FOUND");
    if (call === "messages") {
      return method === "POST" ? this.#take(session, body) : told(session, after);
    }
    if (call === "notes")
      return method === "POST" ? this.#note(session, body) : this.#notes(session);
    if (call === "end" && session.state !== "ENDED") this.end(session, "agent");
    return { status: 200, body: objectOf(session) };
  }

  #close(id: string): Answer {
    if (!this.rights.includes("supervisor")) return problem(403, "RIGHT_MISSING");
    const session = this.sessions.find(({ sessionId }) => sessionId === id);
    if (session === undefined) return problem(404, "SESSION_NOT_FOUND");
    if (session.ended !== null) return problem(409, "WAIT_ENDED", session.ended);
    this.lose(session, "CANCELLED", "administrator");
    return { status: 200, body: { sessionId: id, outcome: "CANCELLED", reason: "administrator" } };
  }

  #onDuty(route: string, { available }: Fields): Answer {
    if (this.availability === null) return problem(409, "ROUTING_ELSEWHERE");
    const [, id] = /^POST \/offers\/([^/]+)\/decline$/.exec(route) ?? [];
    if (id === undefined) {
      this.availability = { ...this.availability, available, reason: available ? null : "agent" };
      return { status: 200, body: this.availability };
    }
    const session = [...this.offers.keys()].find(({ sessionId }) => sessionId === id);
    if (session === undefined) return problem(404, "SESSION_NOT_FOUND");
    this.withdraw(session);
    return { status: 200, body: {} };
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
    this.offers.delete(session);
    return { status: 201, body: objectOf(session) };
  }

  #notes({ customerId }: FakeSession): Answer {
    const about = this.sessions.filter((one) => one.customerId === customerId);
    const notes = this.notes.filter(({ conversationId }) =>
      about.some(({ sessionId }) => sessionId === conversationId),
    );
    return { status: 200, body: { notes } };
  }

  #note({ sessionId }: FakeSession, { id, text }: Fields): Answer {
    const known = this.notes.find((note) => note["id"] === id);
    if (known !== undefined && known["text"] !== text) return problem(422, "MESSAGE_ID_REUSED");
    if (known === undefined) this.noted(sessionId, String(text), "Selin Aksoy", String(id));
    return { status: 201, body: { id, at: AT } };
  }

  #take(session: FakeSession, body: Fields): Answer {
    if (session.state === "ENDED") return problem(409, "CONVERSATION_ENDED");
    const known = session.messages.find(({ id }) => id === body["id"]);
    const { id, seq, at } =
      known ?? this.says(session, String(body["text"]), "agent", String(body["id"]));
    return { status: 201, body: { id, seq, at } };
  }
}

function told(session: FakeSession, after: number): Answer {
  const messages = session.messages.filter(({ seq }) => Number(seq) > after);
  return { status: 200, body: { messages } };
}

function problem(status: number, code: string, more: Fields = {}): Answer {
  return { status, body: { code, detail: code, retryable: status >= 500, ...more } };
}
