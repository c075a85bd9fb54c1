/** Diyalog web SDK: ask for live help, wait, and be told how the wait ended. */

export {
  type Activation,
  type ActivationRequest,
  type CancelResult,
  type ConnectionChange,
  Diyalog,
  type DiyalogEvents,
  type DiyalogOptions,
  type HelpRequest,
  newIdempotencyKey,
} from "./client.js";
export {
  CLOSE,
  ERROR,
  HELP_STATES,
  HELP_TYPES,
  type HelpState,
  type HelpType,
  isFinalClose,
  OUTCOMES,
  type Outcome,
} from "./codes.js";
export { DiyalogError } from "./errors.js";
export type { Lifecycle } from "./lifecycle.js";
export type {
  Help,
  HelpLimits,
  SessionEvent,
  WaitEnded,
  WaitStarted,
  WaitUpdated,
} from "./messages.js";
export { type ReconnectHint, reconnectDelay } from "./reconnect.js";
