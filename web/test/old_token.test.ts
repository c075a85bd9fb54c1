import type { Diyalog } from "diyalog";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeServer } from "../../sdk/test/fake_server.js";
import { journeyPage, LINK } from "./journey_page.js";
import { memoryStorage } from "./memory_storage.js";

const START = "POST /v1/client/help";
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

describe("review", () => {
  it("a fresh link replaces a stored token that is too old to start with", async () => {
    const token = server.tokenOf("c1");
    storage.setItem("diyalog.help.c1", JSON.stringify({ token }));
    server.answer(START, 401, { code: "TOKEN_EXPIRED", retryable: false });
    const first = await openPage();
    expect(first.view().kind).toBe("waiting");
  });
  it("a token that is too old to start with does not survive the next link", async () => {
    const token = server.tokenOf("c1");
    storage.setItem("diyalog.help.c1", JSON.stringify({ token }));
    for (let n = 0; n < 5; n += 1)
      server.answer(START, 401, { code: "TOKEN_EXPIRED", retryable: false });
    for (let n = 0; n < 4; n += 1) {
      const { diyalog } = await openPage();
      diyalog.unfollow();
    }
    expect(server.count(ACTIVATE)).toBeGreaterThan(0);
  });
  it("a stop that was confirmed stays on the screen when the start's own answer is lost", async () => {
    let fail: (e: Error) => void = () => {};
    server.queueAnswers = new Promise((_, reject) => {
      fail = reject;
    });
    const { view, journey } = await openPage();
    void journey.stop();
    await settle(500);
    expect(view()).toMatchObject({ kind: "ended", ending: { kind: "stopped" } });
    fail(new TypeError("connection reset"));
    server.queueAnswers = Promise.resolve();
    await settle(100);
    const shown = view();
    await settle(10_000);
    expect(shown).toMatchObject({ kind: "ended" });
  });
});
