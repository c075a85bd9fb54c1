/** One sample for each row of the customer's states: for the gallery, and for tests that walk them all. */

import type { ChatEntry } from "diyalog";
import type { Choice, Trial } from "../help/trial.js";
import type { ConnectedView, Fact, View, WaitingView } from "../help/view.js";

const MINUTE = 60_000;
const ASKED = Date.UTC(2026, 10, 2, 11, 32);
const REFERENCE = "880214";

const BEGINNING: readonly Fact[] = [
  { kind: "asked", at: ASKED },
  { kind: "joined", at: ASKED },
];
const ENDED: readonly Fact[] = [...BEGINNING, { kind: "ended", at: ASKED + 9 * MINUTE }];
const JOINED: readonly Fact[] = [
  ...BEGINNING,
  { kind: "agentJoined", at: ASKED + 4 * MINUTE, name: "Selin Aksoy" },
];

const WAITING: WaitingView = {
  kind: "waiting",
  range: { from: 4, to: 6 },
  timeHidden: false,
  ahead: { kind: "count", n: 3 },
  cutOff: { kind: "no" },
  lastKnown: null,
  longer: false,
  nearLimit: null,
  kept: { amount: 5, unit: "minute" },
  heldUntil: ASKED + 30 * MINUTE,
  facts: [...BEGINNING, { kind: "looking", minutes: 3 }],
  reference: REFERENCE,
  stop: "no",
  sound: false,
  trial: null,
};

const CAMERAS: Choice = {
  chosen: "front",
  all: [
    { id: "front", name: "camera2 1, facing front" },
    { id: "back", name: "camera2 0, facing back" },
  ],
};
const MICROPHONE: Choice = { chosen: "m", all: [{ id: "m", name: "Dahili mikrofon" }] };
const RUNNING: Extract<Trial, { step: "running" }> = {
  step: "running",
  video: true,
  seen: true,
  heard: false,
  silent: false,
  cameras: CAMERAS,
  microphones: MICROPHONE,
};

function trying(trial: Trial): WaitingView {
  return { ...WAITING, trial };
}

const CUT: WaitingView = {
  ...WAITING,
  lastKnown: ASKED + 4 * MINUTE,
  facts: [...BEGINNING, { kind: "reconnecting" }],
};

const MESSAGE =
  "Tüm temsilcilerimiz şu anda başka görüşmelerde.\nLütfen hafta içi 09.00–18.00 arasında yeniden deneyin.";
const LONG_MESSAGE = `${"Size bugün yardımcı olamadığımız için üzgünüz; ekibimiz yoğunluk nedeniyle taleplerin tümüne yetişemiyor. ".repeat(5)}<b>Muvaffakiyetsizleştiricileştiriveremeyebileceklerimizdenmişsinizcesine</b>`;

function ended(ending: Extract<View, { kind: "ended" }>["ending"], facts = ENDED): View {
  return { kind: "ended", ending, facts, reference: REFERENCE };
}

const CONNECTED: ConnectedView = {
  kind: "connected",
  name: "Selin Aksoy",
  call: false,
  late: false,
  offline: false,
  facts: JOINED,
  chat: { open: true, loaded: true, name: "Selin Aksoy", messages: [], agentTypes: true },
  reference: REFERENCE,
  stop: "no",
};

/** @param after minutes after the agent joined */
function written(
  seq: number,
  author: "agent" | "customer",
  after: number,
  text: string,
): ChatEntry {
  const at = new Date(ASKED + (4 + after) * MINUTE).toISOString();
  const state = author === "customer" ? "read" : "sent";
  return { id: `m${seq}`, author, text, state, seq, at };
}

