import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Announcer } from "#shared/announce.ts";
import { Attention } from "../desk/attention.js";
import type { View } from "../desk/view.js";
import { deskSamples } from "../gallery/desk_samples.js";
import { deskEn } from "../words/desk_en.js";
import { FakeStaffServer } from "./desk_fake_server.js";
import { memoryStorage, openDesk, settle, working } from "./desk_sample.js";

let server: FakeStaffServer;

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeStaffServer();
});

afterEach(() => {
  vi.clearAllTimers();
  vi.useRealTimers();
});

async function onDuty() {
  server.routes();
  const session = server.waits("880377", "Mehmet Kaya");
  const made = await openDesk(server, memoryStorage());
  return {
    session,
    id: session.sessionId,
    ...made,
    shown: () => working(made.view()),
    pass: async (ms: number) => {
      await settle(ms);
      made.desk.do({ type: "tick" });
    },
  };
}

describe("coming and going", () => {
  it("cannot be switched where the company's own queue routes", async () => {
    const { view } = await openDesk(server, memoryStorage());
    expect(working(view())).toMatchObject({ duty: null, offers: [], elsewhere: false });
  });

  it("is the agent's own choice", async () => {
    const { desk, shown } = await onDuty();
    expect(shown().duty).toMatchObject({ available: true, sentAway: null });
    await desk.requests.setAvailable(false);
    expect(server.requests.at(-1)?.body).toEqual({ available: false });
    expect(shown().duty).toMatchObject({ available: false, sentAway: null, sending: false });
    await desk.requests.setAvailable(true);
    expect(shown().duty).toMatchObject({ available: true });
  });

  it.each(["missed", "lost"] as const)("says why the agent is away: %s", async (reason) => {
    const { desk, shown } = await onDuty();
    server.sendAway(reason);
    await settle();
    expect(shown().duty).toMatchObject({ available: false, sentAway: reason });
    await desk.requests.setAvailable(true);
    expect(shown().duty).toMatchObject({ available: true, sentAway: null });
  });

  it("says what was not saved, and forgets it once it is", async () => {
    const { desk, shown } = await onDuty();
    server.script("PUT /availability", 503, { code: "TRY_LATER" });
    await desk.requests.setAvailable(false);
    expect(shown().duty).toMatchObject({ available: true, failed: true });
    server.sendAway("agent");
    await settle();
    expect(shown().duty).toMatchObject({ available: false, failed: false });
  });

  it("asks once at a time, and nothing while it is cut off", async () => {
    const { desk, shown } = await onDuty();
    void desk.requests.setAvailable(false);
    void desk.requests.setAvailable(false);
    expect(shown().duty?.sending).toBe(true);
    await settle();
    server.socket.serverCloses(1006);
    await settle(0);
    await desk.requests.setAvailable(true);
    expect(server.count("PUT /availability")).toBe(1);
  });

  it("explains that the company's queue decides, until it is read", async () => {
    const { desk, shown } = await onDuty();
    server.availability = null;
    await desk.requests.setAvailable(false);
    expect(shown()).toMatchObject({ duty: null, elsewhere: true });
    server.tellDesk();
    await settle();
    expect(shown().elsewhere).toBe(true);
    desk.do({ type: "switching", step: "no" });
    expect(shown().elsewhere).toBe(false);
  });
});

