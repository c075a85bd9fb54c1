import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Connection, type ConnectionListener } from "../src/connection.js";
import { FakeServer } from "./fake_server.js";

let server: FakeServer;
let log: string[];
let wake: () => void;
let visible: boolean;
let connection: Connection;

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  log = [];
  visible = true;
});

afterEach(() => {
  connection.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const listener: ConnectionListener = {
  onWelcome: (welcome) => {
    log.push(`welcome ${welcome.seq} ${welcome.recovered}`);
    if (welcome.snapshot.outcome !== null) connection.acknowledge(welcome.seq);
  },
  onEvent: (event) => {
    log.push(`${event.seq} ${event.event}`);
    if (event.event === "wait.ended") connection.acknowledge(event.seq);
  },
  onMomentary: ({ event }) => log.push(event),
  onLost: ({ code, retryInMs }) => log.push(`lost ${code} ${retryInMs}`),
  onClosed: ({ code }) => log.push(`closed ${code}`),
};

async function follow(after: number, epoch: string | null): Promise<void> {
  const { help, token } = server.waiting();
  const position = { sessionId: help.sessionId, after, epoch };
  connection = new Connection({ url: "wss://x/v1/client/events", token, position }, listener, {
    WebSocket: server.WebSocket,
    lifecycle: {
      visible: () => visible,
      subscribe: (callback) => {
        wake = callback;
        return () => {};
      },
    },
    random: () => 0.5,
    now: () => Date.now(),
  });
  await settle();
}

/** Lets everything happen that needs no time. */
async function settle(ms = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

function sentTypes(): unknown[] {
  return server.socket.sent.map((frame) => frame["type"]);
}

describe("the first frame", () => {
  it("tells what holds for a moment, and goes on after the same event", async () => {
    await follow(0, null);
    server.moment("wait.updated", { position: 2, estimatedWaitSeconds: null });
    server.socket.receive('{"type":"event","sessionId":"another","event":"chat.typing","data":{}}');
    server.socket.serverCloses(1006);
    await settle(1_000);
    expect(log).toContain("wait.updated");
    expect(log).not.toContain("chat.typing");
    expect(server.socket.sent[0]).toMatchObject({ type: "hello", after: 1 });
  });

  it("is hello with the token, and the address carries nothing", async () => {
    await follow(1, "epoch-1");
    expect(server.socket.url).toBe("wss://x/v1/client/events");
    expect(server.socket.sent).toEqual([
      { type: "hello", token: "token-1", sessionId: "session-1", after: 1, epoch: "epoch-1" },
    ]);
    expect(log).toEqual(["welcome 1 true"]);
  });

  it("brings everything that was missed, in order", async () => {
    await follow(0, null);
    expect(log).toEqual(["welcome 1 true", "1 wait.started"]);
  });

  it("takes the snapshot for the truth when the history is another one", async () => {
    await follow(7, "epoch-0");
    expect(log).toEqual(["welcome 1 false"]);
    server.emit("wait.of_tomorrow", { position: 2 });
    await settle();
    expect(log).toEqual(["welcome 1 false", "2 wait.of_tomorrow"]);
  });
});

describe("events", () => {
  it("are told once, however often they arrive", async () => {
    await follow(1, "epoch-1");
    server.emit("wait.of_tomorrow", { position: 2 });
    for (const event of server.newest.events) server.socket.receive(event.text);
    await settle();
    expect(log).toEqual(["welcome 1 true", "2 wait.of_tomorrow"]);
  });

  it("with a gap are asked for again from the last one", async () => {
    await follow(1, "epoch-1");
    const socket = server.socket;
    socket.follows = null;
    server.emit("wait.of_tomorrow", { position: 3 });
    socket.follows = "session-1";
    server.emit("wait.of_tomorrow", { position: 2 });
    await settle();
    expect(log.at(-1)).toBe("lost 1006 250");
    await settle(250);
    expect(server.socket.sent[0]).toMatchObject({ after: 1 });
    expect(log.slice(-3)).toEqual(["welcome 3 true", "2 wait.of_tomorrow", "3 wait.of_tomorrow"]);
  });

  it("of another session are dropped", async () => {
    await follow(1, "epoch-1");
    server.socket.receive(
      '{"type":"event","sessionId":"other","seq":2,"event":"wait.ended","at":""}',
    );
    await settle();
    expect(log).toEqual(["welcome 1 true"]);
  });

  it("that cannot be read cost the connection, not the wait", async () => {
    await follow(1, "epoch-1");
    server.socket.receiveRaw("<html>");
    await settle();
    expect(log.at(-1)).toBe("lost 1006 250");
  });
});

describe("the end of a wait", () => {
  it("once acknowledged, closes the stream for good", async () => {
    await follow(1, "epoch-1");
    server.end("NOT_DELIVERED", "queue", "Yarın");
    await settle();
    expect(log).toEqual(["welcome 1 true", "2 wait.ended", "closed 1000"]);
    expect(server.newest.acknowledged).toBe(true);
    expect(server.socket.sent.at(-1)).toEqual({ type: "ack", seq: 2 });
  });

  it("known from before is acknowledged on welcome", async () => {
    server.waiting();
    server.end("EXPIRED", "abandoned");
    const position = { sessionId: "session-1", after: 2, epoch: "epoch-1" };
    connection = new Connection({ url: "wss://x", token: "token-1", position }, listener, {
      WebSocket: server.WebSocket,
      lifecycle: { visible: () => true, subscribe: () => () => {} },
      random: () => 0.5,
      now: () => Date.now(),
    });
    await settle();
    expect(log).toEqual(["welcome 2 true", "closed 1000"]);
    expect(server.newest.acknowledged).toBe(true);
  });

  it("in a conversation is acknowledged and followed on", async () => {
    await follow(1, "epoch-1");
    server.end("CONNECTED", null);
    await settle();
    expect(server.newest.acknowledged).toBe(true);
    server.conversation.say("a-1", "Merhaba");
    await settle();
    expect(log.slice(-2)).toEqual(["3 chat.state", "4 chat.message"]);
  });

  it("is not believed from a 1000 alone", async () => {
    await follow(1, "epoch-1");
    server.socket.serverCloses(1000);
    await settle();
    expect(log.at(-1)).toBe("lost 1000 250");
  });
});

describe("a lost connection", () => {
  it("comes back from where it was, later each time", async () => {
    await follow(1, "epoch-1");
    server.network = "refuse";
    server.socket.serverCloses(1006);
    await settle();
    await settle(250);
    await settle(500);
    expect(log.slice(1)).toEqual(["lost 1006 250", "lost 1006 500", "lost 1006 1000"]);
    server.network = "up";
    await settle(1_000);
    expect(log.at(-1)).toBe("welcome 1 true");
    expect(server.socket.sent[0]).toMatchObject({ after: 1, epoch: "epoch-1" });
  });

  it("is short again after one that lasted", async () => {
    await follow(1, "epoch-1");
    server.socket.serverCloses(1006);
    await settle(250);
    await settle(10_000);
    server.socket.serverCloses(1006);
    await settle();
    expect(log.at(-1)).toBe("lost 1006 250");
  });

  it("comes back when the server says", async () => {
    await follow(1, "epoch-1");
    server.socket.serverCloses(1012, "3.5");
    await settle(3_499);
    expect(server.sockets).toHaveLength(1);
    await settle(1);
    expect(server.sockets).toHaveLength(2);
  });

  it("comes back at once when the app wakes", async () => {
    await follow(1, "epoch-1");
    server.socket.serverCloses(1012, "60");
    await settle();
    wake();
    await settle();
    expect(log.at(-1)).toBe("welcome 1 true");
  });

  it.each([
    1003, 1007, 1009, 4400, 4401, 4404, 4408, 4409,
  ])("%i does not come back", async (code) => {
    await follow(1, "epoch-1");
    server.socket.serverCloses(code);
    await settle(600_000);
    expect(log).toEqual(["welcome 1 true", `closed ${code}`]);
    expect(server.sockets).toHaveLength(1);
  });

  it("leaves the session to a newer hello", async () => {
    await follow(1, "epoch-1");
    const other = new server.WebSocket("wss://x");
    await settle();
    other.send('{"type":"hello","token":"token-1","sessionId":"session-1","after":0}');
    await settle(60_000);
    expect(log.at(-1)).toBe("closed 4409");
    expect(server.sockets).toHaveLength(2);
  });
});

describe("a dead connection", () => {
  it("that does not open is given up after 5 s", async () => {
    server.network = "hang";
    await follow(1, "epoch-1");
    await settle(4_999);
    expect(log).toEqual([]);
    await settle(1);
    expect(log).toEqual(["lost 1006 250"]);
  });

  it("is found by the ping within 20 s", async () => {
    await follow(1, "epoch-1");
    server.silent = true;
    await settle(14_999);
    expect(sentTypes()).toEqual(["hello"]);
    await settle(1);
    expect(sentTypes()).toEqual(["hello", "ping"]);
    await settle(5_000);
    expect(log.at(-1)).toBe("lost 1006 250");
  });

  it("stays when the pong comes", async () => {
    await follow(1, "epoch-1");
    await settle(60_000);
    expect(log).toEqual(["welcome 1 true"]);
    expect(sentTypes()).toEqual(["hello", "ping", "ping", "ping", "ping"]);
  });

  it("is not pinged while nobody looks, and replaced when somebody does again", async () => {
    await follow(1, "epoch-1");
    visible = false;
    await settle(60_000);
    expect(sentTypes()).toEqual(["hello"]);
    visible = true;
    wake();
    await settle();
    expect(log).toEqual(["welcome 1 true", "welcome 1 true"]);
    expect(server.sockets).toHaveLength(2);
  });

  it("heard lately is asked when the app wakes, and replaced when it wakes again unanswered", async () => {
    await follow(1, "epoch-1");
    server.silent = true;
    wake();
    await settle(100);
    expect(sentTypes()).toEqual(["hello", "ping"]);
    expect(server.sockets).toHaveLength(1);
    wake();
    await settle();
    expect(server.sockets).toHaveLength(2);
    expect(log).toEqual(["welcome 1 true", "welcome 1 true"]);
  });

  it("that was opening when the app fell asleep is not waited for when it wakes", async () => {
    server.network = "hang";
    await follow(1, "epoch-1");
    vi.setSystemTime(Date.now() + 4_999); // the clock goes on, timers do not
    wake();
    expect(server.sockets).toHaveLength(1);
    server.network = "up";
    vi.setSystemTime(Date.now() + 1);
    wake();
    await settle();
    expect(server.sockets).toHaveLength(2);
    expect(log).toEqual(["welcome 1 true"]);
  });
});
