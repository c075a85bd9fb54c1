import type { Preference } from "./preference.js";

/** What browsers call a notification: shown until it is clicked or closed. */
export interface Shown {
  onclick: ((event: Event) => void) | null;
  close(): void;
}

/** What a browser gives to show notifications. */
export interface NotificationMaker {
  readonly permission: NotificationPermission;
  requestPermission(): Promise<NotificationPermission>;
  new (title: string, options: NotificationOptions): Shown;
}

/** `refused`: the agent wants them, the browser does not allow them. */
export type NoticesState = "off" | "on" | "refused";

export interface NoticesParts {
  /** null where the browser has none, as in most frames of apps. */
  readonly maker: NotificationMaker | null;
  readonly wanted: Preference;
  /** Whether somebody can see the desk now. */
  readonly seen: () => boolean;
  /** Brings the desk to the front. */
  readonly comeForward: () => void;
  /** Told whenever the switch stands differently. */
  readonly changed: (state: NoticesState) => void;
}

/** One notice replaces the other. */
const TAG = "diyalog.desk";

/**
 * Notifications of the system, for an agent who looks at something else. Only after the agent has asked for them, and
 * with nothing of a customer in them: a lock screen shows them to everybody.
 */
export class Notices {
  readonly #parts: NoticesParts;
  #shown: Shown | null = null;
  #state: NoticesState;

  constructor(parts: NoticesParts) {
    this.#parts = parts;
    const { maker, wanted } = parts;
    this.#state = wanted.on && maker?.permission === "granted" ? "on" : "off";
  }

  get state(): NoticesState {
    return this.#state;
  }

  /** The agent clicked the switch; browsers ask for the permission only then. */
  async toggle(): Promise<void> {
    const { maker, wanted } = this.#parts;
    if (this.#state === "on") {
      wanted.keep(false);
      this.clear();
      this.#become("off");
      return;
    }
    const permission = maker === null ? "denied" : await asked(maker);
    wanted.keep(permission === "granted");
    this.#become(permission === "granted" ? "on" : "refused");
  }

  /** Tells it, unless the desk is seen. */
  tell(text: string): void {
    const { maker, seen, comeForward } = this.#parts;
    if (this.#state !== "on" || maker === null || seen()) return;
    try {
      const shown = new maker(text, { tag: TAG });
      shown.onclick = () => {
        comeForward();
        shown.close();
      };
      this.#shown = shown;
    } catch {
      // Some phones have the name and refuse to make one outside a service worker.
      this.#become("refused");
    }
  }

  /** The desk is seen again: what was told is not news any more. */
  clear(): void {
    this.#shown?.close();
    this.#shown = null;
  }

  #become(state: NoticesState): void {
    this.#state = state;
    this.#parts.changed(state);
  }
}

async function asked(maker: NotificationMaker): Promise<NotificationPermission> {
  try {
    return await maker.requestPermission();
  } catch {
    return "denied";
  }
}
