/** What the staff notes about the customer: another place and another colour than what the customer reads. */

import { NotebookPen } from "lucide";
import type { JSX } from "preact";
import { clockTime, dayAndTime } from "#shared/clock.ts";
import { Icon } from "#shared/icon.tsx";
import type { DeskWords } from "../words/desk.js";
import type { PartProps } from "./parts.js";
import type { ChatView, NoteView } from "./view.js";

/** The server takes no longer note. */
const LONGEST_NOTE = 4_000;

export function Notes({ view, words, actions }: PartProps<ChatView>): JSX.Element {
  const { conversationId, notes } = view;
  return (
    <section class="notes" aria-labelledby="notes-title" data-focus="notes">
      <h3 class="notes-title" id="notes-title">
        <Icon node={NotebookPen} />
        {words.notes.title}
      </h3>
      {notes.failed && (
        <p class="notes-failed">
          {words.notes.failed}
          <button
            type="button"
            class="desk-link"
            onClick={() => actions.notesAgain(conversationId)}
          >
            {words.notes.again}
          </button>
        </p>
      )}
      <ol aria-label={words.notes.title}>
        {notes.list.map((note) => (
          <Note
            key={note.id}
            view={note}
            words={words}
            again={() => actions.noteAgain(conversationId, note.id)}
          />
        ))}
      </ol>
      <label class="note-label" for="note">
        {words.notes.label}
      </label>
      <textarea
        id="note"
        class="note-text"
        rows={2}
        maxLength={LONGEST_NOTE}
        value={notes.draft}
        onInput={({ currentTarget }) => actions.noteDraft(conversationId, currentTarget.value)}
      />
      <button
        type="button"
        class="desk-button note-save"
        onClick={() => actions.note(conversationId, notes.draft)}
      >
        {words.notes.save}
      </button>
    </section>
  );
}

function Note(props: {
  readonly view: NoteView;
  readonly words: DeskWords;
  readonly again: () => void;
}): JSX.Element {
  const { view, words } = props;
  const { notes } = words;
  const time = (view.today ? clockTime : dayAndTime)(view.at, words.lang);
  return (
    <li class="note">
      <p class="note-said" dir="auto">
        {view.text}
      </p>
      <p class={view.state === "refused" ? "note-more note-refused" : "note-more"}>
        {view.state === "saved" && `${view.author} · ${time}`}
        {view.state === "saved" && !view.here && ` · ${notes.earlier}`}
        {view.state !== "saved" && notes[view.state]}
        {view.state === "refused" && (
          <button type="button" class="desk-link" onClick={props.again}>
            {notes.again}
          </button>
        )}
      </p>
    </li>
  );
}
