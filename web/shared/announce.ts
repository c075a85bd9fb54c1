/**
 * Speaks to people who use a screen reader, through the one status region that is in the page
 * from the start: a region that comes with its text is not read.
 */
export class Announcer {
  readonly #region: HTMLElement;

  constructor(region: HTMLElement) {
    this.#region = region;
  }

  /**
   * Says one sentence, once. Empty text takes away what was said before, silently.
   * @param urgent interrupts what is being read
   */
  say(text: string, urgent = false): void {
    this.#region.setAttribute("aria-live", urgent ? "assertive" : "polite");
    if (text !== this.#region.textContent) this.#region.textContent = text;
  }
}
