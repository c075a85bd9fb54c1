/** Diyalog web SDK: ask for live help, wait, and be told how the wait ended. */

export { Chat, type ChatEntry, type ChatEvents, type ChatOptions } from "./chat.js";
export {
  type Activation,
  type ActivationRequest,
  type CallOptions,
  type CancelResult,
  Diyalog,
  type DiyalogOptions,
  type HelpRequest,
  newIdempotencyKey,
  type Sent,
  type StartOptions,
  type Writing,
} from "./client.js";
export {
  AUTHORS,
  type Author,
  CLOSE,
  ENDED_BY,
  type EndedBy,
  ERROR,
  type ErrorCode,
  HELP_STATES,
  HELP_TYPES,
  type HelpState,
  type HelpType,
  isFinalClose,
  OUTCOMES,
  type Outcome,
} from "./codes.js";
export { DiyalogError } from "./errors.js";
export type { ConnectionChange, DiyalogEvents } from "./following.js";
export {
  Host,
  type HostMessage,
  type HostOrder,
  type HostWindow,
  THEMES,
  type Theme,
} from "./host.js";
export type { Lifecycle } from "./lifecycle.js";
export type { ClientStorage } from "./memory.js";
export type {
  ChatMessage,
  ChatRead,
  Help,
  HelpConversation,
  HelpLimits,
  SessionEvent,
  WaitEnded,
  WaitStarted,
  WaitUpdated,
} from "./messages.js";
export { type ReconnectHint, reconnectDelay } from "./reconnect.js";
export {
  CALL_EVENTS,
  CALL_STATES,
  type CallState,
  CHAT_STATES,
  type ChatState,
  chatStateOf,
} from "./states.js";
export type { Seat, Tabs } from "./tabs.js";
export { errorText, type Language } from "./texts.js";
