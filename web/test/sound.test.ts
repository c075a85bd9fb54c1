import { beforeEach, expect, it, vi } from "vitest";
import { JoinSound, type SoundParts } from "../shared/sound.js";

/** Web Audio as far as the sound uses it; `allowed` is what the browser makes of taps. */
class Audio extends EventTarget {
  state = "suspended";
  allowed = true;
  currentTime = 0;
  destination = {};

  async resume(): Promise<void> {
    if (!this.allowed) return;
    this.state = "running";
    this.dispatchEvent(new Event("statechange"));
  }
}

let audio: Audio;
let played: { pitch: number; from: number; to: number }[];
let loudest: number;
let vibrated: number[];
let kept: Map<string, string>;
let switched: boolean[];

beforeEach(() => {
  audio = new Audio();
  played = [];
  loudest = 0;
  vibrated = [];
  kept = new Map();
  switched = [];
  vi.stubGlobal(
    "OscillatorNode",
    class {
      readonly #note: { pitch: number; from: number; to: number };
      constructor(_context: unknown, { frequency }: { frequency: number }) {
        this.#note = { pitch: frequency, from: 0, to: 0 };
        played.push(this.#note);
      }
      connect(next: unknown) {
        return next;
      }
      start(at: number) {
        this.#note.from = at;
      }
      stop(at: number) {
        this.#note.to = at;
      }
    },
  );
  vi.stubGlobal(
    "GainNode",
    class {
      gain = {
        setValueAtTime: () => {},
        exponentialRampToValueAtTime: () => {},
        linearRampToValueAtTime: (level: number) => {
          loudest = Math.max(loudest, level);
        },
      };
      connect(next: unknown) {
        return next;
      }
    },
  );
});

function sound(change: Partial<SoundParts> = {}): JoinSound {
  return new JoinSound({
    makeContext: () => audio as unknown as AudioContext,
    vibrate: (ms) => vibrated.push(ms),
    storage: {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => kept.set(key, value),
    } as unknown as Storage,
    changed: (on) => switched.push(on),
    ...change,
  });
}

it("is off until a tap allows it", () => {
  const made = sound();
  made.wake();
  made.play();
  expect([made.on, played, vibrated]).toEqual([false, [], []]);
});

it("plays two rising notes of 0.4 s at -18 dB, and vibrates for 200 ms", async () => {
  const made = sound();
  made.toggle();
  await Promise.resolve();
  expect(made.on).toBe(true);
  expect(switched.at(-1)).toBe(true);
  made.play();
  expect(played).toHaveLength(2);
  expect(played[1]?.pitch).toBeGreaterThan(played[0]?.pitch ?? Number.POSITIVE_INFINITY);
  expect(played[0]?.from).toBe(0);
  expect(played[1]?.to).toBeCloseTo(0.4);
  expect(20 * Math.log10(loudest)).toBeCloseTo(-18, 1);
  expect(vibrated).toEqual([200]);
});

it("plays one note, less loud, for what can wait", async () => {
  const made = sound();
  made.toggle();
  await Promise.resolve();
  made.play(true);
  expect(played).toHaveLength(1);
  expect(20 * Math.log10(loudest)).toBeCloseTo(-27.5, 1);
  expect(vibrated).toEqual([]);
});

it("can be switched off again", async () => {
  const made = sound();
  made.toggle();
  await Promise.resolve();
  made.toggle();
  made.play();
  expect([made.on, switched.at(-1), played]).toEqual([false, false, []]);
});

it("is remembered by the tab, and comes back with the next tap", async () => {
  sound().toggle();
  switched = [];
  audio = new Audio();
  audio.allowed = false;
  const again = sound();
  again.shownAgain();
  expect(switched).toEqual([]);
  again.wake();
  await Promise.resolve();
  expect(again.on).toBe(false);
  again.play();
  expect(played).toEqual([]);
  audio.allowed = true;
  again.wake();
  await Promise.resolve();
  expect(again.on).toBe(true);
});

it("does without a storage, and without any sound", () => {
  const refuse = () => {
    throw new Error("refused");
  };
  const storage = { getItem: refuse, setItem: refuse } as unknown as Storage;
  const made = sound({ storage, makeContext: refuse });
  expect(() => made.toggle()).not.toThrow();
  expect(made.on).toBe(false);
});
