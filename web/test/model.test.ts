import type { Help } from "diyalog";
import { beforeEach, describe, expect, it } from "vitest";
import { type Happening, initialState, type State, update } from "../help/model.js";
import { dataState, type View, viewOf, type WaitingView } from "../help/view.js";
import { helpOf, START } from "./help_sample.js";

const SECOND = 1_000;
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

function told(change: Partial<Help>, after = 0): View {
  return happens({ type: "help", help: helpOf(change) }, after);
}

function passes(ms: number): View {
  return happens({ type: "tick" }, ms);
}

function waiting(view: View): WaitingView {
  if (view.kind !== "waiting") throw new Error(`expected the wait, got ${view.kind}`);
  return view;
}

describe("opening", () => {
  it("shows nothing at first, one line soon, and says so after a second", () => {
    expect(viewOf(state, now)).toEqual({ kind: "opening", shown: false, slow: false });
    expect(passes(400)).toMatchObject({ shown: true, slow: false });
    expect(passes(600)).toMatchObject({ shown: true, slow: true });
  });

  it("does not flash the sending of a request that is taken at once", () => {
    expect(happens({ type: "asking", tapped: false }).kind).toBe("opening");
    expect(told({}, 50).kind).toBe("waiting");
  });
});

describe("asking", () => {
  it("is seen at once after a tap, and long enough to be read", () => {
    expect(happens({ type: "asking", tapped: true }).kind).toBe("asking");
    expect(told({}, 50).kind).toBe("asking");
    expect(passes(1_149).kind).toBe("asking");
    expect(passes(1).kind).toBe("waiting");
  });

  it("says after three seconds how long it can take", () => {
    happens({ type: "asking", tapped: true });
    expect(told({ state: "REQUESTED", interactionId: null, seq: 0 })).toMatchObject({ upTo: null });
    expect(passes(3 * SECOND)).toMatchObject({ kind: "asking", upTo: 10 });
  });

  it("joins the line at the moment it is told", () => {
    happens({ type: "asking", tapped: false });
    told({ state: "REQUESTED", interactionId: null, seq: 0 }, 2 * SECOND);
    const view = waiting(told({}, 3 * SECOND));
    expect(view.facts.slice(0, 2)).toEqual([
      { kind: "asked", at: START },
      { kind: "joined", at: START + 5 * SECOND },
    ]);
  });
});