const WRITTEN: readonly ChatEntry[] = [
  written(4, "agent", 0, "Merhaba, ben Selin. Size nasıl yardımcı olabilirim?"),
  written(5, "customer", 1, "Merhaba.\nYurt dışına çıkıyorum, kart limitimi artırabilir miyiz?"),
  written(
    6,
    "agent",
    2,
    "Elbette. Pazar gününe kadar artırdım; <b>Muvaffakiyetsizleştiricileştiriveremeyebileceklerimizden</b> gibi uzun bir sözcük bile sığar. Başka bir isteğiniz var mı?",
  ),
];
const UNSENT: readonly ChatEntry[] = [
  {
    id: "m7",
    author: "customer",
    text: "Hayır, çok teşekkürler.",
    state: "sending",
    seq: null,
    at: null,
  },
  { id: "m8", author: "customer", text: "İyi günler.", state: "failed", seq: null, at: null },
];

/** How far one's own messages have come: read, arrived at the desk, with the server. */
const MARKED: readonly ChatEntry[] = [
  ...WRITTEN,
  { ...written(7, "customer", 3, "Hayır, çok teşekkürler."), state: "delivered" },
  { ...written(8, "customer", 3, "İyi günler."), state: "sent" },
];

function over(
  by: "agent" | "customer" | "company" | "agent_lost" | "customer_lost",
  placeKept = false,
): View {
  return {
    kind: "ended",
    ending: {
      kind: "conversationOver",
      by,
      name: "Selin Aksoy",
      placeKept,
    },
    facts: [...JOINED, { kind: "conversationEnded", at: ASKED + 7 * MINUTE }],
    chat: { ...CONNECTED.chat, open: false, messages: WRITTEN, agentTypes: false },
    reference: REFERENCE,
  };
}

