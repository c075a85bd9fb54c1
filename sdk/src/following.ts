/** One followed session: what the app is told of it, and when its end is acknowledged. */

import type { ServerClock } from "./clock.js";
import { CLOSE } from "./codes.js";
import { Connection, type ConnectionSurroundings } from "./connection.js";
import type { Listeners } from "./listeners.js";
import {
  applyEvent,
  applyMomentary,
  type ChatMessage,
  type ChatRead,
  endOf,
  type Help,
  type Momentary,
  readChatMessage,
  readChatRead,
  readWaitEnded,
  readWaitStarted,
  readWaitUpdated,
  type SessionEvent,
  type WaitEnded,
  type WaitStarted,
  type WaitUpdated,
  type Welcome,
} from "./messages.js";
import { type CallState, type ChatState, callStateAfter, chatStateOf } from "./states.js";
import type { Tabs } from "./tabs.js";

/**
 * State of the followed event stream. `open`: current. `lost`: comes back by itself in `retryInMs`.
 * `closed`: does not come back; 1000 when all is said, 4409 when another screen took over.
 */
export type ConnectionChange =
  | { readonly state: "open"; readonly serverTime: string }
  | { readonly state: "lost"; readonly code: number; readonly retryInMs: number }
  | { readonly state: "closed"; readonly code: number };

/**
 * What `on` can listen to. The end of a wait, and that of a conversation, is acknowledged to the
 * server once every listener of `help`, `wait.ended` and `event` that heard it is done: one that
 * returns a promise is waited for.
 */
export interface DiyalogEvents {
  connection: ConnectionChange;
  /** The session as it is now, after every event and every snapshot. */
  help: Help;
  "wait.started": WaitStarted;
  "wait.updated": WaitUpdated;
  /** Once for each followed session, whether the end came as an event or was found on connecting. */
  "wait.ended": WaitEnded;
  /** When it changes: derived from the session, as in the mobile SDKs. */
  "chat.state": ChatState;
  "call.state": CallState;
  /**
   * What either side wrote, one's own too, once each and in order. What a snapshot left out is not
   * told here: a `Chat` has the whole conversation.
   */
  "chat.message": ChatMessage;
  /** The agent is writing; holds for 3 s, or until the agent's message. */
  "chat.typing": { readonly author: "agent" };
  /** How far the agent is. It stands in the session's `conversation`, too. */
  "chat.read": ChatRead;
  /** Every numbered event as it came, those of this list too. */
  event: SessionEvent;
}

const TYPING_EVERY_MS = 2_000;

export interface FollowingParts {
  readonly url: string;
  readonly token: string;
  readonly tabs: Tabs;
  readonly clock: ServerClock;
  readonly listeners: Listeners<DiyalogEvents>;
  readonly around: ConnectionSurroundings;
}

export class Following {
  readonly #parts: FollowingParts;
  readonly #leaveTabs: () => void;
  #help: Help;
  #connection: Connection;
  #chat: ChatState = "NO_CHAT";
  #call: CallState = "NO_CALL";
  #endTold = false;
  /** Whether somebody heard the newest state and none failed; after all who heard before are done. */
  #told: Promise<boolean> = Promise.resolve(true);
  /** Another screen follows the session now. */
  #elsewhere = false;
  #closed = false;
  #typedAt = Number.NEGATIVE_INFINITY;
  /** What the customer has read; said again on each connection. */
  #readTo = 0;