describe("an offer", () => {
  it("comes before the line, with the time that is left by the server's clock", async () => {
    const { session, shown, pass } = await onDuty();
    server.offer(session, 20);
    await settle(0);
    expect(shown().offers).toMatchObject([
      { person: { name: "Mehmet Kaya" }, limit: 20, left: 20 },
    ]);
    expect(shown().rows).toEqual([]);
    expect(shown()).toMatchObject({ waiting: 1, beyond: 0 });
    await pass(12_000);
    expect(shown().offers[0]?.left).toBe(8);
  });

  it("is accepted as any wait is, and its conversation opens", async () => {
    const { session, id, desk, shown } = await onDuty();
    server.offer(session, 20);
    await settle(0);
    await desk.requests.take(id);
    await settle();
    expect(shown()).toMatchObject({ offers: [], rows: [], chat: { conversationId: id } });
    expect(shown().chat?.facts[0]).toMatchObject({ kind: "joined" });
    const asked = server.requests.filter(({ route }) => route === "POST /conversations");
    expect(asked.map(({ body }) => body)).toEqual([{ sessionId: id }]);
  });

  it("passes without a word, and the customer keeps the place in line", async () => {
    const { session, id, desk, shown } = await onDuty();
    server.offer(session, 20);
    await settle(0);
    await desk.requests.pass(id);
    await settle();
    expect(server.count(`POST /offers/${id}/decline`)).toBe(1);
    expect(shown().offers).toEqual([]);
    expect(shown().rows.map(({ person }) => person.name)).toEqual(["Mehmet Kaya"]);
  });

  it("that is not offered any more has passed, too", async () => {
    const { session, id, desk, shown } = await onDuty();
    server.offer(session, 20);
    await settle(0);
    server.offers.clear();
    await desk.requests.pass(id);
    expect(shown().offers).toEqual([]);
  });

  it("can be answered again where the answer was not confirmed", async () => {
    const { session, id, desk, shown } = await onDuty();
    server.offer(session, 20);
    await settle(0);
    server.script(`POST /offers/${id}/decline`, 503, { code: "TRY_LATER" });
    await desk.requests.pass(id);
    expect(shown().offers[0]).toMatchObject({ step: "unsure", gone: null });
    server.loseNextAnswer = true;
    server.socket.broken = true;
    await desk.requests.take(id);
    expect(shown().offers[0]).toMatchObject({ step: "unsure", gone: null });
    await desk.requests.take(id);
    expect(shown().chats).toHaveLength(1);
  });

  it("that went in time was withdrawn, and says so for six seconds", async () => {
    const { session, shown, pass } = await onDuty();
    server.offer(session, 20);
    await settle(0);
    server.withdraw(session);
    await settle(0);
    expect(shown().offers[0]?.gone).toEqual({ kind: "gone" });
    expect(shown().rows).toHaveLength(1);
    await pass(6_000);
    expect(shown().offers).toEqual([]);
  });

  it("that nobody answered was missed", async () => {
    const { session, shown, pass } = await onDuty();
    server.offer(session, 20);
    await pass(20_000);
    server.offers.clear();
    server.sendAway("missed");
    await settle();
    expect(shown().offers[0]?.gone).toEqual({ kind: "missed" });
    expect(shown().duty?.sentAway).toBe("missed");
  });

  it("is over two seconds after its end, even if nobody tells the desk", async () => {
    const { session, shown, pass } = await onDuty();
    server.offer(session, 20);
    await settle(0);
    server.network = "refuse";
    server.socket.broken = true;
    await pass(21_000);
    expect(shown().offers[0]).toMatchObject({ left: 0, gone: null });
    await pass(1_250);
    expect(shown().offers[0]?.gone).toEqual({ kind: "missed" });
  });

  it("tells who was first", async () => {
    const { session, id, desk, shown } = await onDuty();
    server.offer(session, 20);
    await settle(0);
    server.lose(session, "CONNECTED", null, "Deniz Ak");
    await desk.requests.take(id);
    expect(shown().offers[0]?.gone).toEqual({ kind: "taken", by: "Deniz Ak" });
  });

  it("is not lost from sight while the server decides about it", async () => {
    const { session, id, desk, shown } = await onDuty();
    server.offer(session, 20);
    await settle(0);
    void desk.requests.take(id);
    server.withdraw(session);
    await settle(0);
    await settle();
    expect(shown().chats).toHaveLength(1);
    expect(shown().offers).toEqual([]);
  });

  it("may come again while the end of the last one still stands there", async () => {
    const { session, shown } = await onDuty();
    server.offer(session, 20);
    server.withdraw(session);
    server.offer(session, 40);
    await settle(0);
    expect(shown().offers).toMatchObject([{ gone: null, limit: 40 }]);
  });
});

describe("attention", () => {
  function watched() {
    const page = { title: "", querySelector: () => null };
    const region = {
      textContent: "",
      live: "",
      setAttribute(_name: string, value: string) {
        this.live = value;
      },
    };
    const heard: string[] = [];
    const bell = { play: (softly = false) => heard.push(softly ? "soft" : "loud") };
    const notified: string[] = [];
    const attention = new Attention(
      page as unknown as Document,
      new Announcer(region as unknown as HTMLElement),
      null,
      bell,
      { tell: (text) => notified.push(text) },
    );
    let now = 0;
    const show = (name: string) => {
      now += 20_000;
      attention.shown(deskSamples[name] as View, deskEn, false, now);
    };
    return { page, region, heard, notified, show };
  }

  it("is called at once, and once, by title, sound and word", () => {
    const { page, region, heard, notified, show } = watched();
    show("duty-here");
    expect(page.title).toBe("Agent desk");
    show("offer");
    show("offer");
    expect(page.title).toBe("Offered to you – Agent desk");
    expect(region).toMatchObject({
      live: "assertive",
      textContent: "Offered to you: Ayşe Yıldız.",
    });
    expect(heard).toEqual(["loud"]);
    expect(notified).toEqual(["Someone is waiting"]);
    show("offer-gone");
    expect(page.title).toBe("(2) Agent desk");
    expect(region.live).toBe("polite");
  });

  it("is called softly by messages that are not in view", () => {
    const { heard, notified, show } = watched();
    show("single");
    show("chat");
    show("chat");
    expect(heard).toEqual(["soft"]);
    expect(notified).toEqual(["A new message"]);
  });

  it("is called by new waits only where agents choose them by hand", () => {
    const { heard, notified, show } = watched();
    show("list-empty");
    show("list");
    expect(heard).toEqual(["loud"]);
    show("duty-here");
    show("offer-missed");
    expect(heard).toEqual(["loud"]);
    expect(notified).toEqual(["Someone is waiting"]);
  });
});
