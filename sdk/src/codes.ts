/**
 * The words that the server and its clients share: close codes, error codes, states and outcomes.
 * Everything here is fixed by the customer API; an unknown value must never break an app, so every
 * list that the server may extend is open on the reading side.
 */

export const HELP_TYPES = ["chat", "voice_call", "video_call"] as const;
export type HelpType = (typeof HELP_TYPES)[number];

/**
 * REQUESTED: durable at the server, the company's queue has not answered. WAITING: in line.
 * CONNECTED: in conversation. ENDED: the wait ended otherwise, or the conversation is over.
 */
export const HELP_STATES = ["REQUESTED", "WAITING", "CONNECTED", "ENDED"] as const;
export type HelpState = (typeof HELP_STATES)[number];

/** How a wait ended. Written once by the server, never changed. */
export const OUTCOMES = ["CONNECTED", "CANCELLED", "NOT_DELIVERED", "EXPIRED", "FAILED"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** Close codes of the event stream that the SDK itself must know. */
export const CLOSE = {
  /** The session is over and its end is acknowledged. */
  done: 1000,
  /** The server is going away; the reason carries the seconds after which to come back. */
  goingAway: 1012,
  /** The token is unknown or revoked. */
  unauthorized: 4401,
  /** No such session for this customer. */
  noSession: 4404,
  /** A newer connection follows the same session. */
  elsewhere: 4409,
} as const;

/** Whether a close code is the last word: 1003, 1007, 1009 and 44xx. All others are retried. */
export function isFinalClose(code: number): boolean {
  return code === 1003 || code === 1007 || code === 1009 || (code >= 4400 && code <= 4499);
}

/** Error codes that the SDK makes itself or that an app is likely to look for. */
export const ERROR = {
  /** No answer: no network, or the server cannot be reached. */
  connection: "DLGEXCPSRV_CONNERR",
  /** An answer without a code of its own. */
  general: "DLGEXCP_GENERAL_EXCEPTION",
  /** The customer is in a conversation already. */
  inConversation: "DLGEXCP_USER_IS_IN_CALL_NOW",
  /** The customer is not activated on this device. */
  notActive: "DLGEXCP_CUSTOMER_NOT_ACTIVE_IN_DEVICE",
  /** The customer is barred. */
  forbidden: "DLGEXCPSRV_FRBDNCST",
  /** A cancel came too late: the wait has another outcome. */
  waitEnded: "WAIT_ENDED",
  /** No client token: `activate` or `resume` comes first. */
  notActivated: "NOT_ACTIVATED",
} as const;
