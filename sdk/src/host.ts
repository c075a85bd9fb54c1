/** The app around a page: the native side of a WebView, or the page in whose frame it stands. */

import type { HelpType } from "./codes.js";
import { type Fields, textOf, type WaitEnded } from "./messages.js";

/** What a page tells the app around it; the same objects by every way. */
export type HostMessage =
  /** The page listens: an outer page answers with an order, and is told the rest from then on. */
  | { readonly type: "ready" }
  | {
      readonly type: "waitStarted";
      readonly sessionId: string;
      readonly interactionId: string | null;
      readonly helpType: HelpType;
    }
  | ({ readonly type: "waitEnded" } & WaitEnded)
  /** The customer wants the page to go away. */
  | { readonly type: "close" }
  | { readonly type: "title"; readonly title: string }
  | { readonly type: "keepAwake"; readonly on: boolean };

export const THEMES = ["light", "dark", "system"] as const;
export type Theme = (typeof THEMES)[number];

/** What the app around it tells a page. */
export type HostOrder =
  | { readonly type: "hello" }
  | { readonly type: "theme"; readonly theme: Theme }
  /** The names and values of the link into the page, for a frame that was opened without them. */
  | { readonly type: "start"; readonly fields: Readonly<Record<string, string>> };

/** The parts of the browser's window that are used. */
export interface HostWindow {
  readonly parent: unknown;
  addEventListener(name: "message", listener: (event: MessageEvent) => void): void;
  /** iOS: a `WKScriptMessageHandler` of this name. */
  readonly webkit?: {
    readonly messageHandlers?: {
      readonly diyalog?: { postMessage(message: unknown): void };
    };
  };
  /** Android: a `WebMessageListener` or a `JavascriptInterface` of this name. */
  readonly DiyalogHost?: { postMessage(text: string): void };
}

interface OuterPage {
  postMessage(message: unknown, targetOrigin: string): void;
}

/**
 * The way to the app around the page, whichever there is; without one, nothing is told.
 *
 * An outer page learns nothing but `ready` until it has given an order: from then on everything goes
 * to the origin that the browser says the order came from, and to no other. Which origins may frame a
 * page at all is the server's setting `DIYALOG_FRAME_ANCESTORS`.
 */
export class Host {
  readonly #window: HostWindow;
  readonly #obey: (order: HostOrder) => void;
  readonly #outer: OuterPage | null;
  #outerOrigin: string | null = null;
  /** The newest message of each type, for an outer page that has not answered yet. */
  readonly #held = new Map<string, HostMessage>();

  /** @param obey told of every order, from the outer page or the WebView's own app */
  constructor(window: HostWindow, obey: (order: HostOrder) => void) {
    this.#window = window;
    this.#obey = obey;
    this.#outer = window.parent === window ? null : (window.parent as OuterPage);
    window.addEventListener("message", (event) => this.#heard(event));
    this.#native({ type: "ready" });
    this.#outer?.postMessage({ type: "ready" }, "*");
  }

  /** Whether the page stands in a frame. */
  get framed(): boolean {
    return this.#outer !== null;
  }

  /** Whether somebody is there who can be told. */
  get present(): boolean {
    const { webkit, DiyalogHost } = this.#window;
    const native = webkit?.messageHandlers?.diyalog ?? DiyalogHost;
    return native !== undefined || this.#outerOrigin !== null;
  }

  tell(message: HostMessage): void {
    this.#native(message);
    if (this.#outerOrigin !== null) this.#outer?.postMessage(message, this.#outerOrigin);
    else if (this.#outer !== null) this.#held.set(message.type, message);
  }

  #native(message: HostMessage): void {
    const { webkit, DiyalogHost } = this.#window;
    try {
      webkit?.messageHandlers?.diyalog?.postMessage(message);
      // Objects that Android puts into a page take texts only.
      DiyalogHost?.postMessage(JSON.stringify(message));
    } catch {
      // An app that has taken its end away must not stop the page.
    }
  }

  #heard(event: MessageEvent): void {
    // A WebView's app speaks as the page itself: `window.postMessage`. Nobody else is listened to.
    const outer = this.#outer !== null && event.source === this.#outer;
    if (!outer && event.source !== (this.#window as unknown)) return;
    const order = readOrder(event.data);
    // A page without an origin of its own cannot be answered.
    if (order === null || event.origin === "null") return;
    if (outer && this.#outerOrigin === null) {
      this.#outerOrigin = event.origin;
      for (const message of this.#held.values()) this.#outer?.postMessage(message, event.origin);
      this.#held.clear();
    }
    this.#obey(order);
  }
}

function readOrder(data: unknown): HostOrder | null {
  if (typeof data !== "object" || data === null) return null;
  const fields = data as Fields;
  const theme = THEMES.find((known) => known === fields["theme"]);
  switch (fields["type"]) {
    case "hello":
      return { type: "hello" };
    case "theme":
      return theme === undefined ? null : { type: "theme", theme };
    case "start":
      return { type: "start", fields: textsOf(fields["fields"]) };
    default:
      return null;
  }
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(typeof value === "object" && value !== null ? value : {});
  return Object.fromEntries(entries.filter(([, text]) => textOf(text) !== null));
}
