import type { Lifecycle } from "diyalog";

/** `offline` too: the sign of life that is asked for then finds out whether a connection still carries. */
const WAKING = ["pageshow", "online", "offline"] as const;

/** Tells when a connection of this page that looks open may be dead. */
export function pageLifecycle(): Lifecycle {
  const visible = () => document.visibilityState !== "hidden";
  return {
    visible,
    subscribe(wake) {
      const shown = () => {
        if (visible()) wake();
      };
      document.addEventListener("visibilitychange", shown);
      document.addEventListener("resume", wake);
      for (const name of WAKING) addEventListener(name, wake);
      return () => {
        document.removeEventListener("visibilitychange", shown);
        document.removeEventListener("resume", wake);
        for (const name of WAKING) removeEventListener(name, wake);
      };
    },
  };
}
