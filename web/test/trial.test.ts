import { beforeEach, describe, expect, it } from "vitest";
import { trialText } from "../help/text.js";
import { DeviceTrial, type Trial } from "../help/trial.js";
import { en } from "../words/en.js";

class Track extends EventTarget {
  stopped = false;
  constructor(
    readonly kind: "audio" | "video",
    readonly id: string,
  ) {
    super();
  }
  getSettings() {
    return { deviceId: this.id };
  }
  stop(): void {
    this.stopped = true;
  }
}

class Stream {
  constructor(readonly tracks: readonly Track[]) {}
  getTracks() {
    return this.tracks;
  }
  getVideoTracks() {
    return this.tracks.filter(({ kind }) => kind === "video");
  }
  getAudioTracks() {
    return this.tracks.filter(({ kind }) => kind === "audio");
  }
}

type Asked = { audio: unknown; video: unknown };

/** A device's cameras and microphones; answers wait until they are let go. */
class Media {
  asked: Asked[] = [];
  given: Stream[] = [];
  devices = [
    { kind: "videoinput", deviceId: "front", label: "Front" },
    { kind: "videoinput", deviceId: "back", label: "Back" },
    { kind: "audioinput", deviceId: "m", label: "Mic" },
    { kind: "audiooutput", deviceId: "s", label: "Speaker" },
  ];
  refusal: string | null = null;
  answer: Promise<void> = Promise.resolve();

  async getUserMedia(asked: Asked): Promise<Stream> {
    this.asked.push(asked);
    await this.answer;
    if (this.refusal !== null) throw new DOMException("no", this.refusal);
    const camera = (asked.video as { deviceId?: { exact: string } }).deviceId?.exact ?? "front";
    const tracks = [new Track("audio", "m"), ...(asked.video ? [new Track("video", camera)] : [])];
    const stream = new Stream(tracks);
    this.given.push(stream);
    return stream;
  }

  async enumerateDevices() {
    return this.devices;
  }
}

let media: Media;
let trial: Trial;
let later: (() => void)[];
let hear: (level: number) => void;

beforeEach(() => {
  media = new Media();
  later = [];
});

/** Web Audio that hears what the test says; read ten times a second by the page's own timer. */
function audio(): AudioContext {
  let level = 0;
  hear = (loud) => {
    level = loud;
  };
  return {
    createAnalyser: () => ({
      fftSize: 4,
      getFloatTimeDomainData: (samples: Float32Array) => samples.fill(level),
    }),
    createMediaStreamSource: () => ({ connect: () => {} }),
    close: async () => {},
  } as unknown as AudioContext;
}

function made(video = true): DeviceTrial {
  return new DeviceTrial(video, {
    media: media as unknown as MediaDevices,
    makeContext: audio,
    changed: (now) => {
      trial = now;
    },
    schedule: (callback) => {
      later.push(callback);
      return () => later.splice(later.indexOf(callback), 1);
    },
  });
}

/** Where the picture is shown. */
function picture() {
  return { srcObject: null as unknown, onloadeddata: () => {}, play: async () => {} };
}

it("asks only when told to, for both, and shows what it got", async () => {
  const test = made();
  const shown = picture();
  expect(media.asked).toEqual([]);
  const opening = test.open(true);
  expect(trial.step).toBe("asking");
  await opening;
  test.showPicture(shown as unknown as HTMLVideoElement);
  expect(media.asked).toEqual([{ audio: true, video: true }]);
  expect(shown.srcObject).toBe(media.given[0]);
  expect(trial).toMatchObject({
    step: "running",
    seen: false,
    cameras: { chosen: "front", all: [{ id: "front", name: "Front" }, { id: "back" }] },
    microphones: { chosen: "m", all: [{ id: "m", name: "Mic" }] },
  });
  expect(trialText(trial, en)).toBe("One moment, your camera is starting.");
  shown.onloadeddata();
  expect(trialText(trial, en)).toBe("Now say something, to see whether the microphone hears you.");
  test.close();
});

