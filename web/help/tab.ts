import type { ActivationRequest, HelpType, Writing } from "diyalog";
import type { WaitMemory } from "./model.js";

/** A start that was sent, or is about to be: its key makes every repeat the same start. */
export interface PendingStart {
  readonly key: string;
  readonly helpType: HelpType;
  /** Device time in milliseconds. */
  readonly at: number;
}

/** What this tab remembers of one customer. */
export interface TabMemory {
  readonly token: string | null;
  /** Kept only until it has been exchanged for a token, so that a reload in between loses nothing. */
  readonly activation: ActivationRequest | null;
  readonly sessionId: string | null;
  readonly start: PendingStart | null;
  readonly wait: WaitMemory | null;
  /** What is being written in a conversation. */
  readonly draft: { readonly sessionId: string; readonly text: string } | null;
  /** What was written in a conversation and has not got through. */
  readonly unsent: { readonly sessionId: string; readonly messages: readonly Writing[] } | null;
}

const NOTHING: TabMemory = {
  token: null,
  activation: null,
  sessionId: null,
  start: null,
  wait: null,
  draft: null,
  unsent: null,
};

/** The tab's memory in `sessionStorage`, by customer; it ends with the tab. */
export class Tab {
  readonly #storage: Storage | null;
  readonly #key: string;
  #memory: TabMemory;

  /** @param storage null where the browser refuses it: then a reload forgets */
  constructor(storage: Storage | null, customerId: string) {
    this.#storage = storage;
    this.#key = `diyalog.help.${customerId}`;
    this.#memory = { ...NOTHING, ...this.#stored() };
  }

  get memory(): TabMemory {
    return this.#memory;
  }

  update(change: Partial<TabMemory>): void {
    this.#memory = { ...this.#memory, ...change };
    try {
      this.#storage?.setItem(this.#key, JSON.stringify(this.#memory));
    } catch {
      // A full or forbidden storage costs the reload, not the wait.
    }
  }

  /** Keeps no draft but that of this session. */
  forgetDraft(except: string | null): void {
    const { draft } = this.#memory;
    if (draft !== null && draft.sessionId !== except) this.update({ draft: null });
  }

  #stored(): Partial<TabMemory> {
    try {
      const value: unknown = JSON.parse(this.#storage?.getItem(this.#key) ?? "{}");
      return typeof value === "object" && value !== null ? value : {};
    } catch {
      return {};
    }
  }
}

/** The tab's storage, null where merely touching it is refused. */
export function tabStorage(): Storage | null {
  try {
    return globalThis.sessionStorage;
  } catch {
    return null;
  }
}