describe("waiting", () => {
  it("knows no time it was not given", () => {
    const view = waiting(told({}));
    expect(view).toMatchObject({ range: null, ahead: { kind: "none" }, longer: false });
    expect(dataState(view)).toBe("waiting");
  });

  it("gives no joining time that this app did not see", () => {
    expect(waiting(told({})).facts[1]).toEqual({ kind: "joined", at: null });
  });

  it("says from the start what happens to those who leave", () => {
    const view = waiting(told({}));
    expect(view.kept).toEqual({ amount: 5, unit: "minute" });
    expect(view.heldUntil).toBe(START + 30 * MINUTE);
  });

  it("counts whole minutes from the server's clock", () => {
    happens({ type: "linkOpen", serverTime: new Date(START).toISOString() }, -2 * 60 * MINUTE);
    told({});
    expect(waiting(passes(3 * MINUTE + 59 * SECOND)).facts.at(-1)).toEqual({
      kind: "looking",
      minutes: 3,
    });
  });

  it("shows a first time at once, and later ones every 30 s at most", () => {
    told({});
    expect(waiting(told({ estimatedWaitSeconds: 240, seq: 2 }, SECOND)).range?.to).toBe(6);
    expect(waiting(told({ estimatedWaitSeconds: 60, seq: 3 }, SECOND)).range?.to).toBe(6);
    expect(waiting(passes(28 * SECOND)).range?.to).toBe(6);
    expect(waiting(passes(1 * SECOND)).range?.to).toBe(2);
  });

  it.each([
    [1, { kind: "next" }],
    [2, { kind: "count", n: 1 }],
    [21, { kind: "count", n: 20 }],
    [22, { kind: "many" }],
  ])("tells position %i", (position, ahead) => {
    expect(waiting(told({ position })).ahead).toEqual(ahead);
  });

  it("tells no numbers of people any more once one has risen", () => {
    told({ position: 3 });
    told({ position: 2, seq: 2 });
    expect(waiting(told({ position: 4, seq: 3 })).ahead).toEqual({ kind: "changed" });
    expect(waiting(told({ position: 1, seq: 4 })).ahead).toEqual({ kind: "changed" });
  });

  it("says that it is longer than said, once, and only until answered", () => {
    told({ estimatedWaitSeconds: 240 });
    expect(waiting(passes(6 * MINUTE - 1)).longer).toBe(false);
    expect(waiting(passes(1)).longer).toBe(true);
    expect(waiting(happens({ type: "keepWaiting" })).longer).toBe(false);
    told({ estimatedWaitSeconds: 60, seq: 2 });
    expect(waiting(passes(10 * MINUTE)).longer).toBe(false);
  });

  it("calls ten minutes long when no time was known", () => {
    told({});
    happens({ type: "linkOpen", serverTime: new Date(START).toISOString() });
    expect(waiting(passes(10 * MINUTE - 1)).longer).toBe(false);
    expect(waiting(passes(1)).longer).toBe(true);
  });

  it.each([15, -15])("counts them by the server's clock, on a phone %i minutes off", (minutes) => {
    now = START + minutes * MINUTE;
    told({});
    expect(waiting(passes(SECOND)).longer).toBe(false);
    happens({ type: "linkOpen", serverTime: new Date(START + SECOND).toISOString() });
    expect(waiting(passes(10 * MINUTE - SECOND - 1)).longer).toBe(false);
    expect(waiting(passes(1)).longer).toBe(true);
  });

  it("tells no time that only a phone set wrong would tell", () => {
    now = START + 29 * MINUTE;
    const { nearLimit, facts } = waiting(told({}));
    expect(nearLimit).toBeNull();
    expect(facts.at(-1)).toEqual({ kind: "looking", minutes: null });
    happens({ type: "linkOpen", serverTime: new Date(START).toISOString() });
    expect(waiting(passes(MINUTE)).facts.at(-1)).toEqual({ kind: "looking", minutes: 1 });
  });

  it("tells the limit three minutes before", () => {
    told({});
    happens({ type: "linkOpen", serverTime: new Date(START).toISOString() });
    expect(waiting(passes(27 * MINUTE - 1)).nearLimit).toBeNull();
    expect(waiting(passes(1)).nearLimit).toBe(START + 30 * MINUTE);
  });

  it("knows no limit where the server has none", () => {
    const limits = { waitLimitSeconds: 0, abandonAfterSeconds: 0, queueTimeoutSeconds: 0 };
    told({ limits });
    expect(waiting(passes(120 * MINUTE))).toMatchObject({
      nearLimit: null,
      heldUntil: null,
      kept: null,
    });
  });

  it("hides the time when asked to", () => {
    told({ estimatedWaitSeconds: 240 });
    expect(waiting(happens({ type: "toggleTime" })).timeHidden).toBe(true);
    expect(waiting(happens({ type: "toggleTime" })).timeHidden).toBe(false);
  });

  it("does not let an answer that was overtaken bring an older state back", () => {
    told({ state: "ENDED", outcome: "NOT_DELIVERED", seq: 2 });
    expect(told({ seq: 1 }).kind).toBe("ended");
    expect(told({ seq: 2 }).kind).toBe("ended");
  });

  it("tells the same story after a reload", () => {
    told({ position: 2, estimatedWaitSeconds: 240 });
    told({ position: 5, estimatedWaitSeconds: 240, seq: 2 }, MINUTE);
    happens({ type: "keepWaiting" });
    state = initialState(now, state.wait);
    expect(waiting(told({ position: 4, estimatedWaitSeconds: 240, seq: 3 }, MINUTE)).ahead).toEqual(
      {
        kind: "changed",
      },
    );
    expect(waiting(passes(20 * MINUTE)).longer).toBe(false);
  });
});

describe("cut off", () => {
  beforeEach(() => {
    told({ estimatedWaitSeconds: 240 });
    happens({ type: "linkLost" });
  });

  it.each([
    [2_999, "no", "waiting"],
    [3_000, "quiet", "offline"],
    [14_999, "quiet", "offline"],
    [15_000, "note", "offline"],
    [60_000, "long", "offline"],
    [299_999, "long", "offline"],
    [300_000, "past", "offline"],
    [7_200_000, "past", "offline"],
  ])("after %i ms is told as %s", (ms, kind, data) => {
    const view = waiting(passes(ms));
    expect(view.cutOff.kind).toBe(kind);
    expect(dataState(view)).toBe(data);
  });

  it("never ends the wait by itself, and marks what is shown as old", () => {
    const view = waiting(passes(10 * 60 * MINUTE));
    expect(view.lastKnown).toBe(START);
    expect(view.facts.at(-1)).toEqual({ kind: "reconnecting" });
  });

  it("counts from the first loss, not from the last attempt", () => {
    passes(10 * SECOND);
    happens({ type: "linkLost" });
    expect(waiting(passes(5 * SECOND)).cutOff.kind).toBe("note");
  });

  it("says until when the place is kept", () => {
    expect(waiting(passes(MINUTE)).cutOff).toEqual({ kind: "long", kept: START + 5 * MINUTE });
  });

  it("is told in the record when it was long enough to be noticed", () => {
    const at = new Date(START + 20 * SECOND).toISOString();
    const view = waiting(happens({ type: "linkOpen", serverTime: at }, 20 * SECOND));
    expect(view.cutOff.kind).toBe("no");
    expect(view.facts).toContainEqual({ kind: "back", at: START + 20 * SECOND });
  });

  it("leaves no trace when it was short", () => {
    const at = new Date(START + 5 * SECOND).toISOString();
    const view = waiting(happens({ type: "linkOpen", serverTime: at }, 5 * SECOND));
    expect(view.facts.map((fact) => fact.kind)).toEqual(["asked", "joined", "looking"]);
  });
});

