/** The page at work: what happens is put into the state, the state is drawn, and others are told. */

import { Diyalog, type Host, type Theme } from "diyalog";
import { render } from "preact";
import { Announcer } from "#shared/announce.ts";
import { Awake } from "#shared/awake.ts";
import { readCompany } from "#shared/company.ts";
import type { JoinSound } from "#shared/sound.ts";
import { wearTheme } from "#shared/theme.ts";
import { en } from "../words/en.js";
import { tr } from "../words/tr.js";
import { worded } from "../words/worded.js";
import type { Words } from "../words/words.js";
import type { Actions } from "./actions.js";
import { Attention } from "./attention.js";
import type { Conversing } from "./conversing.js";
import { messagesFor, type Outside } from "./hosting.js";
import { Journey } from "./journey.js";
import { LatePart } from "./late_part.js";
import { type Lang, type Launch, languageOf, publicFragment } from "./launch.js";
import { type Happening, initialState, type State, update } from "./model.js";
import { Page } from "./page.js";
import { Tab, tabStorage } from "./tab.js";
import type { DeviceTrial } from "./trial.js";
import { type View, viewOf } from "./view.js";

const TICK_MS = 1_000;
/** While a start is under way, the page's first second is drawn more finely. */
const STARTING_TICK_MS = 200;

export interface HelpPageParts {
  readonly root: HTMLElement;
  readonly status: HTMLElement;
  readonly host: Host;
  readonly launch: Launch;
}

export class HelpPage {
  readonly #root: HTMLElement;
  readonly #host: Host;
  readonly #tab: Tab;
  readonly #journey: Journey;
  readonly #chat: LatePart<typeof import("./chat.js")>;
  readonly #devices: LatePart<typeof import("./devices.js")>;
  #conversing: Conversing | null = null;
  readonly #attention: Attention;
  readonly #company = readCompany(document);
  readonly #awake = new Awake(document, navigator.wakeLock);
  readonly #soundPart: LatePart<typeof import("#shared/sound.ts")>;
  #sound: JoinSound | null = null;
  readonly #actions: Actions;
  #trial: DeviceTrial | null = null;
  #launch: Launch;
  #words: Words;
  #state: State;
  #view: View | null = null;
  #outside: Outside | null = null;

