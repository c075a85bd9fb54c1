/** The chat and call states of the mobile SDKs, derived from the session and its events. */

import type { Help, SessionEvent } from "./messages.js";

export const CHAT_STATES = ["NO_CHAT", "STARTED", "CHAT_INPROGRESS", "CHAT_ENDED"] as const;
export type ChatState = (typeof CHAT_STATES)[number];

export const CALL_STATES = ["NO_CALL", "RINGING", "CONNECTING", "IN_PROGRESS", "ENDED"] as const;
export type CallState = (typeof CALL_STATES)[number];

/** What the other side may ask for during a call: `event` with the name `call.manage`. */
export const CALL_EVENTS = ["CALL_MINIMIZED", "MESSAGE_RECEIVED", "START_OPERATION"] as const;

/** STARTED while the customer waits; a wait that ended without a conversation is NO_CHAT again. */
export function chatStateOf(help: Help | null): ChatState {
  switch (help?.state) {
    case "REQUESTED":
    case "WAITING":
      return "STARTED";
    case "CONNECTED":
      return "CHAT_INPROGRESS";
    case "ENDED":
      return help.outcome === "CONNECTED" ? "CHAT_ENDED" : "NO_CHAT";
    default:
      return "NO_CHAT";
  }
}

/** The call state after an event. A session without a conversation has no call. */
export function callStateAfter(
  state: CallState,
  help: Help,
  event: SessionEvent | null,
): CallState {
  if (chatStateOf(help) === "NO_CHAT") return "NO_CALL";
  if (event?.event !== "call.state") return state;
  return CALL_STATES.find((known) => known === event.data["state"]) ?? state;
}
