import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeStaffServer } from "./desk_fake_server.js";
import { memoryStorage, openDesk, working } from "./desk_sample.js";

let server: FakeStaffServer;

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeStaffServer();
});

afterEach(() => {
  vi.clearAllTimers();
  vi.useRealTimers();
});

async function talking() {
  const { sessionId } = server.waits("880377", "Mehmet Kaya");
  const made = await openDesk(server, memoryStorage());
  await made.desk.requests.take(sessionId);
  const revealed = () => working(made.view()).chat?.customer.revealed;
  return { id: sessionId, route: `POST /conversations/${sessionId}/reveal`, revealed, ...made };
}

describe("a customer's numbers", () => {
  it("are shown when it is written down that they are looked at", async () => {
    const { id, route, revealed, desk } = await talking();
    expect(revealed()).toBe(false);
    const asked = desk.requests.reveal(id);
    expect(revealed()).toBe(false);
    await asked;
    expect([revealed(), server.count(route)]).toEqual([true, 1]);
  });

  it("are masked again without a word, and written down anew", async () => {
    const { id, route, revealed, desk } = await talking();
    await desk.requests.reveal(id);
    await desk.requests.reveal(id);
    expect([revealed(), server.count(route)]).toEqual([false, 1]);
    await desk.requests.reveal(id);
    expect([revealed(), server.count(route)]).toEqual([true, 2]);
  });

  it("stay masked when that could not be written down", async () => {
    const { id, route, revealed, desk } = await talking();
    server.script(route, 503, { code: "UNAVAILABLE" });
    await desk.requests.reveal(id);
    expect(revealed()).toBe(false);
    await desk.requests.reveal(id);
    expect(revealed()).toBe(true);
  });
});
