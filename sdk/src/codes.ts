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

/** Who writes in a conversation. */
export const AUTHORS = ["customer", "agent"] as const;
export type Author = (typeof AUTHORS)[number];

/** Who ended a conversation: one of the two, the company, or the loss of one of the two. */
export const ENDED_BY = ["agent", "customer", "company", "agent_lost", "customer_lost"] as const;
export type EndedBy = (typeof ENDED_BY)[number];

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

/**
 * The documented error codes by name, and the SDK's own two (`waitEnded` is the server's, too).
 * `errorText` has their texts. The server may answer others; judge those by `retryable`.
 */
export const ERROR = {
  // What is missing in an activation or a start.
  deviceIdMissing: "DLGEXCPINP_DVCID",
  customerIdMissing: "DLGEXCPINP_CSTID",
  customerNameMissing: "DLGEXCPINP_CSTNM",
  tokenMissing: "DLGEXCPINP_TKN",
  sessionIdMissing: "DLGEXCPINP_SESID",
  userIdMissing: "DLGEXCPINP_USRID",
  userNameMissing: "DLGEXCPINP_USRNM",
  helpCustomerIdMissing: "DLGEXCPINP_CUSTOMER_ID",
  helpCustomerNameMissing: "DLGEXCPINP_CUSTOMER_NAME_IS_EMPTY",
  transactionHashMissing: "DLGEXCPINP_TRXHASH_IS_EMPTY",
  invalidHelpType: "DLGEXCPINP_INVALID_HELP_TYPE",
  idNumberMissing: "DLGEXCPINP_IDNUMBER",
  // What the token check or the server answered.
  invalidCustomerId: "DLGEXCPSRV_INVLDNM",
  forbidden: "DLGEXCPSRV_FRBDNCST",
  hashUsed: "DLGEXCPSRV_TXHSHEXP",
  tokenNotValidated: "DLGEXCPSRV_TKNNOTVLD",
  authServerFailed: "DLGEXCPSRV_AUTHSRVERR",
  authServerRefused: "DLGEXCPSRV_BADREQ",
  tokenExpired: "DLGEXCPSRV_TKNEXP",
  tokenInvalid: "DLGEXCPSRV_TKNINVLD",
  deviceIdInvalid: "DLGEXCPSRV_DVCIDINVLD",
  sessionIdInvalid: "DLGEXCPSRV_SIDINVLD",
  authServerAway: "DLGEXCPSRV_AUTHSRVINACC",
  internal: "DLGEXCPSRV_INTERR",
  /** No answer: no network, or the server cannot be reached. */
  connection: "DLGEXCPSRV_CONNERR",
  /** The transaction hash was refused: used, expired, or another customer's. */
  authRequest: "DLGEXCP_AUTH_REQUEST",
  authCompletion: "DLGEXCP_COMPLETE_AUTH",
  /** The customer is in a conversation already. */
  inConversation: "DLGEXCP_USER_IS_IN_CALL_NOW",
  /** The customer is not activated on this device. */
  notActive: "DLGEXCP_CUSTOMER_NOT_ACTIVE_IN_DEVICE",
  /** Any other error: also an answer without a code of its own. */
  general: "DLGEXCP_GENERAL_EXCEPTION",
  notSupported: "DLGEXCP_NOT_SUPPORTED_FEATURE",
  /** A cancel came too late: the wait has another outcome. */
  waitEnded: "WAIT_ENDED",
  /** No client token: `activate`, `restore` or `resume` comes first. */
  notActivated: "NOT_ACTIVATED",
} as const;
export type ErrorCode = (typeof ERROR)[keyof typeof ERROR];
