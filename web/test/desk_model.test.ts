import { describe, expect, it } from "vitest";
import { chatOf, unansweredSince, unreadOf, withHistory, withMessages } from "../desk/chats.js";
import type { Happening } from "../desk/happening.js";
import { type Row, withLine } from "../desk/line.js";
import { initialState, type State, update } from "../desk/model.js";
import { isSensitive, masked } from "../desk/people.js";
import type { Conversation, Matter, Message, Waiting } from "../desk/protocol.js";
import { dataState, viewOf } from "../desk/view.js";
import { deskSamples } from "../gallery/desk_samples.js";
import { working } from "./desk_sample.js";

const NOW = Date.UTC(2026, 10, 2, 11, 45);
const MINUTE = 60_000;
const MATTER: Matter = {
  customerId: "880377",
  customerName: "Mehmet Kaya",
  helpType: "chat",
  interactionId: "i1",
  attached: [],
};

function waiting(sessionId: string, minutes = 0, present = true): Waiting {
  const now = { present, position: null, offered: false };
  return { ...MATTER, sessionId, startedAt: NOW - minutes * MINUTE, ...now };
}

/** The server tells who waits. */
function line(waiting: readonly Waiting[], total = waiting.length): Happening {
  return { type: "line", line: { type: "line", total, waiting } };
}

function rowsAfter(rows: readonly Row[], waiting: readonly Waiting[], now: number, beyond = 0) {
  return withLine(rows, { waiting, total: waiting.length + beyond }, now);
}

function conversation(conversationId: string): Conversation {
  return {
    ...MATTER,
    conversationId,
    startedAt: NOW,
    endedAt: null,
    endedBy: null,
    present: true,
    marks: { received: 0, read: 0 },
  };
}

function said(seq: number, author: Message["author"], at = NOW): Message {
  return { seq, id: `m${seq}`, author, text: `text ${seq}`, at };
}

const AT_WORK: State = update(
  initialState(NOW, { joined: {}, outbox: {}, notes: {} }),
  {
    type: "signedIn",
    agent: { userId: "31007", userName: "Selin", supervisor: false },
    single: false,
  },
  NOW,
);

function after(state: State, ...happenings: readonly Happening[]): State {
  return happenings.reduce((so, happening) => update(so, happening, NOW), state);
}

function ids(rows: readonly Row[]): string[] {
  return rows.map(({ waiting: { sessionId }, lost }) => (lost ? `-${sessionId}` : sessionId));
}

