import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readConversation, readFrame, readMessages } from "../desk/protocol.js";
import { StaffStream, type StreamListener } from "../desk/stream.js";
import { FakeStaffServer } from "./desk_fake_server.js";
import { AT } from "./desk_fake_session.js";
import { settle } from "./desk_sample.js";

let server: FakeStaffServer;
let told: string[];
let now: string[];
let stream: StaffStream | null;
let visible: boolean;
let wake: () => void;

beforeEach(async () => {
  vi.useFakeTimers();
  server = new FakeStaffServer();
  told = [];
  now = [];
  stream = null;
  visible = true;
  await server.fetch("https://help.example/v1/staff/sessions", { method: "POST", body: "{}" });
});

afterEach(() => {
  stream?.close();
  vi.useRealTimers();
});

const LISTENER: StreamListener = {
  onWelcome: ({ recovered }) => told.push(`welcome${recovered ? "" : " anew"}`),
  onEvent: (event, replayed) => told.push(`${replayed ? "old " : ""}${event.kind}`),
  // Every welcome is followed by what holds then.
  onNow: ({ type }) => now.push(type),
  onMoment: ({ kind }) => told.push(`now ${kind}`),
  onLost: () => told.push("lost"),
  onClosed: (code) => told.push(`closed ${code}`),
};

async function follow(token = "staff-1") {
  stream = new StaffStream(
    { url: "wss://help.example/v1/staff/events", token, position: { after: 0, epoch: null } },
    LISTENER,
    {
      WebSocket: server.WebSocket,
      lifecycle: {
        visible: () => visible,
        subscribe: (callback) => {
          wake = callback;
          return () => {
            wake = () => {};
          };
        },
      },
      random: () => 0.5,
      now: () => Date.now(),
    },
  );
  await settle(0);
  return stream;
}

function hellos() {
  return server.sockets.flatMap(({ sent }) => sent.filter(({ type }) => type === "hello"));
}

describe("following", () => {
  it("is welcomed, hears every event once, and acknowledges it", async () => {
    const session = server.waits("c1");
    const { position } = await follow();
    expect(position).toEqual({ after: 0, epoch: "epoch-1" });
    server.connect(session);
    server.says(session, "Merhaba");
    await settle(0);
    expect(told).toEqual(["welcome", "began", "message"]);
    expect(stream?.position).toEqual({ after: 2, epoch: "epoch-1" });
    const acks = server.socket.sent.filter(({ type }) => type === "ack");
    expect(acks).toEqual([
      { type: "ack", seq: 1 },
      { type: "ack", seq: 2 },
    ]);
  });

  it("asks for the line, and hears of it anew after every welcome", async () => {
    await follow();
    expect(hellos()[0]).toMatchObject({ line: true });
    expect(now).toEqual(["line", "desk"]);
    server.socket.serverCloses(1006);
    await settle(300);
    expect(now).toEqual(["line", "desk", "line", "desk"]);
    server.waits("c1");
    await settle(0);
    expect(now.slice(4)).toEqual(["line"]);
    expect(told).toEqual(["welcome", "lost", "welcome"]);
  });

  it("hears things of the moment, which have no number", async () => {
    const session = server.waits("c1");
    await follow();
    server.connect(session);
    server.types(session);
    server.reads(session, 3, 2);
    await settle(0);
    expect(told).toEqual(["welcome", "began", "now typing", "now marks"]);
    expect(stream?.position.after).toBe(1);
  });

  it("tells which events the welcome knew of already", async () => {
    const session = server.waits("c1");
    server.connect(session);
    await follow();
    server.says(session, "Merhaba");
    await settle(0);
    expect(told).toEqual(["welcome", "old began", "message"]);
  });

  it("goes on after the last event when the connection breaks", async () => {
    const session = server.waits("c1");
    await follow();
    server.connect(session);
    await settle(0);
    server.socket.serverCloses(1006);
    await settle(0);
    server.says(session, "meanwhile");
    await settle(300);
    expect(hellos().at(-1)).toMatchObject({ after: 1, epoch: "epoch-1" });
    expect(told).toEqual(["welcome", "began", "lost", "welcome", "old message"]);
  });

  it("takes the snapshot as the truth when history is another one", async () => {
    const session = server.waits("c1");
    await follow();
    server.connect(session);
    await settle(0);
    server.epoch = "epoch-2";
    server.socket.serverCloses(1006);
    await settle(300);
    expect(told).toEqual(["welcome", "began", "lost", "welcome anew"]);
    expect(stream?.position).toEqual({ after: 1, epoch: "epoch-2" });
  });

  it("asks again where events are missing in between", async () => {
    await follow();
    const data = { conversationId: "s", state: "CHAT_INPROGRESS" };
    const event = { type: "event", seq: 5, event: "chat.state", at: AT, data };
    server.socket.receive(JSON.stringify(event));
    await settle(300);
    expect(told).toEqual(["welcome", "lost", "welcome"]);
    expect(server.sockets).toHaveLength(2);
  });
});

