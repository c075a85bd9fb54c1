/** The desk in a browser: the state is drawn, the keyboard is heard, and others are told. */

import { newIdempotencyKey } from "diyalog";
import { render } from "preact";
import { Announcer } from "#shared/announce.ts";
import { readCompany } from "#shared/company.ts";
import { pageLifecycle } from "#shared/lifecycle.ts";
import { JoinSound } from "#shared/sound.ts";
import { wearTheme } from "#shared/theme.ts";
import type { DeskWords } from "../words/desk.js";
import { deskEn } from "../words/desk_en.js";
import { deskTr } from "../words/desk_tr.js";
import type { Actions } from "./actions.js";
import { Answers, appended } from "./answers.js";
import { ANSWERS_DIALOG } from "./answers_dialog.js";
import { Attention } from "./attention.js";
import { Desk } from "./desk.js";
import { openOffers } from "./duty.js";
import { Focus } from "./focus.js";
import type { Happening } from "./happening.js";
import { type Launch, languageOf, publicFragment } from "./launch.js";
import { currentChat, type State } from "./model.js";
import { Notices } from "./notices.js";
import { eventsFor, OuterPage } from "./outer.js";
import { Page } from "./page.js";
import { Preference } from "./preference.js";
import { SETTINGS_DIALOG } from "./settings_dialog.js";
import { shortcutOf } from "./shortcuts.js";
import { HttpStaffApi } from "./staff_api.js";
import { StaffStream } from "./stream.js";
import { Tab } from "./tab.js";
import { type View, viewOf } from "./view.js";

const TICK_MS = 1_000;
/** After this, what was started and is not done is shown as going on. */
const SOON_MS = 200;
/** Narrower than this, there is one column. */
const NARROW = "(max-width: 899.98px)";

export interface DeskPageParts {
  readonly root: HTMLElement;
  readonly status: HTMLElement;
  readonly launch: Launch;
}

