import { expect, it } from "vitest";
import names from "../../src/diyalog/page_texts.json?raw";
import { en } from "../words/en.js";
import { talk, talkIn } from "../words/talk.js";
import { tr } from "../words/tr.js";
import { worded } from "../words/worded.js";

/** What a company cannot replace: what a text is made from, and names that are settings of their own. */
const OWN = ["lang", "company", "otherLanguage", "span"];

/** Every text by its name, with the names of its variables in their order. */
function variablesOf(value: unknown, name = ""): [string, string[]][] {
  if (typeof value === "string") return [[name, []]];
  if (typeof value === "function") {
    const [, list] = /^\(?([^)=]*)\)?\s*=>/.exec(String(value)) ?? [];
    return [[name, (list ?? "").split(",").map((one) => one.trim())]];
  }
  return Object.entries(value as object).flatMap(([key, part]) =>
    variablesOf(part, name === "" ? key : `${name}.${key}`),
  );
}

it.each([
  ["en", en],
  ["tr", tr],
])("the server knows every text of %s that a company may replace, and its variables", (_, words) => {
  const all = { ...words, chat: { ...words.chat, ...talk[words.lang] } };
  const here = variablesOf(all).filter(([name]) => !OWN.includes(name));
  expect(JSON.parse(names)).toEqual(Object.fromEntries(here));
});

it("puts the company's texts in place of the page's, and leaves the others", () => {
  const words = worded(tr, {
    "waiting.title": "Bekleme salonundasınız",
    "waiting.range": "{1} dakikaya kadar, en az {0}",
    reference: "Talep numaranız: {0}",
  });
  expect(words.waiting.title).toBe("Bekleme salonundasınız");
  expect(words.waiting.range(4, 6)).toBe("6 dakikaya kadar, en az 4");
  expect(words.reference("$&1")).toBe("Talep numaranız: $&1");
  expect(words.waiting.lead).toBe(tr.waiting.lead);
  expect(words.lang).toBe("tr");
  const chat = talkIn("tr", { "chat.send": "Yolla", "chat.typing": "{0} yazmakta" });
  expect([chat.send, chat.typing("Selin"), chat.sent]).toEqual([
    "Yolla",
    "Selin yazmakta",
    talk.tr.sent,
  ]);
});

it("falls back to the page's own text where a variable is not known", () => {
  const words = worded(en, { "connected.title": "{0} will help you" });
  expect(words.connected.title("Selin")).toBe("Selin will help you");
  expect(words.connected.title(null)).toBe("Your agent is here");
});
