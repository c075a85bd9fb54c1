import type { Diyalog } from "diyalog";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeServer } from "../../sdk/test/fake_server.js";
import { journeyPage, LINK } from "./journey_page.js";
import { memoryStorage } from "./memory_storage.js";

const START = "POST /v1/client/help";
const LOOK = "GET /v1/client/help";
const ACTIVATE = "POST /v1/client/activations";

let server: FakeServer;
let storage: Storage;
let opened: { diyalog: Diyalog }[];

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  storage = memoryStorage();
  opened = [];
});

afterEach(() => {
  for (const { diyalog } of opened) diyalog.unfollow();
  vi.useRealTimers();
});

function page(link = LINK, tabStorage = storage) {
  const made = journeyPage(server, tabStorage, link);
  opened.push(made);
  return made;
}

/** Lets the answers arrive, and what is held for reading be over. */
async function settle(ms = 2_000): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

async function openPage(link = LINK, tabStorage = storage) {
  const made = page(link, tabStorage);
  void made.journey.open();
  await settle();
  return made;
}

describe("opening the link", () => {
  it("activates, looks, starts, and follows", async () => {
    const { view } = await openPage();
    expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      ACTIVATE,
      LOOK,
      START,
    ]);
    expect(view().kind).toBe("waiting");
    expect(server.socket.follows).toBe("session-1");
  });

  it("finds a wait that is open already, from whatever device", async () => {
    server.waiting("c1");
    const { view } = await openPage();
    expect(view().kind).toBe("waiting");
    expect(server.count(START)).toBe(0);
  });

  it("asks the customer for the kind of help that the link does not say", async () => {
    const { view, journey } = await openPage("#/start?customerId=c1");
    expect(view().kind).toBe("choose");
    void journey.ask("video_call");
    await settle();
    expect(view().kind).toBe("waiting");
    expect(server.newest.help.helpType).toBe("video_call");
  });

  it("says so when it is not complete, without asking the server", async () => {
    const { view } = await openPage("#/start?helpType=chat");
    expect(view()).toEqual({ kind: "problem", problem: { kind: "link" } });
    expect(server.requests).toEqual([]);
  });

  it("forgets the secrets as soon as it has a token", async () => {
    const { tab } = await openPage();
    expect(tab.memory.activation).toBeNull();
    expect(storage.getItem("diyalog.help.c1")).not.toContain("transactionHash");
  });

  it("keeps them over a reload until then", async () => {
    server.network = "refuse";
    await openPage();
    opened[0]?.diyalog.unfollow();
    server.network = "up";
    const { view } = await openPage("#/start?customerId=c1&helpType=chat");
    expect(view().kind).toBe("waiting");
    expect(server.requests[0]?.body).toMatchObject({ transactionHash: "t" });
  });
});

describe("a reload", () => {
  it("resumes the wait with the stored token", async () => {
    await openPage();
    const { view } = await openPage();
    expect(view().kind).toBe("waiting");
    expect(server.sessions).toHaveLength(1);
    expect(server.count(ACTIVATE)).toBe(1);
  });

  it("after the end shows the outcome and never starts again by itself", async () => {
    await openPage();
    server.end("NOT_DELIVERED", "queue", "Yarın");
    await settle();
    const { view } = await openPage();
    expect(view()).toMatchObject({ ending: { kind: "notDelivered", message: "Yarın" } });
    expect(server.count(START)).toBe(1);
  });

  it("shows an end that happened in between, and acknowledges it", async () => {
    const first = await openPage();
    first.diyalog.unfollow();
    server.end("NOT_DELIVERED", "queue", "Yarın");
    const { view } = await openPage();
    expect(view()).toMatchObject({ ending: { kind: "notDelivered" } });
    expect(server.newest.acknowledged).toBe(true);
  });

  it("repeats a start whose answer was lost with the same key", async () => {
    server.swallowNextStart = true;
    await openPage();
    const { view } = await openPage();
    expect(view().kind).toBe("waiting");
    const keys = server.requests.filter((r) => r.method === "POST" && r.key).map((r) => r.key);
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBe(keys[1]);
  });

  it("does not repeat a start that nobody may be waiting for any more", async () => {
    server.swallowNextStart = true;
    await openPage();
    await settle(3_600_000);
    const { view, journey } = await openPage();
    expect(view()).toMatchObject({ ending: { kind: "unsent" } });
    void journey.retryStart();
    await settle();
    expect(view().kind).toBe("waiting");
  });

  it("with a token that the server forgot activates again but never starts", async () => {
    await openPage();
    server.end("EXPIRED", "time_limit");
    await settle();
    const stored = JSON.parse(storage.getItem("diyalog.help.c1") ?? "{}");
    storage.setItem("diyalog.help.c1", JSON.stringify({ ...stored, token: "stale" }));
    const { view } = await openPage();
    expect(view()).toMatchObject({ ending: { kind: "timeLimit" } });
    expect(server.count(START)).toBe(1);
  });

  it("of a session that was deleted says that nothing is open", async () => {
    await openPage();
    server.sessions.length = 0;
    const { view } = await openPage();
    expect(view()).toMatchObject({ ending: { kind: "gone" } });
    expect(server.count(START)).toBe(1);
  });
});

