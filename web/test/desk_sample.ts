import { vi } from "vitest";
import { Desk } from "../desk/desk.js";
import { readLaunch } from "../desk/launch.js";
import type { OuterEvent } from "../desk/outer.js";
import { eventsFor } from "../desk/outer.js";
import { HttpStaffApi } from "../desk/staff_api.js";
import { StaffStream } from "../desk/stream.js";
import { Tab } from "../desk/tab.js";
import { type DeskView, type View, viewOf } from "../desk/view.js";
import type { FakeStaffServer } from "./desk_fake_server.js";

export const LINK = "#/auth?userId=31007&userName=Selin%20Aksoy";

/** A desk without its drawing, at a server: what it would show, and what the agent can do. */
export async function openDesk(server: FakeStaffServer, storage: Storage, link = LINK) {
  const tab = new Tab(storage);
  const outer: OuterEvent[] = [];
  const url = "wss://help.example/v1/staff/events";
  let visible = true;
  const wakers = new Set<() => void>();
  const lifecycle = {
    visible: () => visible,
    subscribe: (wake: () => void) => {
      wakers.add(wake);
      return () => wakers.delete(wake);
    },
  };
  let number = 0;
  const desk = new Desk({
    api: new HttpStaffApi("https://help.example", server.fetch, () => tab.memory.token),
    openStream: (token, position, listener) =>
      new StaffStream({ url, token, position }, listener, {
        WebSocket: server.WebSocket,
        lifecycle,
        random: () => 0.5,
        now: () => Date.now(),
      }),
    tab,
    launch: readLaunch(link),
    changed: (_happening, before, after) => outer.push(...eventsFor(before, after)),
    now: () => Date.now(),
    random: () => 0.5,
    schedule: (callback, afterMs) => {
      const timer = setTimeout(callback, afterMs);
      return () => clearTimeout(timer);
    },
    newId: () => {
      number += 1;
      return `m-${storage.length}-${number}`;
    },
  });
  desk.open();
  await settle();
  return {
    desk,
    tab,
    outer,
    view: (): View => viewOf(desk.state, Date.now()),
    show: (on: boolean) => {
      visible = on;
      desk.do({ type: "visible", on });
    },
    wake: () => {
      for (const wake of wakers) wake();
    },
  };
}

/** The view while the agent works; anything else fails the test. */
export function working(view: View): DeskView {
  if (view.kind !== "desk") throw new Error(`the desk is ${view.kind}`);
  return view;
}

/** Lets answers arrive, and time pass. */
export async function settle(ms = 250): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

export function memoryStorage(): Storage {
  const items = new Map<string, string>();
  return {
    get length() {
      return items.size;
    },
    clear: () => items.clear(),
    getItem: (key) => items.get(key) ?? null,
    key: (index) => [...items.keys()][index] ?? null,
    removeItem: (key) => {
      items.delete(key);
    },
    setItem: (key, value) => {
      items.set(key, value);
    },
  };
}
