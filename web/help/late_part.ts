const AGAIN_MS = 2_000;

/** A part of the page that is fetched when it is first needed, and again where that failed. */
export class LatePart<Module> {
  readonly #load: () => Promise<Module>;
  readonly #arrived: (module: Module) => void;
  readonly #schedule: (callback: () => void, afterMs: number) => void;
  #wanted = false;
  #module: Module | null = null;

  /** @param arrived called once, when the part is there */
  constructor(
    load: () => Promise<Module>,
    arrived: (module: Module) => void,
    schedule: (callback: () => void, afterMs: number) => void,
  ) {
    this.#load = load;
    this.#arrived = arrived;
    this.#schedule = schedule;
  }

  get module(): Module | null {
    return this.#module;
  }

  want(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#load().then(
      (module) => {
        this.#module = module;
        this.#arrived(module);
      },
      () =>
        this.#schedule(() => {
          this.#wanted = false;
          this.want();
        }, AGAIN_MS),
    );
  }
}
