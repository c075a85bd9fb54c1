import type { Words } from "./words.js";

/**
 * The page's texts with the company's own in their place.
 * @param own by name, as in `waiting.lead`; `{0}` stands for the text's first variable
 */
export function worded(words: Words, own: Readonly<Record<string, string>> = {}): Words {
  return replaced(words, "", own) as Words;
}

type Text = (...variables: readonly unknown[]) => string;

/** @param name the name of `value` itself, before those of its parts */
export function replaced(
  value: unknown,
  name: string,
  own: Readonly<Record<string, string>>,
): unknown {
  const text = own[name];
  if (typeof value === "string") return text ?? value;
  if (typeof value === "function") {
    return text === undefined ? value : filled(text, value as Text);
  }
  return Object.fromEntries(
    Object.entries(value as object).map(([key, part]) => [
      key,
      replaced(part, name === "" ? key : `${name}.${key}`, own),
    ]),
  );
}

/** Where a variable is not known, the page's own text does without it. */
function filled(text: string, built: Text): Text {
  return (...variables) =>
    variables.includes(null)
      ? built(...variables)
      : text.replace(/\{(\d)\}/g, (_, number) => String(variables[number]));
}
