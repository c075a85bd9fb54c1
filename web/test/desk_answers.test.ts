import { describe, expect, it } from "vitest";
import {
  type Answer,
  Answers,
  appended,
  cleanShortcut,
  matching,
  sameShortcut,
  slashAt,
  withAnswer,
} from "../desk/answers.js";
import { deskEn } from "../words/desk_en.js";
import { deskTr } from "../words/desk_tr.js";
import { memoryStorage } from "./desk_sample.js";

const OWN: readonly Answer[] = [
  { shortcut: "teşekkür", text: "Beklediğiniz için teşekkür ederim." },
  { shortcut: "iyi", text: "İyi günler dileriz." },
  { shortcut: "bekle", text: "Bir dakika, IBAN'a bakıyorum." },
];

describe("the slash", () => {
  it.each([
    ["/", 1, { from: 0, to: 1, typed: "" }],
    ["Merhaba /te", 11, { from: 8, to: 11, typed: "te" }],
    ["Merhaba\n/te sonra", 11, { from: 8, to: 11, typed: "te" }],
    ["/te", 2, { from: 0, to: 2, typed: "t" }],
  ])("in %j before %i offers answers", (draft, caret, slash) => {
    expect(slashAt(draft, caret)).toEqual(slash);
  });

  it.each([
    ["", 0],
    ["1/2", 3],
    ["https://bank.example", 8],
    ["/te x", 5],
    ["/te", 0],
  ])("in %j before %i offers none", (draft, caret) => {
    expect(slashAt(draft, caret)).toBeNull();
  });

  it("gives way to the answer, and writing goes on behind it", () => {
    const slash = slashAt("Merhaba /te, peki", 11);
    expect(slash && withAnswer("Merhaba /te, peki", slash, "Sağ olun")).toEqual({
      draft: "Merhaba Sağ olun, peki",
      caret: 16,
    });
  });
});

describe("answers", () => {
  const found = (typed: string) => matching(OWN, typed).map(({ shortcut }) => shortcut);

  it.each([
    ["", ["teşekkür", "iyi", "bekle"]],
    ["te", ["teşekkür"]],
    ["TESEK", ["teşekkür"]],
    ["İ", ["iyi", "teşekkür", "bekle"]],
    ["I", ["iyi", "teşekkür", "bekle"]],
    ["bek", ["bekle", "teşekkür"]],
    ["iban", ["bekle"]],
    ["xyz", []],
  ])("are found by %j", (typed, shortcuts) => {
    expect(found(typed)).toEqual(shortcuts);
  });

  it("are offered five at a time", () => {
    const many = Array.from({ length: 9 }, (_, n) => ({ shortcut: `a${n}`, text: "x" }));
    expect(matching(many, "a")).toHaveLength(5);
  });

  it("come to stand behind what is written", () => {
    expect(["", "Merhaba,", "Merhaba, "].map((draft) => appended(draft, "buyurun"))).toEqual([
      "buyurun",
      "Merhaba, buyurun",
      "Merhaba, buyurun",
    ]);
  });

  it("have shortcuts that can be typed in one go", () => {
    expect([" /iyi  günler ", "//a", "/"].map(cleanShortcut)).toEqual(["iyi-günler", "a", ""]);
    expect(sameShortcut("TEŞEKKÜR", "tesekkur")).toBe(true);
    expect(sameShortcut("te", "tes")).toBe(false);
  });

  it.each([
    ["en", deskEn],
    ["tr", deskTr],
  ])("that are standard in %s have each a shortcut of its own", (_lang, { answers }) => {
    const shortcuts = answers.standardOnes.map(({ shortcut }) => shortcut);
    expect(shortcuts.length).toBeGreaterThan(3);
    expect(shortcuts.map(cleanShortcut)).toEqual(shortcuts);
    expect(new Set(shortcuts).size).toBe(shortcuts.length);
  });
});

describe("an agent's own", () => {
  it("are kept for that agent", () => {
    const storage = memoryStorage();
    new Answers(storage).keep("31007", OWN);
    expect(new Answers(storage).of("31007")).toEqual(OWN);
    expect(new Answers(storage).of("31008")).toBeNull();
    new Answers(storage).keep("31007", null);
    expect(new Answers(storage).of("31007")).toBeNull();
  });

  it("may be none", () => {
    const storage = memoryStorage();
    new Answers(storage).keep("31007", []);
    expect(new Answers(storage).of("31007")).toEqual([]);
  });

  it.each(["no JSON", '"text"', "{}", "null"])("are the standard ones where %s is kept", (kept) => {
    const storage = memoryStorage();
    storage.setItem("diyalog.desk.answers.31007", kept);
    expect(new Answers(storage).of("31007")).toBeNull();
  });

  it("leave out what is no answer", () => {
    const storage = memoryStorage();
    const kept = JSON.stringify([OWN[0], { shortcut: "x" }, 7, null]);
    storage.setItem("diyalog.desk.answers.31007", kept);
    expect(new Answers(storage).of("31007")).toEqual([OWN[0]]);
  });

  it("last for the visit where the browser keeps nothing", () => {
    const answers = new Answers(null);
    answers.keep("31007", OWN);
    expect(answers.of("31007")).toBeNull();
  });
});