const SAMPLES = {
  opening: { kind: "opening", shown: true, slow: true },
  choose: { kind: "choose" },
  asking: { kind: "asking", upTo: null, facts: BEGINNING.slice(0, 1), stop: "no" },
  "asking-long": { kind: "asking", upTo: 10, facts: BEGINNING.slice(0, 1), stop: "no" },
  waiting: WAITING,
  "waiting-unknown": { ...WAITING, range: null, ahead: { kind: "none" } },
  "waiting-unknown-ahead": { ...WAITING, range: null },
  "waiting-over-half-an-hour": {
    ...WAITING,
    range: { from: 30, to: null },
    ahead: { kind: "many" },
  },
  "waiting-one-ahead": { ...WAITING, range: { from: 1, to: 2 }, ahead: { kind: "count", n: 1 } },
  "waiting-time-hidden": {
    ...WAITING,
    timeHidden: true,
    facts: [...BEGINNING, { kind: "looking", minutes: null }],
  },
  "waiting-back": {
    ...WAITING,
    facts: [
      ...BEGINNING,
      { kind: "back", at: ASKED + 2 * MINUTE },
      { kind: "looking", minutes: 0 },
    ],
  },
  "waiting-sound-on": { ...WAITING, sound: true },
  "devices-offered": trying({ step: "closed", video: true }),
  "devices-offered-voice": trying({ step: "closed", video: false }),
  "devices-asking": trying({ step: "asking", video: true }),
  "devices-running": trying(RUNNING),
  "devices-good": trying({ ...RUNNING, heard: true }),
  "devices-silent": trying({ ...RUNNING, video: false, silent: true }),
  "devices-refused": trying({ step: "failed", video: true, cause: "refused", what: "camera" }),
  "devices-refused-voice": trying({
    step: "failed",
    video: false,
    cause: "refused",
    what: "microphone",
  }),
  "devices-none": trying({ step: "failed", video: true, cause: "none", what: "microphone" }),
  "devices-busy": trying({ step: "failed", video: true, cause: "busy", what: "camera" }),
  "next-unknown": { ...WAITING, range: null, ahead: { kind: "next" } },
  next: { ...WAITING, range: { from: 1, to: 2 }, ahead: { kind: "next" } },
  "order-changed": { ...WAITING, ahead: { kind: "changed" } },
  longer: { ...WAITING, longer: true },
  "near-limit": { ...WAITING, nearLimit: ASKED + 30 * MINUTE },
  "cut-off-quiet": { ...CUT, cutOff: { kind: "quiet" } },
  "cut-off": { ...CUT, cutOff: { kind: "note" } },
  "cut-off-long": { ...CUT, cutOff: { kind: "long", kept: ASKED + 9 * MINUTE } },
  "cut-off-past": { ...CUT, cutOff: { kind: "past", kept: ASKED + 9 * MINUTE } },
  elsewhere: { kind: "elsewhere", reference: REFERENCE },
  "stop-asked": { ...WAITING, stop: "asked" },
  stopping: { ...WAITING, stop: "sending" },
  "stop-unsure": { ...WAITING, stop: "unsure" },
  "not-delivered": ended({ kind: "notDelivered", message: MESSAGE }),
  "not-delivered-long": ended({ kind: "notDelivered", message: LONG_MESSAGE }),
  "not-delivered-silent": ended({ kind: "notDelivered", message: null }),
  connected: CONNECTED,
  "connected-opening": { ...CONNECTED, chat: { ...CONNECTED.chat, loaded: false } },
  "connected-late": {
    ...CONNECTED,
    name: null,
    call: true,
    late: true,
    facts: [...BEGINNING, { kind: "agentJoined", at: ASKED + 4 * MINUTE, name: null }],
    chat: { ...CONNECTED.chat, name: null },
  },
  chat: {
    ...CONNECTED,
    chat: { ...CONNECTED.chat, messages: WRITTEN, agentTypes: false },
  },
  "chat-marks": { ...CONNECTED, chat: { ...CONNECTED.chat, messages: MARKED } },
  "chat-unsent": { ...CONNECTED, chat: { ...CONNECTED.chat, messages: [...WRITTEN, ...UNSENT] } },
  "chat-offline": {
    ...CONNECTED,
    offline: true,
    chat: { ...CONNECTED.chat, messages: [...WRITTEN, ...UNSENT.slice(0, 1)] },
  },
  "chat-end-asked": {
    ...CONNECTED,
    stop: "asked",
    chat: { ...CONNECTED.chat, messages: WRITTEN },
  },
  "chat-ending": {
    ...CONNECTED,
    stop: "unsure",
    chat: { ...CONNECTED.chat, messages: WRITTEN },
  },
  stopped: ended({ kind: "stopped" }, [...BEGINNING, { kind: "stopped", at: ASKED + MINUTE }]),
  replaced: ended({ kind: "replaced" }),
  closed: ended({ kind: "closed" }),
  "time-limit": ended({ kind: "timeLimit", waited: { amount: 30, unit: "minute" } }),
  abandoned: ended({ kind: "abandoned", kept: { amount: 5, unit: "minute" } }),
  "queue-refused": ended({ kind: "queueRefused" }),
  "queue-timeout": ended({ kind: "queueTimeout" }),
  failed: ended({ kind: "failed" }),
  "conversation-over": over("agent"),
  "conversation-over-customer": over("customer"),
  "conversation-over-company": over("company"),
  "conversation-over-agent-lost": over("agent_lost"),
  "conversation-over-place-kept": over("agent_lost", true),
  "conversation-over-customer-lost": over("customer_lost"),
  gone: { kind: "ended", ending: { kind: "gone" }, facts: [], reference: null },
  unsent: { kind: "ended", ending: { kind: "unsent" }, facts: [], reference: null },
  "problem-link": { kind: "problem", problem: { kind: "link" } },
  "problem-refused": { kind: "problem", problem: { kind: "refused" } },
  "problem-not-active": { kind: "problem", problem: { kind: "notActive" } },
  "problem-in-talk": { kind: "problem", problem: { kind: "inTalk" } },
  "problem-barred": { kind: "problem", problem: { kind: "barred" } },
  "problem-too-often": { kind: "problem", problem: { kind: "tooOften", at: ASKED } },
  "problem-away": { kind: "problem", problem: { kind: "away", retryAt: ASKED } },
  "problem-away-later": { kind: "problem", problem: { kind: "away", retryAt: null } },
} satisfies Readonly<Record<string, View>>;

/** Every sample by its name in the gallery's address. */
export const samples: Readonly<Record<string, View>> = SAMPLES;
