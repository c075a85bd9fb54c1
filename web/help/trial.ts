/** The customer tries camera and microphone while waiting: what is known of them, and how. */

import { Loudness } from "#shared/loudness.ts";

export type Kind = "camera" | "microphone";

/** The devices of one kind, and the one in use. */
export interface Choice {
  readonly chosen: string;
  readonly all: readonly { readonly id: string; readonly name: string }[];
}

/** `video`: the camera is tried too. */
export type Trial =
  | { readonly step: "closed" | "asking"; readonly video: boolean }
  | {
      readonly step: "running";
      readonly video: boolean;
      readonly seen: boolean;
      readonly heard: boolean;
      /** Nothing was heard for a while. */
      readonly silent: boolean;
      readonly cameras: Choice;
      readonly microphones: Choice;
    }
  | {
      readonly step: "failed";
      readonly video: boolean;
      readonly cause: "refused" | "none" | "busy";
      readonly what: Kind;
    };

const SILENT_AFTER_MS = 6_000;
/** Of full scale: speech at arm's length is louder, an empty room is not. */
const HEARD_LEVEL = 0.02;

export interface TrialParts {
  /** undefined where the browser gives pages no devices, as without HTTPS. */
  readonly media: MediaDevices | undefined;
  readonly makeContext: () => AudioContext;
  readonly changed: (trial: Trial) => void;
  /** Calls back after so many milliseconds. @returns cancels it */
  readonly schedule: (callback: () => void, afterMs: number) => () => void;
}

/** Switches devices on only when told to, and off as soon as they are not looked at. */
export class DeviceTrial {
  readonly #parts: TrialParts;
  /** Whether the customer asked for help with a picture. */
  readonly #video: boolean;
  #trial: Trial;
  #chosen: Partial<Record<Kind, string>> = {};
  #stream: MediaStream | null = null;
  #loudness: Loudness | null = null;
  #picture: HTMLVideoElement | null = null;
  #meter: HTMLMeterElement | null = null;
  #cancelSilence: () => void = () => {};
  /** Stands for the newest request: an answer to an older one comes too late. */
  #request: object = {};

  constructor(video: boolean, parts: TrialParts) {
    this.#parts = parts;
    this.#video = video;
    this.#trial = { step: "closed", video };
  }

  /** Asks for the devices. Call it for a tap only. */
  async open(video: boolean): Promise<void> {
    this.#change({ step: "asking", video });
    await this.#ask(video);
  }

  /** The customer chose another device. */
  choose(kind: Kind, id: string): void {
    this.#chosen = { ...this.#chosen, [kind]: id };
    // The panel stays: the customer's focus is in it.
    void this.#ask(this.#trial.video);
  }

  /** Everything off. */
  close(): void {
    if (this.#trial.step === "closed") return;
    this.#begin();
    this.#change({ step: "closed", video: this.#video });
  }

  /** The page is not looked at any more; a question of the system may hide it, too. */
  hidden(): void {
    if (this.#trial.step === "running") this.close();
  }

  /** Where the picture is shown; null when it is not any more. */
  showPicture(picture: HTMLVideoElement | null): void {
    this.#picture = picture;
    this.#connectPicture();
  }

  /** Where the loudness is shown; null when it is not any more. */
  showLevel(meter: HTMLMeterElement | null): void {
    this.#meter = meter;
  }

  async #ask(video: boolean): Promise<void> {
    const request = this.#begin();
    try {
      const { media } = this.#parts;
      if (media === undefined) throw new DOMException("no devices here", "NotAllowedError");
      const stream = await media.getUserMedia({
        audio: exactly(this.#chosen.microphone),
        video: video && exactly(this.#chosen.camera),
      });
      if (request !== this.#request) return stop(stream);
      this.#stream = stream;
      const devices = await media.enumerateDevices();
      if (request === this.#request) this.#run(stream, devices, video);
    } catch (error) {
      const failed = await this.#failure(error, video);
      if (request === this.#request) this.#fail(failed, video);
    }
  }

  #begin(): object {
    this.#cancelSilence();
    this.#loudness?.close();
    this.#loudness = null;
    if (this.#stream !== null) stop(this.#stream);
    this.#stream = null;
    this.#request = {};
    return this.#request;
  }

  #run(stream: MediaStream, devices: readonly MediaDeviceInfo[], video: boolean): void {
    for (const track of stream.getTracks()) {
      const what = track.kind === "video" ? "camera" : "microphone";
      track.addEventListener("ended", () => {
        if (stream === this.#stream) this.#fail({ cause: "none", what }, video);
      });
    }
    this.#change({
      step: "running",
      video,
      seen: false,
      heard: false,
      silent: false,
      cameras: choiceOf(devices, "videoinput", stream.getVideoTracks()[0]),
      microphones: choiceOf(devices, "audioinput", stream.getAudioTracks()[0]),
    });
    this.#connectPicture();
    this.#loudness = new Loudness(this.#parts.makeContext, stream, (level) => this.#hears(level));
    this.#cancelSilence = this.#parts.schedule(
      () => this.#learn({ silent: true }),
      SILENT_AFTER_MS,
    );
  }

  #connectPicture(): void {
    const picture = this.#picture;
    if (picture === null || this.#stream === null || picture.srcObject === this.#stream) return;
    picture.srcObject = this.#stream;
    picture.onloadeddata = () => this.#learn({ seen: true });
    // Refused where the page lost the customer's tap: the picture then stands still.
    picture.play().catch(() => {});
  }

  #hears(level: number): void {
    // Speech fills a quarter of the scale: what people see should reach further.
    if (this.#meter !== null) this.#meter.value = Math.min(100, level * 400);
    if (level >= HEARD_LEVEL) this.#learn({ heard: true });
  }

  #learn(change: { seen?: true; heard?: true; silent?: true }): void {
    const trial = this.#trial;
    if (trial.step !== "running") return;
    const next = { ...trial, ...change };
    const same = next.seen === trial.seen && next.heard === trial.heard;
    if (!same || next.silent !== trial.silent) this.#change(next);
  }

  async #failure(
    error: unknown,
    video: boolean,
  ): Promise<Pick<Extract<Trial, { step: "failed" }>, "cause" | "what">> {
    const first: Kind = video ? "camera" : "microphone";
    const name = error instanceof DOMException ? error.name : "";
    if (name === "NotReadableError" || name === "AbortError") return { cause: "busy", what: first };
    if (name !== "NotFoundError" && name !== "OverconstrainedError") {
      return { cause: "refused", what: first };
    }
    // A device that was chosen and has gone is not asked for again.
    this.#chosen = {};
    const devices = (await this.#parts.media?.enumerateDevices().catch(() => [])) ?? [];
    const camera = devices.some(({ kind }) => kind === "videoinput");
    return { cause: "none", what: video && !camera ? "camera" : "microphone" };
  }

  #fail(failed: Pick<Extract<Trial, { step: "failed" }>, "cause" | "what">, video: boolean): void {
    this.#begin();
    this.#change({ step: "failed", video, ...failed });
  }

  #change(trial: Trial): void {
    this.#trial = trial;
    this.#parts.changed(trial);
  }
}

function exactly(id: string | undefined): MediaTrackConstraints | true {
  return id === undefined ? true : { deviceId: { exact: id } };
}

function choiceOf(
  devices: readonly MediaDeviceInfo[],
  kind: MediaDeviceKind,
  track: MediaStreamTrack | undefined,
): Choice {
  const all = devices
    .filter((device) => device.kind === kind)
    .map(({ deviceId, label }) => ({ id: deviceId, name: label }));
  return { chosen: track?.getSettings().deviceId ?? "", all };
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
