/** An agent's ready answers: kept by this browser, and found by "/" and the beginning of a shortcut. */

import { fieldsOf, listOf, textOf } from "#shared/fields.ts";

export interface Answer {
  /** Without spaces, and without the "/" before it. */
  readonly shortcut: string;
  readonly text: string;
}

/** What stands behind "/" where the agent writes: from where, and what was typed so far. */
export interface Slash {
  readonly from: number;
  readonly to: number;
  readonly typed: string;
}

/** More than these would cover what is being talked about. */
const MOST_OFFERED = 5;
const KEY = "diyalog.desk.answers";

/** Agents' own answers in the browser's storage, each agent's apart. */
export class Answers {
  readonly #storage: Storage | null;

  /** @param storage null where the browser refuses it: then a reload forgets */
  constructor(storage: Storage | null) {
    this.#storage = storage;
  }

  /** @returns null when the agent has changed nothing yet, or it cannot be read */
  of(userId: string): readonly Answer[] | null {
    try {
      const kept: unknown = JSON.parse(this.#storage?.getItem(`${KEY}.${userId}`) ?? "null");
      return Array.isArray(kept) ? listOf(kept).flatMap(answerIn) : null;
    } catch {
      return null;
    }
  }

  keep(userId: string, answers: readonly Answer[] | null): void {
    try {
      if (answers === null) this.#storage?.removeItem(`${KEY}.${userId}`);
      else this.#storage?.setItem(`${KEY}.${userId}`, JSON.stringify(answers));
    } catch {
      // A full or forbidden storage costs the memory, not the answers of this visit.
    }
  }
}

/** The "/" that the agent is typing behind; null: none. It begins a word, and has no space in it. */
export function slashAt(draft: string, caret: number): Slash | null {
  const found = /(?:^|\s)\/(\S*)$/.exec(draft.slice(0, caret));
  const typed = found?.[1];
  return typed === undefined ? null : { from: caret - typed.length - 1, to: caret, typed };
}

/** The answers that may be meant, those whose shortcut begins so first. */
export function matching(answers: readonly Answer[], typed: string): readonly Answer[] {
  const wanted = folded(typed);
  const byShortcut = answers.filter(({ shortcut }) => folded(shortcut).startsWith(wanted));
  const byText = answers.filter(
    (answer) => !byShortcut.includes(answer) && folded(answer.text).includes(wanted),
  );
  return [...byShortcut, ...byText].slice(0, MOST_OFFERED);
}

/** The draft with the answer in place of the slash and what follows it, and where writing goes on. */
export function withAnswer(draft: string, { from, to }: Slash, text: string) {
  return { draft: draft.slice(0, from) + text + draft.slice(to), caret: from + text.length };
}

/** The draft with the answer at its end. */
export function appended(draft: string, text: string): string {
  return draft === "" || /\s$/.test(draft) ? draft + text : `${draft} ${text}`;
}

/** A shortcut as it is kept: what people type around it goes. */
export function cleanShortcut(typed: string): string {
  return typed.trim().replace(/^\/+/, "").replace(/\s+/g, "-");
}

/** Whether two shortcuts would be the same to whoever types them. */
export function sameShortcut(a: string, b: string): boolean {
  return folded(a) === folded(b);
}

/** Without case and marks, so that "teşekkür" is found by "TESEK" on any keyboard. */
function folded(text: string): string {
  return text
    .toLocaleLowerCase("tr")
    .normalize("NFD")
    .replace(/\p{Mark}/gu, "")
    .replace(/ı/g, "i");
}

function answerIn(value: unknown): Answer[] {
  const fields = fieldsOf(value);
  const [shortcut, text] = [textOf(fields?.["shortcut"]), textOf(fields?.["text"])];
  return shortcut === null || text === null ? [] : [{ shortcut, text }];
}
