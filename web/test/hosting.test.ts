import type { Help } from "diyalog";
import { expect, it } from "vitest";
import { messagesFor, type Outside } from "../help/hosting.js";
import { type Happening, initialState, type State, update } from "../help/model.js";
import { helpOf, START } from "./help_sample.js";

const STARTED = { type: "waitStarted", sessionId: "s1", interactionId: "880214", helpType: "chat" };

function outside(state: State, title = "T", awake = false): Outside {
  return { state, title, awake };
}

function after(...happenings: readonly Happening[]): State {
  return happenings.reduce((state, one) => update(state, one, START), initialState(START, null));
}

function having(change: Partial<Help> = {}): State {
  return after({ type: "help", help: helpOf(change) });
}

it("tells the title and the wait with the first drawing", () => {
  expect(messagesFor(null, outside(having()))).toEqual([STARTED, { type: "title", title: "T" }]);
  expect(messagesFor(null, outside(after()))).toEqual([{ type: "title", title: "T" }]);
});

it("tells a wait's beginning once, again when its interaction is known, and anew for another", () => {
  const before = outside(having());
  expect(messagesFor(before, outside(having({ position: 3, seq: 2 })))).toEqual([]);
  const unknown = outside(having({ state: "REQUESTED", interactionId: null, seq: 0 }));
  expect(messagesFor(unknown, before)).toEqual([STARTED]);
  const next = outside(having({ sessionId: "s2" }));
  expect(messagesFor(before, next)).toEqual([{ ...STARTED, sessionId: "s2" }]);
});

it("tells the end with the company's message, once", () => {
  const ended = having({
    state: "ENDED",
    outcome: "NOT_DELIVERED",
    reason: "queue",
    message: "Lütfen yarın deneyin.",
  });
  expect(messagesFor(outside(having()), outside(ended))).toEqual([
    {
      type: "waitEnded",
      sessionId: "s1",
      outcome: "NOT_DELIVERED",
      reason: "queue",
      message: "Lütfen yarın deneyin.",
      interactionId: "880214",
      agentName: null,
    },
  ]);
  expect(messagesFor(outside(ended), outside(ended))).toEqual([]);
});

it("tells that somebody joined as the end of the wait, and not its conversation's end", () => {
  const joined = having({ state: "CONNECTED", outcome: "CONNECTED", agentName: "Selin" });
  const [told] = messagesFor(outside(having()), outside(joined));
  expect(told).toMatchObject({ type: "waitEnded", outcome: "CONNECTED", agentName: "Selin" });
  const over = having({ state: "ENDED", outcome: "CONNECTED", agentName: "Selin", seq: 3 });
  expect(messagesFor(outside(joined), outside(over))).toEqual([]);
});

it("tells a start that the queue did not take", () => {
  const failed = after({ type: "failed", reason: "queue_refused", reference: "s9" });
  expect(messagesFor(outside(after()), outside(failed))).toMatchObject([
    { type: "waitEnded", sessionId: "s9", outcome: "FAILED", reason: "queue_refused" },
  ]);
});

it("says when the screen should stay on, and when not any more", () => {
  const state = having();
  const waiting = outside(state, "T", true);
  expect(messagesFor(outside(state), waiting)).toEqual([{ type: "keepAwake", on: true }]);
  expect(messagesFor(waiting, waiting)).toEqual([]);
  expect(messagesFor(waiting, outside(state))).toEqual([{ type: "keepAwake", on: false }]);
});
