/** What the staff notes about a customer, which the customer never sees. Pure. */

import type { Outgoing } from "./chats.js";
import type { InNotes } from "./happening.js";
import type { Note } from "./protocol.js";

export interface Notes {
  /** Those that are kept about the customer, oldest first. */
  readonly known: readonly Note[];
  /** Some may be missing: they have to be asked for. */
  readonly stale: boolean;
  /** They could not be asked for. */
  readonly failed: boolean;
  /** The agent's own that are not known to have arrived. */
  readonly outbox: readonly Outgoing[];
  readonly draft: string;
}

/** @param unsent what was written before a reload; its ids say whether it has arrived */
export function notesOf(unsent: readonly Outgoing[]): Notes {
  const outbox = unsent.map((one) => ({ ...one, state: "waiting" as const }));
  return { known: [], stale: true, failed: false, outbox, draft: "" };
}

/** @param now the device's clock in milliseconds */
export function notesAfter(notes: Notes, happening: InNotes, now: number): Notes {
  switch (happening.type) {
    case "notes":
      return { ...withKnown(notes, happening.notes), stale: false };
    case "notesFailed":
      return { ...notes, failed: true };
    case "notesAgain":
      return { ...notes, failed: false };
    case "noteDraft":
      return { ...notes, draft: happening.text };
    case "noteWritten": {
      const { id, text } = happening;
      const outbox: Notes["outbox"] = [...notes.outbox, { id, text, at: now, state: "waiting" }];
      return { ...notes, outbox, draft: "" };
    }
    case "noteOutgoing": {
      const { id, state } = happening;
      const outbox = notes.outbox.map((one) => (one.id === id ? { ...one, state } : one));
      return { ...notes, outbox };
    }
    case "noteSaved":
      return withKnown(notes, [happening.note]);
  }
}

function withKnown(notes: Notes, told: readonly Note[]): Notes {
  const others = notes.known.filter(({ id }) => !told.some((note) => note.id === id));
  const known = [...others, ...told].sort((a, b) => a.at - b.at);
  const outbox = notes.outbox.filter(({ id }) => !known.some((note) => note.id === id));
  return { ...notes, known, outbox };
}