it("says that both work once it has seen and heard", async () => {
  const test = made();
  const shown = picture();
  const meter = { value: 0 };
  await test.open(true);
  test.showPicture(shown as unknown as HTMLVideoElement);
  test.showLevel(meter as HTMLMeterElement);
  shown.onloadeddata();
  hear(0.1);
  await expect.poll(() => trialText(trial, en)).toBe("Both work. No one sees you until you join.");
  expect(meter.value).toBeCloseTo(40);
  test.close();
  expect(trial).toEqual({ step: "closed", video: true });
  expect(media.given[0]?.tracks.every(({ stopped }) => stopped)).toBe(true);
});

it("says so when it hears nothing for a while", async () => {
  const test = made(false);
  await test.open(false);
  expect(media.asked).toEqual([{ audio: true, video: false }]);
  expect(trialText(trial, en)).toMatch(/^Now say something/);
  for (const callback of later) callback();
  expect(trialText(trial, en)).toMatch(/^We can't hear you/);
  test.close();
});

it("takes the device that the customer chooses, and lets go of the one before", async () => {
  const test = made();
  await test.open(true);
  test.choose("camera", "back");
  await expect.poll(() => trial).toMatchObject({ cameras: { chosen: "back" } });
  expect(media.asked[1]?.video).toEqual({ deviceId: { exact: "back" } });
  expect(media.given.map(({ tracks }) => tracks[0]?.stopped)).toEqual([true, false]);
  test.close();
});

it("switches off what comes after it was closed", async () => {
  let letGo = () => {};
  media.answer = new Promise((resolve) => {
    letGo = resolve;
  });
  const test = made();
  const opening = test.open(true);
  test.close();
  letGo();
  await opening;
  expect(trial.step).toBe("closed");
  expect(media.given[0]?.tracks.every(({ stopped }) => stopped)).toBe(true);
});

it("is off when nobody looks, but not while the system asks", async () => {
  const test = made();
  const opening = test.open(true);
  test.hidden();
  expect(trial.step).toBe("asking");
  await opening;
  test.hidden();
  expect(trial.step).toBe("closed");
});

describe("what went wrong", () => {
  it.each([
    ["NotAllowedError", true, "The app or the browser does not let us use your camera."],
    ["NotAllowedError", false, "The app or the browser does not let us use your microphone."],
    ["SecurityError", true, "The app or the browser does not let us use your camera."],
    ["NotReadableError", true, "Another app is using the camera."],
    ["NotReadableError", false, "Another app is using the microphone."],
    ["NotFoundError", false, "We found no microphone."],
  ])("%s, with picture: %j", async (name, video, text) => {
    media.refusal = name;
    media.devices = media.devices.filter(({ kind }) => kind === "videoinput");
    const test = made(video);
    await test.open(video);
    expect(trialText(trial, en)).toContain(text);
  });

  it("tells which device is missing", async () => {
    media.refusal = "NotFoundError";
    media.devices = media.devices.filter(({ kind }) => kind !== "videoinput");
    await made().open(true);
    expect(trialText(trial, en)).toBe("We found no camera.");
    media.devices = [{ kind: "videoinput", deviceId: "front", label: "" }];
    await made().open(true);
    expect(trialText(trial, en)).toBe("We found no microphone.");
  });

  it("explains where the browser gives pages no devices at all", async () => {
    const test = new DeviceTrial(true, {
      media: undefined,
      makeContext: audio,
      changed: (now) => {
        trial = now;
      },
      schedule: () => () => {},
    });
    await test.open(true);
    expect(trial).toMatchObject({ step: "failed", cause: "refused", what: "camera" });
  });

  it("says so when the device goes away", async () => {
    await made().open(true);
    media.given[0]?.tracks[1]?.dispatchEvent(new Event("ended"));
    expect(trialText(trial, en)).toBe("We found no camera.");
  });
});