describe("the line", () => {
  it("puts the longest wait first, and new ones at the end", () => {
    const first = rowsAfter([], [waiting("b", 5), waiting("a", 9)], NOW);
    expect(ids(first)).toEqual(["a", "b"]);
    const second = rowsAfter(first, [waiting("c", 20), waiting("a", 9), waiting("b", 5)], NOW);
    expect(ids(second)).toEqual(["a", "b", "c"]);
  });

  it("leaves a row that goes where it was for two seconds", () => {
    const both = rowsAfter([], [waiting("a", 9), waiting("b", 5)], NOW);
    const gone = rowsAfter(both, [waiting("b", 5)], NOW);
    expect(ids(gone)).toEqual(["-a", "b"]);
    expect(ids(rowsAfter(gone, [waiting("b", 5)], NOW + 1_999))).toEqual(["-a", "b"]);
    expect(ids(rowsAfter(gone, [waiting("b", 5)], NOW + 2_000))).toEqual(["b"]);
  });

  it("says nothing of somebody who was only pushed out of what is told", () => {
    const both = rowsAfter([], [waiting("a", 9), waiting("b", 5)], NOW);
    const first = [waiting("old", 20), waiting("a", 9)];
    expect(ids(rowsAfter(both, first, NOW, 7))).toEqual(["a", "old"]);
    expect(ids(rowsAfter(both, first, NOW))).toEqual(["a", "-b", "old"]);
  });

  it("counts everybody, shown or not", () => {
    const state = after(AT_WORK, line([waiting("a", 9), waiting("b", 5)], 143));
    expect(working(viewOf(state, NOW))).toMatchObject({ waiting: 143, beyond: 141 });
  });

  it("knows since when a customer is away only when it saw them go", () => {
    const [row] = rowsAfter([], [waiting("a", 1, false)], NOW);
    expect(row).toMatchObject({ awayAtFirst: true, awaySince: NOW });
    const back = rowsAfter(row ? [row] : [], [waiting("a", 1)], NOW + 1);
    expect(back[0]).toMatchObject({ awayAtFirst: false, awaySince: null });
    const again = rowsAfter(back, [waiting("a", 1, false)], NOW + 2);
    expect(again[0]).toMatchObject({ awayAtFirst: false, awaySince: NOW + 2 });
  });

  it("decides nothing about a row that is being taken", () => {
    const taking = after(
      AT_WORK,
      line([waiting("a")]),
      { type: "taking", sessionId: "a" },
      line([]),
    );
    expect(ids(taking.rows)).toEqual(["a"]);
  });

  it("does not bring back who is in conversation by now", () => {
    const taken = after(
      AT_WORK,
      line([waiting("a")]),
      { type: "taken", conversation: conversation("a") },
      line([waiting("a")]),
    );
    expect(taken.rows).toEqual([]);
    expect(taken.chats[0]?.joinedAt).toBe(NOW);
  });

  it("knows how long the customer waited, whoever tells of the conversation first", () => {
    const told = after(
      AT_WORK,
      line([waiting("a", 7)]),
      { type: "taking", sessionId: "a" },
      { type: "conversation", conversation: conversation("a") },
      { type: "taken", conversation: conversation("a") },
    );
    expect(told.rows).toEqual([]);
    expect(working(viewOf(told, NOW)).chat?.facts).toEqual([
      { kind: "joined", at: NOW - 7 * MINUTE },
      { kind: "accepted", at: NOW, minutes: 7 },
    ]);
  });

  it("says since when nobody waits", () => {
    const empty = after(AT_WORK, line([]));
    expect(working(viewOf(empty, NOW)).emptySince).toBe(NOW);
    const later = update(empty, line([]), NOW + MINUTE);
    expect(later.emptySince).toBe(NOW);
    expect(after(later, line([waiting("a")])).emptySince).toBeNull();
  });

  it("marks waits of ten minutes, by the server's clock", () => {
    const welcome = {
      type: "welcome",
      seq: 0,
      epoch: "e",
      serverTime: NOW,
      recovered: true,
      conversations: [],
    } as const;
    const state = after(AT_WORK, line([waiting("a", 9)]), {
      type: "welcome",
      welcome,
      clockOffset: MINUTE,
    });
    expect(working(viewOf(state, NOW)).rows[0]).toMatchObject({ minutes: 10, long: true });
    const rows = working(viewOf({ ...state, clockOffset: 0 }, NOW)).rows;
    expect(rows[0]).toMatchObject({ minutes: 9, long: false });
  });
});

