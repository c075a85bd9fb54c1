import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Diyalog } from "../src/client.js";
import type { Seat } from "../src/tabs.js";
import { FakeServer } from "./fake_server.js";

let server: FakeServer;
let opened: Diyalog[];
let reported: unknown[];

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  opened = [];
  reported = [];
  vi.stubGlobal("reportError", (error: unknown) => reported.push(error));
});

afterEach(() => {
  for (const client of opened) client.unfollow();
  expect(vi.getTimerCount()).toBe(0);
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** Tabs of one browser: what leaves a seat is heard by the others. */
function browser() {
  const seats = new Set<Seat>();
  return (_sessionId: string, seat: Seat) => {
    seats.add(seat);
    return () => {
      if (!seats.delete(seat) || !seat.holds()) return;
      for (const other of seats) other.onFree();
    };
  };
}

function tab(tabs: ReturnType<typeof browser> = () => () => {}) {
  const client = new Diyalog({
    url: "https://help.example",
    fetch: server.fetch,
    WebSocket: server.WebSocket,
    lifecycle: { visible: () => true, subscribe: () => () => {} },
    tabs,
    random: () => 0.5,
  });
  const told: string[] = [];
  client.on("connection", (change) =>
    told.push(change.state === "open" ? "open" : `${change.state} ${change.code}`),
  );
  client.resume(server.tokenOf("c1"));
  opened.push(client);
  return { client, told };
}

async function settle(ms = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

describe("the acknowledgement", () => {
  it("waits for every listener that takes its time", async () => {
    const { client } = tab();
    const { help } = server.waiting();
    client.on("wait.ended", () => new Promise((shown) => setTimeout(shown, 3_000)));
    client.on("help", () => {});
    client.follow(help);
    await settle();
    server.end("EXPIRED", "time_limit");
    await settle(2_999);
    expect(server.newest.acknowledged).toBe(false);
    await settle(1);
    expect(server.newest.acknowledged).toBe(true);
  });

  it("waits over a reconnect, and the end is still told once", async () => {
    const { client } = tab();
    const { help } = server.waiting();
    const ends: (string | null)[] = [];
    client.on("wait.ended", ({ message }) => {
      ends.push(message);
      return new Promise((shown) => setTimeout(shown, 3_000));
    });
    client.follow(help);
    await settle();
    server.end("NOT_DELIVERED", "queue", "Yarın");
    await settle();
    server.socket.serverCloses(1006);
    await settle(1_000);
    expect(server.sockets).toHaveLength(2);
    expect(server.newest.acknowledged).toBe(false);
    await settle(2_000);
    expect(server.newest.acknowledged).toBe(true);
    expect(ends).toEqual(["Yarın"]);
  });

  it("is not sent when a listener failed; the next connection tells the end again", async () => {
    const { client } = tab();
    const { help } = server.waiting();
    let tries = 0;
    client.on("wait.ended", async () => {
      tries += 1;
      if (tries === 1) throw new Error("the screen is gone");
    });
    client.follow(help);
    await settle();
    server.end("NOT_DELIVERED", "queue");
    await settle();
    expect(server.newest.acknowledged).toBe(false);
    expect(reported).toEqual([new Error("the screen is gone")]);
    server.socket.serverCloses(1006);
    await settle(250);
    expect(tries).toBe(2);
    expect(server.newest.acknowledged).toBe(true);
  });

  it("is not sent when nobody was told", async () => {
    const { client } = tab();
    client.follow(server.waiting().help);
    await settle();
    server.end("NOT_DELIVERED", "queue");
    await settle();
    expect(server.newest.acknowledged).toBe(false);
  });
});

describe("the end of a wait", () => {
  it("is told by its own event also when it is found on connecting", async () => {
    const { client } = tab();
    server.waiting();
    server.end("NOT_DELIVERED", "queue", "Yarın");
    const ends: unknown[] = [];
    client.on("wait.ended", (end) => ends.push(end));
    const help = await client.currentHelp();
    if (help === null) throw new Error("the end is not acknowledged yet");
    client.follow(help);
    await settle();
    expect(ends).toEqual([
      {
        sessionId: "session-1",
        outcome: "NOT_DELIVERED",
        reason: "queue",
        message: "Yarın",
        interactionId: "interaction-1",
        agentName: null,
      },
    ]);
    expect(server.newest.acknowledged).toBe(true);
  });

  it("is told in the states of chat and call", async () => {
    const { client } = tab();
    const states: string[] = [];
    client.on("chat.state", (state) => states.push(state));
    client.on("call.state", (state) => states.push(state));
    client.follow(server.waiting().help);
    await settle();
    server.end("CONNECTED", null);
    for (const state of ["RINGING", "RINGING", "IN_PROGRESS", "UNHEARD_OF"]) {
      server.emit("call.state", { state });
    }
    server.emit("call.state", { state: "ENDED" });
    server.emit("chat.state", { state: "CHAT_ENDED" });
    await settle();
    expect(states).toEqual([
      "STARTED",
      "CHAT_INPROGRESS",
      "RINGING",
      "IN_PROGRESS",
      "ENDED",
      "CHAT_ENDED",
    ]);
  });

  it("without a conversation is no chat", async () => {
    const { client } = tab();
    const states: string[] = [];
    client.on("chat.state", (state) => states.push(state));
    client.follow(server.waiting().help);
    await settle();
    server.end("NOT_DELIVERED", "queue");
    await settle();
    expect(states).toEqual(["STARTED", "NO_CHAT"]);
  });
});

describe("several tabs", () => {
  it("the newest follows, and the older one takes the session back by hand", async () => {
    const { help } = server.waiting();
    const [first, second] = [tab(), tab()];
    first.client.follow(help);
    await settle();
    second.client.follow(help);
    await settle(60_000);
    expect(first.told).toEqual(["open", "closed 4409"]);
    first.client.useHere();
    await settle(60_000);
    expect(first.told).toEqual(["open", "closed 4409", "open"]);
    expect(second.told).toEqual(["open", "closed 4409"]);
    expect(server.sockets).toHaveLength(3);
  });

  it("when the one that follows is closed, another goes on by itself, missing nothing", async () => {
    const { help } = server.waiting();
    const tabs = browser();
    const [first, second] = [tab(tabs), tab(tabs)];
    const heard: number[] = [];
    first.client.on("event", ({ seq }) => heard.push(seq));
    first.client.follow(help);
    await settle();
    second.client.follow(help);
    await settle();
    server.emit("wait.of_tomorrow", { position: 2 });
    second.client.unfollow();
    await settle();
    server.emit("wait.of_tomorrow", { position: 1 });
    await settle();
    expect(heard).toEqual([2, 3]);
    expect(first.told).toEqual(["open", "closed 4409", "open"]);
  });

  it("all learn the end, and no two push each other out", async () => {
    const { help } = server.waiting();
    const tabs = browser();
    const all = [tab(tabs), tab(tabs), tab(tabs)];
    const ends: number[] = [];
    for (const [number, { client }] of all.entries()) {
      client.on("wait.ended", () => ends.push(number));
      client.follow(help);
      await settle();
    }
    server.end("NOT_DELIVERED", "queue");
    await settle(60_000);
    expect(ends.sort()).toEqual([0, 1, 2]);
    expect(server.sockets.length).toBeLessThan(10);
  });
});

describe("the server's clock", () => {
  it("is the welcome's, half a round trip later", async () => {
    const { client } = tab();
    expect(client.serverNow()).toBe(Date.now());
    client.follow(server.waiting().help);
    await settle();
    expect(client.serverNow()).toBe(Date.parse("2026-11-02T11:32:05.000Z"));
    await settle(1_500);
    expect(client.serverNow()).toBe(Date.parse("2026-11-02T11:32:06.500Z"));
  });
});

it("following ends with its signal", async () => {
  const { client } = tab();
  const left = new AbortController();
  client.follow(server.waiting().help, { signal: left.signal });
  await settle();
  left.abort();
  await settle(600_000);
  expect(server.socket.readyState).toBe(3);
  expect(server.sockets).toHaveLength(1);
});
