import type { HelpType } from "diyalog";

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
  keepWaiting(): void;
  toggleTime(): void;
  switchLanguage(): void;
  /** null where the window is not the page's own to close. */
  readonly close: (() => void) | null;
}
