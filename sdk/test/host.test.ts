import { beforeEach, describe, expect, it } from "vitest";
import { mountHelp } from "../src/embed.js";
import { Host, type HostMessage, type HostOrder, type HostWindow } from "../src/host.js";

const BANK = "https://www.bank.example";
const ENDED: HostMessage = {
  type: "waitEnded",
  sessionId: "s1",
  outcome: "NOT_DELIVERED",
  reason: "queue",
  message: "Lütfen yarın deneyin.",
  interactionId: "i1",
  agentName: null,
};

/** A window as far as the bridge uses one; what others post into it is given with `receive`. */
class PageWindow {
  parent: unknown = this;
  readonly listeners: ((event: MessageEvent) => void)[] = [];
  webkit: HostWindow["webkit"];
  DiyalogHost: HostWindow["DiyalogHost"];

  addEventListener(_name: "message", listener: (event: MessageEvent) => void): void {
    this.listeners.push(listener);
  }

  receive(data: unknown, source: unknown, origin = BANK): void {
    for (const listener of this.listeners) listener({ data, source, origin } as MessageEvent);
  }
}

let page: PageWindow;
let obeyed: HostOrder[];
/** What the page posted to the page around it, with the origin it may reach. */
let posted: [unknown, string][];
let outer: { postMessage(message: unknown, origin: string): void };

beforeEach(() => {
  page = new PageWindow();
  obeyed = [];
  posted = [];
  outer = { postMessage: (message, origin) => posted.push([message, origin]) };
});

function hosted(): Host {
  return new Host(page as HostWindow, (order) => obeyed.push(order));
}

describe("in a WebView", () => {
  it("iOS gets objects, Android the same as text", () => {
    const ios: unknown[] = [];
    const android: unknown[] = [];
    page.webkit = { messageHandlers: { diyalog: { postMessage: (one) => ios.push(one) } } };
    page.DiyalogHost = { postMessage: (text) => android.push(JSON.parse(text)) };
    const host = hosted();
    host.tell(ENDED);
    expect(host).toMatchObject({ present: true, framed: false });
    expect(ios).toEqual([{ type: "ready" }, ENDED]);
    expect(android).toEqual(ios);
  });

  it("an app that has taken its end away does not stop the page", () => {
    page.DiyalogHost = {
      postMessage: () => {
        throw new Error("gone");
      },
    };
    expect(() => hosted().tell(ENDED)).not.toThrow();
  });

  it("its app gives orders as the page itself", () => {
    hosted();
    page.receive({ type: "theme", theme: "dark" }, page);
    expect(obeyed).toEqual([{ type: "theme", theme: "dark" }]);
  });
});

describe("in a frame", () => {
  beforeEach(() => {
    page.parent = outer;
  });

  it("tells nothing but that it is there until it is answered, then to that origin only", () => {
    const host = hosted();
    host.tell({ type: "title", title: "One" });
    host.tell({ type: "title", title: "Two" });
    host.tell(ENDED);
    expect(host.present).toBe(false);
    expect(posted).toEqual([[{ type: "ready" }, "*"]]);
    page.receive({ type: "hello" }, outer);
    host.tell({ type: "close" });
    expect(host.present).toBe(true);
    expect(posted.slice(1)).toEqual([
      [{ type: "title", title: "Two" }, BANK],
      [ENDED, BANK],
      [{ type: "close" }, BANK],
    ]);
  });

  it("goes on telling the origin that answered first", () => {
    const host = hosted();
    page.receive({ type: "hello" }, outer);
    page.receive({ type: "hello" }, outer, "https://other.example");
    host.tell(ENDED);
    expect(posted.at(-1)).toEqual([ENDED, BANK]);
  });

  it("listens to nobody else, and to no page without an origin", () => {
    const host = hosted();
    page.receive({ type: "theme", theme: "dark" }, { postMessage: () => {} });
    page.receive({ type: "theme", theme: "dark" }, null);
    page.receive({ type: "hello" }, outer, "null");
    expect(obeyed).toEqual([]);
    expect(host.present).toBe(false);
  });

  it("takes texts as start data", () => {
    hosted();
    const fields = { customerId: "c1", helpType: "chat", phone: 5, email: null };
    page.receive({ type: "start", fields }, outer);
    expect(obeyed).toEqual([{ type: "start", fields: { customerId: "c1", helpType: "chat" } }]);
  });
});

it.each([
  null,
  "theme",
  [],
  {},
  { type: "theme" },
  { type: "theme", theme: "pink" },
  { type: "close" },
])("%j is no order", (data) => {
  hosted();
  page.receive(data, page);
  expect(obeyed).toEqual([]);
});

describe("mountHelp", () => {
  const URL_OF_SERVER = "https://help.bank.example";
  const START = { customerId: "c1", transactionHash: "secret" };
  const heard: HostMessage[] = [];
  let outerWindow: PageWindow & { removeEventListener(name: string, listener: unknown): void };
  let frame: Record<string, unknown> & { contentWindow: typeof outer };
  let removed: boolean;

  function mounted() {
    heard.length = 0;
    removed = false;
    outerWindow = Object.assign(new PageWindow(), {
      removeEventListener: () => outerWindow.listeners.splice(0),
    });
    frame = Object.assign({ contentWindow: outer, remove: () => (removed = true) });
    const element = {
      ownerDocument: { defaultView: outerWindow, baseURI: BANK, createElement: () => frame },
      append: (added: unknown) => expect(added).toBe(frame),
    };
    return mountHelp(element as unknown as Element, {
      url: URL_OF_SERVER,
      start: START,
      title: "Live help",
      onMessage: (message) => heard.push(message),
    });
  }

  it("opens the page without any secret in the address, and allows it what calls need", () => {
    mounted();
    expect(frame["src"]).toBe(`${URL_OF_SERVER}/app/help.html#/embedded`);
    expect(frame["allow"]).toContain("camera; microphone");
    expect(frame["title"]).toBe("Live help");
  });

  it("gives the start data to the page that asks, and to its origin only", () => {
    mounted();
    outerWindow.receive({ type: "ready" }, outer, "https://evil.example");
    outerWindow.receive({ type: "ready" }, {}, URL_OF_SERVER);
    expect(posted).toEqual([]);
    outerWindow.receive({ type: "ready" }, outer, URL_OF_SERVER);
    expect(posted).toEqual([
      [{ type: "theme", theme: "system" }, URL_OF_SERVER],
      [{ type: "start", fields: START }, URL_OF_SERVER],
    ]);
  });

  it("tells how the wait ended, and nothing more once it is removed", () => {
    const help = mounted();
    outerWindow.receive(ENDED, outer, URL_OF_SERVER);
    help.setTheme("dark");
    expect(posted).toEqual([[{ type: "theme", theme: "dark" }, URL_OF_SERVER]]);
    help.remove();
    outerWindow.receive(ENDED, outer, URL_OF_SERVER);
    expect(heard).toEqual([ENDED]);
    expect(removed).toBe(true);
  });
});