describe("coming back", () => {
  it("pauses longer and longer, at most 15 s, with full jitter", async () => {
    server.network = "refuse";
    await follow();
    const counts = [];
    for (let second = 0; second < 60; second += 10) {
      await settle(10_000);
      counts.push(server.sockets.length);
    }
    // Half of 0.5, 1, 2, 4, 8, 15, 15 … seconds with this random number.
    expect(counts).toEqual([6, 7, 8, 10, 11, 12]);
  });

  it("comes back when the server that goes away says so", async () => {
    await follow();
    server.socket.serverCloses(1012, "3.5");
    await settle(3_400);
    expect(server.sockets).toHaveLength(1);
    await settle(200);
    expect(server.sockets).toHaveLength(2);
  });

  it("gives up a connection that opens but is not welcomed within 5 s", async () => {
    server.silent = true;
    await follow();
    await settle(4_999);
    expect(told).toEqual([]);
    await settle(1);
    expect(told).toEqual(["lost"]);
    server.silent = false;
    await settle(300);
    expect(told).toEqual(["lost", "welcome"]);
  });

  it("finds out that a connection is dead by its missing answer", async () => {
    await follow();
    server.socket.broken = true;
    await settle(15_000);
    expect(told).toEqual(["welcome"]);
    await settle(5_000);
    expect(told).toEqual(["welcome", "lost"]);
  });

  it("is left alone while it answers, and is not asked while nobody looks", async () => {
    await follow();
    await settle(60_000);
    expect(told).toEqual(["welcome"]);
    const asked = server.socket.sent.length;
    visible = false;
    await settle(60_000);
    expect(server.socket.sent.length).toBe(asked);
  });

  it("comes back at once when somebody looks again", async () => {
    server.network = "refuse";
    await follow();
    await settle(30_000);
    const before = server.sockets.length;
    server.network = "up";
    wake();
    await settle(0);
    expect(server.sockets).toHaveLength(before + 1);
    expect(told.at(-1)).toBe("welcome");
  });

  it("replaces a connection that was silent for long", async () => {
    await follow();
    visible = false;
    await settle(40_000);
    wake();
    await settle(0);
    expect(server.sockets).toHaveLength(2);
    expect(told).toEqual(["welcome", "welcome"]);
  });
});

describe("the last word", () => {
  it.each([4400, 4401, 4409, 1007])("does not come back after %i", async (code) => {
    await follow();
    server.socket.serverCloses(code);
    await settle(60_000);
    expect(told).toEqual(["welcome", `closed ${code}`]);
    expect(server.sockets).toHaveLength(1);
  });

  it("is that the token is not known", async () => {
    await follow("nobody's");
    expect(told).toEqual(["closed 4401"]);
  });

  it("is one's own", async () => {
    const { position } = await follow();
    stream?.close();
    server.socket.serverCloses(1006);
    wake();
    await settle(60_000);
    expect(told).toEqual(["welcome"]);
    expect(server.sockets).toHaveLength(1);
    expect(position.epoch).toBe("epoch-1");
  });
});

