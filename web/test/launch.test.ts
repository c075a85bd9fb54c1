import { describe, expect, it } from "vitest";
import { languageOf, publicFragment, readLaunch } from "../help/launch.js";

const FULL =
  "#/start?customerId=880214&customerName=Ay%C5%9Fe%20Y%C4%B1ld%C4%B1z&helpType=video_call&deviceHash=dh&transactionHash=th&lang=tr";

describe("readLaunch", () => {
  it("reads the whole link", () => {
    expect(readLaunch(FULL)).toEqual({
      activation: {
        customerId: "880214",
        customerName: "Ayşe Yıldız",
        deviceHash: "dh",
        transactionHash: "th",
      },
      helpType: "video_call",
      lang: "tr",
      theme: null,
    });
  });

  it("reads a link with the company's token", () => {
    expect(
      readLaunch("#/start?customerId=1&customerName=A&deviceId=d&dlgToken=t").activation,
    ).toEqual({ customerId: "1", customerName: "A", deviceId: "d", dlgToken: "t" });
  });

  it.each([
    "",
    "#",
    "#/start",
    "#/start?",
    "#/start?customerId=",
    "#/auth?customerId=1",
  ])("finds no customer in %j", (fragment) => expect(readLaunch(fragment).activation).toBeNull());

  it("lets the customer choose where the kind of help is absent or unknown", () => {
    expect(readLaunch("#/start?customerId=1").helpType).toBeNull();
    expect(readLaunch("#/start?customerId=1&helpType=fax").helpType).toBeNull();
  });
});

it.each([
  ["light", "light"],
  ["dark", "dark"],
  ["system", "system"],
  ["pink", null],
])("reads the theme %j as %j, and keeps it for a reload", (given, theme) => {
  const launch = readLaunch(`#/start?customerId=1&theme=${given}`);
  expect(launch.theme).toBe(theme);
  expect(readLaunch(publicFragment(launch)).theme).toBe(theme);
});

describe("publicFragment", () => {
  it("keeps what a reload needs and nothing else", () => {
    expect(publicFragment(readLaunch(FULL))).toBe(
      "#/start?customerId=880214&helpType=video_call&lang=tr",
    );
  });

  it("finds the same customer again", () => {
    const launch = readLaunch("#/start?customerId=a%26b%3D%C5%9F&helpType=chat&transactionHash=x");
    expect(readLaunch(publicFragment(launch))).toEqual({
      activation: { customerId: "a&b=ş" },
      helpType: "chat",
      lang: null,
      theme: null,
    });
  });
});

describe("languageOf", () => {
  const none = readLaunch("#/start?customerId=1");

  it("is the link's", () => {
    expect(languageOf({ ...none, lang: "en" }, ["tr-TR"])).toBe("en");
  });

  it.each([
    [["tr-TR", "en"], "tr"],
    [["de-DE", "tr"], "tr"],
    [["en-GB", "tr"], "en"],
    [["de"], "en"],
    [[], "en"],
  ])("else the device's: %j gives %s", (preferred, lang) => {
    expect(languageOf(none, preferred)).toBe(lang);
  });
});
