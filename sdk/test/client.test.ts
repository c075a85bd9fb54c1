import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Diyalog, newIdempotencyKey } from "../src/client.js";
import { DiyalogError } from "../src/errors.js";
import type { Lifecycle } from "../src/lifecycle.js";
import { FakeServer } from "./fake_server.js";

const ALWAYS_VISIBLE: Lifecycle = { visible: () => true, subscribe: () => () => {} };

let server: FakeServer;
let client: Diyalog;

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  client = new Diyalog({
    url: "https://help.example/",
    fetch: server.fetch,
    WebSocket: server.WebSocket,
    lifecycle: ALWAYS_VISIBLE,
    random: () => 0.5,
  });
});

afterEach(() => {
  client.unfollow();
  vi.useRealTimers();
});

async function settle(ms = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

async function refusal(call: Promise<unknown>): Promise<DiyalogError> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof DiyalogError)) throw new Error("expected a refusal");
  return error;
}

describe("before activation", () => {
  it("every call is refused without a request", async () => {
    expect((await refusal(client.currentHelp())).code).toBe("NOT_ACTIVATED");
    expect(server.requests).toEqual([]);
  });

  it("a token of an earlier visit will do", async () => {
    client.resume(server.tokenOf("c1"));
    expect(await client.currentHelp()).toBeNull();
  });
});

