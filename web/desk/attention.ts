import type { Announcer } from "#shared/announce.ts";
import type { DeskWords } from "../words/desk.js";
import { announcementOf, newRows } from "./announcement.js";
import { coverTitle } from "./covers.js";
import type { View } from "./view.js";

/** New waits are told at most this often. */
const ARRIVALS_EVERY_MS = 10_000;
/** A shorter cut is not worth a word. */
const CUT_TO_TELL_MS = 5_000;

/** Title and spoken words: what must follow every change of the desk. */
export class Attention {
  readonly #page: Document;
  readonly #announcer: Announcer;
  readonly #company: string | null;
  #before: View | null = null;
  #arrived = 0;
  #arrivalsToldAt = 0;
  #cutTold = false;

  constructor(page: Document, announcer: Announcer, company: string | null) {
    this.#page = page;
    this.#announcer = announcer;
    this.#company = company;
  }

  /**
   * Call after the view is on the page.
   * @param headingFocused the h1 has just got the focus, and speaks for itself
   * @param now the device's clock in milliseconds
   */
  shown(view: View, words: DeskWords, headingFocused: boolean, now: number): void {
    const before = this.#before;
    this.#before = view;
    this.#page.title = this.#titleOf(view, words);
    const told = headingFocused ? null : announcementOf(before, view, words);
    const connection = this.#connectionTold(view, words, now);
    const arrivals = this.#arrivalsTold(before, view, words, now);
    const text = told ?? connection ?? arrivals;
    // What was said of another screen must not be found standing beside the new one.
    if (text !== null) this.#announcer.say(text);
    else if (before?.kind !== view.kind) this.#announcer.say("");
  }

  /** Nothing of a customer: a title is seen by whoever looks at the screen. */
  #titleOf(view: View, words: DeskWords): string {
    const desk = view.kind === "desk";
    const unread = desk && view.unread > 0 ? `(${view.unread}) ` : "";
    const state = desk ? [] : [coverTitle(view, words)];
    return unread + [...state, words.title, this.#company].filter(Boolean).join(" – ");
  }

  #connectionTold(view: View, words: DeskWords, now: number): string | null {
    const since = view.kind === "desk" ? view.cutOffSince : null;
    if (since === null) {
      const back = this.#cutTold;
      this.#cutTold = false;
      return back && view.kind === "desk" ? words.announce.back : null;
    }
    if (this.#cutTold || now - since < CUT_TO_TELL_MS) return null;
    this.#cutTold = true;
    return this.#page.querySelector(".bar")?.textContent ?? null;
  }

  #arrivalsTold(before: View | null, view: View, words: DeskWords, now: number): string | null {
    this.#arrived += newRows(before, view);
    if (this.#arrived === 0 || now - this.#arrivalsToldAt < ARRIVALS_EVERY_MS) return null;
    const told = words.announce.more(this.#arrived);
    this.#arrived = 0;
    this.#arrivalsToldAt = now;
    return told;
  }
}
