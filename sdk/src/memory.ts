/** What must survive a reload: the customer's token, and the key of a start that is not answered. */

import { type Fields, numberOf, parseObject, textOf } from "./messages.js";

/** A start this old is not repeated: nobody may be waiting for its answer any more. */
const FRESH_START_MS = 120_000;

/** Where the SDK keeps its memory: `sessionStorage`, or anything with these methods, async or not. */
export interface ClientStorage {
  getItem(key: string): string | null | Promise<string | null>;
  setItem(key: string, value: string): unknown;
  removeItem(key: string): unknown;
}

/** The tab's own storage; null where there is none, or merely touching it is refused. */
export function tabStorage(): ClientStorage | null {
  try {
    return globalThis.sessionStorage ?? null;
  } catch {
    return null;
  }
}

interface PendingStart {
  readonly key: string;
  readonly at: number;
}

/** One customer's memory. A storage that fails costs the reload, never the wait. */
export class Memory {
  readonly #storage: ClientStorage | null;
  /** Name in the storage; null for a token that the app keeps itself. */
  #name: string | null = null;
  #token: string | null = null;
  #start: PendingStart | null = null;

  constructor(storage: ClientStorage | null) {
    this.#storage = storage;
  }

  get token(): string | null {
    return this.#token;
  }

  /** Goes on with a token that the app keeps itself. */
  use(token: string): void {
    this.#name = null;
    this.#token = token;
    this.#start = null;
  }

  /** Reads what an earlier visit left. @returns whether there was a token of this customer */
  async restore(customerId: string): Promise<boolean> {
    const kept = await this.#read(nameOf(customerId));
    const token = textOf(kept["token"]);
    if (token === null) return false;
    this.#name = nameOf(customerId);
    this.#token = token;
    this.#start = readStart(kept["start"]);
    return true;
  }

  /** Keeps a new token. A start of the same customer that is not answered stays the same start. */
  async activated(customerId: string, token: string): Promise<void> {
    const kept = await this.#read(nameOf(customerId));
    this.#name = nameOf(customerId);
    this.#token = token;
    this.#start = readStart(kept["start"]);
    await this.#write();
  }

  /** The key for a start: that of a fresh one whose answer never came, else the given new one. */
  async startKey(fresh: string, now: number): Promise<string> {
    if (this.#start === null || now - this.#start.at > FRESH_START_MS) {
      this.#start = { key: fresh, at: now };
      await this.#write();
    }
    return this.#start.key;
  }

  /** The start with this key has its answer. */
  async startAnswered(key: string): Promise<void> {
    if (this.#start?.key !== key) return;
    this.#start = null;
    await this.#write();
  }

  /** The server refused the token: the next visit must not find it. This one may still read with it. */
  async refused(): Promise<void> {
    await this.#remove();
    // What is still to be written, as the end of the start that was refused, must not bring it back.
    this.#name = null;
  }

  async forget(): Promise<void> {
    await this.#remove();
    this.#name = this.#token = this.#start = null;
  }

  async #remove(): Promise<void> {
    try {
      if (this.#name !== null) await this.#storage?.removeItem(this.#name);
    } catch {
      // Nothing was kept where nothing can be removed.
    }
  }

  async #read(name: string): Promise<Fields> {
    try {
      return parseObject((await this.#storage?.getItem(name)) ?? "") ?? {};
    } catch {
      return {};
    }
  }

  async #write(): Promise<void> {
    if (this.#name === null) return;
    const text = JSON.stringify({ token: this.#token, start: this.#start });
    try {
      await this.#storage?.setItem(this.#name, text);
    } catch {
      // Full or forbidden.
    }
  }
}

function nameOf(customerId: string): string {
  return `diyalog.${customerId}`;
}

function readStart(value: unknown): PendingStart | null {
  const fields = (typeof value === "object" && value !== null ? value : {}) as Fields;
  const key = textOf(fields["key"]);
  const at = numberOf(fields["at"]);
  return key === null || at === null ? null : { key, at };
}
