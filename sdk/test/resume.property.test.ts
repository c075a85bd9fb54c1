/**
 * Random lives of a connection: cuts, half-open sockets, silent paths, servers that go away, sleeping
 * apps, restored databases, other screens. Whatever happens, no event is lost and none is repeated, and the end is
 * told once and acknowledged. A failing run names its seed.
 */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Diyalog } from "../src/client.js";
import { FakeServer } from "./fake_server.js";
import { seeded } from "./seeded.js";

const RUNS = 150;
const STEPS = 60;
/** Longer than any pause, opening and silence together. */
const CALM_MS = 60_000;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

class Life {
  readonly server = new FakeServer();
  readonly heard: number[] = [];
  readonly shown: number[] = [];
  readonly closed: number[] = [];
  readonly trace: string[] = [];
  ends = 0;
  visible = true;
  readonly client: Diyalog;
  readonly #random: () => number;
  #wake = () => {};

  constructor(seed: number) {
    this.#random = seeded(seed);
    this.client = new Diyalog({
      url: "https://help.example",
      fetch: this.server.fetch,
      WebSocket: this.server.WebSocket,
      lifecycle: {
        visible: () => this.visible,
        subscribe: (wake) => {
          this.#wake = wake;
          return () => {};
        },
      },
      random: this.#random,
    });
    const { help, token } = this.server.waiting();
    this.client.resume(token);
    this.client.on("event", ({ seq }) => this.heard.push(seq));
    this.client.on("help", ({ seq }) => this.shown.push(seq));
    this.client.on("connection", (change) => {
      if (change.state === "closed") this.closed.push(change.code);
    });
    this.client.on("wait.ended", () => {
      this.ends += 1;
      const showsFor = this.#random() * 2_000;
      return this.#random() < 0.5 ? undefined : new Promise((done) => setTimeout(done, showsFor));
    });
    this.client.follow(help);
  }

  readonly acts: Readonly<Record<string, () => void>> = {
    update: () => this.server.emit("wait.of_tomorrow", { position: 1 }),
    "update twice": () => {
      this.acts["update"]?.();
      this.acts["update"]?.();
    },
    cut: () => this.server.socket.serverCloses(1006),
    // The frame is on its way when the connection breaks.
    "update and cut": () => {
      this.acts["update"]?.();
      this.server.socket.readyState = 3;
      this.server.socket.onclose?.({ code: 1006, reason: "" });
    },
    "half open": () => this.server.socket.breakSilently(),
    silence: () => {
      this.server.silent = true;
    },
    "go away": () => this.server.socket.serverCloses(1012, (this.#random() * 20).toFixed(3)),
    "too slow": () => this.server.socket.serverCloses(1013),
    repeat: () => {
      for (const event of this.server.newest.events) this.server.socket.receive(event.text);
    },
    garbage: () => this.server.socket.receiveRaw('{"type":'),
    "network away": () => {
      this.server.network = this.#random() < 0.5 ? "refuse" : "hang";
      this.server.socket.serverCloses(1006);
    },
    "network back": () => {
      this.server.network = "up";
      this.server.silent = false;
    },
    hide: () => {
      this.visible = false;
    },
    wake: () => {
      this.visible = true;
      this.#wake();
    },
    sleep: () => {
      vi.setSystemTime(Date.now() + this.#random() * 120_000);
    },
  };

  /** One random act, and a random time after it; now and then none, so that acts meet each other. */
  async step(names: readonly string[]): Promise<void> {
    const name = names[Math.floor(this.#random() * names.length)] ?? "";
    this.trace.push(name);
    this.acts[name]?.();
    if (this.#random() < 0.7) await this.pass(this.#random() * 8_000);
  }

  async pass(ms: number): Promise<void> {
    await vi.advanceTimersByTimeAsync(ms);
  }

  async calmDown(): Promise<void> {
    this.acts["network back"]?.();
    this.acts["wake"]?.();
    await this.pass(CALM_MS);
  }
}

describe.each(Array.from({ length: RUNS }, (_, index) => index + 1))("life %i", (seed) => {
  it("loses no event, repeats none, and learns the end once", async () => {
    const life = new Life(seed);
    const names = Object.keys(life.acts);
    const endsAt = Math.floor(seeded(seed + 1_000)() * STEPS);
    for (let step = 0; step < STEPS; step += 1) {
      if (step === endsAt) life.server.end("NOT_DELIVERED", "queue", "Yarın");
      // After the end no more events come.
      await life.step(step < endsAt ? names : names.filter((name) => !name.startsWith("update")));
    }
    await life.calmDown();
    const { events, acknowledged, help } = life.server.newest;
    const all = events.map((event) => event.seq).slice(1); // the first was known from the start
    expect(life.heard, life.trace.join(", ")).toEqual(all);
    expect(life.ends).toBe(1);
    expect(life.shown.at(-1)).toBe(help.seq);
    expect(acknowledged).toBe(true);
    expect(life.closed).toEqual([1000]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe.each(Array.from({ length: 40 }, (_, index) => index + 1))("restored life %i", (seed) => {
  it("takes each snapshot for the truth and never goes back", async () => {
    const life = new Life(seed);
    const names = Object.keys(life.acts);
    for (let step = 0; step < STEPS; step += 1) {
      if (step % 20 === 10) life.server.epoch = `epoch-${step}`;
      await life.step(names);
    }
    life.server.end("EXPIRED", "time_limit");
    await life.calmDown();
    expect(new Set(life.heard).size, life.trace.join(", ")).toBe(life.heard.length);
    expect([...life.shown].sort((a, b) => a - b)).toEqual(life.shown);
    expect(life.shown.at(-1)).toBe(life.server.newest.help.seq);
    expect(life.ends).toBe(1);
    expect(life.server.newest.acknowledged).toBe(true);
  });
});
