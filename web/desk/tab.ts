import type { Outgoing } from "./chats.js";
import type { Agent } from "./model.js";
import type { Credentials } from "./staff_api.js";

/** What this tab remembers of its desk, so that a reload goes on where it was. */
export interface TabMemory {
  /** Kept only until they have been exchanged for a token. */
  readonly credentials: Credentials | null;
  readonly token: string | null;
  readonly agent: Agent | null;
  /** The customer of the link, until the conversation is open; then the conversation. */
  readonly customerId: string | null;
  readonly conversationId: string | null;
  /** By conversation: when the customer had joined the line. */
  readonly joined: Readonly<Record<string, number>>;
  /** By conversation: what was written and is not known to have arrived. */
  readonly outbox: Readonly<Record<string, readonly Outgoing[]>>;
  /** By conversation: notes of which the same holds. */
  readonly notes: Readonly<Record<string, readonly Outgoing[]>>;
}

const NOTHING: TabMemory = {
  credentials: null,
  token: null,
  agent: null,
  customerId: null,
  conversationId: null,
  joined: {},
  outbox: {},
  notes: {},
};

const KEY = "diyalog.desk";

/** The tab's memory in `sessionStorage`; it ends with the tab. */
export class Tab {
  readonly #storage: Storage | null;
  #memory: TabMemory;

  /** @param storage null where the browser refuses it: then a reload forgets */
  constructor(storage: Storage | null) {
    this.#storage = storage;
    this.#memory = { ...NOTHING, ...this.#stored() };
  }

  get memory(): TabMemory {
    return this.#memory;
  }

  /** A link opens the desk anew. What an agent has not sent yet stays for that agent, and for nobody else. */
  begin(credentials: Credentials, customerId: string | null): void {
    const sameAgent = this.#memory.agent?.userId === credentials.userId;
    const { agent, joined, outbox, notes } = sameAgent ? this.#memory : NOTHING;
    this.update({ ...NOTHING, credentials, customerId, agent, joined, outbox, notes });
  }

  update(change: Partial<TabMemory>): void {
    this.#memory = { ...this.#memory, ...change };
    try {
      this.#storage?.setItem(KEY, JSON.stringify(this.#memory));
    } catch {
      // A full or forbidden storage costs the reload, not the conversation.
    }
  }

  #stored(): Partial<TabMemory> {
    try {
      const value: unknown = JSON.parse(this.#storage?.getItem(KEY) ?? "{}");
      return typeof value === "object" && value !== null ? value : {};
    } catch {
      return {};
    }
  }
}
