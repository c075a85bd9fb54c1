/** Typed listeners that may take their time: whoever tells them learns when they are done. */

export type Listener<Detail> = (detail: Detail) => unknown;

export class Listeners<Events> {
  readonly #byName = new Map<keyof Events, Set<Listener<never>>>();

  /** Listens until the returned function is called or `signal` is aborted. */
  on<Name extends keyof Events>(
    name: Name,
    listener: Listener<Events[Name]>,
    signal?: AbortSignal,
  ): () => void {
    if (signal?.aborted) return () => {};
    // Wrapped, so that the same function given twice is two subscriptions.
    const own: Listener<Events[Name]> = (detail) => listener(detail);
    const all = this.#byName.get(name) ?? new Set();
    this.#byName.set(name, all.add(own));
    const stop = () => {
      all.delete(own);
    };
    signal?.addEventListener("abort", stop, { once: true });
    return stop;
  }

  /**
   * Tells everybody who listens, at once and in the order in which they came.
   * @returns for each whether it did not fail, once it is done; a failure is reported as uncaught
   */
  tell<Name extends keyof Events>(name: Name, detail: Events[Name]): Promise<boolean>[] {
    const listeners = [...(this.#byName.get(name) ?? [])] as Listener<Events[Name]>[];
    return listeners.map((listener) => heard(listener, detail));
  }
}

/** Runs the listener within this call, and waits for its promise if it returns one. */
async function heard<Detail>(listener: Listener<Detail>, detail: Detail): Promise<boolean> {
  try {
    await listener(detail);
    return true;
  } catch (error) {
    if (typeof reportError === "function") reportError(error);
    else
      setTimeout(() => {
        throw error;
      });
    return false;
  }
}
