/** The desk by keyboard. Every key goes with Alt, so that typing never sets one off. */

import type { JSX } from "preact";
import type { DeskWords } from "../words/desk.js";

export const SHORTCUTS_DIALOG = "shortcuts";

export type Shortcut =
  | { readonly to: "chat"; readonly index: number }
  | { readonly to: "next" | "accept" | "pass" | "end" };

const LETTERS: Readonly<Record<string, Exclude<Shortcut["to"], "chat">>> = {
  KeyA: "accept",
  KeyP: "pass",
  KeyN: "next",
  KeyE: "end",
};

/** The parts of a key press that matter. */
export interface KeyPress {
  readonly code: string;
  readonly altKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly shiftKey: boolean;
}

/** What a key press asks for; null: nothing. Keys by their place, as Alt changes their letters. */
export function shortcutOf(key: KeyPress): Shortcut | null {
  // Alt Gr counts as Ctrl + Alt: with it, people write characters.
  if (!key.altKey || key.ctrlKey || key.metaKey || key.shiftKey) return null;
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(key.code)?.[1];
  if (digit !== undefined) return { to: "chat", index: Number(digit) - 1 };
  const to = LETTERS[key.code];
  return to === undefined ? null : { to };
}

export function ShortcutsDialog(props: {
  readonly on: boolean;
  readonly words: DeskWords;
  readonly toggle: () => void;
}): JSX.Element {
  const { shortcuts } = props.words;
  const keys = [
    ["Alt + 1 … 9", shortcuts.chat],
    ["Alt + N", shortcuts.next],
    ["Alt + A", shortcuts.accept],
    ["Alt + P", shortcuts.pass],
    ["Alt + E", shortcuts.end],
  ];
  return (
    <dialog class="keys" id={SHORTCUTS_DIALOG} aria-labelledby="keys-title">
      <h2 class="keys-title" id="keys-title">
        {shortcuts.title}
      </h2>
      <dl class="facts">
        {keys.map(([key, does]) => (
          <div class="fact" key={key}>
            <dt>{key}</dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <label class="keys-use">
        <input type="checkbox" checked={props.on} onChange={props.toggle} />
        {shortcuts.use}
      </label>
      <button
        type="button"
        class="desk-button"
        onClick={({ currentTarget }) => currentTarget.closest("dialog")?.close()}
      >
        {shortcuts.close}
      </button>
    </dialog>
  );
}
