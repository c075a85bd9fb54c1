import { describe, expect, it } from "vitest";
import { companyOf, NO_COMPANY, telephoneLink } from "../shared/company.js";

const NOBODY = NO_COMPANY;

describe("the company", () => {
  it("is read from what the server wrote", () => {
    const written =
      '{"name":"Anadolu Bankası","phone":"0850 000 00 00","links":[{"text":"Şubeler","url":"https://b.example/s","lang":"tr"},{"text":"FAQ","url":"https://b.example/f"}]}';
    expect(companyOf(written)).toEqual({
      ...NO_COMPANY,
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

  it("brings its logo, hours and texts", () => {
    const logo = { url: "/app/assets/logo-0a1b2c3d.png", width: 64, height: 32 };
    const given = {
      logo,
      hours: { tr: "Hafta içi 09.00–18.00", en: 9 },
      texts: { tr: { "waiting.title": "Bekleyin", "waiting.lead": null }, en: "x" },
    };
    expect(companyOf(JSON.stringify(given))).toMatchObject({
      logo,
      hours: { tr: "Hafta içi 09.00–18.00" },
      texts: { tr: { "waiting.title": "Bekleyin" }, en: {} },
    });
  });

  it.each([
    { url: "https://evil.example/x.png", width: 1, height: 1 },
    { url: "/app/x.png", width: "1", height: 1 },
    "logo.png",
  ])("shows no logo of %j", (logo) => {
    expect(companyOf(JSON.stringify({ logo })).logo).toBeNull();
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
