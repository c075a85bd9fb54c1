/** What the app's surroundings tell: whether somebody is looking, and when the network may be back. */
export interface Lifecycle {
  /** false while the page is hidden; timers are slow then, and a ping proves nothing. */
  visible(): boolean;
  /**
   * Calls `wake` when the app came to the front, was unfrozen, was taken out of the page cache, or
   * when the network changed: the moments in which a connection that looks open may be dead.
   * @returns ends the subscription
   */
  subscribe(wake: () => void): () => void;
}

/** The browser's page, or surroundings that are always in front where there is no page. */
export function pageLifecycle(): Lifecycle {
  if (typeof document === "undefined" || typeof window === "undefined") {
    return { visible: () => true, subscribe: () => () => {} };
  }
  const visible = () => document.visibilityState !== "hidden";
  return {
    visible,
    subscribe(wake) {
      const onVisibility = () => {
        if (visible()) wake();
      };
      document.addEventListener("visibilitychange", onVisibility);
      document.addEventListener("resume", wake);
      for (const name of WAKING) window.addEventListener(name, wake);
      return () => {
        document.removeEventListener("visibilitychange", onVisibility);
        document.removeEventListener("resume", wake);
        for (const name of WAKING) window.removeEventListener(name, wake);
      };
    },
  };
}

/** `offline` too: the ping that follows finds out whether the connection still carries. */
const WAKING = ["pageshow", "online", "offline"] as const;
