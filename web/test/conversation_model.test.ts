import type { ChatEntry, Help } from "diyalog";
import { beforeEach, describe, expect, it } from "vitest";
import { type Happening, initialState, type State, update } from "../help/model.js";
import { textOf } from "../help/text.js";
import { dataState, type View, viewOf } from "../help/view.js";
import { NO_COMPANY } from "../shared/company.js";
import { en } from "../words/en.js";
import { helpOf, START } from "./help_sample.js";

const MINUTE = 60_000;

let state: State;
let now: number;

beforeEach(() => {
  now = START;
  state = initialState(now, null);
});

function happens(happening: Happening, after = 0): View {
  now += after;
  state = update(state, happening, now);
  return viewOf(state, now);
}

function told(change: Partial<Help>): View {
  return happens({ type: "help", help: helpOf(change) });
}

describe("a conversation", () => {
  const MARKS = { agentReceived: 0, agentRead: 0 };
  const CONNECTED = { state: "CONNECTED", outcome: "CONNECTED", agentName: "Selin" } as const;

  it("tells who ended it, and when", () => {
    told({ ...CONNECTED, seq: 3 });
    const endedAt = new Date(START + 5 * MINUTE).toISOString();
    const startedAt = new Date(START).toISOString();
    const conversation = { startedAt, endedAt, endedBy: "agent_lost", ...MARKS };
    const view = told({ ...CONNECTED, state: "ENDED", conversation, seq: 4 });
    expect(view).toMatchObject({
      kind: "ended",
      ending: { kind: "conversationOver", by: "agent_lost", name: "Selin" },
      chat: { open: false },
    });
    expect(view).toHaveProperty("facts.3", {
      kind: "conversationEnded",
      at: START + 5 * MINUTE,
    });
  });

  it("promises the old place where the server keeps the line, to who lost an agent", () => {
    told({ position: 2, seq: 1 });
    happens({ type: "linkOpen", serverTime: new Date(START).toISOString() });
    told({ ...CONNECTED, seq: 3 });
    const endedAt = new Date(START + 5 * MINUTE).toISOString();
    const conversation = { startedAt: "", endedAt, endedBy: "agent_lost", ...MARKS };
    now = START + 5 * MINUTE;
    const lost = told({ ...CONNECTED, state: "ENDED", conversation, seq: 4 });
    expect(lost).toMatchObject({ ending: { placeKept: true } });
    expect(textOf(lost, en, NO_COMPANY)).toBe(`${en.ended.agentLost} ${en.ended.placeKept}`);
    now += 10 * MINUTE - 1;
    expect(viewOf(state, now)).toMatchObject({ ending: { placeKept: true } });
    now += 1;
    expect(viewOf(state, now)).toMatchObject({ ending: { placeKept: false } });
  });

  it("promises no place in a line that is the company's, nor to who left", () => {
    happens({ type: "linkOpen", serverTime: new Date(START).toISOString() });
    told({ ...CONNECTED, seq: 3 });
    const endedAt = new Date(START).toISOString();
    const lost = { startedAt: "", endedAt, endedBy: "agent_lost", ...MARKS };
    expect(told({ ...CONNECTED, state: "ENDED", conversation: lost, seq: 4 })).toMatchObject({
      ending: { by: "agent_lost", placeKept: false },
    });
    told({ sessionId: "s2", position: 1, seq: 1 });
    const left = { ...lost, endedBy: "customer" };
    expect(
      told({ ...CONNECTED, sessionId: "s2", state: "ENDED", conversation: left, seq: 4 }),
    ).toMatchObject({ ending: { by: "customer", placeKept: false } });
  });

  it("that a later server ended in a new way has no words for that", () => {
    const conversation = { startedAt: "", endedAt: null, endedBy: "earthquake", ...MARKS };
    expect(told({ ...CONNECTED, state: "ENDED", conversation, seq: 4 })).toMatchObject({
      ending: { by: null },
    });
  });

  it("shows its own session's messages only", () => {
    told({ ...CONNECTED, seq: 3 });
    const messages: ChatEntry[] = [
      { id: "1", author: "agent", text: "Merhaba", state: "sent", seq: 4, at: "" },
    ];
    happens({
      type: "chat",
      chat: { sessionId: "another", loaded: true, messages: [], agentTypes: false },
    });
    expect(happens({ type: "tick" })).toMatchObject({ chat: { loaded: false, messages: [] } });
    const chat = { sessionId: "s1", loaded: true, messages, agentTypes: true };
    expect(happens({ type: "chat", chat })).toMatchObject({
      chat: { open: true, messages, agentTypes: true },
    });
    expect(told({ ...CONNECTED, state: "ENDED", seq: 5 })).toMatchObject({
      chat: { messages, agentTypes: false },
    });
  });

  it("stays a conversation without a connection, and says so after a while", () => {
    told({ ...CONNECTED, seq: 3 });
    expect(happens({ type: "linkLost" })).toMatchObject({ kind: "connected", offline: false });
    const view = happens({ type: "tick" }, 15_000);
    expect(view).toMatchObject({ kind: "connected", offline: true });
    expect(dataState(view)).toBe("connected");
  });

  it("may be open on another screen", () => {
    told({ ...CONNECTED, seq: 3 });
    expect(happens({ type: "linkClosed", code: 4409 }).kind).toBe("elsewhere");
  });

  it("goes on being ended while messages come, until it is over", () => {
    told({ ...CONNECTED, seq: 3 });
    happens({ type: "stop", stop: "unsure" });
    expect(told({ ...CONNECTED, seq: 4 })).toMatchObject({ stop: "unsure" });
    told({ ...CONNECTED, state: "ENDED", seq: 5 });
    expect(state.stop).toBe("no");
  });
});
