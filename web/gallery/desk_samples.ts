/** One sample for each state of the desk: for the gallery, and for tests that walk them all. */

import { type Chat, chatOf, withEnd, withMessages } from "../desk/chats.js";
import type { Duty, Offer } from "../desk/duty.js";
import type { Row } from "../desk/line.js";
import { initialState, type Refusal, type State } from "../desk/model.js";
import type { Notes } from "../desk/notes.js";
import type { Conversation, Matter, Message, Note, Waiting } from "../desk/protocol.js";
import { type View, viewOf } from "../desk/view.js";

const MINUTE = 60_000;
/** 14:45 in Istanbul. */
export const NOW = Date.UTC(2026, 10, 2, 11, 45);

const MEHMET: Matter = {
  customerId: "880377",
  customerName: "Mehmet Kaya",
  helpType: "video_call",
  interactionId: "123457",
  attached: [{ name: "topic", value: "Kayıp kart" }],
};
const ZEYNEP: Matter = {
  customerId: "880412",
  customerName: "Zeynep Demir Yıldırımoğlu Karaosmanoğlu",
  helpType: "chat",
  interactionId: "123458",
  attached: [{ name: "topic", value: "Fatura" }],
};
const NAMELESS: Matter = {
  customerId: "880499",
  customerName: null,
  helpType: "voice_call",
  interactionId: "123459",
  attached: [],
};
const AYSE: Matter = {
  customerId: "880214",
  customerName: "Ayşe Yıldız",
  helpType: "chat",
  interactionId: "123456",
  attached: [
    { name: "topic", value: "Limit artırma" },
    { name: "phone", value: "+90 532 000 00 00" },
  ],
};
const CAN: Matter = { ...AYSE, customerId: "880555", customerName: "Can Öztürk", attached: [] };

function waiting(matter: Matter, minutes: number, place: number, present = true): Waiting {
  const startedAt = NOW - minutes * MINUTE;
  const now = { present, position: place, offered: false };
  return { ...matter, sessionId: matter.customerId, startedAt, ...now };
}

const ROW: Omit<Row, "waiting"> = {
  awaySince: null,
  awayAtFirst: false,
  takingSince: null,
  unsure: false,
  closing: { step: "no" },
  lost: null,
};
const ROWS: readonly Row[] = [
  { ...ROW, waiting: waiting(MEHMET, 12, 1) },
  { ...ROW, waiting: waiting(ZEYNEP, 6, 2, false), awaySince: NOW - 2 * MINUTE },
  { ...ROW, waiting: waiting(NAMELESS, 0, 3, false), awaySince: NOW, awayAtFirst: true },
];

function conversation(matter: Matter, minutes: number): Conversation {
  return {
    ...matter,
    conversationId: `c${matter.customerId}`,
    startedAt: NOW - minutes * MINUTE,
    endedAt: null,
    endedBy: null,
    present: true,
    marks: { received: 6, read: 5 },
  };
}

function said(seq: number, author: Message["author"], text: string, minutes: number): Message {
  return { seq, id: `m${seq}`, author, text, at: NOW - minutes * MINUTE };
}

const TALK: readonly Message[] = [
  said(4, "customer", "Merhaba, kartımın limitini artırmak istiyorum.", 8),
  said(5, "agent", "Merhaba Ayşe Hanım, hemen bakıyorum.\nBir dakikanızı rica edeceğim.", 7),
  said(6, "customer", "Tabii, bekliyorum.", 7),
  said(7, "agent", "Yeni limitinizi hesabınızda görebilirsiniz.", 1),
];

function seen(chat: Chat): Chat {
  return { ...chat, loadedTo: 0, stale: false, seen: 99 };
}

const WITH_AYSE: Chat = withMessages(seen(chatOf(conversation(AYSE, 9), NOW - 13 * MINUTE)), TALK);
const WITH_CAN: Chat = withMessages({ ...seen(chatOf(conversation(CAN, 4), null)), seen: 5 }, [
  said(5, "agent", "Buyurun?", 4),
  said(6, "customer", "Orada mısınız?", 3),
  said(7, "customer", "Havale ekranında hata alıyorum.", 2),
]);

const DUTY: Duty = {
  availability: { available: true, since: NOW - 20 * MINUTE, reason: null },
  offers: [],
  switching: "no",
};

function offer(matter: Matter, seconds: number): Offer {
  const now = { offeredAt: NOW - 5_000, expiresAt: NOW + seconds * 1_000 };
  const offered = { ...waiting(matter, 2, 1), ...now };
  return { offered, takingSince: null, step: "free", gone: null };
}

