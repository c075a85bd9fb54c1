/**
 * What the agent asks of the server about those who wait: to take one, to close one, to let an offer
 * pass, to come and go.
 */

import type { Happening } from "./happening.js";
import { takeable } from "./line.js";
import type { State } from "./model.js";
import { lossIn, refusalOf } from "./refusals.js";
import type { StaffApi } from "./staff_api.js";

export interface RequestsParts {
  readonly api: StaffApi;
  readonly state: () => State;
  readonly dispatch: (happening: Happening) => void;
  /** @returns whether the server does not know the agent any more */
  readonly signedOut: (error: unknown) => boolean;
}

export class Requests {
  readonly #parts: RequestsParts;

  constructor(parts: RequestsParts) {
    this.#parts = parts;
  }

  /** Takes somebody who waits, whether offered or not. */
  async take(sessionId: string): Promise<void> {
    const { api, dispatch, signedOut } = this.#parts;
    if (!this.#connected() || !isFree(this.#parts.state(), sessionId)) return;
    dispatch({ type: "taking", sessionId });
    try {
      const conversation = await api.accept({ sessionId });
      dispatch({ type: "taken", conversation });
    } catch (error) {
      const loss = lossIn(error);
      if (loss !== null) dispatch({ type: "lost", sessionId, loss });
      else if (!signedOut(error)) dispatch({ type: "takeUnsure", sessionId });
    }
  }

  /** Closes a request, as supervisors may. */
  async closeWait(sessionId: string): Promise<void> {
    const { api, dispatch, signedOut, state } = this.#parts;
    if (!this.#connected() || !isFree(state(), sessionId)) return;
    dispatch({ type: "closing", sessionId, step: "sending" });
    try {
      await api.closeWait(sessionId);
      dispatch({ type: "lost", sessionId, loss: { kind: "closed" } });
    } catch (error) {
      const loss = lossIn(error);
      const step = refusalOf(error).code === "RIGHT_MISSING" ? "noRight" : "failed";
      if (loss !== null) dispatch({ type: "lost", sessionId, loss });
      else if (!signedOut(error)) dispatch({ type: "closing", sessionId, step });
    }
  }

  /** Lets an offer pass to somebody else. */
  async pass(sessionId: string): Promise<void> {
    const { api, dispatch, state } = this.#parts;
    const offer = state().duty.offers.find(({ offered }) => offered.sessionId === sessionId);
    const open = offer?.gone === null && offer.takingSince === null && offer.step !== "passing";
    if (!this.#connected() || !open) return;
    dispatch({ type: "passing", sessionId });
    try {
      await api.decline(sessionId);
      dispatch({ type: "passed", sessionId });
    } catch (error) {
      // What is not offered any more has passed.
      if (refusalOf(error).status === 404) dispatch({ type: "passed", sessionId });
      else if (!this.#refused(error)) dispatch({ type: "passUnsure", sessionId });
    }
  }

  /** Shows the customer's numbers once it is written down that the agent looks at them, or masks them again. */
  async reveal(conversationId: string): Promise<void> {
    const { api, dispatch, signedOut, state } = this.#parts;
    const chat = state().chats.find((one) => one.conversation.conversationId === conversationId);
    if (chat === undefined) return;
    try {
      if (!chat.revealed) await api.reveal(conversationId);
      dispatch({ type: "reveal", conversationId, on: !chat.revealed });
    } catch (error) {
      signedOut(error); // else they stay masked, and the button stands
    }
  }

  /** Takes offers from now on, or no longer. */
  async setAvailable(available: boolean): Promise<void> {
    const { api, dispatch, state } = this.#parts;
    if (!this.#connected() || state().duty.switching === "sending") return;
    dispatch({ type: "switching", step: "sending" });
    try {
      dispatch({ type: "availability", availability: await api.setAvailable(available) });
    } catch (error) {
      if (!this.#refused(error)) dispatch({ type: "switching", step: "failed" });
    }
  }

  #connected(): boolean {
    return this.#parts.state().link.kind === "open";
  }

  /** Whether the refusal has an end of its own: the agent is unknown, or the company's queue routes. */
  #refused(error: unknown): boolean {
    if (refusalOf(error).code === "ROUTING_ELSEWHERE") {
      this.#parts.dispatch({ type: "switching", step: "elsewhere" });
      return true;
    }
    return this.#parts.signedOut(error);
  }
}

function isFree({ rows, duty }: State, sessionId: string): boolean {
  const offer = duty.offers.find(({ offered }) => offered.sessionId === sessionId);
  if (offer !== undefined && offer.gone === null) {
    return offer.takingSince === null && offer.step !== "passing";
  }
  return rows.some((row) => row.waiting.sessionId === sessionId && takeable(row));
}