describe("asking again", () => {
  it("uses a new key, and a double tap makes one wait", async () => {
    const { view, journey } = await openPage();
    server.end("NOT_DELIVERED", "queue");
    await settle();
    void journey.ask();
    void journey.ask();
    await settle();
    expect(view().kind).toBe("waiting");
    expect(server.sessions).toHaveLength(2);
    const [first, second] = server.requests.filter((r) => r.key !== null);
    expect(second?.key).not.toBe(first?.key);
  });

  it("finds the wait that another device has opened meanwhile", async () => {
    const { view, journey } = await openPage();
    server.end("CANCELLED", "replaced");
    await settle();
    server.waiting("c1");
    void journey.showCurrent();
    await settle();
    expect(view()).toMatchObject({ kind: "waiting", reference: "interaction-2" });
    expect(server.count(START)).toBe(1);
  });
});

describe("two tabs", () => {
  it("share one wait: the newer one has it, the older one can take it back", async () => {
    const first = await openPage();
    const second = await openPage(LINK, memoryStorage());
    expect(server.sessions).toHaveLength(1);
    expect([first.view().kind, second.view().kind]).toEqual(["elsewhere", "waiting"]);
    void first.journey.useHere();
    await settle();
    expect([first.view().kind, second.view().kind]).toEqual(["waiting", "elsewhere"]);
  });
});

describe("a start without a result", () => {
  it("is looked for before it is repeated", async () => {
    server.loseNextStart = true;
    const { view } = await openPage();
    await settle(5_000);
    expect(view().kind).toBe("waiting");
    expect(server.sessions).toHaveLength(1);
    expect(server.count(START)).toBe(1);
  });

  it("says when it will be tried again, and is tried then", async () => {
    server.network = "refuse";
    const { view } = await openPage();
    expect(view()).toMatchObject({ kind: "problem", problem: { kind: "away" } });
    server.network = "up";
    await settle(60_000);
    expect(view().kind).toBe("waiting");
    expect(server.sessions).toHaveLength(1);
  });

  it("waits as long as the server asks", async () => {
    server.answer(ACTIVATE, 503, { code: "X", retryable: true }, { "Retry-After": "40" });
    const { view, journey } = await openPage();
    await settle(37_000);
    expect(server.count(ACTIVATE)).toBe(1);
    journey.tryNow();
    await settle();
    expect(view().kind).toBe("waiting");
  });
});

