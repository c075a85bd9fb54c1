import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeStaffServer } from "./desk_fake_server.js";
import { LINK, memoryStorage, openDesk, settle, working } from "./desk_sample.js";

const SEND = /^POST \/conversations\/.+\/messages$/;

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

describe("a conversation", () => {
  async function inConversation() {
    const session = server.waits("880377", "Mehmet Kaya");
    const made = await openDesk(server, storage);
    await made.desk.requests.take(session.sessionId);
    await settle();
    return { session, id: session.sessionId, ...made };
  }

  function texts(view: ReturnType<typeof working>) {
    return view.chat?.messages.map(({ text, state }) => `${state}: ${text}`);
  }

  it("shows what both say, each once", async () => {
    const { session, id, desk, view } = await inConversation();
    server.says(session, "Merhaba");
    desk.write(id, "Buyurun");
    await settle();
    expect(texts(working(view()))).toEqual(["arrived: Merhaba", "arrived: Buyurun"]);
    expect(session.messages).toHaveLength(2);
  });

  it("sends only what is text", async () => {
    const { session, id, desk } = await inConversation();
    desk.write(id, "  \n ");
    desk.write(id, "one\u0000\u0007\u001b two\n\tthree");
    await settle();
    expect(session.messages.map(({ text }) => text)).toEqual(["one two\n\tthree"]);
  });

  it("sends in the order of writing, one at a time", async () => {
    const { session, id, desk, view } = await inConversation();
    const release = server.holdMessages();
    desk.write(id, "first");
    desk.write(id, "second");
    await settle();
    expect(server.requests.filter(({ route }) => SEND.test(route))).toHaveLength(1);
    expect(texts(working(view()))).toEqual(["sending: first", "waiting: second"]);
    release();
    await settle();
    expect(session.messages.map(({ text }) => text)).toEqual(["first", "second"]);
  });

  it("sends a message again under the same id until the server has it, once", async () => {
    const { session, id, desk, view } = await inConversation();
    // Nor does the stream tell that it has arrived.
    server.socket.broken = true;
    server.loseNextAnswer = true;
    desk.write(id, "hello");
    await settle(1_000);
    const sent = server.requests.filter(({ route }) => SEND.test(route)).map(({ body }) => body);
    expect(sent).toHaveLength(2);
    expect(sent[1]).toEqual(sent[0]);
    expect(session.messages).toHaveLength(1);
    expect(texts(working(view()))).toEqual(["arrived: hello"]);
  });

  it("keeps what is written while it is cut off, and sends it afterwards", async () => {
    const { session, id, desk, view } = await inConversation();
    server.network = "refuse";
    server.socket.serverCloses(1006);
    await settle();
    desk.write(id, "kept");
    await settle();
    expect(texts(working(view()))).toEqual(["waiting: kept"]);
    expect(session.messages).toEqual([]);
    server.network = "up";
    await settle(20_000);
    expect(texts(working(view()))).toEqual(["arrived: kept"]);
    expect(session.messages).toHaveLength(1);
  });

  it("keeps what was not sent over a reload", async () => {
    const { session, id, desk } = await inConversation();
    server.network = "refuse";
    server.socket.serverCloses(1006);
    await settle();
    desk.write(id, "kept");
    // The page goes, and all that it was about to do.
    vi.clearAllTimers();
    server.network = "up";
    const { view } = await openDesk(server, storage, "#/desk");
    await settle();
    expect(session.messages.map(({ text }) => text)).toEqual(["kept"]);
    expect(texts(working(view()))).toEqual(["arrived: kept"]);
    expect(working(view()).chat?.facts[0]).toMatchObject({ kind: "joined" });
  });

  it.each([
    ["the same agent", LINK, ["kept"]],
    ["another agent", "#/auth?userId=31008&userName=Deniz", []],
  ])("keeps what was not sent for %s who opens the desk anew", async (_who, link, sent) => {
    const { session, id, desk } = await inConversation();
    server.network = "refuse";
    server.socket.serverCloses(1006);
    await settle();
    desk.write(id, "kept");
    vi.clearAllTimers();
    server.network = "up";
    await openDesk(server, storage, link);
    await settle();
    expect(session.messages.map(({ text }) => text)).toEqual(sent);
    expect(storage.getItem("diyalog.desk")).not.toContain('"kept"');
  });

  it("says what was not sent when the conversation is over, and by whom", async () => {
    const { session, id, desk, view, outer } = await inConversation();
    server.script(`POST /conversations/${id}/messages`, 409, { code: "CONVERSATION_ENDED" });
    session.state = "ENDED";
    session.endedBy = "customer";
    desk.write(id, "too late");
    await settle();
    expect(texts(working(view()))).toEqual(["refused: too late"]);
    expect(working(view()).chat?.over).toEqual({ by: "customer" });
    expect(outer.at(-1)).toMatchObject({ event: "chatEnded", reason: "customer" });
  });

  it("offers to send again what the server did not take", async () => {
    const { session, id, desk, view } = await inConversation();
    server.script(`POST /conversations/${id}/messages`, 400, { code: "MESSAGE_NOT_TEXT" });
    desk.write(id, "odd");
    await settle();
    const message = working(view()).chat?.messages[0];
    expect(message).toMatchObject({ state: "refused" });
    desk.do({ type: "outgoing", conversationId: id, id: message?.id ?? "", state: "waiting" });
    await settle();
    expect(session.messages).toHaveLength(1);
  });

  it("knows within five seconds whether the customer in front is there", async () => {
    const { session, view } = await inConversation();
    const presence = () => working(view()).chat?.presence;
    expect(presence()).toBe("here");
    session.present = false;
    const before = Date.now();
    await settle(5_000);
    expect(presence()).toMatchObject({ since: expect.any(Number) });
    const { since } = presence() as { since: number };
    expect(since).toBeGreaterThan(before);
    await settle(10_000);
    expect(presence()).toEqual({ since });
    server.says(session, "Buradayım");
    await settle(0);
    expect(presence()).toBe("here");
  });

  it("asks for nobody's presence while nobody looks", async () => {
    const { id, show } = await inConversation();
    show(false);
    const asked = server.count(`GET /conversations/${id}`);
    await settle(30_000);
    expect(server.count(`GET /conversations/${id}`)).toBe(asked);
  });

  it("ends when the agent says so, and tells the outer page once", async () => {
    const { id, desk, view, outer } = await inConversation();
    desk.do({ type: "ending", conversationId: id, step: "asked" });
    await desk.end(id);
    await settle();
    expect(working(view()).chat?.over).toEqual({ by: "agent" });
    expect(outer.filter(({ event }) => event === "chatEnded")).toHaveLength(1);
    desk.dismiss(id);
    expect(working(view()).chats).toEqual([]);
  });

  it("says when the end could not be confirmed", async () => {
    const { id, desk, view } = await inConversation();
    server.network = "refuse";
    await desk.end(id);
    expect(working(view()).chat?.ending).toBe("failed");
  });

  it("counts what comes in while another one is in front", async () => {
    const { session, desk, view } = await inConversation();
    const other = server.waits("880412");
    await settle(2_000);
    await desk.requests.take(other.sessionId);
    server.says(session, "Orada mısınız?");
    server.says(session, "Alo?");
    await settle();
    expect(working(view()).chats.map(({ unread }) => unread)).toEqual([2, 0]);
    expect(working(view()).unread).toBe(2);
    desk.do({ type: "choose", conversationId: session.sessionId });
    expect(working(view()).unread).toBe(0);
  });
});
