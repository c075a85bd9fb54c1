import { describe, expect, it } from "vitest";
import { samples } from "../gallery/samples.js";
import { headlineOf } from "../help/headline.js";
import { textOf } from "../help/text.js";
import type { View } from "../help/view.js";
import { NO_COMPANY } from "../shared/company.js";
import { en } from "../words/en.js";
import { talk } from "../words/talk.js";
import { tr } from "../words/tr.js";
import type { Words } from "../words/words.js";

const COMPANY = { ...NO_COMPANY, name: "Anadolu Bankası", phone: "0850 000 00 00" };
const NOBODY = NO_COMPANY;

/** Every text by its path, called with arguments that can be found again in it. */
function textsOf(value: unknown, path = ""): [string, string][] {
  if (typeof value === "string") return [[path, value]];
  if (typeof value === "function") {
    const marks = ["⟦0⟧", "⟦1⟧"].slice(0, value.length);
    return [[path, String(value(...marks))]];
  }
  return Object.entries(value as object).flatMap(([key, part]) =>
    textsOf(part, path === "" ? key : `${path}.${key}`),
  );
}

function placeholders(text: string): string[] {
  return [...text.matchAll(/⟦\d⟧/g)].map(([mark]) => mark).sort();
}

const english = new Map([...textsOf(en), ...textsOf(talk.en, "talk")]);
const turkish = new Map([...textsOf(tr), ...textsOf(talk.tr, "talk")]);

describe.each([...english.keys()])("%s", (path) => {
  it("says the same with the same variables in both languages", () => {
    const [e, t] = [english.get(path) ?? "", turkish.get(path) ?? ""];
    expect(t).not.toBe("");
    expect(placeholders(t)).toEqual(placeholders(e));
  });
});

it("has the same texts in both languages", () => {
  expect([...turkish.keys()]).toEqual([...english.keys()]);
});

it.each([...turkish])("glues no suffix to a variable in %s", (_path, text) => {
  expect(text).not.toMatch(/⟦\d⟧['’\p{Letter}]/u);
});

it.each([...english, ...turkish])("keeps its voice down in %s", (_path, text) => {
  expect(text).not.toMatch(/!/);
  expect(text).not.toMatch(/\p{Lu}{4,}/u);
});

describe.each([
  ["en", en],
  ["tr", tr],
])("in %s", (_lang, words: Words) => {
  it.each(Object.entries(samples))("the screen %s has a headline", (_name, view: View) => {
    if (view.kind === "opening") expect(words.opening).not.toBe("");
    else expect(headlineOf(view, words)).toMatch(/\p{Letter}/u);
  });

  it.each(Object.entries(samples))("the screen %s says nothing unfilled", (_name, view: View) => {
    for (const company of [COMPANY, NOBODY]) {
      const text = textOf(view, words, company) ?? "";
      expect(text).not.toMatch(/null|undefined|NaN|\[object/);
    }
  });
});

it.each([
  ["problem-link", "Please open help again from the Anadolu Bankası app."],
  ["problem-barred", "Please call us: 0850 000 00 00"],
  ["closed", "Anadolu Bankası closed this request."],
  ["time-limit", "You waited 30 minutes, and we are sorry."],
  ["abandoned", "We kept it for 5 minutes."],
  ["queue-timeout", "Nothing was left open."],
  ["not-delivered", null],
])("fills %s in English", (name, text) => {
  const view = samples[name];
  expect(view && textOf(view, en, COMPANY)).toBe(text);
});

it.each([
  ["problem-link", "Lütfen yardımı uygulamadan yeniden açın: Anadolu Bankası"],
  ["closed", "Kapatan: Anadolu Bankası"],
  ["time-limit", "30 dakika beklediniz, özür dileriz."],
  ["abandoned", "5 dakika boyunca tuttuk."],
])("fills %s in Turkish", (name, text) => {
  const view = samples[name];
  expect(view && textOf(view, tr, COMPANY)).toBe(text);
});
