/** What the desk tells of the agent while they work: that they write, and how far they have come. */

import { type Chat, isOver } from "./chats.js";
import { currentChat, inView, type State } from "./model.js";
import type { Aside } from "./protocol.js";

/** It holds a second longer at the customer's. */
const TYPING_EVERY_MS = 2_000;

export interface SignalsParts {
  readonly say: (aside: Aside) => void;
  readonly now: () => number;
}

/** Nothing is lost with what could not be said: it is said again, or holds no more. */
export class Signals {
  readonly #parts: SignalsParts;
  readonly #typedAt = new Map<string, number>();
  /** By conversation: the newest message of the customer that this connection was told of. */
  readonly #received = new Map<string, number>();
  readonly #read = new Map<string, number>();

  constructor(parts: SignalsParts) {
    this.#parts = parts;
  }

  /** Another connection: what was said on the last one may not have arrived. */
  renew(): void {
    this.#received.clear();
    this.#read.clear();
  }

  /** The agent changed what they are about to write. */
  typed(chat: Chat): void {
    const { conversationId } = chat.conversation;
    const now = this.#parts.now();
    const last = this.#typedAt.get(conversationId) ?? Number.NEGATIVE_INFINITY;
    if (isOver(chat) || chat.draft.trim() === "" || now - last < TYPING_EVERY_MS) return;
    this.#typedAt.set(conversationId, now);
    this.#parts.say({ type: "typing", conversationId });
  }

  /** Read is what stands in front of somebody who may be looking; the rest has been received. */
  tell(state: State): void {
    if (state.link.kind !== "open") return;
    const front = inView(state) ? currentChat(state) : undefined;
    for (const chat of state.chats) {
      if (isOver(chat)) continue;
      if (chat === front) this.#tellOnce("read", chat, this.#read);
      else this.#tellOnce("received", chat, this.#received);
    }
  }

  #tellOnce(type: "read" | "received", chat: Chat, told: Map<string, number>): void {
    const { conversationId } = chat.conversation;
    const seq = newestOfCustomer(chat);
    if (seq <= Math.max(told.get(conversationId) ?? 0, this.#read.get(conversationId) ?? 0)) return;
    told.set(conversationId, seq);
    this.#parts.say({ type, conversationId, seq });
  }
}

function newestOfCustomer({ messages }: Chat): number {
  return messages.reduce((seq, one) => (one.author === "customer" ? one.seq : seq), 0);
}
