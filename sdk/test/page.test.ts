/** The page's own signals: events of a document and a window, and the channel between tabs. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { pageLifecycle } from "../src/lifecycle.js";
import { pageTabs } from "../src/tabs.js";

class FakeDocument extends EventTarget {
  visibilityState = "visible";
}

/** Channels of one browser: a message reaches all others of that name. */
class FakeChannel {
  static all: FakeChannel[] = [];
  onmessage: (() => void) | null = null;

  constructor(readonly name: string) {
    FakeChannel.all.push(this);
  }

  postMessage(): void {
    if (!FakeChannel.all.includes(this)) throw new Error("closed");
    const others = FakeChannel.all.filter((other) => other !== this && other.name === this.name);
    for (const other of others) other.onmessage?.();
  }

  close(): void {
    FakeChannel.all = FakeChannel.all.filter((other) => other !== this);
  }
}

let document: FakeDocument;
let window: EventTarget;

beforeEach(() => {
  FakeChannel.all = [];
  document = new FakeDocument();
  window = new EventTarget();
  vi.stubGlobal("document", document);
  vi.stubGlobal("window", window);
  vi.stubGlobal("BroadcastChannel", FakeChannel);
  vi.stubGlobal("addEventListener", window.addEventListener.bind(window));
  vi.stubGlobal("removeEventListener", window.removeEventListener.bind(window));
});

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("a page's lifecycle", () => {
  it("wakes when it is seen, unfrozen, taken from the page cache, or on another network", () => {
    let woken = 0;
    const stop = pageLifecycle().subscribe(() => {
      woken += 1;
    });
    document.visibilityState = "hidden";
    document.dispatchEvent(new Event("visibilitychange"));
    expect(woken).toBe(0);
    document.visibilityState = "visible";
    for (const name of ["visibilitychange", "resume"]) document.dispatchEvent(new Event(name));
    for (const name of ["pageshow", "online", "offline"]) window.dispatchEvent(new Event(name));
    expect(woken).toBe(5);
    stop();
    for (const name of ["visibilitychange", "resume"]) document.dispatchEvent(new Event(name));
    for (const name of ["pageshow", "online", "offline"]) window.dispatchEvent(new Event(name));
    expect(woken).toBe(5);
  });

  it("is always in front where there is no page", () => {
    vi.unstubAllGlobals();
    const lifecycle = pageLifecycle();
    expect(lifecycle.visible()).toBe(true);
    lifecycle.subscribe(() => {})();
  });
});

describe("a page's tabs", () => {
  function join(sessionId: string, holds: boolean) {
    const seat = {
      free: 0,
      holds: () => holds,
      onFree() {
        seat.free += 1;
      },
    };
    return { seat, leave: pageTabs()(sessionId, seat) };
  }

  it("the others hear that the one that follows leaves, once, and of this session only", () => {
    const following = join("s1", true);
    const other = join("s1", false);
    const stranger = join("s2", false);
    following.leave();
    following.leave();
    expect([following, other, stranger].map(({ seat }) => seat.free)).toEqual([0, 1, 0]);
    other.leave();
    expect(FakeChannel.all).toHaveLength(1);
  });

  it("the others hear it also when the tab is closed, and nothing of a tab that only looks on", () => {
    const following = join("s1", true);
    const other = join("s1", false);
    window.dispatchEvent(new Event("pagehide"));
    expect(following.seat.free).toBe(0);
    expect(other.seat.free).toBe(1);
  });

  it("nobody else is there without a channel between pages", () => {
    vi.stubGlobal("BroadcastChannel", undefined);
    const only = join("s1", true);
    only.leave();
    expect(only.seat.free).toBe(0);
  });
});
