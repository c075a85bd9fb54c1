import { describe, expect, it } from "vitest";
import { coverText, coverTitle } from "../desk/covers.js";
import { deskSamples } from "../gallery/desk_samples.js";
import type { DeskWords } from "../words/desk.js";
import { deskEn } from "../words/desk_en.js";
import { deskTr } from "../words/desk_tr.js";

/** Every text by its path, called with an argument that can be found again in it. */
function textsOf(value: unknown, path = ""): [string, string][] {
  if (typeof value === "string") return [[path, value]];
  if (typeof value === "function") return [[path, String(value("⟦0⟧"))]];
  return Object.entries(value as object).flatMap(([key, part]) =>
    textsOf(part, path === "" ? key : `${path}.${key}`),
  );
}

const english = new Map(textsOf(deskEn));
const turkish = new Map(textsOf(deskTr));

describe.each([...english.keys()])("%s", (path) => {
  it("says the same with the same variable in both languages", () => {
    const [e, t] = [english.get(path) ?? "", turkish.get(path) ?? ""];
    expect(e.trim()).not.toBe("");
    expect(t.trim()).not.toBe("");
    expect(t.includes("⟦0⟧")).toBe(e.includes("⟦0⟧"));
  });
});

it("has no text in one language only", () => {
  expect([...turkish.keys()].sort()).toEqual([...english.keys()].sort());
});

it.each([...turkish])("glues no suffix to a variable in %s", (_path, text) => {
  expect(text).not.toMatch(/⟦\d⟧['’\p{Letter}]/u);
});

it.each([...english, ...turkish])("keeps its voice down in %s", (_path, text) => {
  expect(text).not.toMatch(/!/);
  expect(text).not.toMatch(/\p{Lu}{4,}/u);
});

describe.each([
  ["en", deskEn],
  ["tr", deskTr],
])("in %s", (lang, words: DeskWords) => {
  it("names its language, and the other one in its own words", () => {
    expect(words.lang).toBe(lang);
    expect(words.otherLanguage).toBe(lang === "tr" ? "English" : "Türkçe");
  });

  it.each(Object.entries(deskSamples))("the state %s has a heading", (_name, view) => {
    if (view.kind === "desk") return expect(words.title).toMatch(/\p{Letter}/u);
    expect(coverTitle(view, words)).toMatch(/\p{Letter}/u);
    expect(coverText(view, words)).not.toBe("");
  });
});

it("counts one and many in English", () => {
  expect([1, 2].map(deskEn.mine.unread)).toEqual(["1 new message", "2 new messages"]);
  expect([1, 2].map(deskEn.announce.more)).toEqual(["1 more is waiting.", "2 more are waiting."]);
});