export class DeskPage {
  readonly #root: HTMLElement;
  readonly #desk: Desk;
  readonly #attention: Attention;
  readonly #focus = new Focus(document);
  readonly #outer = new OuterPage(window, frameAncestors());
  readonly #storage = storageOf(() => localStorage);
  readonly #answers = new Answers(this.#storage);
  readonly #sound = new JoinSound({
    makeContext: () => new AudioContext(),
    vibrate: null,
    storage: this.#storage,
    changed: (on) => this.#desk.do({ type: "sound", on }),
  });
  readonly #shortcuts = new Preference(this.#storage, "shortcuts", true);
  readonly #comfortable = new Preference(this.#storage, "comfortable", false);
  readonly #notices = new Notices({
    maker: "Notification" in window ? Notification : null,
    wanted: new Preference(this.#storage, "notices", false),
    seen: () => document.visibilityState === "visible",
    comeForward: () => window.focus(),
    changed: (notices) => this.#desk.do({ type: "notices", notices }),
  });
  readonly #actions: Actions;
  #launch: Launch;
  #words: DeskWords;
  #view: View | null = null;

  constructor({ root, status, launch }: DeskPageParts) {
    this.#root = root;
    this.#launch = launch;
    // Secrets and people leave the address before anything else can read or copy it.
    history.replaceState(null, "", publicFragment(launch));
    if (launch.theme !== null) wearTheme(document, launch.theme);
    this.#words = languageOf(launch, navigator.languages) === "tr" ? deskTr : deskEn;
    const company = readCompany(document).name;
    this.#attention = new Attention(
      document,
      new Announcer(status),
      company,
      this.#sound,
      this.#notices,
    );
    const tab = new Tab(storageOf(() => sessionStorage));
    const url = `${location.origin.replace(/^http/, "ws")}/v1/staff/events`;
    const around = { WebSocket, lifecycle: pageLifecycle(), random: Math.random, now: Date.now };
    this.#desk = new Desk({
      api: new HttpStaffApi(
        location.origin,
        (input, init) => fetch(input, init),
        () => tab.memory.token,
      ),
      openStream: (token, position, listener) =>
        new StaffStream({ url, token, position }, listener, around),
      tab,
      launch,
      changed: (happening, before, after) => this.#changed(happening, before, after),
      now: Date.now,
      random: Math.random,
      schedule: later,
      newId: newIdempotencyKey,
    });
    this.#actions = this.#makeActions();
  }

  start(): void {
    this.#desk.do({ type: "shortcuts", on: this.#shortcuts.on });
    this.#desk.do({ type: "comfortable", on: this.#comfortable.on });
    this.#desk.do({ type: "notices", notices: this.#notices.state });
    const narrow = matchMedia(NARROW);
    const layout = () => this.#desk.do({ type: "narrow", on: narrow.matches });
    narrow.addEventListener("change", layout);
    layout();
    document.addEventListener("visibilitychange", () => {
      const on = document.visibilityState === "visible";
      this.#desk.do({ type: "visible", on });
      if (on) this.#sound.shownAgain();
      if (on) this.#notices.clear();
    });
    // Browsers want a click before anything is heard; what was wanted before is not asked for again.
    addEventListener("click", () => this.#sound.wake());
    // Another link opened in the same tab changes the fragment only.
    addEventListener("hashchange", () => location.reload());
    addEventListener("keydown", (event) => this.#pressed(event));
    this.#desk.open();
    this.#draw();
    setInterval(() => this.#desk.do({ type: "tick" }), TICK_MS);
  }

  #changed(happening: Happening, before: State, after: State): void {
    if (happening.type === "signedIn") {
      const answers = this.#answers.of(happening.agent.userId);
      this.#desk.do({ type: "answers", answers });
    }
    for (const event of eventsFor(before, after)) this.#outer.tell(event);
    this.#draw();
    const { type } = happening;
    if (type === "taken" || type === "choose") this.#focus.to("#composer", "#chat-title");
    if (type === "ending" && happening.step === "asked") this.#focus.to(".end-no");
    if (type === "taking" || type === "outgoing") setTimeout(() => this.#draw(), SOON_MS);
  }

  #draw(): void {
    const view = viewOf(this.#desk.state, Date.now());
    const words = this.#words;
    const screenChanged = this.#view?.kind !== view.kind;
    this.#view = view;
    document.documentElement.lang = words.lang;
    this.#root.classList.toggle("desk-comfortable", this.#desk.state.comfortable);
    this.#focus.remember();
    const atEnd = isAtEnd(this.#log());
    render(<Page view={view} words={words} actions={this.#actions} />, this.#root);
    const log = this.#log();
    if (atEnd !== false && log !== null) log.scrollTop = log.scrollHeight;
    this.#focus.keep();
    const headingFocused = screenChanged && this.#focus.toHeading();
    this.#attention.shown(view, words, headingFocused, Date.now());
  }

  /** The messages in front; another conversation's are another element. */
  #log(): HTMLElement | null {
    return this.#root.querySelector<HTMLElement>(".log");
  }

  #pressed(event: KeyboardEvent): void {
    const { state } = this.#desk;
    const shortcut = state.shortcuts ? shortcutOf(event) : null;
    const covered = this.#view?.kind !== "desk" || document.querySelector("dialog[open]") !== null;
    if (shortcut === null || covered) return;
    event.preventDefault();
    switch (shortcut.to) {
      case "chat": {
        const wanted = state.chats[shortcut.index];
        if (wanted !== undefined) this.#actions.choose(wanted.conversation.conversationId);
        break;
      }
      case "next":
        this.#desk.do({ type: "pane", pane: "waiting" });
        this.#focus.toNextRow();
        break;
      case "accept":
      case "pass": {
        const first = openOffers(state.duty)[0]?.offered.sessionId;
        const answer = shortcut.to === "accept" ? this.#actions.take : this.#actions.pass;
        if (first !== undefined) answer(first);
        break;
      }
      case "end": {
        const chat = currentChat(state);
        if (chat !== undefined && chat.ending.step !== "sending") {
          this.#actions.askToEnd(chat.conversation.conversationId);
        }
      }
    }
  }

  #makeActions(): Actions {
    const desk = this.#desk;
    return {
      signIn: () => desk.tryAgain(),
      useHere: () => desk.useHere(),
      lookAgain: () => desk.lookAgain(),
      showList: () => desk.showList(),
      switchLanguage: () => this.#switchLanguage(),
      openSettings: () => openDialog(SETTINGS_DIALOG),
      openAnswers: () => openDialog(ANSWERS_DIALOG),
      insertAnswer: (text) => this.#insertAnswer(text),
      keepAnswers: (answers) => {
        this.#answers.keep(desk.state.agent?.userId ?? "", answers);
        desk.do({ type: "answers", answers });
      },
      toggleShortcuts: () => this.#toggle("shortcuts", this.#shortcuts),
      toggleComfortable: () => this.#toggle("comfortable", this.#comfortable),
      toggleNotices: () => void this.#notices.toggle(),
      showPane: (pane) => desk.do({ type: "pane", pane }),
      take: (sessionId) => void desk.requests.take(sessionId),
      askToClose: (sessionId) => {
        desk.do({ type: "closing", sessionId, step: "asked" });
        this.#focus.to(`[data-focus="row ${CSS.escape(sessionId)}"] .close-no`);
      },
      keepWaiting: (sessionId) => desk.do({ type: "closing", sessionId, step: "no" }),
      closeWait: (sessionId) => void desk.requests.closeWait(sessionId),
      pass: (sessionId) => void desk.requests.pass(sessionId),
      setAvailable: (available) => void desk.requests.setAvailable(available),
      noted: () => desk.do({ type: "switching", step: "no" }),
      toggleSound: () => this.#sound.toggle(),
      choose: (conversationId) => desk.do({ type: "choose", conversationId }),
      dismiss: (conversationId) => desk.dismiss(conversationId),
      draft: (conversationId, text) => desk.do({ type: "draft", conversationId, text }),
      write: (conversationId, text) => desk.write(conversationId, text),
      writeAgain: (conversationId, id) =>
        desk.do({ type: "outgoing", conversationId, id, state: "waiting" }),
      noteDraft: (conversationId, text) => desk.do({ type: "noteDraft", conversationId, text }),
      note: (conversationId, text) => desk.note(conversationId, text),
      noteAgain: (conversationId, id) =>
        desk.do({ type: "noteOutgoing", conversationId, id, state: "waiting" }),
      notesAgain: (conversationId) => desk.do({ type: "notesAgain", conversationId }),
      askToEnd: (conversationId) => desk.do({ type: "ending", conversationId, step: "asked" }),
      goOn: (conversationId) => desk.do({ type: "ending", conversationId, step: "no" }),
      end: (conversationId) => void desk.end(conversationId),
      reveal: (conversationId) => void desk.requests.reveal(conversationId),
    };
  }

  #insertAnswer(text: string): void {
    const chat = currentChat(this.#desk.state);
    if (chat === undefined) return;
    this.#actions.draft(chat.conversation.conversationId, appended(chat.draft, text));
    this.#desk.do({ type: "pane", pane: "chat" });
    this.#focus.to("#composer");
  }

  #toggle(type: "shortcuts" | "comfortable", preference: Preference): void {
    const on = !this.#desk.state[type];
    this.#desk.do({ type, on });
    preference.keep(on);
  }

  #switchLanguage(): void {
    this.#words = this.#words.lang === "tr" ? deskEn : deskTr;
    this.#launch = { ...this.#launch, lang: this.#words.lang };
    history.replaceState(null, "", publicFragment(this.#launch));
    this.#draw();
  }
}

function openDialog(id: string): void {
  const dialog = document.getElementById(id);
  if (dialog instanceof HTMLDialogElement) dialog.showModal();
}

/** @returns cancels it */
function later(callback: () => void, afterMs: number): () => void {
  const timer = setTimeout(callback, afterMs);
  return () => clearTimeout(timer);
}

/** Who may frame the desk, as the server has written it into the page's head. */
function frameAncestors(): string {
  return (
    document.querySelector<HTMLMetaElement>('meta[name="diyalog-frame-ancestors"]')?.content ?? ""
  );
}

/** A storage of the browser's; null where merely touching it is refused. */
function storageOf(storage: () => Storage): Storage | null {
  try {
    return storage();
  } catch {
    return null;
  }
}

/** Whether the newest message is in view; null: there is no list of them. */
function isAtEnd(log: HTMLElement | null): boolean | null {
  return log === null ? null : log.scrollHeight - log.scrollTop - log.clientHeight < 40;
}
