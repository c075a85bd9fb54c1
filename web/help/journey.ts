/**
 * The order in which the page asks the server. Look before asking: a reload, a double tap or a second
 * tab never makes a second wait, and nothing starts again by itself.
 */

import {
  CLOSE,
  type ConnectionChange,
  type Diyalog,
  DiyalogError,
  ERROR,
  type Help,
  type HelpType,
  newIdempotencyKey,
} from "diyalog";
import { completed, type Launch } from "./launch.js";
import { type Happening, isOver } from "./model.js";
import { problemOf } from "./problems.js";
import type { PendingStart, Tab } from "./tab.js";

/** While a start is not answered, the page looks for it after this long, to be able to stop it. */
const GLANCE_AFTER_MS = 1_500;
/** A start this old is not repeated by itself: nobody may be waiting for it any more. */
const FRESH_START_MS = 120_000;
const FIRST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 60_000;
const MOST_STOP_ATTEMPTS = 60;
const LONGEST_STOP_PAUSE_MS = 15_000;

export interface JourneyParts {
  readonly diyalog: Diyalog;
  readonly tab: Tab;
  readonly launch: Launch;
  readonly dispatch: (happening: Happening) => void;
  readonly now: () => number;
  /** Calls back after so many milliseconds. @returns cancels it */
  readonly schedule: (callback: () => void, afterMs: number) => () => void;
}

type Step = () => Promise<void>;

export class Journey {
  readonly #parts: JourneyParts;
  #helpType: HelpType | null;
  #session: Help | null = null;
  #followed: string | null = null;
  #step: Step | null = null;
  /** Stands for the step that is under way. */
  #running: object | null = null;
  /** Stands for the stop that is being tried; null when the customer wants none (any more). */
  #stopping: object | null = null;
  #failures = 0;
  #cancelRetry: () => void = () => {};

