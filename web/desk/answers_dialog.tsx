/** The agent's ready answers: to read, to insert, and to change. */

import { Component, createRef, type JSX } from "preact";
import type { DeskWords } from "../words/desk.js";
import { type Answer, cleanShortcut, sameShortcut } from "./answers.js";

export const ANSWERS_DIALOG = "answers";

const LONGEST_SHORTCUT = 30;
const LONGEST_TEXT = 4_000;

interface Props {
  readonly answers: readonly Answer[];
  /** They can be inserted somewhere. */
  readonly writing: boolean;
  readonly words: DeskWords;
  readonly insert: (text: string) => void;
  /** null: the standard ones again. */
  readonly keep: (answers: readonly Answer[] | null) => void;
}

/** `index` -1: a new one. */
interface Editing {
  readonly index: number;
  readonly shortcut: string;
  readonly text: string;
  readonly taken: boolean;
}

interface DialogState {
  readonly editing: Editing | null;
}

export class AnswersDialog extends Component<Props, DialogState> {
  readonly #dialog = createRef<HTMLDialogElement>();
  override state: DialogState = { editing: null };

  override render({ answers, words }: Props, { editing }: DialogState): JSX.Element {
    return (
      <dialog
        ref={this.#dialog}
        class="keys answers"
        id={ANSWERS_DIALOG}
        aria-labelledby="answers-title"
        onClose={() => this.setState({ editing: null })}
      >
        <h2 class="keys-title" id="answers-title" tabIndex={-1}>
          {words.answers.title}
        </h2>
        {editing === null ? this.#list(answers, words) : this.#form(editing, words)}
      </dialog>
    );
  }

  #list(answers: readonly Answer[], { answers: words }: DeskWords): JSX.Element {
    const { writing, keep } = this.props;
    return (
      <>
        <p class="answers-hint">{words.hint}</p>
        <ul class="answers-list">
          {answers.map((answer, index) => (
            <li key={answer.shortcut} class="answer">
              <p class="answer-shortcut">/{answer.shortcut}</p>
              <p class="answer-whole" dir="auto">
                {answer.text}
              </p>
              <div class="answer-steps">
                {writing &&
                  this.#step(words.insert, answer, () => {
                    this.#dialog.current?.close();
                    this.props.insert(answer.text);
                  })}
                {this.#step(words.edit, answer, () => this.#edit({ index, ...answer }))}
                {this.#step(words.remove, answer, () => {
                  keep(answers.filter((one) => one !== answer));
                  this.#toTitle();
                })}
              </div>
            </li>
          ))}
        </ul>
        <div class="answers-foot">
          <button
            type="button"
            class="desk-button"
            onClick={() => this.#edit({ index: -1, shortcut: "", text: "" })}
          >
            {words.add}
          </button>
          {answers.length === 0 && (
            <button type="button" class="desk-button" onClick={() => keep(null)}>
              {words.standard}
            </button>
          )}
          <button type="button" class="desk-button" onClick={() => this.#dialog.current?.close()}>
            {words.close}
          </button>
        </div>
      </>
    );
  }

  #step(word: string, { shortcut }: Answer, onClick: () => void): JSX.Element {
    return (
      <button
        type="button"
        class="desk-link"
        aria-label={`${word}: /${shortcut}`}
        onClick={onClick}
      >
        {word}
      </button>
    );
  }

  #form(editing: Editing, { answers: words }: DeskWords): JSX.Element {
    return (
      <form
        class="answers-form"
        onSubmit={(event) => {
          event.preventDefault();
          this.#save(editing);
        }}
      >
        <label for="answer-shortcut">{words.shortcut}</label>
        <input
          id="answer-shortcut"
          class="answers-field"
          required={true}
          autocomplete="off"
          maxLength={LONGEST_SHORTCUT}
          aria-describedby={editing.taken ? "answer-taken" : undefined}
          aria-invalid={editing.taken}
          value={editing.shortcut}
          onInput={({ currentTarget }) =>
            this.setState({ editing: { ...editing, shortcut: currentTarget.value, taken: false } })
          }
        />
        {editing.taken && (
          <p class="answers-taken" id="answer-taken" role="alert">
            {words.taken}
          </p>
        )}
        <label for="answer-text">{words.text}</label>
        <textarea
          id="answer-text"
          class="answers-field"
          required={true}
          rows={4}
          maxLength={LONGEST_TEXT}
          value={editing.text}
          onInput={({ currentTarget }) =>
            this.setState({ editing: { ...editing, text: currentTarget.value } })
          }
        />
        <div class="answers-foot">
          <button type="submit" class="desk-button desk-button-main">
            {words.save}
          </button>
          <button type="button" class="desk-button" onClick={() => this.#back()}>
            {words.cancel}
          </button>
        </div>
      </form>
    );
  }

  #edit(answer: Omit<Editing, "taken">): void {
    this.setState({ editing: { ...answer, taken: false } }, () => {
      document.getElementById("answer-shortcut")?.focus();
    });
  }

  #save(editing: Editing): void {
    const { answers, keep } = this.props;
    const { index, text } = editing;
    const shortcut = cleanShortcut(editing.shortcut);
    if (shortcut === "" || text.trim() === "") return;
    const others = answers.filter((_, at) => at !== index);
    if (others.some((one) => sameShortcut(one.shortcut, shortcut))) {
      this.setState({ editing: { ...editing, taken: true } });
      document.getElementById("answer-shortcut")?.focus();
      return;
    }
    const saved = { shortcut, text };
    keep(
      index === -1 ? [...answers, saved] : answers.map((one, at) => (at === index ? saved : one)),
    );
    this.#back();
  }

  #back(): void {
    this.setState({ editing: null }, () => this.#toTitle());
  }

  /** What had the focus has gone. */
  #toTitle(): void {
    document.getElementById("answers-title")?.focus();
  }
}
