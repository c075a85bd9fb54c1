import { Diyalog } from "diyalog";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeServer } from "../../sdk/test/fake_server.js";
import { Conversing } from "../help/conversing.js";
import { Journey } from "../help/journey.js";
import { readLaunch } from "../help/launch.js";
import { initialState, type State, update } from "../help/model.js";
import { Tab } from "../help/tab.js";
import { type View, viewOf } from "../help/view.js";

const LINK = "#/start?customerId=c1&helpType=chat&deviceHash=d&transactionHash=t";

let server: FakeServer;
let storage: Map<string, string>;
let closing: (() => void)[];

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  storage = new Map();
  closing = [];
});

afterEach(() => {
  for (const close of closing) close();
  vi.useRealTimers();
});

async function settle(ms = 2_000): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

/** The page without its drawing, opened anew as after a reload each time. */
async function openPage() {
  for (const close of closing) close();
  const kept = {
    getItem: (key: string) => storage.get(key) ?? null,
    setItem: (key: string, value: string) => storage.set(key, value),
  };
  const tab = new Tab(kept as unknown as Storage, "c1");
  const diyalog = new Diyalog({
    url: "https://help.example",
    fetch: server.fetch,
    WebSocket: server.WebSocket,
    lifecycle: { visible: () => true, subscribe: () => () => {} },
    random: () => 0.5,
  });
  let state: State = initialState(Date.now(), null);
  const parts = {
    diyalog,
    tab,
    dispatch: (happening: Parameters<typeof update>[1]) => {
      state = update(state, happening, Date.now());
      conversing.follow(state);
    },
    schedule: (callback: () => void, afterMs: number) => {
      const timer = setTimeout(callback, afterMs);
      return () => clearTimeout(timer);
    },
  };
  const conversing = new Conversing(parts);
  const journey = new Journey({ ...parts, launch: readLaunch(LINK), now: () => Date.now() });
  closing.push(() => {
    diyalog.unfollow();
    conversing.follow(initialState(Date.now(), null));
  });
  void journey.open();
  await settle();
  return { conversing, journey, tab, view: (): View => viewOf(state, Date.now()) };
}

async function connected() {
  const page = await openPage();
  server.end("CONNECTED", null);
  await settle();
  return page;
}

function textsOf(view: View): string[] {
  const messages = "chat" in view ? (view.chat?.messages ?? []) : [];
  return messages.map(({ text, state }) => `${text} (${state})`);
}

describe("a conversation on the page", () => {
  it("opens by itself, shows what both write, and says who ended it", async () => {
    const { conversing, view } = await connected();
    expect(view()).toMatchObject({ kind: "connected", name: "Selin", chat: { loaded: true } });
    conversing.write("Merhaba");
    await settle();
    server.conversation.say("a-1", "Buyurun");
    await settle();
    expect(textsOf(view())).toEqual(["Merhaba (sent)", "Buyurun (sent)"]);
    server.conversation.end("agent");
    await settle();
    expect(view()).toMatchObject({ kind: "ended", ending: { by: "agent", name: "Selin" } });
    expect(textsOf(view())).toEqual(["Merhaba (sent)", "Buyurun (sent)"]);
    expect(server.newest.acknowledged).toBe(true);
  });

  it("writes nothing that is blank", async () => {
    const { conversing, view } = await connected();
    conversing.write(" \n ");
    await settle();
    expect(textsOf(view())).toEqual([]);
  });

  it("comes back after a reload, with what was on its way", async () => {
    const { conversing } = await connected();
    server.conversation.say("a-1", "Merhaba");
    await settle();
    server.network = "refuse";
    conversing.write("Yolda");
    await settle(0);
    server.network = "up";
    const { view } = await openPage();
    expect(textsOf(view())).toEqual(["Merhaba (sent)", "Yolda (sent)"]);
    expect(server.sessions).toHaveLength(1);
  });

  it("keeps what is being written over a reload, and nothing of it after the end", async () => {
    const { tab } = await connected();
    const draft = { sessionId: server.newest.help.sessionId, text: "Kart li" };
    tab.update({ draft });
    const again = await openPage();
    expect(again.tab.memory.draft).toEqual(draft);
    server.conversation.end("agent");
    await settle();
    expect(again.view().kind).toBe("ended");
    expect(again.tab.memory.draft).toBeNull();
  });

  it("can be read after its end, also after a reload", async () => {
    await connected();
    server.conversation.say("a-1", "Merhaba");
    server.conversation.end("company");
    await settle();
    const { view } = await openPage();
    expect(view()).toMatchObject({ kind: "ended", ending: { by: "company" } });
    expect(textsOf(view())).toEqual(["Merhaba (sent)"]);
  });

  it("opens when a cancel came too late", async () => {
    const { journey, view } = await openPage();
    server.end("CONNECTED", null);
    void journey.stop();
    await settle();
    expect(view()).toMatchObject({ kind: "connected", chat: { loaded: true, open: true } });
  });

  it("is left when the customer asks again", async () => {
    const { journey, view } = await connected();
    server.conversation.end("agent");
    await settle();
    void journey.ask();
    await settle();
    expect(view().kind).toBe("waiting");
    expect(server.sessions).toHaveLength(2);
  });
});

describe("ending it", () => {
  it("is told by the answer", async () => {
    const { conversing, view } = await connected();
    void conversing.end();
    expect(view()).toMatchObject({ stop: "sending" });
    await settle();
    expect(view()).toMatchObject({ kind: "ended", ending: { by: "customer" } });
  });

  it("is tried until the server has answered", async () => {
    const { conversing, view } = await connected();
    server.network = "refuse";
    void conversing.end();
    await settle(5_000);
    expect(view()).toMatchObject({ kind: "connected", stop: "unsure" });
    server.network = "up";
    await settle(30_000);
    expect(view()).toMatchObject({ kind: "ended", ending: { by: "customer" } });
  });

  it("is given up when the agent was first", async () => {
    const { conversing, view } = await connected();
    server.network = "refuse";
    void conversing.end();
    await settle(1_500);
    server.conversation.end("agent");
    server.network = "up";
    await settle(30_000);
    expect(view()).toMatchObject({ kind: "ended", ending: { by: "agent" } });
  });

  it("that the server refuses leaves the conversation as it was", async () => {
    const { conversing, view } = await connected();
    const refusal = { code: "DLGEXCP_AUTH_REQUEST", retryable: false };
    server.answer("POST /v1/client/help/session-1/end", 403, refusal);
    void conversing.end();
    await settle();
    expect(view()).toMatchObject({ kind: "connected", stop: "no" });
  });
});