  /** Connects at once, to go on after the last event that `help` includes. */
  constructor(help: Help, parts: FollowingParts) {
    this.#parts = parts;
    this.#help = help;
    this.#leaveTabs = parts.tabs(help.sessionId, {
      holds: () => !this.#elsewhere,
      onFree: () => this.useHere(),
    });
    this.#connection = this.#connect();
  }

  /** Takes the session back from the screen that follows it now; nothing when none does. */
  useHere(): void {
    if (!this.#elsewhere || this.#closed) return;
    this.#elsewhere = false;
    this.#connection = this.#connect();
  }

  /** The customer is writing. However often it is said, the agent is told every 2 s. */
  typing(): void {
    const now = this.#parts.around.now();
    if (now - this.#typedAt < TYPING_EVERY_MS) return;
    this.#typedAt = now;
    this.#connection.say({ type: "typing" });
  }

  /** The customer has read everything up to the event with the number `seq`. */
  read(seq: number): void {
    if (seq <= this.#readTo) return;
    this.#readTo = seq;
    this.#connection.say({ type: "read", seq });
  }

  wake(): void {
    this.#connection.wake();
  }

  /** No listener hears of the session after this. */
  close(): void {
    this.#closed = true;
    this.#connection.close();
    this.#leaveTabs();
  }

  #connect(): Connection {
    const { sessionId, seq, epoch } = this.#help;
    const { url, token, around } = this.#parts;
    return new Connection(
      { url, token, position: { sessionId, after: seq, epoch } },
      {
        onWelcome: (welcome, helloAt) => this.#onWelcome(welcome, helloAt),
        onEvent: (event) => this.#onEvent(event),
        onMomentary: (momentary) => this.#onMomentary(momentary),
        onLost: ({ code, retryInMs }) =>
          this.#tell("connection", { state: "lost", code, retryInMs }),
        onClosed: ({ code }) => this.#onClosed(code),
      },
      around,
    );
  }

  #onWelcome({ recovered, seq, epoch, serverTime, snapshot }: Welcome, helloAt: number): void {
    this.#parts.clock.heard(serverTime, helloAt);
    // Events that follow bring the state up to date one by one; without any, the snapshot is it.
    const eventsFollow = recovered && seq > this.#help.seq;
    // Another history counts from its own beginning.
    if (epoch !== this.#help.epoch) this.#readTo = 0;
    if (this.#readTo > 0) this.#connection.say({ type: "read", seq: this.#readTo });
    this.#tell("connection", { state: "open", serverTime });
    if (this.#closed) return;
    if (eventsFollow) {
      this.#help = { ...this.#help, epoch };
      return;
    }
    this.#help = snapshot;
    const end = endOf(snapshot);
    this.#show(null, this.#endTold ? null : end);
    if (end !== null) this.#acknowledge(seq);
  }

  #onEvent(event: SessionEvent): void {
    this.#help = applyEvent(this.#help, event);
    if (event.event === "wait.started") this.#tell("wait.started", readWaitStarted(event.data));
    const ends = event.event === "wait.ended";
    const over = event.event === "chat.state" && this.#help.state === "ENDED";
    const theirs = event.event === "chat.message" && this.#tellMessage(event);
    this.#show(event, ends ? readWaitEnded(event) : null);
    // An end is kept until the app has it; of a message the agent is told that it has arrived.
    if (ends || over || theirs) this.#acknowledge(event.seq);
  }

  /** @returns whether it is the agent's */
  #tellMessage({ seq, at, data }: SessionEvent): boolean {
    const message = readChatMessage({ ...data, seq, at });
    if (message !== null) this.#tell("chat.message", message);
    return message?.author === "agent";
  }

  #onMomentary(momentary: Momentary): void {
    const { event, data } = momentary;
    this.#help = applyMomentary(this.#help, momentary);
    if (event === "wait.updated") this.#tell("wait.updated", readWaitUpdated(data));
    if (event === "chat.typing") this.#tell("chat.typing", { author: "agent" });
    if (event === "chat.read") this.#tell("chat.read", readChatRead(data));
    this.#show(null, null);
  }

  #onClosed(code: number): void {
    this.#elsewhere = code === CLOSE.elsewhere;
    this.#tell("connection", { state: "closed", code });
    // The other tabs learn the end, too: they are free to connect, and the server tells them.
    if (code === CLOSE.done) this.#leaveTabs();
  }

  /** Tells the app how the session is now, and what brought it there. */
  #show(event: SessionEvent | null, end: WaitEnded | null): void {
    const done: Promise<boolean>[] = [];
    if (end !== null) {
      this.#endTold = true;
      done.push(...this.#tell("wait.ended", end));
    }
    if (event !== null) done.push(...this.#tell("event", event));
    const chat = chatStateOf(this.#help);
    const call = callStateAfter(this.#call, this.#help, event);
    const chatChanged = chat !== this.#chat;
    const callChanged = call !== this.#call;
    this.#chat = chat;
    this.#call = call;
    if (chatChanged) this.#tell("chat.state", chat);
    if (callChanged) this.#tell("call.state", call);
    done.push(...this.#tell("help", this.#help));
    this.#told = Promise.all([this.#told, ...done]).then(
      ([_before, ...these]) => these.length > 0 && these.every(Boolean),
    );
  }

  /** Only what the app was told is acknowledged; otherwise the next connection tells it again. */
  #acknowledge(seq: number): void {
    const over = this.#help.state === "ENDED";
    this.#told.then((told) => {
      if (!told) this.#endTold = false;
      else if (this.#endTold) this.#connection.acknowledge(seq, over);
    });
  }

  #tell<Name extends keyof DiyalogEvents>(
    name: Name,
    detail: DiyalogEvents[Name],
  ): Promise<boolean>[] {
    return this.#closed ? [] : this.#parts.listeners.tell(name, detail);
  }
}
