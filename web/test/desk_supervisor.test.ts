import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeStaffServer } from "./desk_fake_server.js";
import { memoryStorage, openDesk, settle, working } from "./desk_sample.js";

let server: FakeStaffServer;
let storage: Storage;

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeStaffServer();
  storage = memoryStorage();
  server.rights = ["agent", "supervisor"];
});

afterEach(() => {
  vi.clearAllTimers();
  vi.useRealTimers();
});

async function supervising() {
  const session = server.waits("880377", "Mehmet Kaya");
  const made = await openDesk(server, storage);
  const row = () => working(made.view()).rows[0];
  return { session, id: session.sessionId, row, ...made };
}

describe("a request", () => {
  it("can be closed by supervisors only", async () => {
    server.rights = ["agent"];
    const { row } = await supervising();
    expect(row()?.closing).toBeNull();
  });

  it("is closed when it was asked for and confirmed, and says so", async () => {
    const { session, id, row, desk } = await supervising();
    expect(row()?.closing).toBe("no");
    desk.do({ type: "closing", sessionId: id, step: "asked" });
    expect(row()?.closing).toBe("asked");
    await desk.requests.closeWait(id);
    expect(row()?.loss).toEqual({ kind: "closed" });
    expect(session.ended).toEqual({ outcome: "CANCELLED", reason: "administrator" });
    server.tellLine();
    await settle(4_000);
    desk.do({ type: "tick" });
    expect(row()).toBeUndefined();
  });

  it("says so, too, where the line tells first that nobody waits there", async () => {
    const { session, id, row, desk } = await supervising();
    const closing = desk.requests.closeWait(id);
    session.state = "ENDED";
    server.tellLine();
    await settle(0);
    await closing;
    expect(row()?.loss).toEqual({ kind: "closed" });
  });

  it("is asked about for five seconds", async () => {
    const { id, row, desk } = await supervising();
    desk.do({ type: "closing", sessionId: id, step: "asked" });
    await settle(4_999);
    desk.do({ type: "tick" });
    expect(row()?.closing).toBe("asked");
    await settle(1);
    desk.do({ type: "tick" });
    expect(row()?.closing).toBe("no");
  });

  it("says who was first", async () => {
    const { session, id, row, desk } = await supervising();
    server.lose(session, "CONNECTED", null, "Deniz Ak");
    await desk.requests.closeWait(id);
    expect(row()?.loss).toEqual({ kind: "taken", by: "Deniz Ak" });
  });

  it("stays, and can be closed again, where that was not confirmed", async () => {
    const { id, row, desk } = await supervising();
    server.script(`DELETE /waits/${id}`, 503, { code: "TRY_LATER" });
    await desk.requests.closeWait(id);
    expect(row()).toMatchObject({ closing: "failed", loss: null });
    await desk.requests.closeWait(id);
    expect(row()?.loss).toEqual({ kind: "closed" });
  });

  it("says that the right was taken away", async () => {
    const { id, row, desk } = await supervising();
    server.rights = ["agent"];
    await desk.requests.closeWait(id);
    expect(row()).toMatchObject({ closing: "noRight", loss: null });
  });

  it("is not taken while it is being closed, nor closed while it is being taken", async () => {
    const { id, row, desk } = await supervising();
    void desk.requests.closeWait(id);
    expect(row()?.closing).toBe("sending");
    void desk.requests.take(id);
    await settle();
    expect(server.count("POST /conversations")).toBe(0);
    const other = server.waits("880412");
    await settle(0);
    void desk.requests.take(other.sessionId);
    void desk.requests.closeWait(other.sessionId);
    await settle();
    expect(server.count(`DELETE /waits/${other.sessionId}`)).toBe(0);
  });

  it("can still be closed after a reload", async () => {
    await supervising();
    const { view } = await openDesk(server, storage, "#/desk");
    expect(working(view()).rows[0]?.closing).toBe("no");
  });
});
