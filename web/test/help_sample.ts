import type { Help } from "diyalog";

export const START = Date.UTC(2026, 10, 2, 11, 32);

/** A waiting help object, with what a test wants otherwise. */
export function helpOf(change: Partial<Help> = {}): Help {
  return {
    sessionId: "s1",
    interactionId: "880214",
    helpType: "chat",
    state: "WAITING",
    startedAt: new Date(START).toISOString(),
    endedAt: null,
    outcome: null,
    reason: null,
    message: null,
    agentName: null,
    conversation: null,
    position: null,
    estimatedWaitSeconds: null,
    seq: 1,
    epoch: "e1",
    limits: { waitLimitSeconds: 1800, abandonAfterSeconds: 300, queueTimeoutSeconds: 10 },
    ...change,
  };
}
