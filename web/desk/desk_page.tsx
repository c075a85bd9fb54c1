/** The desk in a browser: the state is drawn, the keyboard is heard, and others are told. */

import { newIdempotencyKey } from "diyalog";
import { render } from "preact";
import { Announcer } from "#shared/announce.ts";
import { readCompany } from "#shared/company.ts";
import { pageLifecycle } from "#shared/lifecycle.ts";
import { wearTheme } from "#shared/theme.ts";
import type { DeskWords } from "../words/desk.js";
import { deskEn } from "../words/desk_en.js";
import { deskTr } from "../words/desk_tr.js";
import type { Actions } from "./actions.js";
import { Attention } from "./attention.js";
import { Desk } from "./desk.js";
import { Focus } from "./focus.js";
import { type Launch, languageOf, publicFragment } from "./launch.js";
import { currentChat, type Happening, type State } from "./model.js";
import { eventsFor, OuterPage } from "./outer.js";
import { Page } from "./page.js";
import { SHORTCUTS_DIALOG, shortcutOf } from "./shortcuts.js";
import { HttpStaffApi } from "./staff_api.js";
import { StaffStream } from "./stream.js";
import { Tab } from "./tab.js";
import { type View, viewOf } from "./view.js";

const TICK_MS = 1_000;
/** After this, what was started and is not done is shown as going on. */
const SOON_MS = 200;
/** Narrower than this, there is one column. */
const NARROW = "(max-width: 899.98px)";
const SHORTCUTS_OFF = "diyalog.desk.shortcuts.off";

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
    this.#attention = new Attention(document, new Announcer(status), company);
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
    this.#desk.do({ type: "shortcuts", on: this.#storage?.getItem(SHORTCUTS_OFF) == null });
    const narrow = matchMedia(NARROW);
    const layout = () => this.#desk.do({ type: "narrow", on: narrow.matches });
    narrow.addEventListener("change", layout);
    layout();
    document.addEventListener("visibilitychange", () => {
      this.#desk.do({ type: "visible", on: document.visibilityState === "visible" });
    });
    // Another link opened in the same tab changes the fragment only.
    addEventListener("hashchange", () => location.reload());
    addEventListener("keydown", (event) => this.#pressed(event));
    this.#desk.open();
    this.#draw();
    setInterval(() => this.#desk.do({ type: "tick" }), TICK_MS);
  }

  #changed(happening: Happening, before: State, after: State): void {
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
    const chat = currentChat(state);
    if (shortcut.to === "chat") {
      const wanted = state.chats[shortcut.index];
      if (wanted !== undefined) this.#actions.choose(wanted.conversation.conversationId);
    } else if (shortcut.to === "next") {
      this.#desk.do({ type: "pane", pane: "waiting" });
      this.#focus.toNextRow();
    } else if (chat !== undefined && chat.ending.step !== "sending") {
      this.#actions.askToEnd(chat.conversation.conversationId);
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
      openShortcuts: () => {
        const dialog = document.getElementById(SHORTCUTS_DIALOG);
        if (dialog instanceof HTMLDialogElement) dialog.showModal();
      },
      toggleShortcuts: () => this.#toggleShortcuts(),
      showPane: (pane) => desk.do({ type: "pane", pane }),
      take: (sessionId) => void desk.take(sessionId),
      choose: (conversationId) => desk.do({ type: "choose", conversationId }),
      dismiss: (conversationId) => desk.dismiss(conversationId),
      draft: (conversationId, text) => desk.do({ type: "draft", conversationId, text }),
      write: (conversationId, text) => desk.write(conversationId, text),
      writeAgain: (conversationId, id) =>
        desk.do({ type: "outgoing", conversationId, id, state: "waiting" }),
      askToEnd: (conversationId) => desk.do({ type: "ending", conversationId, step: "asked" }),
      goOn: (conversationId) => desk.do({ type: "ending", conversationId, step: "no" }),
      end: (conversationId) => void desk.end(conversationId),
      reveal: (conversationId) => desk.do({ type: "reveal", conversationId }),
    };
  }

  #toggleShortcuts(): void {
    const on = !this.#desk.state.shortcuts;
    this.#desk.do({ type: "shortcuts", on });
    try {
      if (on) this.#storage?.removeItem(SHORTCUTS_OFF);
      else this.#storage?.setItem(SHORTCUTS_OFF, "1");
    } catch {
      // A full or forbidden storage: the next visit asks again.
    }
  }

  #switchLanguage(): void {
    this.#words = this.#words.lang === "tr" ? deskEn : deskTr;
    this.#launch = { ...this.#launch, lang: this.#words.lang };
    history.replaceState(null, "", publicFragment(this.#launch));
    this.#draw();
  }
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
