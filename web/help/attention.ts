import type { Announcer } from "#shared/announce.ts";
import type { Company } from "#shared/company.ts";
import type { Words } from "../words/words.js";
import { announcementOf, screenOf } from "./announcement.js";
import { headlineOf } from "./headline.js";
import type { View } from "./view.js";

/** Title, focus and spoken words: what must follow every change of the screen. */
export class Attention {
  readonly #page: Document;
  readonly #announcer: Announcer;
  readonly #company: Company;
  #before: View | null = null;

  constructor(page: Document, announcer: Announcer, company: Company) {
    this.#page = page;
    this.#announcer = announcer;
    this.#company = company;
  }

  /** Call after the view is on the page. */
  shown(view: View, words: Words): void {
    const before = this.#before;
    this.#before = view;
    const name = this.#company.name ?? words.company;
    const headline = headlineOf(view, words);
    this.#page.title = headline === "" ? name : `${headline} – ${name}`;
    const told = announcementOf(before, view, words, this.#company);
    const changed = before === null || screenOf(before) !== screenOf(view);
    // The h1 speaks when it gets the focus; saying it again would tell everything twice.
    const focused = changed && headline !== "" && this.#focusHeadline();
    const headlineTold = focused ? null : told.headline;
    const text = [headlineTold, told.rest].filter((part) => part !== null).join(" ");
    // What was said of the screen before must not be found standing beside the new one.
    if (text !== "" || changed) this.#announcer.say(text, told.urgent);
  }

  /** @returns whether the focus had been in the part that went away, and is on the h1 now */
  #focusHeadline(): boolean {
    const active = this.#page.activeElement;
    if (active !== null && active !== this.#page.body) return false;
    const headline = this.#page.querySelector("h1");
    headline?.focus({ preventScroll: true });
    return headline !== null;
  }
}
