/** One customer's request at the server in memory, as it stands on the wire. */

export const AT = "2026-11-02T11:36:00.000Z";
const STARTED_AT = "2026-11-02T11:32:00.000Z";

type Fields = Record<string, unknown>;

export interface FakeSession {
  readonly sessionId: string;
  readonly customerId: string;
  readonly customerName: string | null;
  state: "WAITING" | "CONNECTED" | "ENDED";
  /** How the wait ended, where nobody of this desk took it. */
  ended: Fields | null;
  endedBy: string | null;
  seq: number;
  readonly messages: Fields[];
  readonly marks: { received: number; read: number };
  present: boolean;
}

export function objectOf(session: FakeSession): Fields {
  const { sessionId, customerId, customerName, state, endedBy, seq, present, marks } = session;
  return {
    conversationId: sessionId,
    sessionId,
    customerId,
    customerName,
    helpType: "chat",
    interactionId: `i-${customerId}`,
    state,
    startedAt: AT,
    ...(state === "ENDED" && { endedAt: AT, endedBy }),
    present,
    customerReceived: marks.received,
    customerRead: marks.read,
    seq,
    attachedData: { topic: "limit" },
  };
}

export function waitingOf(
  { sessionId, customerId, customerName, present }: FakeSession,
  index: number,
) {
  return {
    sessionId,
    interactionId: `i-${customerId}`,
    customerId,
    customerName,
    helpType: "chat",
    startedAt: STARTED_AT,
    position: index + 1,
    present,
    offered: false,
    attachedData: {},
  };
}