  constructor(parts: JourneyParts) {
    this.#parts = parts;
    this.#helpType = parts.tab.memory.start?.helpType ?? parts.launch.helpType;
    parts.diyalog.on("help", (help) => this.#heard(help));
    parts.diyalog.on("connection", (change) => this.#connectionChanged(change));
  }

  /** On load: a stored token resumes; only with nothing stored does it activate, look and start. */
  open(): Promise<void> {
    const { tab, diyalog } = this.#parts;
    if (tab.memory.token === null) return this.#run(() => this.#activate());
    diyalog.resume(tab.memory.token);
    return this.#run(() => this.#resume());
  }

  /** The customer chose a kind of help, or asks again for the same kind. */
  ask(helpType: HelpType | null = this.#helpType): Promise<void> {
    if (helpType === null) {
      this.chooseAgain();
      return Promise.resolve();
    }
    const start = { key: newIdempotencyKey(), helpType, at: this.#parts.now() };
    this.#helpType = helpType;
    this.#stopping = null;
    return this.#run(async () => {
      this.#parts.dispatch({ type: "asking", tapped: true });
      await this.#lookThenStart(start);
    });
  }

  /** The customer wants the start that did not get through to be tried again: the same start. */
  retryStart(): Promise<void> {
    const start = this.#parts.tab.memory.start;
    return start === null ? this.ask() : this.#run(() => this.#lookThenStart(start));
  }

  chooseAgain(): void {
    this.#parts.diyalog.unfollow();
    this.#followed = null;
    this.#parts.dispatch({ type: "choosing" });
  }

  /** Shows whatever is open now: after a newer request elsewhere, or a conversation. */
  showCurrent(): Promise<void> {
    return this.#run(() => this.#resume());
  }

  /** Takes the wait back from the screen that follows it. */
  useHere(): Promise<void> {
    const session = this.#session;
    if (session === null) return this.showCurrent();
    return this.#run(async () => {
      const help = await this.#parts.diyalog.readHelp(session.sessionId);
      this.#followed = null;
      this.#parts.dispatch({ type: "linkOpen", serverTime: "" });
      this.#adopt(help, !isOver(help));
    });
  }

  /** Now instead of after the pause: the step that failed, or the connection. */
  tryNow(): void {
    this.#parts.diyalog.reconnectNow();
    const step = this.#step;
    if (step !== null) void this.#run(step);
  }

  /** Stops waiting, and goes on trying until the server has said how the wait ended. */
  async stop(): Promise<void> {
    const { dispatch } = this.#parts;
    const mine = {};
    this.#stopping = mine;
    dispatch({ type: "stop", stop: "sending" });
    for (let attempt = 0; attempt < MOST_STOP_ATTEMPTS; attempt += 1) {
      const told = await this.#stopOnce();
      if (this.#stopping !== mine) return;
      if (told) break;
      await this.#pause(Math.min(1000 * 2 ** attempt, LONGEST_STOP_PAUSE_MS));
      if (this.#stopping !== mine) return;
    }
    this.#stopping = null;
    dispatch({ type: "stop", stop: "no" });
  }

  /** @returns whether it is known now how the wait ended, or that there is none */
  async #stopOnce(): Promise<boolean> {
    const { diyalog, dispatch, tab } = this.#parts;
    try {
      const open = this.#session ?? (await diyalog.currentHelp());
      if (open !== null && isOver(open)) {
        // The end of an earlier wait says nothing about the one that is being asked for.
        if (this.#running !== null) return false;
        this.#adopt(open, true);
        return true;
      }
      if (open === null) {
        if (this.#running !== null) return false;
        tab.update({ start: null });
        dispatch({ type: "gone" });
        return true;
      }
      const { cancelled, help } = await diyalog.cancel(open.sessionId);
      this.#session = help;
      if (cancelled) this.#unfollow();
      // A start that is still unanswered has nothing to tell any more, whatever becomes of it: the
      // customer may ask again at once.
      this.#step = null;
      this.#running = null;
      tab.update({ sessionId: help.sessionId, start: null });
      dispatch({ type: "help", help, late: !cancelled && help.state === "CONNECTED" });
      return true;
    } catch (error) {
      if (!(error instanceof DiyalogError)) throw error;
      dispatch({ type: "stop", stop: "unsure" });
      return false;
    }
  }

  async #activate(): Promise<void> {
    const { tab, launch, diyalog, dispatch } = this.#parts;
    const request = completed(launch.activation, tab.memory.activation);
    if (request === null) {
      dispatch({ type: "problem", problem: { kind: "link" } });
      return;
    }
    tab.update({ activation: request });
    const { clientToken } = await diyalog.activate(request);
    tab.update({ token: clientToken, activation: null });
    await this.#resume();
  }

  /** What is open is shown; what ended is told; only a tab that never asked asks by itself. */
  async #resume(): Promise<void> {
    const { tab, diyalog, dispatch, now } = this.#parts;
    const current = await this.#renewing(() => diyalog.currentHelp());
    if (current !== null) {
      this.#adopt(current, true);
      return;
    }
    const { start, sessionId } = tab.memory;
    if (start !== null && now() - start.at <= FRESH_START_MS) {
      await this.#start(start);
    } else if (start !== null) {
      dispatch({ type: "unsent" });
    } else if (sessionId !== null) {
      await this.#showOutcome(sessionId);
    } else if (this.#helpType === null) {
      dispatch({ type: "choosing" });
    } else {
      await this.#start({ key: newIdempotencyKey(), helpType: this.#helpType, at: now() });
    }
  }

  /** A stored token that the server no longer takes is replaced, where the link allows it. */
  async #renewing<Answer>(call: () => Promise<Answer>): Promise<Answer> {
    const { diyalog, tab, launch } = this.#parts;
    try {
      return await call();
    } catch (error) {
      const renewable = error instanceof DiyalogError && error.status === 401;
      if (!renewable || launch.activation === null) throw error;
      const { clientToken } = await diyalog.activate(launch.activation);
      tab.update({ token: clientToken });
      return call();
    }
  }

  async #showOutcome(sessionId: string): Promise<void> {
    const { diyalog, dispatch } = this.#parts;
    try {
      this.#adopt(await diyalog.readHelp(sessionId), false);
    } catch (error) {
      if (!(error instanceof DiyalogError) || error.status !== 404) throw error;
      dispatch({ type: "gone" });
    }
  }

  async #lookThenStart(start: PendingStart): Promise<void> {
    const run = this.#running;
    const current = await this.#parts.diyalog.currentHelp();
    if (this.#running !== run) return;
    if (current !== null && !isOver(current)) this.#adopt(current, true);
    else await this.#start(start);
  }

  async #start(start: PendingStart): Promise<void> {
    const { diyalog, tab, dispatch, schedule } = this.#parts;
    this.#session = null;
    this.#unfollow();
    tab.update({ start, sessionId: null, wait: null });
    dispatch({ type: "asking", tapped: false });
    // A repeat after a failure looks first: the start may have got through without its answer.
    this.#step = () => this.#lookThenStart(start);
    const run = this.#running;
    const cancelGlance = schedule(() => void this.#glance(run), GLANCE_AFTER_MS);
    try {
      // A token that is too old to start with still reads: only the start itself finds out.
      const help = await this.#renewing(() =>
        diyalog.startHelp({ helpType: start.helpType }, { idempotencyKey: start.key }),
      );
      if (this.#running === run) this.#adopt(help, !isOver(help));
    } catch (error) {
      if (this.#running === run && !(await this.#startRefused(error))) throw error;
    } finally {
      cancelGlance();
    }
  }

  /** @returns whether the refusal was an outcome that the customer is told as such */
  async #startRefused(error: unknown): Promise<boolean> {
    if (!(error instanceof DiyalogError)) return false;
    const { tab, diyalog, dispatch } = this.#parts;
    if (error.problem?.["outcome"] === "FAILED") {
      const text = (name: string) => {
        const value = error.problem?.[name];
        return typeof value === "string" ? value : null;
      };
      this.#unfollow();
      tab.update({ start: null, sessionId: text("sessionId") });
      dispatch({ type: "failed", reason: text("reason"), reference: text("sessionId") });
      return true;
    }
    if (error.code === ERROR.inConversation) {
      tab.update({ start: null });
      const run = this.#running;
      const current = await diyalog.currentHelp();
      if (current !== null && this.#running === run) this.#adopt(current, true);
      return current !== null;
    }
    if (!error.retryable) tab.update({ start: null });
    return false;
  }

  /** Finds the request that is being asked for, so that it can be followed and stopped already. */
  async #glance(run: object | null): Promise<void> {
    try {
      const help = await this.#parts.diyalog.currentHelp();
      if (this.#running !== run || help === null || isOver(help)) return;
      if (this.#session === null) this.#adopt(help, true);
    } catch (error) {
      // The start itself is still being asked; its own failure is the one that is told.
      if (!(error instanceof DiyalogError)) throw error;
    }
  }

  /** @param follow false where the server counts the end as told already */
  #adopt(answer: Help, follow: boolean): void {
    const { tab, diyalog, dispatch } = this.#parts;
    const heard = this.#session;
    // The stream may be ahead of an answer, by the place in line even where no event came.
    const ahead =
      heard?.sessionId === this.#followed &&
      heard?.sessionId === answer.sessionId &&
      heard.epoch === answer.epoch &&
      heard.seq >= answer.seq;
    const help = ahead ? heard : answer;
    this.#session = help;
    tab.update({ sessionId: help.sessionId, start: null });
    dispatch({ type: "help", help });
    if (!follow) this.#unfollow();
    else if (this.#followed !== help.sessionId) {
      this.#followed = help.sessionId;
      diyalog.follow(help);
    }
  }

  #heard(help: Help): void {
    this.#session = help;
    this.#parts.dispatch({ type: "help", help });
  }

  #unfollow(): void {
    this.#parts.diyalog.unfollow();
    this.#followed = null;
  }

  #connectionChanged(change: ConnectionChange): void {
    const { dispatch } = this.#parts;
    if (change.state === "open") dispatch({ type: "linkOpen", serverTime: change.serverTime });
    else if (change.state === "lost") dispatch({ type: "linkLost" });
    else this.#closed(change.code);
  }

  #closed(code: number): void {
    const { dispatch, tab } = this.#parts;
    this.#followed = null;
    dispatch({ type: "linkClosed", code });
    if (code === CLOSE.done || code === CLOSE.elsewhere) return;
    if (code === CLOSE.unauthorized) {
      tab.update({ token: null });
      dispatch({ type: "problem", problem: { kind: "refused" } });
    } else if (code === CLOSE.noSession) {
      void this.showCurrent();
    } else {
      this.#step = () => this.#resume();
      dispatch({ type: "problem", problem: { kind: "away", retryAt: null } });
    }
  }

  /** Runs one step; a second one while it runs is a double tap and does nothing. */
  async #run(step: Step): Promise<void> {
    if (this.#running !== null) return;
    const run = {};
    this.#running = run;
    this.#cancelRetry();
    this.#step = step;
    let failure: DiyalogError | null = null;
    try {
      await step();
    } catch (error) {
      if (!(error instanceof DiyalogError)) throw error;
      failure = error;
    }
    // A stop may have let go of this run: then another one is under way.
    if (this.#running !== run) return;
    this.#running = null;
    if (failure === null) {
      this.#step = null;
      this.#failures = 0;
    } else this.#failed(failure);
  }

  #failed(error: DiyalogError): void {
    const { dispatch, now, schedule } = this.#parts;
    // The customer wants no wait any more: the stop finds out what became of the start.
    if (this.#stopping !== null || this.#step === null) return;
    const pause = Math.max(
      Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LONGEST_RETRY_MS),
      (error.retryAfterSeconds ?? 0) * 1000,
    );
    this.#failures = Math.min(this.#failures + 1, 10);
    const problem = problemOf(error, now(), now() + pause);
    dispatch({ type: "problem", problem });
    if (problem.kind === "away" && problem.retryAt !== null) {
      this.#cancelRetry = schedule(() => this.tryNow(), pause);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.schedule(resolve, ms);
    });
  }
}
