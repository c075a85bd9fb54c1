/** What the app around the page is told, worked out from how the page changed. Pure. */

import type { HostMessage } from "diyalog";
import type { State } from "./model.js";

/** The page as far as its surroundings care. */
export interface Outside {
  readonly state: State;
  readonly title: string;
  /** Whether the screen should stay on. */
  readonly awake: boolean;
}

/** @param before null for the first drawing */
export function messagesFor(before: Outside | null, after: Outside): readonly HostMessage[] {
  const messages: HostMessage[] = [];
  const told = before === null ? null : waitOf(before.state);
  const wait = waitOf(after.state);
  if (wait !== null && !sameWait(told, wait)) {
    messages.push(wait);
  }
  if (before?.title !== after.title) messages.push({ type: "title", title: after.title });
  if ((before?.awake ?? false) !== after.awake) {
    messages.push({ type: "keepAwake", on: after.awake });
  }
  return messages;
}

type WaitMessage = Extract<HostMessage, { type: "waitStarted" | "waitEnded" }>;

/** The wait as the surroundings know it; null while there is none. */
function waitOf({ stage }: State): WaitMessage | null {
  if (stage.at === "failed") {
    return {
      type: "waitEnded",
      sessionId: stage.reference ?? "",
      outcome: "FAILED",
      reason: stage.reason,
      message: null,
      interactionId: null,
      agentName: null,
    };
  }
  if (stage.at !== "session") return null;
  const { sessionId, interactionId, helpType, outcome, reason, message, agentName } = stage.help;
  return outcome === null
    ? { type: "waitStarted", sessionId, interactionId, helpType }
    : { type: "waitEnded", sessionId, outcome, reason, message, interactionId, agentName };
}

/** A start that was told before its interaction was known is told again. */
function sameWait(told: WaitMessage | null, wait: WaitMessage): boolean {
  if (told?.sessionId !== wait.sessionId || told.type !== wait.type) return false;
  return wait.type === "waitEnded" || told.interactionId === wait.interactionId;
}
