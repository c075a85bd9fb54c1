/** Two notes when somebody joins: made here, not loaded, and only after a tap has allowed them. */

const NAME = "diyalog.sound";
/** Hertz, one after the other. */
const NOTES = [587, 880] as const;
const NOTE_SECONDS = 0.2;
const ATTACK_SECONDS = 0.01;
/** -18 dB. */
const LOUDNESS = 0.126;
const SILENCE = 0.0001;
const VIBRATION_MS = 200;

export interface SoundParts {
  readonly makeContext: () => AudioContext;
  /** null where the device has none. */
  readonly vibrate: ((ms: number) => void) | null;
  /** The tab's; null where the browser refuses it. */
  readonly storage: Storage | null;
  /** Told whenever the switch stands differently. */
  readonly changed: (on: boolean) => void;
}

/** The switch shows "on" only while a sound would be heard: browsers want a tap before that. */
export class JoinSound {
  readonly #parts: SoundParts;
  #wanted: boolean;
  #context: AudioContext | null = null;

  constructor(parts: SoundParts) {
    this.#parts = parts;
    this.#wanted = this.#remembered();
  }

  get on(): boolean {
    return this.#wanted && this.#context?.state === "running";
  }

  /** The customer tapped the switch. */
  toggle(): void {
    this.#wanted = !this.on;
    try {
      this.#parts.storage?.setItem(NAME, this.#wanted ? "on" : "off");
    } catch {
      // A full or forbidden storage costs the memory, not the sound.
    }
    if (this.#wanted) this.wake();
    else this.#parts.changed(false);
  }

  /** Phones take the sound from hidden pages. Without a tap before, asking would be refused. */
  shownAgain(): void {
    if (this.#context !== null) this.wake();
  }

  /** A tap: what the customer wanted before, and a reload took away, may be allowed now. */
  wake(): void {
    if (!this.#wanted) return;
    try {
      const context = this.#context ?? this.#parts.makeContext();
      if (this.#context === null) {
        this.#context = context;
        context.addEventListener("statechange", () => this.#parts.changed(this.on));
      }
      // A refusal comes with the next tap's permission; until then the switch says "off".
      context.resume().catch(() => {});
      this.#parts.changed(this.on);
    } catch {
      this.#parts.changed(false);
    }
  }

  /**
   * Somebody joined.
   * @param softly one note, and less loud, for what can wait
   */
  play(softly = false): void {
    const context = this.#context;
    if (!this.on || context === null) return;
    const peak = softly ? LOUDNESS / 3 : LOUDNESS;
    NOTES.slice(0, softly ? 1 : undefined).forEach((pitch, number) => {
      const begin = context.currentTime + number * NOTE_SECONDS;
      const end = begin + NOTE_SECONDS;
      const tone = new OscillatorNode(context, { frequency: pitch });
      const loudness = new GainNode(context, { gain: SILENCE });
      loudness.gain.setValueAtTime(SILENCE, begin);
      loudness.gain.linearRampToValueAtTime(peak, begin + ATTACK_SECONDS);
      loudness.gain.exponentialRampToValueAtTime(SILENCE, end);
      tone.connect(loudness).connect(context.destination);
      tone.start(begin);
      tone.stop(end);
    });
    if (!softly) this.#parts.vibrate?.(VIBRATION_MS);
  }

  #remembered(): boolean {
    try {
      return this.#parts.storage?.getItem(NAME) === "on";
    } catch {
      return false;
    }
  }
}
