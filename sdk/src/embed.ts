/** Puts the customer's page into another company page, as a frame. */

import type { HostMessage, HostOrder, Theme } from "./host.js";

export interface EmbedOptions {
  /** Origin of the server, for instance `https://help.example.com`. */
  readonly url: string;
  /** What the link into the page would say: `customerId`, `helpType`, `transactionHash` and so on. */
  readonly start: Readonly<Record<string, string>>;
  /** Names the frame for people who cannot see it. */
  readonly title: string;
  /** Light or dark whatever the device says; left out, the device decides. */
  readonly theme?: Theme;
  /** Told of the wait's beginning and its end, and when the customer wants the page to go away. */
  readonly onMessage?: (message: HostMessage) => void;
}

export interface EmbeddedHelp {
  readonly frame: HTMLIFrameElement;
  setTheme(theme: Theme): void;
  /** Takes the frame away. The wait goes on for as long as the server keeps it. */
  remove(): void;
}

/**
 * Puts the page into an element. The start data goes to the server's page by `postMessage`, never
 * into an address, and only to the server's origin. The outer page's own origin must stand in the
 * server's `DIYALOG_FRAME_ANCESTORS`.
 */
export function mountHelp(element: Element, options: EmbedOptions): EmbeddedHelp {
  const page = element.ownerDocument;
  const window = page.defaultView as Window;
  const { origin } = new URL(options.url, page.baseURI);
  const frame = page.createElement("iframe");
  let theme = options.theme ?? "system";
  const order = (given: HostOrder) => frame.contentWindow?.postMessage(given, origin);
  const heard = ({ source, origin: from, data }: MessageEvent) => {
    if (source !== frame.contentWindow || from !== origin) return;
    if (data?.type === "ready") {
      order({ type: "theme", theme });
      order({ type: "start", fields: options.start });
    }
    options.onMessage?.(data as HostMessage);
  };
  window.addEventListener("message", heard);
  frame.title = options.title;
  frame.allow = "camera; microphone; autoplay; screen-wake-lock";
  frame.src = `${origin}/app/help.html#/embedded`;
  element.append(frame);
  return {
    frame,
    setTheme(given) {
      theme = given;
      order({ type: "theme", theme });
    },
    remove() {
      window.removeEventListener("message", heard);
      frame.remove();
    },
  };
}

export type { HostMessage, HostOrder, Theme } from "./host.js";
