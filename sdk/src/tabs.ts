/**
 * Several tabs, one session. The newest hello follows it (the server closes the older stream with
 * 4409); when that tab goes, the others must know, or nobody follows and the wait is abandoned.
 * Without BroadcastChannel the customer takes the session back by hand (`useHere`).
 */

export interface Seat {
  /** Whether this tab is the one that follows. */
  holds(): boolean;
  /** The tab that followed has gone. */
  onFree(): void;
}

/** Takes part in a session's tabs. @returns leaves them, and tells the others if this one followed */
export type Tabs = (sessionId: string, seat: Seat) => () => void;

/** The tabs of this browser, or nobody else where there is no page or no channel between pages. */
export function pageTabs(): Tabs {
  return typeof document === "undefined" || typeof BroadcastChannel === "undefined"
    ? () => () => {}
    : joinTabs;
}

function joinTabs(sessionId: string, seat: Seat): () => void {
  const channel = new BroadcastChannel(`diyalog.${sessionId}`);
  const tell = () => {
    if (seat.holds()) channel.postMessage("free");
  };
  channel.onmessage = () => seat.onFree();
  addEventListener("pagehide", tell);
  let joined = true;
  return () => {
    if (!joined) return;
    joined = false;
    removeEventListener("pagehide", tell);
    tell();
    channel.close();
  };
}
