import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeStaffServer } from "./desk_fake_server.js";
import { LINK, memoryStorage, openDesk, settle, working } from "./desk_sample.js";

let server: FakeStaffServer;
let storage: Storage;

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeStaffServer();
  storage = memoryStorage();
});

afterEach(() => {
  vi.clearAllTimers();
  vi.useRealTimers();
});

describe("signing in", () => {
  it("exchanges what the link says for a token, and forgets the secrets", async () => {
    const link = "#/auth?userId=31007&userName=Selin%20Aksoy&sessionId=web-1&dlgToken=secret";
    const { view, tab } = await openDesk(server, storage, link);
    expect(server.requests[0]).toEqual({
      route: "POST /sessions",
      body: { userId: "31007", userName: "Selin Aksoy", sessionId: "web-1", token: "secret" },
      token: "",
    });
    expect(working(view()).agentName).toBe("Selin Aksoy");
    expect(tab.memory.token).toBe("staff-1");
    expect(storage.getItem("diyalog.desk")).not.toContain("secret");
    expect(server.socket.sent[0]).toEqual({
      type: "hello",
      token: "staff-1",
      after: 0,
      epoch: null,
      line: true,
    });
    expect(server.socket.url).not.toContain("staff-1");
  });

  it("says the code of a refusal, tells the outer page, and tries again on demand", async () => {
    server.script("POST /sessions", 401, { code: "DLGEXCPSRV_TKNNOTVLD", retryable: false });
    const { view, desk, outer } = await openDesk(server, storage);
    const refusal = { kind: "signIn", code: "DLGEXCPSRV_TKNNOTVLD" };
    expect(view()).toEqual({ kind: "refused", refusal });
    expect(outer).toEqual([
      { type: "diyalog", event: "authFailed", userId: null, errorCode: "DLGEXCPSRV_TKNNOTVLD" },
    ]);
    desk.tryAgain();
    await settle();
    expect(view().kind).toBe("desk");
  });

  it("goes on trying while the server is not reached, and says so", async () => {
    server.network = "refuse";
    const { view } = await openDesk(server, storage);
    expect(view()).toEqual({ kind: "signingIn", slow: true });
    server.network = "up";
    await settle(20_000);
    expect(view().kind).toBe("desk");
  });

  it("needs an agent in the link", async () => {
    const { view } = await openDesk(server, storage, "#/auth?userName=Selin");
    expect(view()).toEqual({ kind: "refused", refusal: { kind: "link" } });
    expect(server.requests).toEqual([]);
  });

  it("goes on after a reload without the link", async () => {
    await openDesk(server, storage);
    server.sockets[0]?.close();
    const { view } = await openDesk(server, storage, "#/desk?lang=tr");
    expect(working(view()).agentName).toBe("Selin Aksoy");
    expect(server.count("POST /sessions")).toBe(1);
  });

  it("closes the desk when the token is not known any more", async () => {
    const session = server.waits("880377");
    const { view, tab, desk } = await openDesk(server, storage);
    server.revoke();
    await desk.requests.take(session.sessionId);
    expect(view()).toEqual({ kind: "refused", refusal: { kind: "over" } });
    expect(tab.memory.token).toBeNull();
  });
});

describe("the line", () => {
  it("is told, and never asked for", async () => {
    const { view, show } = await openDesk(server, storage);
    expect(working(view()).emptySince).not.toBeNull();
    show(false);
    server.beyond = 40;
    server.waits("880377", "Mehmet Kaya");
    await settle();
    const { rows, waiting, beyond } = working(view());
    expect(rows.map(({ person, position }) => [person.name, position])).toEqual([
      ["Mehmet Kaya", 1],
    ]);
    expect([waiting, beyond]).toEqual([41, 40]);
    await settle(60_000);
    expect(server.requests.map(({ route }) => route)).toEqual(["POST /sessions"]);
  });

  it("takes a wait, and opens its conversation with what it was about", async () => {
    const session = server.waits("880377", "Mehmet Kaya");
    const { view, desk, outer } = await openDesk(server, storage);
    void desk.requests.take(session.sessionId);
    await settle();
    const { chat, rows } = working(view());
    expect(rows).toEqual([]);
    expect(chat?.person.name).toBe("Mehmet Kaya");
    expect(chat?.facts.map(({ kind }) => kind)).toEqual(["joined", "accepted"]);
    expect(chat?.facts[1]).toMatchObject({ minutes: 4 });
    expect(chat?.customer.attached).toEqual([{ name: "topic", value: "limit" }]);
    expect(outer).toEqual([
      {
        type: "diyalog",
        event: "chatStarted",
        userId: "31007",
        conversationId: session.sessionId,
        customerId: "880377",
      },
    ]);
  });

  it("takes once, however often it is pressed", async () => {
    const session = server.waits("880377");
    const { desk } = await openDesk(server, storage);
    void desk.requests.take(session.sessionId);
    void desk.requests.take(session.sessionId);
    await settle();
    expect(server.count("POST /conversations")).toBe(1);
  });

  it.each([
    ["CANCELLED", "customer", { kind: "left" }],
    ["CANCELLED", "replaced", { kind: "replaced" }],
    ["CANCELLED", "administrator", { kind: "closed" }],
    ["NOT_DELIVERED", "queue", { kind: "notDelivered" }],
    ["EXPIRED", "time_limit", { kind: "ranOut" }],
    ["EXPIRED", "abandoned", { kind: "away" }],
    ["FAILED", "queue_timeout", { kind: "failed" }],
    ["CONNECTED", null, { kind: "taken", by: "Deniz Ak" }],
    ["SOMETHING_NEW", null, { kind: "gone" }],
  ])("says who or what won: %s %s", async (outcome, reason, loss) => {
    const session = server.waits("880377");
    const { view, desk } = await openDesk(server, storage);
    server.lose(session, outcome, reason, outcome === "CONNECTED" ? "Deniz Ak" : undefined);
    void desk.requests.take(session.sessionId);
    await settle();
    expect(working(view()).rows[0]?.loss).toEqual(loss);
    await settle(4_000);
    desk.do({ type: "tick" });
    expect(working(view()).rows).toEqual([]);
  });

  it("asks to accept again when the answer was lost, and gets the same conversation", async () => {
    const session = server.waits("880377");
    const { view, desk } = await openDesk(server, storage);
    server.loseNextAnswer = true;
    await desk.requests.take(session.sessionId);
    expect(working(view()).rows[0]?.step).toBe("unsure");
    await desk.requests.take(session.sessionId);
    await settle();
    expect(working(view()).chats).toHaveLength(1);
  });

  it("accepts nobody while it is cut off", async () => {
    const session = server.waits("880377");
    const { view, desk } = await openDesk(server, storage);
    server.socket.serverCloses(1006);
    await settle(0);
    expect(working(view()).ready).toBe(false);
    await desk.requests.take(session.sessionId);
    expect(server.count("POST /conversations")).toBe(0);
  });
});