const START: State = {
  ...initialState(NOW, { joined: {}, outbox: {}, notes: {} }),
  stage: { at: "working" },
  agent: { userId: "31007", userName: "Selin Aksoy", supervisor: false },
  link: { kind: "open" },
  lineKnown: true,
};
const LIST: State = { ...START, rows: ROWS };
const WORK: State = {
  ...LIST,
  chats: [WITH_AYSE, WITH_CAN],
  current: WITH_AYSE.conversation.conversationId,
  pane: "chat",
};

function withFirst(change: Partial<Row>): State {
  return { ...LIST, rows: ROWS.map((row, at) => (at === 0 ? { ...row, ...change } : row)) };
}

function supervised(change: Partial<Row>): State {
  const agent = { userId: "31001", userName: "Deniz Ak", supervisor: true };
  return { ...withFirst(change), agent };
}

function lost(loss: NonNullable<Row["lost"]>["loss"]): State {
  return withFirst({ lost: { loss, until: NOW + MINUTE } });
}

function withChat(change: (chat: Chat) => Chat): State {
  return { ...WORK, chats: WORK.chats.map((chat) => (chat === WITH_AYSE ? change(chat) : chat)) };
}

function note(id: string, author: string, text: string, at: number, here: boolean): Note {
  return { id, author, text, at, conversationId: here ? `c${AYSE.customerId}` : "c1" };
}

const NOTED: readonly Note[] = [
  note("n1", "Deniz Ak", "Limit artışı Ekim'de reddedilmişti.", Date.UTC(2026, 9, 12, 9, 5), false),
  note("n2", "Selin Aksoy", "Gelir belgesi geldi.\nSisteme işlendi.", NOW - 3 * MINUTE, true),
];

function withNotes(change: Partial<Notes>): State {
  return withChat((chat) => ({
    ...chat,
    notes: { ...chat.notes, known: NOTED, stale: false, ...change },
  }));
}

function onDuty(change: Partial<Duty>, state: State = LIST): State {
  return { ...state, duty: { ...DUTY, ...change } };
}

function sentAway(reason: "agent" | "missed" | "lost"): Partial<Duty> {
  return { availability: { available: false, since: NOW - 3 * MINUTE, reason } };
}

function refused(refusal: Refusal): State {
  return { ...START, stage: { at: "refused", refusal } };
}

const CUT: State["link"] = { kind: "lost", since: NOW - MINUTE };
const LONG_TEXT = `${"Muvaffakiyetsizleştiricileştiriveremeyebileceklerimizdenmişsinizcesine ".repeat(4)}\n<b>https://bank.example/${"x".repeat(120)}</b>`;

