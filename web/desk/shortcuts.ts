/** The desk by keyboard. Every key goes with Alt, so that typing never sets one off. */

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
