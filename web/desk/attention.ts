import type { Announcer } from "#shared/announce.ts";
import type { DeskWords } from "../words/desk.js";
import { announcementOf, newOffer, newRows } from "./announcement.js";
import { coverTitle } from "./covers.js";
import { nameOf } from "./parts.js";
import type { View } from "./view.js";

/** New waits are told at most this often. */
const ARRIVALS_EVERY_MS = 10_000;
/** A shorter cut is not worth a word. */
const CUT_TO_TELL_MS = 5_000;

/** What is heard without looking; null: where nothing can be. */
export interface Bell {
  /** @param softly for what can wait */
  play(softly?: boolean): void;
}

/** Tells somebody who does not look at the desk. */
export interface Elsewhere {
  tell(text: string): void;
}

/** Title, sound and spoken words: what must follow every change of the desk. */
export class Attention {
  readonly #page: Document;
  readonly #announcer: Announcer;
  readonly #company: string | null;
  readonly #bell: Bell | null;
  readonly #elsewhere: Elsewhere | null;
  #before: View | null = null;
  #arrived = 0;
  #arrivalsToldAt = 0;
  #cutTold = false;

  constructor(
    page: Document,
    announcer: Announcer,
    company: string | null,
    bell: Bell | null,
    elsewhere: Elsewhere | null,
  ) {
    this.#page = page;
    this.#bell = bell;
    this.#elsewhere = elsewhere;
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
    const offer = newOffer(before, view);
    if (offer !== null) {
      this.#bell?.play();
      this.#elsewhere?.tell(words.notices.waiting);
      this.#announcer.say(words.announce.offer(nameOf(offer.person, words)), true);
      return;
    }
    if (unreadOf(view) > unreadOf(before)) {
      this.#bell?.play(true);
      this.#elsewhere?.tell(words.notices.message);
    }
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
    const offered = desk && view.offers.some(({ gone }) => gone === null);
    const state = desk ? [offered && words.offers.title] : [coverTitle(view, words)];
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
    // Where the queue asks agents itself, the line is not theirs to watch.
    if (view.kind === "desk" && view.duty === null) {
      this.#bell?.play();
      this.#elsewhere?.tell(words.notices.waiting);
    }
    this.#arrived = 0;
    this.#arrivalsToldAt = now;
    return told;
  }
}

function unreadOf(view: View | null): number {
  return view?.kind === "desk" ? view.unread : 0;
}