describe("asking for help", () => {
  beforeEach(async () => {
    await client.activate({ customerId: "c1", deviceHash: "d", transactionHash: "t" });
  });

  it("ends the waiting for an answer when the app says so, and the double tap goes on", async () => {
    server.queueAnswers = new Promise((resolve) => setTimeout(resolve, 1_000));
    const gone = new AbortController();
    const aborted = client.startHelp({ helpType: "chat" }, { signal: gone.signal }).catch(String);
    const other = client.startHelp({ helpType: "chat" });
    gone.abort("left the screen");
    expect(await aborted).toBe("left the screen");
    await settle(1_000);
    expect((await other).state).toBe("WAITING");
    await expect(client.currentHelp({ signal: gone.signal })).rejects.toBe("left the screen");
  });

  it("sends the activation as it was given, and its token afterwards", async () => {
    const help = await client.startHelp({ helpType: "video_call" }, { idempotencyKey: "key-1" });
    expect(help).toMatchObject({ state: "WAITING", helpType: "video_call" });
    expect(server.requests).toEqual([
      {
        method: "POST",
        path: "/v1/client/activations",
        body: { customerId: "c1", deviceHash: "d", transactionHash: "t" },
        key: null,
        authorization: null,
      },
      {
        method: "POST",
        path: "/v1/client/help",
        body: { helpType: "video_call" },
        key: "key-1",
        authorization: "Bearer token-1",
      },
    ]);
  });

  it("with the same key never makes a second wait", async () => {
    server.loseNextStart = true;
    const lost = await refusal(client.startHelp({ helpType: "chat" }, { idempotencyKey: "k" }));
    expect(lost).toMatchObject({ status: 0, retryable: true, code: "DLGEXCPSRV_CONNERR" });
    const again = await client.startHelp({ helpType: "chat" }, { idempotencyKey: "k" });
    expect(again.sessionId).toBe("session-1");
    expect(server.sessions).toHaveLength(1);
  });

  it("makes one wait of a double tap, fast or slow, and two of two requests", async () => {
    const [first, second] = await Promise.all([
      client.startHelp({ helpType: "chat" }),
      client.startHelp({ helpType: "chat" }),
    ]);
    await settle(900);
    const third = await client.startHelp({ helpType: "chat" });
    expect([first, second, third].map((help) => help.sessionId)).toEqual(
      Array(3).fill("session-1"),
    );
    expect(server.count("POST /v1/client/help")).toBe(1);
    await client.startHelp({ helpType: "video_call" });
    expect(server.sessions).toHaveLength(2);
  });

  it("asks again at once after a wait that has ended already", async () => {
    const over = { ...server.waiting("c2").help, state: "ENDED", outcome: "FAILED" };
    server.answer("POST /v1/client/help", 201, over);
    await client.startHelp({ helpType: "chat" });
    expect((await client.startHelp({ helpType: "chat" })).state).toBe("WAITING");
  });

  it("repeats a start whose answer was lost as the same start", async () => {
    server.loseNextStart = true;
    await refusal(client.startHelp({ helpType: "chat" }));
    server.answer("POST /v1/client/help", 502, "<html>Bad gateway</html>");
    await refusal(client.startHelp({ helpType: "chat" }));
    await client.startHelp({ helpType: "chat" });
    const keys = server.requests.slice(1).map((request) => request.key);
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
    expect(server.sessions).toHaveLength(1);
  });

  it("takes a new key when another request follows one that was not answered", async () => {
    server.loseNextStart = true;
    await refusal(client.startHelp({ helpType: "chat" }));
    server.answer("POST /v1/client/help", 422, { code: "IDEMPOTENCY_KEY_REUSED" });
    const help = await client.startHelp({ helpType: "video_call" });
    expect(help.helpType).toBe("video_call");
    const keys = server.requests.slice(1).map((request) => request.key);
    expect(keys[0]).toBe(keys[1]);
    expect(keys[2]).not.toBe(keys[1]);
  });

  it.each([
    [502, "queue_refused"],
    [429, "too often"],
  ])("takes a new key after the answer %i", async (status, reason) => {
    server.answer("POST /v1/client/help", status, { code: "X", retryable: true, reason });
    await refusal(client.startHelp({ helpType: "chat" }));
    await client.startHelp({ helpType: "chat" });
    const keys = server.requests.slice(1).map((request) => request.key);
    expect(new Set(keys).size).toBe(2);
  });

  it("does not repeat an unanswered start when nobody may be waiting for it any more", async () => {
    server.loseNextStart = true;
    await refusal(client.startHelp({ helpType: "chat" }));
    await settle(120_001);
    await client.startHelp({ helpType: "chat" });
    const keys = server.requests.slice(1).map((request) => request.key);
    expect(new Set(keys).size).toBe(2);
  });

  it("without a key makes one of its own each time", async () => {
    await client.startHelp({ helpType: "chat" });
    await settle(1_000);
    await client.startHelp({ helpType: "chat" });
    const keys = server.requests.slice(1).map((request) => request.key);
    expect(new Set(keys).size).toBe(2);
    for (const key of keys) expect(key).toMatch(/^[0-9a-f]{32}$/);
  });

  it("tells a refusal of the queue with its outcome", async () => {
    const problem = { code: "X", retryable: true, outcome: "FAILED", reason: "queue_refused" };
    server.answer("POST /v1/client/help", 502, problem);
    const error = await refusal(client.startHelp({ helpType: "chat" }));
    expect(error.problem).toEqual(problem);
  });

  it("gives up on an answer that does not come", async () => {
    const aborting = new Diyalog({
      url: "https://help.example",
      fetch: (_, init) =>
        new Promise((_resolve, reject) => {
          init.signal?.addEventListener("abort", () => reject(new Error("aborted")));
        }),
      WebSocket: server.WebSocket,
      lifecycle: ALWAYS_VISIBLE,
    });
    aborting.resume("t");
    const unanswered = refusal(aborting.currentHelp());
    await settle(15_000);
    expect((await unanswered).code).toBe("DLGEXCPSRV_CONNERR");
  });

  it("does not take a stranger's page for an answer", async () => {
    server.answer("GET /v1/client/help", 200, "<html>Sign in to the network</html>");
    expect((await refusal(client.currentHelp())).status).toBe(0);
    server.answer("GET /v1/client/help", 200, { hello: "world" });
    expect((await refusal(client.currentHelp())).status).toBe(0);
  });
});

