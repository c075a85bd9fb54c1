import { describe, expect, it } from "vitest";
import { companyOf, telephoneLink } from "../shared/company.js";

const NOBODY = { name: null, phone: null, links: [] };

describe("the company", () => {
  it("is read from what the server wrote", () => {
    const written =
      '{"name":"Anadolu Bankası","phone":"0850 000 00 00","links":[{"text":"Şubeler","url":"https://b.example/s","lang":"tr"},{"text":"FAQ","url":"https://b.example/f"}]}';
    expect(companyOf(written)).toEqual({
      name: "Anadolu Bankası",
      phone: "0850 000 00 00",
      links: [
        { text: "Şubeler", url: "https://b.example/s", lang: "tr" },
        { text: "FAQ", url: "https://b.example/f", lang: null },
      ],
    });
  });

  it.each([
    "",
    "{",
    "null",
    "[]",
    '{"name":" ","phone":7,"links":"x"}',
  ])("is unknown when that says %j", (written) => {
    expect(companyOf(written)).toEqual(NOBODY);
  });

  it.each([
    "javascript:alert(1)",
    "data:text/html,x",
    "//b.example",
    "",
  ])("never links to %j", (url) => {
    expect(companyOf(JSON.stringify({ links: [{ text: "x", url }] })).links).toEqual([]);
  });
});

it("dials the digits of a number that is written for people", () => {
  expect(telephoneLink("+90 (850) 000 00-00")).toBe("tel:+908500000000");
});
