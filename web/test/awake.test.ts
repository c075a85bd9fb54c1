import { beforeEach, expect, it } from "vitest";
import { Awake } from "../shared/awake.js";

class Sentinel extends EventTarget {
  released = false;
  readonly type = "screen";
  onrelease = null;
  async release(): Promise<void> {
    this.released = true;
  }
}

class Page extends EventTarget {
  visibilityState: DocumentVisibilityState = "visible";
}

let page: Page;
let given: Sentinel[];
const lock = {
  async request() {
    const sentinel = new Sentinel();
    given.push(sentinel);
    return sentinel;
  },
} as unknown as WakeLock;

beforeEach(() => {
  page = new Page();
  given = [];
});

async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

it("is asked for once while wanted, and given back afterwards", async () => {
  const awake = new Awake(page as unknown as Document, lock);
  awake.keep(true);
  awake.keep(true);
  await settled();
  expect(given.map(({ released }) => released)).toEqual([false]);
  awake.keep(false);
  await settled();
  expect(given.map(({ released }) => released)).toEqual([true]);
});

it("is asked for again when the page comes back", async () => {
  const awake = new Awake(page as unknown as Document, lock);
  awake.keep(true);
  await settled();
  await given[0]?.release();
  page.visibilityState = "hidden";
  page.dispatchEvent(new Event("visibilitychange"));
  await settled();
  expect(given).toHaveLength(1);
  page.visibilityState = "visible";
  page.dispatchEvent(new Event("visibilitychange"));
  await settled();
  expect(given).toHaveLength(2);
});

it("is given back when the wait ended before it came", async () => {
  const awake = new Awake(page as unknown as Document, lock);
  awake.keep(true);
  awake.keep(false);
  await settled();
  expect(given.every(({ released }) => released)).toBe(true);
});

it.each([
  undefined,
  { request: () => Promise.reject(new Error("refused")) },
])("does without where it is refused", async (refusing) => {
  const awake = new Awake(page as unknown as Document, refusing as unknown as WakeLock);
  awake.keep(true);
  await settled();
  awake.keep(false);
  await settled();
  expect(given).toEqual([]);
});
