/** What the agent switched on or off at this browser. */
export class Preference {
  readonly #storage: Storage | null;
  readonly #name: string;
  readonly #standard: boolean;

  /** @param storage null where the browser refuses it: then it lasts until the page is left */
  constructor(storage: Storage | null, name: string, standard: boolean) {
    this.#storage = storage;
    this.#name = `diyalog.desk.${name}`;
    this.#standard = standard;
  }

  get on(): boolean {
    try {
      const kept = this.#storage?.getItem(this.#name) ?? null;
      return kept === null ? this.#standard : kept === "on";
    } catch {
      return this.#standard;
    }
  }

  keep(on: boolean): void {
    try {
      this.#storage?.setItem(this.#name, on ? "on" : "off");
    } catch {
      // A full or forbidden storage: the next visit has the standard again.
    }
  }
}