describe("a conversation", () => {
  it("comes to the front when it is taken, and the first one by itself", () => {
    const one = after(AT_WORK, { type: "conversation", conversation: conversation("a") });
    expect(one.current).toBe("a");
    const two = after(one, { type: "conversation", conversation: conversation("b") });
    expect(two.current).toBe("a");
    const three = after(two, { type: "taken", conversation: conversation("c") });
    expect([three.current, three.pane]).toEqual(["c", "chat"]);
  });

  it("never begins again once it is over", () => {
    const over = after(
      AT_WORK,
      { type: "conversation", conversation: conversation("a") },
      {
        type: "event",
        event: { kind: "ended", conversationId: "a", at: NOW, endedBy: "customer" },
      },
      { type: "conversation", conversation: conversation("a") },
      { type: "written", conversationId: "a", id: "m1", text: "late" },
      { type: "ending", conversationId: "a", step: "asked" },
    );
    expect(working(viewOf(over, NOW)).chat).toMatchObject({
      over: { by: "customer" },
      messages: [],
      ending: "no",
    });
  });

  it("puts messages in their order, each once, however they come", () => {
    const chat = withMessages(chatOf(conversation("a"), null), [
      said(7, "agent"),
      said(5, "customer"),
      said(7, "agent"),
    ]);
    expect(withMessages(chat, [said(6, "customer"), said(5, "customer")]).messages).toMatchObject([
      { seq: 5 },
      { seq: 6 },
      { seq: 7 },
    ]);
  });

  it("takes what was there before as seen, and counts what comes later", () => {
    const chat = withHistory(chatOf(conversation("a"), null), [said(5, "customer")]);
    expect(unreadOf(chat)).toBe(0);
    expect(unreadOf(withMessages(chat, [said(6, "customer"), said(7, "agent")]))).toBe(1);
    expect(unreadOf(withHistory(chat, [said(8, "customer")]))).toBe(1);
  });

  it("counts as seen only what is in view", () => {
    const begun = after(
      AT_WORK,
      { type: "taken", conversation: conversation("a") },
      { type: "history", conversationId: "a", messages: [] },
    );
    const message: Happening = {
      type: "event",
      event: { kind: "message", conversationId: "a", message: said(6, "customer") },
    };
    const unread = (state: State) => working(viewOf(state, NOW)).unread;
    expect(unread(after(begun, message))).toBe(0);
    const away = after(begun, { type: "visible", on: false }, message);
    expect(unread(away)).toBe(1);
    expect(unread(after(away, { type: "visible", on: true }))).toBe(0);
    const beside = after(
      begun,
      { type: "narrow", on: true },
      { type: "pane", pane: "waiting" },
      message,
    );
    expect(unread(beside)).toBe(1);
    expect(unread(after(beside, { type: "pane", pane: "chat" }))).toBe(0);
  });

  it("marks a customer who has had no answer for a minute", () => {
    const asked = after(
      AT_WORK,
      { type: "taken", conversation: conversation("a") },
      {
        type: "history",
        conversationId: "a",
        messages: [said(5, "agent"), said(6, "customer"), said(7, "customer", NOW + MINUTE)],
      },
    );
    const [chat] = asked.chats;
    expect(chat && unansweredSince(chat)).toBe(NOW);
    const unanswered = (now: number) => working(viewOf(asked, now)).chats[0]?.unanswered;
    expect(unanswered(NOW + MINUTE - 1)).toBeNull();
    expect(unanswered(NOW + 3 * MINUTE)).toBe(3);
  });

  it("asks once whether to end, for five seconds", () => {
    const asked = after(
      AT_WORK,
      { type: "taken", conversation: conversation("a") },
      { type: "ending", conversationId: "a", step: "asked" },
    );
    const ending = (now: number) =>
      working(viewOf(update(asked, { type: "tick" }, now), now)).chat?.ending;
    expect(ending(NOW + 4_999)).toBe("asked");
    expect(ending(NOW + 5_000)).toBe("no");
  });

  it("shows the next one when it is put away, and the line after the last", () => {
    const three = after(
      AT_WORK,
      ...["a", "b", "c"].map(
        (id): Happening => ({ type: "taken", conversation: conversation(id) }),
      ),
      { type: "choose", conversationId: "b" },
      { type: "dismiss", conversationId: "b" },
    );
    expect(three.current).toBe("c");
    const none = after(
      three,
      { type: "dismiss", conversationId: "a" },
      { type: "dismiss", conversationId: "c" },
    );
    expect([none.current, none.pane]).toEqual([null, "waiting"]);
  });

  it("does not flash what is sent at once", () => {
    const sending = after(
      AT_WORK,
      { type: "taken", conversation: conversation("a") },
      { type: "written", conversationId: "a", id: "m1", text: "x" },
      { type: "outgoing", conversationId: "a", id: "m1", state: "sending" },
    );
    const state = (now: number) => working(viewOf(sending, now)).chat?.messages[0]?.state;
    expect([state(NOW + 149), state(NOW + 150)]).toEqual(["arrived", "sending"]);
  });
});

describe("what is shown of people", () => {
  it.each([
    ["12345678901", true],
    ["+90 532 000 00 00", true],
    ["4111-1111-1111-1111", true],
    ["123456", false],
    ["Kayıp kart 1234567", false],
  ])("masks %s: %s", (value, sensitive) => {
    expect(isSensitive(value)).toBe(sensitive);
  });

  it("leaves two characters", () => {
    expect([masked("880214"), masked("7"), masked("ığüş")]).toEqual(["••••14", "••••7", "••••üş"]);
  });

  it.each([
    [[{ name: "topic", value: "Kayıp kart" }], "Kayıp kart"],
    [
      [
        { name: "a", value: "12" },
        { name: "b", value: "Fatura" },
      ],
      "Fatura",
    ],
    [[{ name: "Konu", value: "05320000000" }], null],
    [[], null],
  ])("finds what %j is about", (attached, topic) => {
    const state = after(AT_WORK, line([{ ...waiting("a"), attached }]));
    expect(working(viewOf(state, NOW)).rows[0]?.topic).toBe(topic);
  });
});

it.each([
  ["signing-in", "starting"],
  ["opening", "starting"],
  ["refused-sign-in", "refused"],
  ["elsewhere", "elsewhere"],
  ["not-waiting", "ended"],
  ["list", "open"],
  ["chat-cut-off", "offline"],
])("tells the outside that %s is %s", (name, state) => {
  const view = deskSamples[name];
  expect(view && dataState(view)).toBe(state);
});

it("shows a cut only after a second", () => {
  const cut = after(AT_WORK, { type: "linkLost" });
  expect(working(viewOf(cut, NOW + 999)).cutOffSince).toBeNull();
  expect(working(viewOf(cut, NOW + 1_000)).cutOffSince).toBe(NOW);
});
