/** What surrounds the desk: the link, the keyboard, the outer page, and people who do not see it. */

import { describe, expect, it } from "vitest";
import { announcementOf, newRows } from "../desk/announcement.js";
import { languageOf, publicFragment, readLaunch } from "../desk/launch.js";
import { type OuterEvent, OuterPage } from "../desk/outer.js";
import { type KeyPress, shortcutOf } from "../desk/shortcuts.js";
import type { View } from "../desk/view.js";
import { deskSamples } from "../gallery/desk_samples.js";
import { deskEn } from "../words/desk_en.js";
import { deskTr } from "../words/desk_tr.js";

describe("the link", () => {
  const link =
    "#/auth?customerId=880377&userId=31007&sessionId=web-1&userName=Selin%20Aks%C3%B6y&dlgToken=t&isOutbound=false&lang=tr&theme=dark";

  it("is read", () => {
    expect(readLaunch(link)).toEqual({
      credentials: { userId: "31007", userName: "Selin Aksöy", sessionId: "web-1", token: "t" },
      customerId: "880377",
      lang: "tr",
      theme: "dark",
    });
  });

  it("leaves nothing of anybody in the address", () => {
    expect(publicFragment(readLaunch(link))).toBe("#/desk?lang=tr&theme=dark");
    expect(readLaunch("#/desk?lang=tr&theme=dark")).toEqual({
      credentials: null,
      customerId: null,
      lang: "tr",
      theme: "dark",
    });
  });

  it.each([
    "",
    "#",
    "#/auth",
    "#/auth?userId=1",
    "#/auth?userId=1&userName=",
  ])("names no agent: %s", (fragment) => {
    expect(readLaunch(fragment).credentials).toBeNull();
  });

  it.each([
    ["#/auth?lang=en", ["tr-TR"], "en"],
    ["#/auth?lang=de", ["tr-TR"], "tr"],
    ["#/auth", ["de", "tr", "en"], "tr"],
    ["#/auth", ["trv"], "en"],
  ])("decides the language: %s %j", (fragment, preferred, lang) => {
    expect(languageOf(readLaunch(fragment), preferred)).toBe(lang);
  });
});

describe("the keyboard", () => {
  const alt: KeyPress = {
    code: "",
    altKey: true,
    ctrlKey: false,
    metaKey: false,
    shiftKey: false,
  };

  it.each([
    ["Digit1", { to: "chat", index: 0 }],
    ["Numpad9", { to: "chat", index: 8 }],
    ["KeyN", { to: "next" }],
    ["KeyA", { to: "accept" }],
    ["KeyP", { to: "pass" }],
    ["KeyE", { to: "end" }],
    ["Digit0", null],
    ["KeyM", null],
  ])("knows Alt and %s", (code, shortcut) => {
    expect(shortcutOf({ ...alt, code })).toEqual(shortcut);
  });

  it("never acts without Alt, or with another key beside it", () => {
    const changes = [
      { altKey: false },
      { ctrlKey: true },
      { metaKey: true },
      { shiftKey: true },
    ] as const;
    const found = changes.map((change) => shortcutOf({ ...alt, code: "KeyE", ...change }));
    expect(found).toEqual([null, null, null, null]);
  });
});

