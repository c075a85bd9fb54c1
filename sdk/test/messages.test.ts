import { describe, expect, it } from "vitest";
import {
  applyEvent,
  applyMomentary,
  type Momentary,
  readHelpObject,
  readServerMessage,
  type SessionEvent,
} from "../src/messages.js";

const HELP = {
  sessionId: "s1",
  interactionId: "i1",
  helpType: "chat",
  state: "WAITING",
  startedAt: "2026-11-02T11:32:00Z",
  seq: 1,
  epoch: "e1",
  limits: { waitLimitSeconds: 1800, abandonAfterSeconds: 300, queueTimeoutSeconds: 10 },
};

function help() {
  const value = readHelpObject(HELP);
  if (value === null) throw new Error("the sample is a help object");
  return value;
}

function event(name: string, data: Record<string, unknown>): SessionEvent {
  return { sessionId: "s1", seq: 2, event: name, at: "2026-11-02T11:40:00Z", data };
}

function moment(name: string, data: Record<string, unknown>): Momentary {
  return { sessionId: "s1", event: name, at: "2026-11-02T11:40:00Z", data };
}

describe("readHelpObject", () => {
  it("fills what the server may leave out", () => {
    expect(help()).toMatchObject({ endedAt: null, outcome: null, message: null, position: null });
  });

  it.each([
    null,
    [],
    "x",
    {},
    { ...HELP, state: "SLEEPING" },
    { ...HELP, sessionId: 7 },
  ])("refuses %j", (value) => expect(readHelpObject(value)).toBeNull());

  it("keeps an outcome that it does not know", () => {
    expect(readHelpObject({ ...HELP, outcome: "LATER" })?.outcome).toBe("LATER");
  });
});

describe("readServerMessage", () => {
  it.each([
    "",
    "{",
    "[]",
    "null",
    '"pong"',
    "{}",
    '{"type":1}',
    '{"type":"welcome"}',
  ])("refuses %j", (text) => expect(readServerMessage(text)).toBeNull());

  it("lets the server add types", () => {
    expect(readServerMessage('{"type":"news"}')).toEqual({ type: "unknown" });
  });

  it("reads an event without data", () => {
    const text = '{"type":"event","sessionId":"s1","seq":4,"event":"chat.read","at":"t"}';
    expect(readServerMessage(text)).toEqual({
      type: "event",
      sessionId: "s1",
      seq: 4,
      event: "chat.read",
      at: "t",
      data: {},
    });
  });
});

describe("applyEvent", () => {
  it("brings a requested session into the line", () => {
    const requested = { ...help(), state: "REQUESTED" as const, interactionId: null };
    const next = applyEvent(requested, event("wait.started", { interactionId: "i9" }));
    expect(next).toMatchObject({ state: "WAITING", interactionId: "i9", seq: 2 });
  });

  it("takes nulls of an update as no longer known", () => {
    const known = { ...help(), position: 3, estimatedWaitSeconds: 60 };
    const data = { position: null, estimatedWaitSeconds: null };
    expect(applyMomentary(known, moment("wait.updated", data))).toEqual({ ...known, ...data });
  });

  it("knows how far the agent is, and never goes back", () => {
    const talking = applyEvent(help(), event("wait.ended", { outcome: "CONNECTED" }));
    const further = applyMomentary(talking, moment("chat.read", { received: 5, read: 4 }));
    expect(further.conversation).toMatchObject({ agentReceived: 5, agentRead: 4 });
    const late = applyMomentary(further, moment("chat.read", { received: 4, read: 3 }));
    expect(late.conversation).toMatchObject({ agentReceived: 5, agentRead: 4 });
    expect(late.seq).toBe(talking.seq);
    const odd = applyMomentary(further, moment("chat.read", { received: "9" }));
    expect(odd.conversation).toMatchObject({ agentReceived: 5, agentRead: 4 });
  });

  it("knows nothing of marks without a conversation, nor what it does not know", () => {
    const known = help();
    expect(applyMomentary(known, moment("chat.read", { received: 5, read: 4 }))).toBe(known);
    expect(applyMomentary(known, moment("chat.typing", { author: "agent" }))).toBe(known);
    expect(applyMomentary(known, moment("chat.of_tomorrow", {}))).toBe(known);
  });

  it("ends a wait with the company's text unchanged", () => {
    const data = { outcome: "NOT_DELIVERED", reason: "queue", message: " <b>Yarın</b>\n" };
    expect(applyEvent(help(), event("wait.ended", data))).toMatchObject({
      state: "ENDED",
      outcome: "NOT_DELIVERED",
      message: " <b>Yarın</b>\n",
      endedAt: "2026-11-02T11:40:00Z",
    });
  });

  it("goes from a connected wait to the end of the conversation", () => {
    const connected = applyEvent(help(), event("wait.ended", { outcome: "CONNECTED" }));
    expect(connected.state).toBe("CONNECTED");
    const over = applyEvent(connected, event("chat.state", { state: "CHAT_ENDED" }));
    expect(over).toMatchObject({ state: "ENDED", outcome: "CONNECTED" });
  });

  it("counts an event that it does not know", () => {
    expect(applyEvent(help(), event("later.news", {}))).toEqual({ ...help(), seq: 2 });
  });
});
