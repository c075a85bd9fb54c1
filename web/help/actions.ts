import type { HelpType } from "diyalog";
import type { Kind } from "./trial.js";

/** Everything the customer can do on the page. */
export interface Actions {
  choose(helpType: HelpType): void;
  askAgain(): void;
  retryStart(): void;
  chooseAgain(): void;
  showCurrent(): void;
  useHere(): void;
  tryNow(): void;
  askToStop(): void;
  keepPlace(): void;
  stop(): void;
  /** Writes to the agent. */
  write(text: string): void;
  /** What stands in the composer, after every key. */
  draft(text: string): void;
  /** What stood there before a reload. */
  readonly drafted: string;
  /** What was written is in view. */
  read(): void;
  writeAgain(id: string): void;
  endConversation(): void;
  keepWaiting(): void;
  toggleTime(): void;
  toggleSound(): void;
  /** @param video the camera too */
  tryDevices(video: boolean): void;
  chooseDevice(kind: Kind, id: string): void;
  closeDevices(): void;
  /** Where the customer's own picture, and the loudness of the microphone, are shown. */
  readonly showPicture: (picture: HTMLVideoElement | null) => void;
  readonly showLevel: (meter: HTMLMeterElement | null) => void;
  switchLanguage(): void;
  /** null where the window is not the page's own to close. */
  readonly close: (() => void) | null;
}
