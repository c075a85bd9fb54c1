import { Host } from "diyalog";
import { wearTheme } from "#shared/theme.ts";
import { HelpPage } from "./help_page.js";
import { type Launch, launchOf, readLaunch } from "./launch.js";

/** A frame whose start data does not come after this was opened by nobody who knows how. */
const START_LIMIT_MS = 10_000;

/** Opens the page for the customer that the address names, or, in a frame, the page around it. */
function open(root: HTMLElement, status: HTMLElement): void {
  let page: HelpPage | null = null;
  const begin = (launch: Launch) => {
    if (page !== null) return;
    page = new HelpPage({ root, status, host, launch });
    page.start();
  };
  const host = new Host(window, (order) => {
    if (order.type === "theme") {
      wearTheme(document, order.theme);
      page?.remember(order.theme);
    } else if (order.type === "start" && awaited) {
      begin(launchOf(new URLSearchParams(order.fields)));
    }
  });
  const awaited = host.framed && location.hash.startsWith("#/embedded");
  const launch = readLaunch(location.hash);
  wearTheme(document, launch.theme ?? "system");
  if (awaited) setTimeout(() => begin(launch), START_LIMIT_MS);
  else begin(launch);
}

const root = document.getElementById("page");
const status = document.getElementById("status");
// Without the class, support.js has found the browser too old and left the plain text standing.
if (root && status && document.documentElement.classList.contains("supported")) {
  open(root, status);
}