describe("refusals", () => {
  it.each([
    [400, "DLGEXCPINP_TRXHASH_IS_EMPTY", "link"],
    [401, "DLGEXCP_AUTH_REQUEST", "refused"],
    [403, "DLGEXCPSRV_FRBDNCST", "barred"],
    [409, "DLGEXCP_CUSTOMER_NOT_ACTIVE_IN_DEVICE", "notActive"],
    [502, "DLGEXCPSRV_AUTHSRVINACC", "away"],
    [500, "DLGEXCP_GENERAL_EXCEPTION", "away"],
  ])("%i %s is told as %s", async (status, code, kind) => {
    server.answer(ACTIVATE, status, { code, retryable: false });
    const { view } = await openPage();
    expect(view()).toMatchObject({ kind: "problem", problem: { kind } });
    await settle(600_000);
    expect(server.count(ACTIVATE)).toBe(1);
  });

  it("for asking too often names the time", async () => {
    server.answer(START, 429, "Too many", { "Retry-After": "90" });
    const { view } = await openPage();
    const expected = Date.now() - 2_000 + 90_000;
    expect(view()).toEqual({ kind: "problem", problem: { kind: "tooOften", at: expected } });
  });

  it.each([
    ["queue_refused", "queueRefused"],
    ["queue_timeout", "queueTimeout"],
  ])("of the queue, %s, are an ending", async (reason, kind) => {
    const problem = { code: "X", retryable: true, outcome: "FAILED", reason, sessionId: "s9" };
    server.answer(START, 502, problem);
    const { view } = await openPage();
    expect(view()).toMatchObject({ kind: "ended", ending: { kind }, reference: "s9" });
    await settle(600_000);
    expect(server.count(START)).toBe(1);
  });

  it("because of a conversation lead to it", async () => {
    server.waiting("c1");
    server.end("CONNECTED", null);
    server.answer(LOOK, 404, {});
    server.answer(START, 409, { code: "DLGEXCP_USER_IS_IN_CALL_NOW", retryable: false });
    const { view } = await openPage();
    expect(view()).toMatchObject({ kind: "connected", name: "Selin" });
  });
});

describe("stopping", () => {
  it("ends the wait", async () => {
    const { view, journey } = await openPage();
    void journey.stop();
    await settle();
    expect(view()).toMatchObject({ kind: "ended", ending: { kind: "stopped" } });
  });

  it("too late opens the conversation", async () => {
    const { view, journey, diyalog } = await openPage();
    diyalog.unfollow();
    server.end("CONNECTED", null);
    void journey.stop();
    await settle();
    expect(view()).toMatchObject({ kind: "connected", name: "Selin", late: true });
  });

  it("is tried until the server has answered", async () => {
    const { view, journey } = await openPage();
    server.network = "refuse";
    void journey.stop();
    await settle(10_000);
    expect(view()).toMatchObject({ stop: "unsure" });
    server.network = "up";
    await settle(20_000);
    expect(view()).toMatchObject({ kind: "ended", ending: { kind: "stopped" } });
  });

  it("reaches a request that is still being sent", async () => {
    let queueAnswers = () => {};
    server.queueAnswers = new Promise((resolve) => {
      queueAnswers = resolve;
    });
    const { view, journey } = await openPage();
    expect(view()).toMatchObject({ kind: "asking" });
    void journey.stop();
    await settle();
    queueAnswers();
    await settle();
    expect(view()).toMatchObject({ kind: "ended", ending: { kind: "stopped" } });
    expect(server.sessions).toHaveLength(1);
  });

  it("lets the customer ask again while the stopped request is still being answered", async () => {
    let queueAnswers = () => {};
    server.queueAnswers = new Promise((resolve) => {
      queueAnswers = resolve;
    });
    const { view, journey } = await openPage();
    void journey.stop();
    await settle();
    expect(view()).toMatchObject({ kind: "ended", ending: { kind: "stopped" } });
    const late = server.queueAnswers;
    server.queueAnswers = Promise.resolve();
    void journey.ask();
    await settle();
    expect(view()).toMatchObject({ kind: "waiting" });
    queueAnswers();
    await late;
    await settle();
    expect(view()).toMatchObject({ kind: "waiting" });
    expect(server.sessions).toHaveLength(2);
  });

  it("never stops a wait that was asked for afterwards", async () => {
    const { view, journey } = await openPage();
    server.network = "refuse";
    void journey.stop();
    await settle(5_000);
    server.network = "up";
    server.end("NOT_DELIVERED", "queue");
    await settle(500);
    expect(view().kind).toBe("ended");
    void journey.ask();
    await settle(120_000);
    expect(view().kind).toBe("waiting");
  });
});
