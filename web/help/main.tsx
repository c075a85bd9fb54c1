import { Diyalog } from "diyalog";
import { render } from "preact";
import { Announcer } from "#shared/announce.ts";
import { Awake } from "#shared/awake.ts";
import { readCompany } from "#shared/company.ts";
import { en } from "../words/en.js";
import { tr } from "../words/tr.js";
import type { Actions } from "./actions.js";
import { Attention } from "./attention.js";
import { Journey } from "./journey.js";
import { type Launch, languageOf, publicFragment, readLaunch } from "./launch.js";
import { type Happening, initialState, type State, update } from "./model.js";
import { Page } from "./page.js";
import { Tab, tabStorage } from "./tab.js";
import { viewOf } from "./view.js";

const TICK_MS = 1_000;
/** While a start is under way, the page's first second is drawn more finely. */
const STARTING_TICK_MS = 200;

class HelpPage {
  readonly #root: HTMLElement;
  readonly #tab: Tab;
  readonly #journey: Journey;
  readonly #attention: Attention;
  readonly #company = readCompany(document);
  readonly #awake = new Awake(document, navigator.wakeLock);
  readonly #actions: Actions;
  #launch: Launch;
  #words;
  #state: State;

  constructor(root: HTMLElement, status: HTMLElement) {
    this.#root = root;
    this.#launch = readLaunch(location.hash);
    // Secrets leave the address before anything else can read or copy it.
    history.replaceState(null, "", publicFragment(this.#launch));
    this.#words = languageOf(this.#launch, navigator.languages) === "tr" ? tr : en;
    this.#tab = new Tab(tabStorage(), this.#launch.activation?.customerId ?? "");
    this.#attention = new Attention(document, new Announcer(status), this.#company);
    this.#state = initialState(Date.now(), this.#tab.memory.wait);
    this.#journey = new Journey({
      diyalog: new Diyalog({ url: location.origin }),
      tab: this.#tab,
      launch: this.#launch,
      dispatch: (happening) => this.#dispatch(happening),
      now: Date.now,
      schedule: (callback, afterMs) => {
        const timer = setTimeout(callback, afterMs);
        return () => clearTimeout(timer);
      },
    });
    this.#actions = this.#makeActions();
  }

  start(): void {
    this.#draw();
    void this.#journey.open();
    this.#tick();
    // Another link opened in the same tab changes the fragment only.
    addEventListener("hashchange", () => location.reload());
    addEventListener("online", () => this.#tryAgain());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#tryAgain();
    });
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
    this.#draw();
  }

  #draw(): void {
    const view = viewOf(this.#state, Date.now());
    const words = this.#words;
    document.documentElement.lang = words.lang;
    render(
      <Page view={view} words={words} company={this.#company} actions={this.#actions} />,
      this.#root,
    );
    this.#attention.shown(view, words);
    this.#awake.keep(view.kind === "waiting");
  }

  #makeActions(): Actions {
    const journey = this.#journey;
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
      keepWaiting: () => this.#dispatch({ type: "keepWaiting" }),
      toggleTime: () => this.#dispatch({ type: "toggleTime" }),
      switchLanguage: () => this.#switchLanguage(),
      close: window.opener === null ? null : () => window.close(),
    };
  }

  #switchLanguage(): void {
    this.#words = this.#words === tr ? en : tr;
    this.#launch = { ...this.#launch, lang: this.#words.lang };
    history.replaceState(null, "", publicFragment(this.#launch));
    this.#draw();
  }
}

const root = document.getElementById("page");
const status = document.getElementById("status");
// Without the class, support.js has found the browser too old and left the plain text standing.
if (root && status && document.documentElement.classList.contains("supported")) {
  new HelpPage(root, status).start();
}
