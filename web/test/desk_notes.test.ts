import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readNotes } from "../desk/protocol.js";
import { FakeStaffServer } from "./desk_fake_server.js";
import { AT } from "./desk_fake_session.js";
import { memoryStorage, openDesk, settle, working } from "./desk_sample.js";

const WRITE = /^POST \/conversations\/.+\/notes$/;

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

async function inConversation(noted: (customer: string) => void = () => {}) {
  const earlier = server.waits("880377", "Mehmet Kaya");
  earlier.state = "ENDED";
  noted(earlier.sessionId);
  const session = server.waits("880377", "Mehmet Kaya");
  const made = await openDesk(server, storage);
  await made.desk.requests.take(session.sessionId);
  await settle();
  return { session, id: session.sessionId, ...made, ...reading(made) };
}

function reading({ view }: Pick<Awaited<ReturnType<typeof openDesk>>, "view">) {
  const notes = () => working(view()).chat?.notes;
  return { notes, texts: () => notes()?.list.map(({ state, text }) => `${state}: ${text}`) };
}

describe("notes", () => {
  it("are all that the staff has noted about the customer", async () => {
    const { notes } = await inConversation((id) =>
      server.noted(id, "Limit reddedildi", "Deniz Ak"),
    );
    expect(notes()?.list).toMatchObject([
      { author: "Deniz Ak", text: "Limit reddedildi", here: false, state: "saved" },
    ]);
  });

  it("are asked for once, and only of the conversation in front", async () => {
    const { id, desk } = await inConversation();
    const other = server.waits("880412");
    server.connect(other);
    await settle(10_000);
    expect(server.count(`GET /conversations/${id}/notes`)).toBe(1);
    expect(server.count(`GET /conversations/${other.sessionId}/notes`)).toBe(0);
    desk.do({ type: "choose", conversationId: other.sessionId });
    await settle();
    expect(server.count(`GET /conversations/${other.sessionId}/notes`)).toBe(1);
  });

  it("are written beside the messages, and the customer gets none of them", async () => {
    const { session, id, desk, notes, view } = await inConversation();
    desk.do({ type: "noteDraft", conversationId: id, text: "Gelir belgesi geldi" });
    expect(notes()?.draft).toBe("Gelir belgesi geldi");
    desk.note(id, "Gelir belgesi\u0007 geldi");
    await settle();
    expect(notes()).toMatchObject({
      draft: "",
      list: [{ text: "Gelir belgesi geldi", author: "Selin Aksoy", here: true, state: "saved" }],
    });
    expect(session.messages).toEqual([]);
    expect(working(view()).chat).toMatchObject({ messages: [], draft: "" });
    expect(server.notes).toHaveLength(1);
  });

  it("are nothing when they say nothing", async () => {
    const { id, desk } = await inConversation();
    desk.note(id, " \n");
    await settle();
    expect(server.notes).toEqual([]);
  });

  it("are sent again under the same id until the server has them, once", async () => {
    const { id, desk, texts } = await inConversation();
    server.loseNextAnswer = true;
    desk.note(id, "once");
    await settle(1_000);
    const sent = server.requests.filter(({ route }) => WRITE.test(route)).map(({ body }) => body);
    expect(sent).toHaveLength(2);
    expect(sent[1]).toEqual(sent[0]);
    expect(server.notes).toHaveLength(1);
    expect(texts()).toEqual(["saved: once"]);
  });

  it("can be written and read when the conversation is over", async () => {
    const { session, id, desk, texts } = await inConversation();
    desk.note(id, "before");
    await settle();
    server.end(session, "customer");
    await settle(0);
    desk.note(id, "after");
    await settle();
    expect(texts()).toEqual(["saved: before", "saved: after"]);
  });

  it("are kept while the desk is cut off, and over a reload", async () => {
    const { id, desk, texts } = await inConversation();
    server.network = "refuse";
    server.socket.serverCloses(1006);
    await settle();
    desk.note(id, "kept");
    await settle();
    expect(texts()).toEqual(["waiting: kept"]);
    // The page goes, and all that it was about to do.
    vi.clearAllTimers();
    server.network = "up";
    const again = await openDesk(server, storage, "#/desk");
    await settle();
    expect(server.notes.map(({ text }) => text)).toEqual(["kept"]);
    expect(reading(again).texts()).toEqual(["saved: kept"]);
    expect(storage.getItem("diyalog.desk")).not.toContain('"kept"');
  });

  it("that the server does not take can be tried again", async () => {
    const { id, desk, notes, texts } = await inConversation();
    server.script(`POST /conversations/${id}/notes`, 400, { code: "MESSAGE_NOT_TEXT" });
    desk.note(id, "odd");
    await settle();
    expect(texts()).toEqual(["refused: odd"]);
    const [note] = notes()?.list ?? [];
    desk.do({
      type: "noteOutgoing",
      conversationId: id,
      id: note?.id ?? "",
      state: "waiting",
    });
    await settle();
    expect(texts()).toEqual(["saved: odd"]);
  });

  it("that cannot be read can be asked for again, and what was written meanwhile stays", async () => {
    const session = server.waits("880377");
    const path = `GET /conversations/${session.sessionId}/notes`;
    server.script(path, 404, { code: "SESSION_NOT_FOUND" });
    server.noted(session.sessionId, "older", "Deniz Ak");
    const made = await openDesk(server, storage);
    const { notes, texts } = reading(made);
    await made.desk.requests.take(session.sessionId);
    await settle();
    expect(notes()).toMatchObject({ failed: true, list: [] });
    made.desk.note(session.sessionId, "mine");
    await settle();
    expect(texts()).toEqual(["saved: mine"]);
    made.desk.do({ type: "notesAgain", conversationId: session.sessionId });
    await settle();
    expect(notes()?.failed).toBe(false);
    expect(texts()).toEqual(["saved: older", "saved: mine"]);
  });
});

it("reads notes, and leaves out what is none", () => {
  const note = { id: "n1", author: "Deniz Ak", at: AT, text: "x", conversationId: "s1" };
  expect(readNotes({ notes: [note, { ...note, at: "once" }, { ...note, text: 7 }, null] })).toEqual(
    [{ ...note, at: Date.parse(AT) }],
  );
});