describe("cancelling", () => {
  beforeEach(() => client.resume(server.waiting().token));

  it("ends the wait, and says so again when repeated", async () => {
    const first = await client.cancel("session-1");
    const second = await client.cancel("session-1");
    expect([first.cancelled, second.cancelled]).toEqual([true, true]);
    expect(first.help).toMatchObject({ outcome: "CANCELLED", reason: "customer" });
  });

  it("too late tells who won", async () => {
    server.end("CONNECTED", null);
    const { cancelled, help } = await client.cancel("session-1");
    expect(cancelled).toBe(false);
    expect(help).toMatchObject({ state: "CONNECTED", agentName: "Selin" });
  });

  it("too late and out of reach tells the outcome in the error", async () => {
    server.end("NOT_DELIVERED", "queue");
    server.answer("GET /v1/client/help/session-1", 503, "");
    const error = await refusal(client.cancel("session-1"));
    expect(error.code).toBe("WAIT_ENDED");
    expect(error.problem).toMatchObject({ outcome: "NOT_DELIVERED", reason: "queue" });
  });

  it("of an unknown session is refused", async () => {
    expect((await refusal(client.cancel("a/b"))).status).toBe(404);
    expect(server.requests.at(-1)?.path).toBe("/v1/client/help/a%2Fb");
  });
});

describe("following", () => {
  it("tells the session after every event, and the events by name", async () => {
    const { help, token } = server.waiting();
    const told: unknown[] = [];
    client.resume(token);
    client.on("help", ({ state, position }) => told.push([state, position]));
    client.on("wait.updated", ({ position }) => told.push(["updated", position]));
    client.on("wait.ended", ({ outcome }) => told.push(["ended", outcome]));
    client.on("connection", ({ state }) => told.push(state));
    client.follow(help);
    await settle();
    server.moment("wait.updated", { position: 2, estimatedWaitSeconds: null });
    server.end("NOT_DELIVERED", "queue", "Yarın");
    await settle();
    expect(told).toEqual([
      "open",
      ["WAITING", null],
      ["updated", 2],
      ["WAITING", 2],
      ["ended", "NOT_DELIVERED"],
      ["ENDED", null],
      "closed",
    ]);
    expect(server.socket.url).toBe("wss://help.example/v1/client/events");
  });

  it("catches up on what happened while away", async () => {
    const { help, token } = server.waiting();
    client.resume(token);
    client.follow(help);
    await settle();
    server.socket.serverCloses(1006);
    server.end("NOT_DELIVERED", "queue", "Yarın");
    const messages: (string | null)[] = [];
    client.on("help", ({ message }) => messages.push(message));
    await settle(250);
    expect(messages).toEqual(["Yarın"]);
    expect(server.newest.acknowledged).toBe(true);
  });

  it("takes the snapshot after a restored database", async () => {
    const { help, token } = server.waiting();
    client.resume(token);
    client.follow(help);
    await settle();
    server.epoch = "epoch-2";
    server.newest.help = { ...server.newest.help, position: 9 };
    server.socket.serverCloses(1006);
    const positions: (number | null)[] = [];
    client.on("help", ({ position }) => positions.push(position));
    await settle(250);
    expect(positions).toEqual([9]);
  });

  it("ends with the listener's signal and with unfollow", async () => {
    const { help, token } = server.waiting();
    const ended = new AbortController();
    const told: string[] = [];
    client.resume(token);
    client.on("help", () => told.push("heard"), { signal: ended.signal });
    client.follow(help);
    await settle();
    ended.abort();
    server.emit("wait.of_tomorrow", { position: 1 });
    await settle();
    client.unfollow();
    await settle(600_000);
    expect(told).toEqual(["heard"]);
    expect(server.sockets).toHaveLength(1);
  });
});

it("makes keys of 128 random bits", () => {
  expect(newIdempotencyKey()).toMatch(/^[0-9a-f]{32}$/);
  expect(newIdempotencyKey()).not.toBe(newIdempotencyKey());
});