  constructor({ root, status, host, launch }: HelpPageParts) {
    this.#root = root;
    this.#host = host;
    this.#launch = launch;
    // Secrets leave the address before anything else can read or copy it.
    history.replaceState(null, "", publicFragment(launch));
    if (launch.theme !== null) wearTheme(document, launch.theme);
    this.#words = this.#wordsIn(languageOf(launch, navigator.languages));
    const storage = tabStorage();
    this.#tab = new Tab(storage, launch.activation?.customerId ?? "");
    this.#attention = new Attention(document, new Announcer(status), this.#company);
    this.#state = initialState(Date.now(), this.#tab.memory.wait);
    this.#soundPart = new LatePart(
      () => import("#shared/sound.ts"),
      (part) => {
        this.#sound = new part.JoinSound({
          makeContext: () => new AudioContext(),
          vibrate: "vibrate" in navigator ? (ms) => navigator.vibrate(ms) : null,
          storage,
          changed: (on) => this.#dispatch({ type: "sound", on }),
        });
        // Until it is there, no switch is shown that would do nothing.
        this.#dispatch({ type: "sound", on: false });
      },
      later,
    );
    const parts = {
      // The tab keeps the token: nothing else may.
      diyalog: new Diyalog({ url: location.origin, storage: null }),
      tab: this.#tab,
      dispatch: (happening: Happening) => this.#dispatch(happening),
      schedule: later,
    };
    this.#journey = new Journey({ ...parts, launch, now: Date.now });
    this.#chat = new LatePart(
      () => import("./chat.js"),
      ({ Conversing }) => {
        this.#conversing = new Conversing(parts);
        this.#dispatch({ type: "tick" });
      },
      later,
    );
    this.#devices = new LatePart(
      () => import("./devices.js"),
      () => this.#draw(),
      later,
    );
    this.#actions = this.#makeActions();
  }

  start(): void {
    void this.#journey.open();
    this.#tick();
    // Another link opened in the same tab changes the fragment only.
    addEventListener("hashchange", () => location.reload());
    addEventListener("online", () => this.#tryAgain());
    // The switch itself decides by how it stood before its tap.
    addEventListener("click", () => this.#sound?.wake());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") {
        this.#tryAgain();
        this.#sound?.shownAgain();
      } else {
        this.#trial?.hidden();
      }
    });
  }

  /** What the app around the page wants stays so after a reload. */
  remember(theme: Theme): void {
    this.#launch = { ...this.#launch, theme: theme === "system" ? null : theme };
    history.replaceState(null, "", publicFragment(this.#launch));
  }

  #tryAgain(): void {
    const stage = this.#state.stage;
    if (stage.at === "problem" && stage.problem.kind === "away") this.#journey.tryNow();
    this.#dispatch({ type: "tick" });
  }

  #tick(): void {
    const starting = this.#root.querySelector('[data-state="starting"]') !== null;
    setTimeout(
      () => {
        this.#dispatch({ type: "tick" });
        this.#tick();
      },
      starting ? STARTING_TICK_MS : TICK_MS,
    );
  }

  #dispatch(happening: Happening): void {
    const before = this.#state;
    this.#state = update(before, happening, Date.now());
    if (this.#state.wait !== before.wait) this.#tab.update({ wait: this.#state.wait });
    this.#conversing?.follow(this.#state);
    this.#draw();
  }

  #draw(): void {
    const view = viewOf(this.#state, Date.now());
    const before = this.#view;
    this.#view = view;
    const words = this.#words;
    document.documentElement.lang = words.lang;
    render(
      <Page
        view={view}
        words={words}
        company={this.#company}
        actions={this.#actions}
        late={{ chat: this.#chat.module, devices: this.#devices.module }}
      />,
      this.#root,
    );
    this.#attention.shown(view, words);
    this.#awake.keep(view.kind === "waiting");
    // A page that is opened on a conversation was not there when somebody joined.
    const joined = view.kind === "connected" && before?.kind === "waiting";
    if (joined) this.#sound?.play();
    this.#tellHost(view);
    if (view.kind === "connected" || (view.kind === "ended" && view.chat)) this.#chat.want();
    if (view.kind === "waiting") this.#soundPart.want();
    if (view.kind === "waiting" && view.trial !== null) this.#devices.want();
    if (view.kind !== "waiting") this.#endTrial();
  }

  #tellHost(view: View): void {
    const before = this.#outside;
    const awake = view.kind === "waiting";
    this.#outside = { state: this.#state, title: document.title, awake };
    for (const message of messagesFor(before, this.#outside)) this.#host.tell(message);
  }

  #endTrial(): void {
    const trial = this.#trial;
    this.#trial = null;
    trial?.close();
  }

  #tryDevices(video: boolean): void {
    const part = this.#devices.module;
    if (part === null) return;
    this.#trial ??= new part.DeviceTrial(video, {
      media: navigator.mediaDevices,
      makeContext: () => new AudioContext(),
      changed: (trial) => this.#dispatch({ type: "trial", trial }),
      schedule: later,
    });
    void this.#trial.open(video);
  }

  #makeActions(): Actions {
    const journey = this.#journey;
    const host = this.#host;
    const tab = this.#tab;
    return {
      choose: (helpType) => void journey.ask(helpType),
      askAgain: () => void journey.ask(),
      retryStart: () => void journey.retryStart(),
      chooseAgain: () => journey.chooseAgain(),
      showCurrent: () => void journey.showCurrent(),
      useHere: () => void journey.useHere(),
      tryNow: () => journey.tryNow(),
      askToStop: () => this.#dispatch({ type: "stop", stop: "asked" }),
      keepPlace: () => this.#dispatch({ type: "stop", stop: "no" }),
      stop: () => void journey.stop(),
      write: (text) => this.#conversing?.write(text),
      draft: (text) => this.#draft(text),
      get drafted() {
        const { draft, sessionId } = tab.memory;
        return draft?.sessionId === sessionId ? (draft?.text ?? "") : "";
      },
      read: () => this.#conversing?.read(),
      writeAgain: (id) => this.#conversing?.writeAgain(id),
      endConversation: () => void this.#conversing?.end(),
      keepWaiting: () => this.#dispatch({ type: "keepWaiting" }),
      toggleTime: () => this.#dispatch({ type: "toggleTime" }),
      toggleSound: () => this.#sound?.toggle(),
      tryDevices: (video) => this.#tryDevices(video),
      chooseDevice: (kind, id) => this.#trial?.choose(kind, id),
      closeDevices: () => this.#endTrial(),
      showPicture: (picture) => this.#trial?.showPicture(picture),
      showLevel: (meter) => this.#trial?.showLevel(meter),
      switchLanguage: () => this.#switchLanguage(),
      // The app around the page may answer after the page has begun.
      get close() {
        if (host.present) return () => host.tell({ type: "close" });
        return window.opener === null ? null : () => window.close();
      },
    };
  }

  #draft(text: string): void {
    const { sessionId } = this.#tab.memory;
    if (sessionId !== null) this.#tab.update({ draft: text === "" ? null : { sessionId, text } });
    if (text !== "") this.#conversing?.typing();
  }

  #wordsIn(lang: Lang): Words {
    return worded(lang === "tr" ? tr : en, this.#company.texts[lang]);
  }

  #switchLanguage(): void {
    this.#words = this.#wordsIn(this.#words.lang === "tr" ? "en" : "tr");
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
