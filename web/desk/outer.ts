/** What the application around the desk is told. */

import { ERROR } from "diyalog";
import { type Chat, isOver } from "./chats.js";
import type { Loss } from "./line.js";
import type { Refusal, State } from "./model.js";
import type { EndedBy } from "./protocol.js";

/** Told again after a reload; `conversationId` says which ones are known already. */
export type OuterEvent = { readonly type: "diyalog"; readonly userId: string | null } & (
  | {
      readonly event: "chatStarted";
      readonly conversationId: string;
      readonly customerId: string;
    }
  | {
      readonly event: "chatEnded";
      /** null: there was none, as the customer was not waiting any more. */
      readonly conversationId: string | null;
      readonly customerId: string;
      /** Who ended it, or why there was none. */
      readonly reason: EndedBy | Loss["kind"] | null;
    }
  | { readonly event: "authFailed"; readonly errorCode: string }
);

/** Everything worth telling about a change. Pure. */
export function eventsFor(before: State, after: State): readonly OuterEvent[] {
  const about = { type: "diyalog", userId: after.agent?.userId ?? null } as const;
  const events: OuterEvent[] = [];
  for (const chat of after.chats) {
    const { conversationId, customerId, endedBy } = chat.conversation;
    const told = before.chats.find((one) => idOf(one) === conversationId);
    const start = { ...about, event: "chatStarted", conversationId, customerId } as const;
    if (told === undefined && !isOver(chat)) events.push(start);
    if (isOver(chat) && (told === undefined || !isOver(told))) {
      events.push({ ...start, event: "chatEnded", reason: endedBy });
    }
  }
  const { stage } = after;
  if (stage === before.stage) return events;
  if (stage.at === "notWaiting") {
    const { customerId, loss } = stage;
    events.push({
      ...about,
      event: "chatEnded",
      conversationId: null,
      customerId,
      reason: loss.kind,
    });
  }
  if (stage.at === "refused") {
    const errorCode = codeOf(stage.refusal);
    if (errorCode !== null) events.push({ ...about, event: "authFailed", errorCode });
  }
  return events;
}

/** The parts of the browser's window that are used. */
export interface FramedWindow {
  readonly parent: unknown;
  readonly location: {
    readonly origin: string;
    /** Missing in Firefox. */
    readonly ancestorOrigins?: ArrayLike<string>;
  };
}

interface Receiver {
  postMessage(message: unknown, targetOrigin: string): void;
}

/**
 * The page in whose frame the desk stands. It is told things only under an origin that the server
 * names as one that may frame the desk; anybody else hears nothing.
 */
export class OuterPage {
  readonly #receiver: Receiver | null;
  readonly #origins: readonly string[];

  /** @param ancestors as in the policy's `frame-ancestors`, separated by spaces */
  constructor(window: FramedWindow, ancestors: string) {
    this.#receiver = window.parent === window ? null : (window.parent as Receiver);
    const { origin, ancestorOrigins } = window.location;
    const allowed = ancestors
      .split(/\s+/)
      .map((one) => (one === "'self'" ? origin : one))
      .filter((one) => /^https?:/.test(one));
    const outer = ancestorOrigins?.[0];
    // Where the browser does not say who is around, it delivers to the right origin or to nobody.
    this.#origins =
      outer === undefined
        ? allowed.filter((one) => !one.includes("*"))
        : allowed.some((one) => covers(one, outer))
          ? [outer]
          : [];
  }

  /** Whether the desk stands in a frame. */
  get present(): boolean {
    return this.#receiver !== null;
  }

  tell(event: OuterEvent): void {
    for (const origin of this.#origins) this.#receiver?.postMessage(event, origin);
  }
}

/** Whether an entry of the policy covers an origin; `*.` stands for one or more names before it. */
function covers(entry: string, origin: string): boolean {
  const [scheme, host] = entry.split("://*.");
  if (host === undefined) return entry === origin;
  return origin.startsWith(`${scheme}://`) && origin.endsWith(`.${host}`);
}

/** The code of a sign-in that failed; null when it is not the sign-in that failed. */
function codeOf(refusal: Refusal): string | null {
  switch (refusal.kind) {
    case "signIn":
      return refusal.code;
    case "link":
      return ERROR.userIdMissing;
    case "over":
      return ERROR.tokenExpired;
    case "fault":
      return null;
  }
}

function idOf({ conversation }: Chat): string {
  return conversation.conversationId;
}
