/** Keeps the keyboard where the agent works when the part that had the focus goes away. */
export class Focus {
  readonly #page: Document;
  #place: string | null = null;
  #row = -1;
  /** It was where a request is closed. */
  #closing = false;

  constructor(page: Document) {
    this.#page = page;
  }

  /** Call before the page is drawn. */
  remember(): void {
    const active = this.#page.activeElement;
    this.#place = active?.closest<HTMLElement>("[data-focus]")?.dataset["focus"] ?? null;
    this.#closing = active?.closest(".row-close") != null;
    this.#row = this.#rows().findIndex((row) => row.contains(active));
  }

  /** Call after it is drawn: where the focus was lost, it goes to what is nearest. */
  keep(): void {
    if (this.#place === null || !this.#isLost()) return;
    const [place] = this.#place.split(" ");
    if (place === "row") this.#toRow();
    else if (place === "notes") this.to("#note", "#customer-title", "#chat-title");
    else if (place === "offer" || place === "duty") {
      this.to(".offer-accept", "#composer", "#chat-title", "#waiting-title");
    } else if (place === "end") this.to(".end .end-button", ".end-no", ".over-title");
    else this.to(".over-title", "#composer", "#chat-title");
  }

  /** To the first of these that is there, unless the agent is in another window or frame. */
  to(...selectors: readonly string[]): boolean {
    if (!this.#page.hasFocus()) return false;
    for (const selector of selectors) {
      const target = this.#page.querySelector<HTMLElement>(selector);
      // What is out of sight, as in another tab of a narrow window, takes no focus.
      if (target !== null && target.getClientRects().length > 0) {
        target.focus();
        return true;
      }
    }
    return false;
  }

  /** To the waiting customer after the one that has the focus, and from the last to the first. */
  toNextRow(): void {
    const active = this.#page.activeElement;
    const rows = this.#rows().filter((row) => row.querySelector(".accept") !== null);
    const next = rows[rows.findIndex((row) => row.contains(active)) + 1] ?? rows[0];
    if (next === undefined) this.to("#waiting-title");
    else next.querySelector<HTMLElement>(".accept")?.focus();
  }

  /** @returns whether nothing had the focus, and the heading of the page has it now */
  toHeading(): boolean {
    return this.#isLost() && this.to("h1");
  }

  #toRow(): void {
    const rows = this.#rows();
    const close = rows[this.#row]?.querySelector<HTMLElement>(".row-close button");
    if (this.#closing && close) {
      close.focus();
      return;
    }
    const after = rows.slice(this.#row).concat(rows.slice(0, this.#row).reverse());
    const free = after.find((row) => row.querySelector(".accept") !== null);
    if (free === undefined) this.to("#waiting-title");
    else free.querySelector<HTMLElement>(".accept")?.focus();
  }

  #rows(): HTMLElement[] {
    return [...this.#page.querySelectorAll<HTMLElement>('[data-focus^="row "]')];
  }

  #isLost(): boolean {
    const active = this.#page.activeElement;
    return active === null || active === this.#page.body;
  }
}
