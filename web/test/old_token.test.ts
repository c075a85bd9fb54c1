import { Diyalog } from "diyalog";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeServer } from "../../sdk/test/fake_server.js";
import { Journey } from "../help/journey.js";
import { readLaunch } from "../help/launch.js";
import { initialState, type State, update } from "../help/model.js";
import { Tab } from "../help/tab.js";
import { type View, viewOf } from "../help/view.js";

const LINK = "#/start?customerId=c1&helpType=chat&deviceHash=d&transactionHash=t";
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

/** The page without its drawing: what it would show, and what the customer can do. */
function page(link = LINK, tabStorage = storage) {
  const launch = readLaunch(link);
  const tab = new Tab(tabStorage, launch.activation?.customerId ?? "");
  const diyalog = new Diyalog({
    url: "https://help.example",
    fetch: server.fetch,
    WebSocket: server.WebSocket,
    lifecycle: { visible: () => true, subscribe: () => () => {} },
    random: () => 0.5,
  });
  let state: State = initialState(Date.now(), tab.memory.wait);
  const journey = new Journey({
    diyalog,
    tab,
    launch,
    dispatch: (happening) => {
      state = update(state, happening, Date.now());
      tab.update({ wait: state.wait });
    },
    now: () => Date.now(),
    schedule: (callback, afterMs) => {
      const timer = setTimeout(callback, afterMs);
      return () => clearTimeout(timer);
    },
  });
  const made = { diyalog, journey, tab, view: (): View => viewOf(state, Date.now()) };
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

function memoryStorage(): Storage {
  const entries = new Map<string, string>();
  return {
    get length() {
      return entries.size;
    },
    clear: () => entries.clear(),
    getItem: (key) => entries.get(key) ?? null,
    key: (index) => [...entries.keys()][index] ?? null,
    removeItem: (key) => {
      entries.delete(key);
    },
    setItem: (key, value) => {
      entries.set(key, value);
    },
  };
}