describe("another screen", () => {
  it("is told as such, and only by 4409", () => {
    told({});
    expect(happens({ type: "linkClosed", code: 1000 }).kind).toBe("waiting");
    const view = happens({ type: "linkClosed", code: 4409 });
    expect(view).toEqual({ kind: "elsewhere", reference: "880214" });
    expect(dataState(view)).toBe("offline");
  });
});

describe("stopping", () => {
  it("goes on with a request that is still being sent", () => {
    happens({ type: "asking", tapped: true });
    happens({ type: "stop", stop: "sending" });
    expect(told({ state: "REQUESTED", seq: 0 })).toMatchObject({ kind: "asking", stop: "sending" });
  });

  it("is over when the wait is", () => {
    told({});
    happens({ type: "stop", stop: "unsure" });
    told({ state: "ENDED", outcome: "CANCELLED", reason: "customer", seq: 2 });
    expect(state.stop).toBe("no");
  });

  it("too late leads to the agent", () => {
    told({});
    const help = helpOf({ state: "CONNECTED", outcome: "CONNECTED", agentName: "Selin", seq: 2 });
    expect(happens({ type: "help", help, late: true })).toMatchObject({
      kind: "connected",
      name: "Selin",
      late: true,
    });
  });
});

describe("endings", () => {
  it.each<[string, string | null, string]>([
    ["NOT_DELIVERED", "queue", "notDelivered"],
    ["CANCELLED", "customer", "stopped"],
    ["CANCELLED", "replaced", "replaced"],
    ["CANCELLED", "administrator", "closed"],
    ["CANCELLED", "something new", "closed"],
    ["EXPIRED", "time_limit", "timeLimit"],
    ["EXPIRED", "abandoned", "abandoned"],
    ["EXPIRED", null, "timeLimit"],
    ["FAILED", "queue_refused", "queueRefused"],
    ["FAILED", "queue_timeout", "queueTimeout"],
    ["FAILED", "something new", "failed"],
    ["CONNECTED", null, "conversationOver"],
    ["SOMETHING_NEW", null, "closed"],
  ])("%s/%s is told as %s", (outcome, reason, kind) => {
    const view = told({ state: "ENDED", outcome, reason, seq: 2 });
    expect(view).toMatchObject({ kind: "ended", ending: { kind }, reference: "880214" });
    expect(dataState(view)).toBe("ended");
  });

  it("keeps the company's message unchanged", () => {
    const message = " Yarın <b>09.00</b>\n\n’da ";
    const view = told({ state: "ENDED", outcome: "NOT_DELIVERED", message, seq: 2 });
    expect(view).toMatchObject({ ending: { message } });
  });

  it.each([null, "", "  \n"])("has words of its own for the message %j", (message) => {
    const view = told({ state: "ENDED", outcome: "NOT_DELIVERED", message, seq: 2 });
    expect(view).toMatchObject({ ending: { message: null } });
  });

  it("tells how long it was", () => {
    const endedAt = new Date(START + 90 * SECOND).toISOString();
    const change = { state: "ENDED", outcome: "EXPIRED", reason: "time_limit", endedAt } as const;
    expect(told({ ...change, seq: 2 })).toMatchObject({
      ending: { waited: { amount: 1, unit: "minute" } },
      facts: [{ kind: "asked" }, { kind: "joined" }, { kind: "ended", at: START + 90 * SECOND }],
    });
  });

  it("of a start that the queue did not take needs no session", () => {
    happens({ type: "asking", tapped: true });
    const failed = { type: "failed", reason: "queue_refused", reference: "s9" } as const;
    expect(happens(failed)).toMatchObject({
      kind: "ended",
      ending: { kind: "queueRefused" },
      reference: "s9",
    });
  });
});

it("keeps the time of the agent's arrival after the conversation", () => {
  const endedAt = new Date(START + MINUTE).toISOString();
  told({ state: "CONNECTED", outcome: "CONNECTED", agentName: "Selin", endedAt, seq: 2 });
  const later = new Date(START + 20 * MINUTE).toISOString();
  const view = told({
    state: "ENDED",
    outcome: "CONNECTED",
    agentName: "Selin",
    endedAt: later,
    seq: 3,
  });
  expect(view).toMatchObject({
    facts: [
      { kind: "asked" },
      { kind: "joined" },
      { kind: "agentJoined", at: START + MINUTE, name: "Selin" },
      { kind: "conversationEnded", at: null },
    ],
  });
});

it.each([
  [{ type: "problem", problem: { kind: "away", retryAt: null } }, "offline"],
  [{ type: "problem", problem: { kind: "refused" } }, "ended"],
  [{ type: "choosing" }, "starting"],
  [{ type: "gone" }, "ended"],
  [{ type: "unsent" }, "ended"],
] satisfies [Happening, string][])("%j is %s to the outside", (happening, data) => {
  expect(dataState(happens(happening))).toBe(data);
});
