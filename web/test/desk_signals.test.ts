import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeStaffServer } from "./desk_fake_server.js";
import { memoryStorage, openDesk, settle, working } from "./desk_sample.js";

let server: FakeStaffServer;

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeStaffServer();
});

afterEach(() => {
  vi.clearAllTimers();
  vi.useRealTimers();
});

async function inConversation() {
  const session = server.waits("880377", "Mehmet Kaya");
  const made = await openDesk(server, memoryStorage());
  await made.desk.requests.take(session.sessionId);
  await settle();
  return {
    session,
    id: session.sessionId,
    ...made,
    chat: () => working(made.view()).chat,
    draft: (text: string) =>
      made.desk.do({ type: "draft", conversationId: session.sessionId, text }),
  };
}

/** What the desk said of the agent, on all its connections. */
function said() {
  const asides = new Set(["typing", "received", "read"]);
  return server.sockets
    .flatMap(({ sent }) => sent)
    .filter(({ type }) => asides.has(String(type)))
    .map(({ type, seq }) => (seq === undefined ? type : `${type} ${seq}`));
}

describe("the customer's side", () => {
  it("is writing for three seconds, and not after the message has come", async () => {
    const { session, chat } = await inConversation();
    expect(chat()?.typing).toBe(false);
    server.types(session);
    await settle(0);
    expect(chat()?.typing).toBe(true);
    await settle(2_999);
    expect(chat()?.typing).toBe(true);
    await settle(1);
    expect(chat()?.typing).toBe(false);
    server.types(session);
    server.says(session, "Merhaba");
    await settle(0);
    expect(chat()?.typing).toBe(false);
  });

  it("writes nothing more when the conversation is over", async () => {
    const { session, chat } = await inConversation();
    server.types(session);
    server.end(session, "customer");
    await settle(0);
    expect(chat()?.typing).toBe(false);
  });

  it("has received and read what it says, and never less", async () => {
    const { session, id, desk, chat } = await inConversation();
    const marks = () => chat()?.messages.map(({ mark }) => mark);
    desk.write(id, "one");
    desk.write(id, "two");
    desk.write(id, "three");
    await settle();
    const [one, two] = session.messages.map(({ seq }) => Number(seq));
    expect(marks()).toEqual(["sent", "sent", "sent"]);
    server.reads(session, two ?? 0, one ?? 0);
    await settle(0);
    expect(marks()).toEqual(["read", "delivered", "sent"]);
    server.reads(session, 1, 1);
    await settle(6_000);
    expect(marks()).toEqual(["read", "delivered", "sent"]);
  });

  it("stands in the conversation that the server tells after a reload", async () => {
    const session = server.waits("880377");
    server.connect(session);
    server.says(session, "Buyurun", "agent", "a1");
    session.marks.read = session.seq;
    const { view } = await openDesk(server, memoryStorage());
    expect(working(view()).chat?.messages.map(({ mark }) => mark)).toEqual(["read"]);
  });
});

describe("the agent's side", () => {
  it("is said to be writing at most every two seconds, and never of nothing", async () => {
    const { draft } = await inConversation();
    draft(" ");
    expect(said()).toEqual([]);
    draft("M");
    draft("Me");
    await settle(1_900);
    draft("Mer");
    expect(said()).toEqual(["typing"]);
    await settle(100);
    draft("Merh");
    expect(said()).toEqual(["typing", "typing"]);
  });

  it("has read what stands in front of it", async () => {
    const { session } = await inConversation();
    const first = server.says(session, "Merhaba");
    await settle(0);
    expect(said()).toEqual([`read ${first["seq"]}`]);
    await settle(30_000);
    expect(said()).toHaveLength(1);
  });

  it("has only received what is not in view, and reads it when it is", async () => {
    const { session, show } = await inConversation();
    show(false);
    const { seq } = server.says(session, "Orada mısınız?");
    await settle(0);
    expect(said()).toEqual([`received ${seq}`]);
    show(true);
    expect(said()).toEqual([`received ${seq}`, `read ${seq}`]);
  });

  it("has only received what comes into another conversation", async () => {
    const { session, id, desk } = await inConversation();
    const other = server.waits("880412");
    await settle(0);
    await desk.requests.take(other.sessionId);
    const { seq } = server.says(session, "Orada mısınız?");
    await settle(0);
    expect(said()).toEqual([`received ${seq}`]);
    desk.do({ type: "choose", conversationId: id });
    expect(said()).toEqual([`received ${seq}`, `read ${seq}`]);
  });

  it("says it again on another connection, and nothing of what is over", async () => {
    const { session } = await inConversation();
    const { seq } = server.says(session, "Merhaba");
    await settle(0);
    server.socket.serverCloses(1006);
    await settle(300);
    expect(said()).toEqual([`read ${seq}`, `read ${seq}`]);
    server.end(session, "customer");
    server.socket.serverCloses(1006);
    await settle(1_000);
    expect(said()).toHaveLength(2);
  });

  it("is silent while it is cut off", async () => {
    const { draft } = await inConversation();
    server.network = "refuse";
    server.socket.serverCloses(1006);
    await settle(0);
    draft("Merhaba");
    expect(said()).toEqual([]);
  });
});
