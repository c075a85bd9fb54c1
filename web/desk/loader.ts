/** Asks for what conversations lack: messages that may be missing, and the notes of the one in front. */

import type { Chat } from "./chats.js";
import type { Happening } from "./happening.js";
import { currentChat, type State } from "./model.js";
import type { StaffApi } from "./staff_api.js";

export interface LoaderParts {
  readonly api: StaffApi;
  readonly state: () => State;
  readonly dispatch: (happening: Happening) => void;
  /** @returns whether the server does not know the agent any more */
  readonly signedOut: (error: unknown) => boolean;
  /** Asks again until there is an answer. */
  readonly untilAnswered: <Answer>(call: () => Promise<Answer>) => Promise<Answer>;
}

export class Loader {
  readonly #parts: LoaderParts;
  readonly #messages = new Set<string>();
  readonly #notes = new Set<string>();

  constructor(parts: LoaderParts) {
    this.#parts = parts;
  }

  loadMissing(): void {
    const state = this.#parts.state();
    for (const chat of state.chats) {
      if (chat.stale && !this.#messages.has(idOf(chat))) void this.#loadMessages(chat);
    }
    const front = currentChat(state);
    const wanted = front?.notes.stale && !front.notes.failed;
    if (wanted && !this.#notes.has(idOf(front))) void this.#loadNotes(idOf(front));
  }

  /** Asks for what was said since the last answer to this question. */
  async #loadMessages(chat: Chat): Promise<void> {
    const conversationId = idOf(chat);
    const { api, dispatch, signedOut, untilAnswered } = this.#parts;
    this.#messages.add(conversationId);
    try {
      const after = chat.loadedTo ?? 0;
      const messages = await untilAnswered(() => api.messages(conversationId, after));
      this.#messages.delete(conversationId);
      dispatch({ type: "history", conversationId, messages });
    } catch (error) {
      // It stays marked as being loaded: a refusal would only be repeated.
      signedOut(error);
    }
  }

  async #loadNotes(conversationId: string): Promise<void> {
    const { api, dispatch, signedOut, untilAnswered } = this.#parts;
    this.#notes.add(conversationId);
    try {
      const notes = await untilAnswered(() => api.notes(conversationId));
      this.#notes.delete(conversationId);
      dispatch({ type: "notes", conversationId, notes });
    } catch (error) {
      this.#notes.delete(conversationId);
      if (!signedOut(error)) dispatch({ type: "notesFailed", conversationId });
    }
  }
}

function idOf({ conversation }: Chat): string {
  return conversation.conversationId;
}