describe("reading", () => {
  it.each([
    "",
    "[]",
    "null",
    '{"seq":1}',
    '{"type":"welcome","seq":1}',
    '{"type":"event","event":"chat.state"}',
  ])("refuses what is no frame: %s", (text) => {
    expect(readFrame(text)).toBeNull();
  });

  it("takes types and events that it does not know", () => {
    expect(readFrame('{"type":"news"}')).toEqual({ type: "unknown" });
    const event = { type: "event", seq: 7, event: "chat.typing", at: AT, data: {} };
    expect(readFrame(JSON.stringify(event))).toEqual({
      type: "event",
      seq: 7,
      event: { kind: "unknown" },
    });
  });

  it.each([
    ["chat.typing", { conversationId: "s", author: "customer" }, "typing"],
    ["chat.typing", { conversationId: "s", author: "agent" }, "unknown"],
    ["chat.read", { conversationId: "s", author: "customer", received: 3, read: 2 }, "marks"],
    ["chat.read", { author: "customer", received: 3, read: 2 }, "unknown"],
    ["chat.mood", {}, "unknown"],
  ])("takes %s with %j without a number as %s", (event, data, kind) => {
    const frame = { type: "event", event, at: AT, data };
    expect(readFrame(JSON.stringify(frame))).toMatchObject({ type: "moment", moment: { kind } });
  });

  it("leaves out rows and messages that lack what they need, and keeps the others", () => {
    const row = { sessionId: "s1", customerId: "c1", startedAt: AT, customerName: "" };
    const line = { type: "line", total: 5, waiting: [row, { sessionId: "s2" }, 7] };
    expect(readFrame(JSON.stringify(line))).toEqual({
      type: "line",
      total: 5,
      waiting: [
        {
          sessionId: "s1",
          customerId: "c1",
          customerName: null,
          helpType: "chat",
          interactionId: null,
          startedAt: Date.UTC(2026, 10, 2, 11, 36),
          present: false,
          position: null,
          offered: false,
          attached: [],
        },
      ],
    });
    const message = { seq: 2, id: "m", author: "agent", text: "x", at: AT };
    expect(readMessages({ messages: [message, { ...message, author: "robot" }] })).toHaveLength(1);
    expect(readMessages("nothing")).toEqual([]);
  });

  it("reads offers only where the built-in queue routes", () => {
    const availability = { available: false, since: AT, reason: "missed", capacity: 2 };
    const row = { sessionId: "s1", customerId: "c1", startedAt: AT };
    const offer = { ...row, offeredAt: AT, expiresAt: "2026-11-02T11:36:20.000Z" };
    const desk = { type: "desk", routing: true, availability, offers: [offer, row] };
    expect(readFrame(JSON.stringify(desk))).toMatchObject({
      availability: { available: false, since: Date.parse(AT), reason: "missed" },
      offers: [{ sessionId: "s1", expiresAt: Date.parse(AT) + 20_000 }],
    });
    expect(readFrame(JSON.stringify({ ...desk, routing: false }))).toEqual({
      type: "desk",
      availability: null,
      offers: [],
    });
    const odd = { ...desk, availability: { ...availability, reason: "lunch" }, offers: [] };
    expect(readFrame(JSON.stringify(odd))).toMatchObject({ availability: { reason: null } });
  });

  it("knows a conversation that is over by its state, too", () => {
    const told = { conversationId: "s", customerId: "c", startedAt: AT, state: "ENDED" };
    expect(readConversation(told)?.endedAt).toBe(Date.UTC(2026, 10, 2, 11, 36));
    expect(readConversation({ ...told, state: "CONNECTED" })?.endedAt).toBeNull();
    expect(readConversation({ ...told, startedAt: "yesterday" })).toBeNull();
  });

  it("shows what is attached as text, whatever it is", () => {
    const attachedData = { topic: "kart", limit: 5000, more: { a: 1 } };
    const told = { conversationId: "s", customerId: "c", startedAt: AT, attachedData };
    expect(readConversation(told)?.attached).toEqual([
      { name: "topic", value: "kart" },
      { name: "limit", value: "5000" },
      { name: "more", value: '{"a":1}' },
    ]);
  });
});
