/**
 * Speaks to people who use a screen reader, through the one status region that is in the page
 * from the start: a region that comes with its text is not read.
 */
export class Announcer {
  readonly #region: HTMLElement;

  constructor(region: HTMLElement) {
    this.#region = region;
  }

  /** Says one sentence, once. The same sentence twice in a row is said once. */
  say(text: string | null): void {
    if (text !== null && text !== this.#region.textContent) this.#region.textContent = text;
  }
}
