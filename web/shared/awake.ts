/** Keeps the screen on while somebody waits and looks. A refusal is silent: nothing depends on it. */
export class Awake {
  readonly #page: Document;
  readonly #lock: WakeLock | undefined;
  #wanted = false;
  #held: WakeLockSentinel | null = null;
  #asking = false;

  /** @param lock undefined where the browser has none */
  constructor(page: Document, lock: WakeLock | undefined) {
    this.#page = page;
    this.#lock = lock;
    // The browser takes the lock away from a hidden page: it is asked for again.
    page.addEventListener("visibilitychange", () => void this.#apply());
  }

  keep(wanted: boolean): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    void this.#apply();
  }

  async #apply(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      if (!this.#wanted) await this.#held?.release();
      else if (this.#page.visibilityState === "visible" && this.#held?.released !== false) {
        this.#held = (await this.#lock?.request("screen")) ?? null;
      }
    } catch {
      this.#held = null;
    }
    this.#asking = false;
    // What was wanted may have changed while the browser was thinking.
    if (!this.#wanted && this.#held !== null && !this.#held.released) await this.#held.release();
  }
}
