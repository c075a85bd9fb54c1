import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Chat } from "../src/chat.js";
import { Diyalog } from "../src/client.js";
import type { Help } from "../src/messages.js";
import { FakeServer } from "./fake_server.js";

let server: FakeServer;
let client: Diyalog;
let chats: Chat[];

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  chats = [];
  client = new Diyalog({
    url: "https://help.example",
    fetch: server.fetch,
    WebSocket: server.WebSocket,
    lifecycle: { visible: () => true, subscribe: () => () => {} },
    random: () => 0.5,
  });
});

afterEach(() => {
  for (const chat of chats) chat.close();
  client.unfollow();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

async function settle(ms = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

async function connected(): Promise<Help> {
  const { help, token } = server.waiting();
  client.resume(token);
  client.on("help", () => {});
  client.follow(help);
  await settle();
  server.end("CONNECTED", null);
  await settle();
  return server.newest.help;
}

function openChat(help: Help, unsent: { id: string; text: string }[] = []): Chat {
  const chat = new Chat(client, help, { unsent, random: () => 0.5 });
  chats.push(chat);
  return chat;
}

function shown(chat: Chat): string[] {
  return chat.messages.map(({ author, text, state }) => `${author}: ${text} (${state})`);
}

const POST = "POST /v1/client/help/session-1/messages";

describe("without a word", () => {
  it("shows how far the agent is with one's own messages", async () => {
    const help = await connected();
    const chat = openChat(help);
    await settle();
    chat.send("Merhaba");
    chat.send("Kartım gelmedi");
    await settle();
    const states: string[][] = [];
    chat.on("messages", (messages) => states.push(messages.map(({ state }) => state)));
    server.moment("chat.read", { author: "agent", received: 5, read: 4 });
    server.moment("chat.read", { author: "agent", received: 5, read: 4 });
    server.moment("chat.read", { author: "agent", received: 5, read: 5 });
    server.moment("chat.read", { author: "agent", received: 5, read: 4 });
    await settle();
    expect(states).toEqual([
      ["read", "delivered"],
      ["read", "read"],
    ]);
  });

  it("knows from a fresh start how far the agent was", async () => {
    const help = await connected();
    const { conversation } = help;
    if (conversation === null) throw new Error("it is a conversation");
    const marked = { ...help, conversation: { ...conversation, agentReceived: 4, agentRead: 3 } };
    const chat = openChat(marked, [{ id: "m-1", text: "Merhaba" }]);
    await settle();
    expect(shown(chat)).toEqual(["customer: Merhaba (delivered)"]);
  });

  it("shows that the agent is writing, for 3 s or until the message", async () => {
    const chat = openChat(await connected());
    await settle();
    const told: boolean[] = [];
    chat.on("typing", (typing) => told.push(typing));
    server.moment("chat.typing", { author: "agent" });
    await settle(2_000);
    server.moment("chat.typing", { author: "agent" });
    await settle(2_999);
    expect(told).toEqual([true]);
    await settle(1);
    expect([told, chat.agentTypes]).toEqual([[true, false], false]);
    server.moment("chat.typing", { author: "agent" });
    server.conversation.say("a1", "Buyrun");
    await settle();
    expect([told, chat.agentTypes]).toEqual([[true, false, true, false], false]);
  });

  it("says that the customer is writing every 2 s, however fast the keys", async () => {
    const chat = openChat(await connected());
    await settle();
    for (let key = 0; key < 30; key += 1) {
      chat.typing();
      await settle(100);
    }
    await settle();
    expect(server.asides).toEqual([{ type: "typing" }, { type: "typing" }]);
  });

  it("says what was read once, and again on a new connection", async () => {
    const chat = openChat(await connected());
    await settle();
    chat.read();
    expect(server.asides).toEqual([]);
    server.conversation.say("a1", "Buyrun");
    await settle();
    chat.read();
    chat.read();
    await settle();
    expect(server.asides).toEqual([{ type: "read", seq: 4 }]);
    server.socket.serverCloses(1006);
    await settle(1_000);
    expect(server.asides).toEqual([
      { type: "read", seq: 4 },
      { type: "read", seq: 4 },
    ]);
  });

  it("forgets with the history of the server what was marked and read in it", async () => {
    const chat = openChat(await connected());
    await settle();
    chat.send("Merhaba");
    await settle();
    server.conversation.say("a1", "Buyrun");
    await settle();
    chat.read();
    server.moment("chat.read", { author: "agent", received: 9, read: 9 });
    await settle();
    expect(shown(chat)).toEqual(["customer: Merhaba (read)", "agent: Buyrun (sent)"]);
    server.epoch = "epoch-2";
    server.socket.serverCloses(1006);
    await settle(1_000);
    expect(shown(chat)).toEqual(["customer: Merhaba (sent)", "agent: Buyrun (sent)"]);
    const read = { type: "read", seq: 5 };
    expect(server.asides).toEqual([read]);
    chat.read();
    await settle();
    expect(server.asides).toEqual([read, read]);
  });

  it("tells the agent what has arrived", async () => {
    await connected();
    server.conversation.say("a1", "Buyrun");
    await settle();
    expect(server.socket.sent.at(-1)).toEqual({ type: "ack", seq: 4 });
  });
});

describe("a conversation", () => {
  it("is acknowledged at its beginning and its end, and the server closes", async () => {
    await connected();
    expect(server.socket.sent.at(-1)).toEqual({ type: "ack", seq: 2 });
    const closed: number[] = [];
    client.on("connection", (change) => change.state === "closed" && closed.push(change.code));
    server.conversation.end("agent");
    await settle();
    expect(server.socket.sent.at(-1)).toEqual({ type: "ack", seq: 4 });
    expect(server.newest.acknowledged).toBe(true);
    expect(closed).toEqual([1000]);
  });

  it("goes on after a 1000 that comes from somebody else", async () => {
    await connected();
    server.socket.serverCloses(1000);
    await settle(1_000);
    expect(server.sockets).toHaveLength(2);
    expect(server.socket.follows).toBe("session-1");
  });

  it("is in the help object, by events as by a fresh read", async () => {
    const helps: Help[] = [];
    client.on("help", (help) => helps.push(help));
    await connected();
    expect(helps.at(-1)).toMatchObject({
      state: "CONNECTED",
      agentName: "Selin",
      conversation: { endedAt: null, endedBy: null },
    });
    server.conversation.end("company");
    await settle();
    expect(helps.at(-1)).toMatchObject({ state: "ENDED", conversation: { endedBy: "company" } });
    expect(await client.readHelp("session-1")).toMatchObject({
      conversation: { endedBy: "company" },
    });
  });

  it("tells messages by their own event, and ignores what it does not know", async () => {
    const told: string[] = [];
    client.on("chat.message", ({ author, text }) => told.push(`${author}: ${text}`));
    await connected();
    server.emit("chat.typing", { author: "agent" });
    server.emit("chat.message", { author: "robot", id: "r", text: "beep" });
    server.conversation.say("a-1", "Merhaba");
    await settle();
    expect(told).toEqual(["agent: Merhaba"]);
  });

  it("is ended by the customer", async () => {
    const chat = openChat(await connected());
    const help = await chat.endConversation();
    expect(help).toMatchObject({ state: "ENDED", conversation: { endedBy: "customer" } });
    await settle();
    expect(server.newest.acknowledged).toBe(true);
  });
});

describe("the list", () => {
  it("reads what was written before, and goes on with what comes", async () => {
    const help = await connected();
    server.conversation.say("a-1", "Merhaba");
    await settle();
    const chat = openChat(help);
    expect(chat.loaded).toBe(false);
    await settle();
    expect(chat.loaded).toBe(true);
    server.conversation.say("a-2", "Buyurun");
    await settle();
    expect(shown(chat)).toEqual(["agent: Merhaba (sent)", "agent: Buyurun (sent)"]);
  });

  it("puts one's own and the other's in the session's order, once each", async () => {
    const chat = openChat(await connected());
    await settle();
    chat.send("Bir");
    expect(shown(chat)).toEqual(["customer: Bir (sending)"]);
    await settle();
    server.conversation.say("a-1", "İki");
    chat.send("Üç");
    await settle();
    expect(shown(chat)).toEqual([
      "customer: Bir (sent)",
      "agent: İki (sent)",
      "customer: Üç (sent)",
    ]);
  });

  it("is loaded when a snapshot left messages out", async () => {
    const chat = openChat(await connected());
    await settle();
    server.socket.serverCloses(1006);
    server.conversation.say("a-1", "Bu arada");
    server.epoch = "epoch-2";
    await settle(1_000);
    expect(shown(chat)).toEqual(["agent: Bu arada (sent)"]);
  });

  it("of a restored server has what it still has, and one's own are sent again", async () => {
    const chat = openChat(await connected());
    await settle();
    chat.send("Benim");
    server.conversation.say("a-1", "Kayıp");
    await settle();
    expect(chat.messages).toHaveLength(2);
    server.conversation.messages = [];
    server.epoch = "epoch-2";
    server.socket.serverCloses(1006);
    await settle(1_000);
    expect(shown(chat)).toEqual(["customer: Benim (sent)"]);
    expect(server.conversation.messages.map(({ text }) => text)).toEqual(["Benim"]);
  });

  it("is read again when the first reading failed", async () => {
    const help = await connected();
    server.conversation.say("a-1", "Merhaba");
    server.answer("GET /v1/client/help/session-1/messages", 503, "busy");
    const chat = openChat(help);
    await settle();
    expect(chat.loaded).toBe(false);
    await settle(1_000);
    expect(shown(chat)).toEqual(["agent: Merhaba (sent)"]);
  });
});

describe("sending", () => {
  it("waits without a connection, and goes on in order when it is back", async () => {
    const chat = openChat(await connected());
    await settle();
    server.network = "refuse";
    server.socket.serverCloses(1006);
    for (const text of ["Bir", "İki", "Üç"]) chat.send(text);
    await settle(60_000);
    expect(shown(chat).every((row) => row.endsWith("(sending)"))).toBe(true);
    server.network = "up";
    await settle(20_000);
    expect(server.conversation.messages.map(({ text }) => text)).toEqual(["Bir", "İki", "Üç"]);
    expect(shown(chat).every((row) => row.endsWith("(sent)"))).toBe(true);
  });

  it("repeats a message whose answer was lost as the same message", async () => {
    const chat = openChat(await connected());
    await settle();
    server.loseAnswers = true;
    chat.send("Bir");
    await settle();
    // Its own event says that it is there, before any answer does.
    expect(shown(chat)).toEqual(["customer: Bir (sent)"]);
    server.loseAnswers = false;
    await settle(60_000);
    expect(server.conversation.messages).toHaveLength(1);
  });

  it("says what the server refuses, goes on with the next, and retries with the same id", async () => {
    const chat = openChat(await connected());
    await settle();
    server.answer(POST, 400, { code: "MESSAGE_NOT_TEXT", retryable: false });
    const id = chat.send("Bir");
    chat.send("İki");
    await settle();
    expect(shown(chat)).toEqual(["customer: İki (sent)", "customer: Bir (failed)"]);
    chat.retry(id);
    await settle();
    expect(shown(chat)).toEqual(["customer: İki (sent)", "customer: Bir (sent)"]);
    expect(server.conversation.messages.at(-1)?.id).toBe(id);
  });

  it("waits as long as a busy server asks", async () => {
    const chat = openChat(await connected());
    await settle();
    const refused = { code: "TOO_MANY_REQUESTS", retryable: true };
    server.answer(POST, 429, refused, { "Retry-After": "30" });
    chat.send("Bir");
    await settle(29_000);
    expect(server.count(POST)).toBe(1);
    await settle(1_000);
    expect(shown(chat)).toEqual(["customer: Bir (sent)"]);
  });

  it("fails once the conversation is over", async () => {
    const chat = openChat(await connected());
    await settle();
    server.conversation.end("agent");
    chat.send("Geç");
    await settle();
    expect(shown(chat)).toEqual(["customer: Geç (failed)"]);
  });

  it("goes on after a reload with what was not sent", async () => {
    const help = await connected();
    const before = openChat(help);
    await settle();
    server.network = "refuse";
    before.send("Yolda");
    await settle();
    before.close();
    server.network = "up";
    const chat = openChat(help, [...before.unsent]);
    await settle();
    expect(shown(chat)).toEqual(["customer: Yolda (sent)"]);
  });
});
