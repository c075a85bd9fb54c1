/** Sends what the agent wrote: of each conversation one at a time, until the server has it. */

import type { Outgoing } from "./chats.js";
import type { Happening } from "./happening.js";
import type { State } from "./model.js";
import type { Post } from "./posts.js";
import { pauseAfter, refusalOf } from "./refusals.js";

export interface SenderParts {
  readonly post: Post;
  readonly state: () => State;
  readonly dispatch: (happening: Happening) => void;
  /** Told of one that the server does not take. */
  readonly refused: (error: unknown, conversationId: string) => void;
  readonly random: () => number;
  /** @returns cancels it */
  readonly schedule: (callback: () => void, afterMs: number) => () => void;
}

export class Sender {
  readonly #parts: SenderParts;
  /** By conversation with one on its way, or in the pause before its next attempt: ends the pause. */
  readonly #busy = new Map<string, () => void>();
  readonly #attempts = new Map<string, number>();

  constructor(parts: SenderParts) {
    this.#parts = parts;
  }

  /** Starts whatever can be sent now. While the desk is cut off, nothing is. */
  sendNext(): void {
    const { link, chats } = this.#parts.state();
    if (link.kind !== "open") return;
    for (const chat of chats) {
      const { conversationId } = chat.conversation;
      const next = this.#parts.post.next(chat);
      if (next !== null && !this.#busy.has(conversationId)) void this.#send(conversationId, next);
    }
  }

  /** The server can be reached again: no pause is needed any more. */
  endPauses(): void {
    for (const endPause of [...this.#busy.values()]) endPause();
  }

  async #send(conversationId: string, outgoing: Outgoing): Promise<void> {
    const { post, dispatch, refused } = this.#parts;
    const { id } = outgoing;
    this.#busy.set(conversationId, () => {});
    dispatch(post.step(conversationId, id, "sending"));
    try {
      const arrived = await post.send(conversationId, outgoing);
      this.#attempts.delete(conversationId);
      this.#busy.delete(conversationId);
      dispatch(arrived);
    } catch (error) {
      if (refusalOf(error).retryable) this.#pause(conversationId, error);
      else this.#busy.delete(conversationId);
      const state = refusalOf(error).retryable ? "waiting" : "refused";
      dispatch(post.step(conversationId, id, state));
      if (state === "refused") refused(error, conversationId);
    }
  }

  #pause(conversationId: string, error: unknown): void {
    const { schedule, random } = this.#parts;
    const attempt = this.#attempts.get(conversationId) ?? 0;
    this.#attempts.set(conversationId, attempt + 1);
    const goOn = () => {
      cancel();
      this.#busy.delete(conversationId);
      this.sendNext();
    };
    const cancel = schedule(goOn, pauseAfter(refusalOf(error), attempt, random));
    this.#busy.set(conversationId, goOn);
  }
}