describe("opened for one customer", () => {
  const FOR_ONE = `${LINK}&customerId=880377`;

  it("opens the conversation at once, without the list", async () => {
    server.waits("880377", "Mehmet Kaya");
    const { view } = await openDesk(server, storage, FOR_ONE);
    expect(working(view())).toMatchObject({ single: true, pane: "chat" });
    expect(working(view()).chat?.person.name).toBe("Mehmet Kaya");
  });

  it("says who won when the customer is not waiting any more", async () => {
    server.lose(server.waits("880377"), "CONNECTED", null, "Deniz Ak");
    const { view, outer } = await openDesk(server, storage, FOR_ONE);
    expect(view()).toEqual({ kind: "notWaiting", loss: { kind: "taken", by: "Deniz Ak" } });
    expect(outer).toEqual([
      {
        type: "diyalog",
        event: "chatEnded",
        userId: "31007",
        conversationId: null,
        customerId: "880377",
        reason: "taken",
      },
    ]);
  });

  it("looks again, or shows everybody", async () => {
    const { view, desk } = await openDesk(server, storage, FOR_ONE);
    expect(view()).toEqual({ kind: "notWaiting", loss: { kind: "gone" } });
    server.waits("880377");
    desk.lookAgain();
    await settle();
    expect(working(view()).chats).toHaveLength(1);
    server.waits("880412", "Zeynep Demir");
    desk.showList();
    await settle();
    expect(working(view()).single).toBe(false);
    expect(working(view()).rows.map(({ person }) => person.name)).toEqual(["Zeynep Demir"]);
  });

  it("shows the same conversation after a reload, and takes no newer request by itself", async () => {
    const session = server.waits("880377");
    await openDesk(server, storage, FOR_ONE);
    server.end(session, "customer");
    server.waits("880377");
    const { view } = await openDesk(server, storage, "#/desk");
    expect(working(view()).chat).toMatchObject({ over: { by: "customer" } });
    expect(server.count("POST /conversations")).toBe(1);
  });
});

describe("the stream", () => {
  it("asks for what it missed when the server cannot tell all of it", async () => {
    const session = server.waits("880377");
    const gone = server.waits("880412");
    const { view, desk } = await openDesk(server, storage);
    await desk.requests.take(session.sessionId);
    await desk.requests.take(gone.sessionId);
    server.network = "refuse";
    server.socket.serverCloses(1006);
    await settle();
    server.says(session, "Duyuyor musunuz?");
    server.end(gone, "company");
    server.forgottenBefore = 1_000;
    server.epoch = "epoch-2";
    server.network = "up";
    await settle(20_000);
    const { chats } = working(view());
    expect(chats.map(({ over, unread }) => [over, unread])).toEqual([
      [false, 1],
      [true, 0],
    ]);
    desk.do({ type: "choose", conversationId: session.sessionId });
    expect(working(view()).chat?.messages.map(({ text }) => text)).toEqual(["Duyuyor musunuz?"]);
  });

  it("shows a conversation that was opened elsewhere for the same agent", async () => {
    const session = server.waits("880377", "Mehmet Kaya");
    const { view } = await openDesk(server, storage);
    server.connect(session);
    await settle();
    expect(working(view()).chats.map(({ person }) => person.name)).toEqual(["Mehmet Kaya"]);
  });

  it("leaves old conversations of a replay alone", async () => {
    const old = server.waits("880377");
    server.connect(old);
    server.says(old, "eski");
    server.end(old, "customer");
    const { view } = await openDesk(server, storage);
    expect(working(view()).chats).toEqual([]);
    expect(server.count(`GET /conversations/${old.sessionId}`)).toBe(0);
  });

  it("gives way to a newer window, and takes the desk back", async () => {
    const first = await openDesk(server, storage);
    const second = await openDesk(server, memoryStorage());
    expect(first.view().kind).toBe("elsewhere");
    expect(second.view().kind).toBe("desk");
    server.waits("880377", "Mehmet Kaya");
    first.desk.useHere();
    await settle();
    expect(first.view().kind).toBe("desk");
    expect(second.view().kind).toBe("elsewhere");
    expect(working(first.view()).waiting).toBe(1);
  });
});