const STATES = {
  "signing-in": { ...START, stage: { at: "signingIn", slow: false } },
  "signing-in-slow": { ...START, stage: { at: "signingIn", slow: true } },
  opening: { ...START, stage: { at: "opening", slow: false }, single: true },
  "refused-sign-in": refused({ kind: "signIn", code: "DLGEXCPSRV_TKNNOTVLD" }),
  "refused-link": refused({ kind: "link" }),
  "refused-over": refused({ kind: "over" }),
  "refused-fault": refused({ kind: "fault", code: "4400" }),
  elsewhere: { ...WORK, link: { kind: "elsewhere" } },
  "not-waiting": {
    ...START,
    stage: { at: "notWaiting", customerId: "880214", loss: { kind: "taken", by: "Deniz Ak" } },
  },
  "list-unknown": { ...START, lineKnown: false, link: { kind: "connecting", since: NOW } },
  "list-empty": { ...START, emptySince: NOW - 5 * MINUTE },
  list: LIST,
  "list-many": { ...LIST, beyond: 43 },
  "list-asked": {
    ...LIST,
    rows: ROWS.map((row) => ({
      ...row,
      waiting: { ...row.waiting, offered: row.waiting.position === 1, position: null },
    })),
  },
  supervisor: supervised({}),
  "supervisor-asked": supervised({ closing: { step: "asked", until: NOW + MINUTE } }),
  "supervisor-failed": supervised({ closing: { step: "failed" } }),
  "supervisor-no-right": withFirst({ closing: { step: "noRight" } }),
  "duty-here": onDuty({}),
  "duty-away": onDuty(sentAway("agent")),
  "duty-missed": onDuty(sentAway("missed")),
  "duty-lost": onDuty(sentAway("lost"), WORK),
  "duty-failed": onDuty({ ...sentAway("agent"), switching: "failed" }),
  "duty-elsewhere": onDuty({ availability: null, switching: "elsewhere" }),
  offer: onDuty({ offers: [offer(AYSE, 18)] }),
  "offer-two": onDuty({ offers: [offer(AYSE, 3), offer(ZEYNEP, 18)] }, WORK),
  "offer-only": onDuty({ offers: [offer(MEHMET, 18)] }, { ...LIST, rows: ROWS.slice(0, 1) }),
  "offer-taking": onDuty({ offers: [{ ...offer(AYSE, 18), takingSince: NOW - 1_000 }] }),
  "offer-unsure": onDuty({ offers: [{ ...offer(AYSE, 18), step: "unsure" }] }),
  "offer-missed": onDuty({
    ...sentAway("missed"),
    offers: [{ ...offer(AYSE, 0), gone: { end: { kind: "missed" }, until: NOW + MINUTE } }],
  }),
  "offer-gone": onDuty(
    { offers: [{ ...offer(AYSE, 9), gone: { end: { kind: "gone" }, until: NOW + MINUTE } }] },
    WORK,
  ),
  "offer-taken": onDuty({
    offers: [
      {
        ...offer(AYSE, 9),
        gone: { end: { kind: "taken", by: "Deniz Ak" }, until: NOW + MINUTE },
      },
    ],
  }),
  "list-taking": withFirst({ takingSince: NOW - 1_000 }),
  "list-unsure": withFirst({ unsure: true }),
  "list-left": lost({ kind: "left" }),
  "list-replaced": lost({ kind: "replaced" }),
  "list-taken": lost({ kind: "taken", by: "Deniz Ak" }),
  "list-gone": lost({ kind: "gone" }),
  "list-cut-off": { ...LIST, link: CUT },
  chat: WORK,
  "chat-list": { ...WORK, pane: "waiting" },
  "chat-new": {
    ...WORK,
    chats: [seen(chatOf(conversation(AYSE, 0), NOW - 4 * MINUTE)), WITH_CAN],
  },
  "chat-long": withChat((chat) => withMessages(chat, [said(8, "customer", LONG_TEXT, 0)])),
  "chat-draft": withChat((chat) => ({ ...chat, draft: "Yardımcı olabileceğim\nbaşka bir şey?" })),
  "chat-answers": withChat((chat) => ({ ...chat, draft: "Merhaba, /" })),
  "chat-answer": {
    ...withChat((chat) => ({ ...chat, draft: "/süre" })),
    answers: [
      { shortcut: "süre", text: `Başvurunuz 3 iş günü içinde\n${"sonuçlanır. ".repeat(30)}` },
    ],
  },
  "chat-unsent": withChat((chat) => ({
    ...chat,
    outbox: [
      { id: "u1", text: "Şimdi nasıl?", at: NOW, state: "refused" },
      { id: "u2", text: "Limitiniz güncellendi.", at: NOW - 1_000, state: "sending" },
      { id: "u3", text: "Görebiliyor musunuz?", at: NOW, state: "waiting" },
    ],
  })),
  "chat-typing": withChat((chat) => ({ ...chat, typingUntil: NOW + 4_000 })),
  "chat-read": withChat((chat) => ({
    ...chat,
    conversation: { ...chat.conversation, marks: { received: 7, read: 7 } },
  })),
  notes: { ...withNotes({}), pane: "customer" },
  "notes-unsaved": {
    ...withNotes({
      draft: "Yarın aranacak",
      outbox: [
        { id: "u1", text: "Limit 40.000 TL oldu.", at: NOW, state: "refused" },
        { id: "u2", text: "Şube: Kadıköy", at: NOW, state: "waiting" },
      ],
    }),
    pane: "customer",
  },
  "notes-failed": { ...withNotes({ known: [], failed: true }), pane: "customer" },
  "chat-away": withChat((chat) => ({ ...chat, away: { since: NOW - 7 * MINUTE } })),
  "chat-cut-off": { ...WORK, link: CUT },
  "chat-end-asked": withChat((chat) => ({ ...chat, ending: { step: "asked", until: NOW } })),
  "chat-ending": withChat((chat) => ({ ...chat, ending: { step: "sending" } })),
  "chat-end-failed": withChat((chat) => ({ ...chat, ending: { step: "failed" } })),
  "chat-over-agent": withChat((chat) => withEnd(chat, NOW, "agent")),
  "chat-over-customer": withChat((chat) => withEnd(chat, NOW, "customer")),
  "chat-over-lost": withChat((chat) => withEnd(chat, NOW, "customer_lost")),
  customer: { ...WORK, pane: "customer" },
  "customer-shown": {
    ...withChat((chat) => ({ ...chat, revealed: true })),
    pane: "customer",
  },
  single: { ...WORK, single: true, chats: [WITH_AYSE] },
  "single-closed": { ...START, single: true, pane: "chat" },
} satisfies Readonly<Record<string, State>>;

/** Every sample by its name in the gallery's address. */
export const deskSamples: Readonly<Record<string, View>> = Object.fromEntries(
  Object.entries(STATES).map(([name, state]) => [name, viewOf(state, NOW)]),
);
