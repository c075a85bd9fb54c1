/** Sends what the agent wrote: in each conversation one message at a time, until the server has it. */

import { nextOutgoing, type Outgoing } from "./chats.js";
import type { Happening, State } from "./model.js";
import { pauseAfter, refusalOf } from "./refusals.js";
import type { StaffApi } from "./staff_api.js";

export interface SenderParts {
  readonly api: StaffApi;
  readonly state: () => State;
  readonly dispatch: (happening: Happening) => void;
  /** Told of a message that the server does not take. */
  readonly refused: (error: unknown, conversationId: string) => void;
  readonly random: () => number;
  /** @returns cancels it */
  readonly schedule: (callback: () => void, afterMs: number) => () => void;
}

export class Sender {
  readonly #parts: SenderParts;
  /** By conversation with a message on its way, or in the pause before its next attempt: ends the pause. */
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
      const next = nextOutgoing(chat);
      if (next !== null && !this.#busy.has(conversationId)) void this.#send(conversationId, next);
    }
  }

  /** The server can be reached again: no pause is needed any more. */
  endPauses(): void {
    for (const endPause of [...this.#busy.values()]) endPause();
  }

  async #send(conversationId: string, { id, text }: Outgoing): Promise<void> {
    const { api, dispatch } = this.#parts;
    this.#busy.set(conversationId, () => {});
    dispatch({ type: "outgoing", conversationId, id, state: "sending" });
    try {
      const { seq, at } = await api.send(conversationId, { id, text });
      this.#attempts.delete(conversationId);
      this.#busy.delete(conversationId);
      dispatch({ type: "arrived", conversationId, id, seq, at });
    } catch (error) {
      if (refusalOf(error).retryable) this.#pause(conversationId, error);
      else this.#busy.delete(conversationId);
      const state = refusalOf(error).retryable ? "waiting" : "refused";
      dispatch({ type: "outgoing", conversationId, id, state });
      if (state === "refused") this.#parts.refused(error, conversationId);
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