describe("the outer page", () => {
  const event: OuterEvent = {
    type: "diyalog",
    event: "authFailed",
    userId: null,
    errorCode: "X",
  };

  function toldTo(ancestors: string, outer?: string): string[] {
    const origins: string[] = [];
    const parent = {
      postMessage: (message: unknown, origin: string) => {
        expect(message).toEqual(event);
        origins.push(origin);
      },
    };
    const location = {
      origin: "https://help.example",
      ...(outer !== undefined && { ancestorOrigins: [outer] }),
    };
    new OuterPage({ parent, location }, ancestors).tell(event);
    return origins;
  }

  it.each([
    ["https://desk.example", "https://desk.example", ["https://desk.example"]],
    ["https://a.example https://b.example", "https://b.example", ["https://b.example"]],
    ["https://*.bank.example", "https://crm.bank.example", ["https://crm.bank.example"]],
    ["https://*.bank.example", "https://bank.example", []],
    ["https://*.bank.example", "https://evilbank.example", []],
    ["https://*.bank.example", "http://crm.bank.example", []],
    ["https://desk.example", "https://desk.example.evil.example", []],
    ["'self'", "https://help.example", ["https://help.example"]],
    ["", "https://desk.example", []],
  ])("may be %j: %s is told", (ancestors, outer, told) => {
    expect(toldTo(ancestors, outer)).toEqual(told);
  });

  it("is addressed by every exact origin where the browser does not say who it is", () => {
    const ancestors = "'self' https://a.example https://*.bank.example";
    expect(toldTo(ancestors)).toEqual(["https://help.example", "https://a.example"]);
    expect(toldTo("")).toEqual([]);
  });

  it("is nobody where the desk stands alone", () => {
    const window = {
      parent: null as unknown,
      location: { origin: "https://help.example" },
      postMessage: () => expect.unreachable(),
    };
    window.parent = window;
    const outer = new OuterPage(window, "'self'");
    outer.tell(event);
    expect(outer.present).toBe(false);
  });
});

describe("what is spoken", () => {
  function told(before: string | null, after: string, words = deskEn): string | null {
    const view = (name: string): View => {
      const found = deskSamples[name];
      if (found === undefined) throw new Error(`no sample ${name}`);
      return found;
    };
    return announcementOf(before === null ? null : view(before), view(after), words);
  }

  it.each([
    [null, "signing-in", "Checking your sign-in."],
    ["signing-in", "signing-in-slow", deskEn.slow],
    ["signing-in", "signing-in", null],
    [
      "list",
      "refused-link",
      "This link is not complete. Open the desk again from your application.",
    ],
    ["chat", "elsewhere", "This desk is open in another window. Your conversations go on there."],
    ["opening", "not-waiting", "This customer is not waiting any more. Deniz Ak took it"],
    ["list-taking", "list-left", "The customer stopped waiting."],
    ["list-taking", "list-gone", "Not waiting any more."],
    ["list", "list-gone", null],
    ["list-taking", "list-unsure", "Not confirmed yet. Accept again."],
    ["list", "list-taking", null],
    [
      "chat",
      "chat-over-customer",
      "The conversation with Ayşe Yıldız is over. The customer ended it.",
    ],
    ["chat-ending", "chat-end-failed", "The end is not confirmed. Please end again."],
    ["chat", "chat-long", null],
    ["chat", "chat-unsent", "Not sent."],
    ["chat-away", "chat", "Ayşe Yıldız: Back."],
    ["offer", "offer-gone", "Ayşe Yıldız: Not offered to you any more."],
    ["offer", "offer-taken", "Ayşe Yıldız: Deniz Ak took it."],
    ["offer", "offer-unsure", deskEn.offers.unsure],
    ["offer", "offer-missed", expect.stringContaining(deskEn.duty.missed)],
    ["duty-here", "duty-lost", expect.stringContaining(deskEn.duty.lost)],
    ["duty-here", "duty-away", null],
    ["duty-here", "duty-failed", deskEn.duty.failed],
    ["duty-here", "duty-elsewhere", deskEn.duty.elsewhere],
    ["duty-missed", "duty-here", null],
  ])("from %s to %s", (before, after, text) => {
    expect(told(before, after)).toEqual(text);
  });

  it("says when a customer goes away, in the time of the device", () => {
    expect(told("chat", "chat-away")).toMatch(/^Ayşe Yıldız: Away since \d\d:\d\d\.$/);
  });

  it("speaks the language of the desk", () => {
    expect(told("chat", "chat-over-agent", deskTr)).toBe(
      "Görüşme sona erdi: Ayşe Yıldız. Siz bitirdiniz.",
    );
  });

  it("counts rows that are new, but not those of the first list", () => {
    const [first, full, empty] = ["list-unknown", "list", "list-empty"].map(
      (name) => deskSamples[name] ?? null,
    );
    if (!first || !full || !empty) throw new Error("a sample is missing");
    expect(newRows(first, full)).toBe(0);
    expect(newRows(empty, full)).toBe(3);
    expect(newRows(full, full)).toBe(0);
  });
});
