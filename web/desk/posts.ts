/** What an agent writes in a conversation, and where it goes: to the customer, or to the notes. */

import { type Chat, nextOutgoing, type Outgoing } from "./chats.js";
import type { Happening } from "./happening.js";
import type { StaffApi } from "./staff_api.js";

/** One of the two ways. Whatever is sent again under the same id arrives once. */
export interface Post {
  next(chat: Chat): Outgoing | null;
  /** @returns what has happened when the server has it */
  send(conversationId: string, outgoing: Outgoing): Promise<Happening>;
  step(conversationId: string, id: string, state: Outgoing["state"]): Happening;
}

export function messagesPost(api: StaffApi): Post {
  return {
    next: nextOutgoing,
    send: async (conversationId, { id, text }) => {
      const { seq, at } = await api.send(conversationId, { id, text });
      return { type: "arrived", conversationId, id, seq, at };
    },
    step: (conversationId, id, state) => ({ type: "outgoing", conversationId, id, state }),
  };
}

/** @param author the name under which notes are shown */
export function notesPost(api: StaffApi, author: () => string): Post {
  return {
    next: ({ notes }) => nextOutgoing(notes),
    send: async (conversationId, { id, text }) => {
      const { at } = await api.note(conversationId, { id, text });
      const note = { id, author: author(), at, text, conversationId };
      return { type: "noteSaved", conversationId, note };
    },
    step: (conversationId, id, state) => ({ type: "noteOutgoing", conversationId, id, state }),
  };
}
