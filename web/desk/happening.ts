/** What can happen to the desk: told by the server, or done by the agent. */

import type { Answer } from "./answers.js";
import type { Outgoing } from "./chats.js";
import type { Duty } from "./duty.js";
import type { Loss, Row } from "./line.js";
import type { Agent, Pane, Refusal } from "./model.js";
import type { NoticesState } from "./notices.js";
import type {
  Availability,
  Conversation,
  Line,
  Message,
  Moment,
  Note,
  OwnDesk,
  StaffEvent,
  Welcome,
} from "./protocol.js";

export type Happening =
  | { readonly type: "tick" | "linkLost" | "reconnecting" | "unreachable" | "showList" }
  | { readonly type: "signingIn" | "opening" }
  | { readonly type: "signedIn"; readonly agent: Agent; readonly single: boolean }
  | { readonly type: "refused"; readonly refusal: Refusal }
  | { readonly type: "line"; readonly line: Line }
  | { readonly type: "taking" | "takeUnsure"; readonly sessionId: string }
  | { readonly type: "taken"; readonly conversation: Conversation }
  | {
      readonly type: "closing";
      readonly sessionId: string;
      readonly step: Row["closing"]["step"];
    }
  | { readonly type: "lost"; readonly sessionId: string; readonly loss: Loss }
  | { readonly type: "notWaiting"; readonly customerId: string; readonly loss: Loss }
  | { readonly type: "welcome"; readonly welcome: Welcome; readonly clockOffset: number }
  | { readonly type: "event"; readonly event: StaffEvent }
  | { readonly type: "moment"; readonly moment: Moment }
  | { readonly type: "linkClosed"; readonly code: number }
  | { readonly type: "conversation"; readonly conversation: Conversation }
  | { readonly type: "answers"; readonly answers: readonly Answer[] | null }
  | OnDuty
  | InChat
  | { readonly type: "choose" | "dismiss"; readonly conversationId: string }
  | { readonly type: "pane"; readonly pane: Pane }
  | { readonly type: "notices"; readonly notices: NoticesState }
  | {
      readonly type: "narrow" | "visible" | "shortcuts" | "comfortable" | "sound";
      readonly on: boolean;
    };

/** What happens between the agent and the built-in queue. */
export type OnDuty =
  | { readonly type: "ownDesk"; readonly desk: OwnDesk }
  | { readonly type: "availability"; readonly availability: Availability }
  | { readonly type: "switching"; readonly step: Duty["switching"] }
  | { readonly type: "passing" | "passed" | "passUnsure"; readonly sessionId: string };

/** What happens to the notes of one conversation. */
export type InNotes =
  | { readonly type: "notes"; readonly notes: readonly Note[] }
  | { readonly type: "notesFailed" | "notesAgain" }
  | { readonly type: "noteDraft"; readonly text: string }
  | { readonly type: "noteWritten"; readonly id: string; readonly text: string }
  | { readonly type: "noteOutgoing"; readonly id: string; readonly state: Outgoing["state"] }
  | { readonly type: "noteSaved"; readonly note: Note };

/** What happens in one conversation. */
export type InChat = { readonly conversationId: string } & (
  | { readonly type: "history"; readonly messages: readonly Message[] }
  | { readonly type: "draft"; readonly text: string }
  | { readonly type: "written"; readonly id: string; readonly text: string }
  | { readonly type: "outgoing"; readonly id: string; readonly state: Outgoing["state"] }
  | { readonly type: "arrived"; readonly id: string; readonly seq: number; readonly at: number }
  | { readonly type: "ending"; readonly step: "no" | "asked" | "sending" | "failed" }
  | { readonly type: "reveal"; readonly on: boolean }
  | InNotes
);
