/** One conversation in writing: what both sides wrote, and what is still on its way to the server. */

import { type Diyalog, newIdempotencyKey, type Sent, type Writing } from "./client.js";
import type { Author } from "./codes.js";
import { DiyalogError } from "./errors.js";
import { type Listener, Listeners } from "./listeners.js";
import { type ChatMessage, type Help, readChatMessage, type SessionEvent } from "./messages.js";
import { reconnectDelay } from "./reconnect.js";

/**
 * One message as a screen shows it. `sending`: on its way, or kept until the server can be reached.
 * `failed`: the server does not take it; `retry` sends it again. `delivered`: the agent's desk has
 * it; `read`: the agent, too. What the agent wrote is `sent`.
 */
export interface ChatEntry {
  readonly id: string;
  readonly author: Author;
  readonly text: string;
  readonly state: "sending" | "sent" | "delivered" | "read" | "failed";
  /** Place among the session's events and time of storing; null until it is sent. */
  readonly seq: number | null;
  readonly at: string | null;
}

export interface ChatEvents {
  /** All messages as they are now: those sent in the session's order, then those that are not. */
  messages: readonly ChatEntry[];
  /** Whether the agent is writing now. */
  typing: boolean;
}

export interface ChatOptions {
  /** What an earlier visit wrote and did not get through, in its order. */
  readonly unsent?: readonly Writing[];
  readonly random?: () => number;
}

/** What a conversation needs of the SDK's client. */
export type ChatClient = Pick<
  Diyalog,
  "on" | "sendMessage" | "readMessages" | "endConversation" | "typing" | "read"
>;

const TYPING_MS = 3_000;

interface Stored extends ChatMessage {
  /** History of the server in which the message was seen. */
  readonly epoch: string | null;
}

/** What the agent's desk has received, and the agent has read. */
type Marks = readonly [received: number, read: number];

interface Outgoing extends Writing {
  failed: boolean;
}

/**
 * The conversation of a session that the client follows. Every message is in the list once, in the
 * order of the session, whatever is cut, repeated or restored on the way; what the customer writes
 * is sent in its order, one after the other, until the server has it.
 */
export class Chat {
  readonly #client: ChatClient;
  readonly #sessionId: string;
  readonly #random: () => number;
  readonly #listeners = new Listeners<ChatEvents>();
  readonly #closing = new AbortController();
  /** By author and id. */
  readonly #stored = new Map<string, Stored>();
  /** What was written here and is not known to be stored, in the order of writing. */
  #outgoing: Outgoing[];
  /** Ids of all that was written here. */
  readonly #written: Set<string>;
  #heard: number;
  #epoch: string | null;
  /** Messages after this event may be missing; null when none is. */
  #missingAfter: number | null = 0;
  /** Counts the gaps, so that one that opens while another is filled is seen. */
  #gaps = 0;
  #loaded = false;
  #marks: Marks;
  #typing: ReturnType<typeof setTimeout> | undefined;
  readonly #loading: Attempts;
  readonly #sending: Attempts;

  /** Reads what was written so far. @param help the followed session as it is now */
  constructor(client: ChatClient, help: Help, options: ChatOptions = {}) {
    this.#client = client;
    this.#sessionId = help.sessionId;
    this.#random = options.random ?? Math.random;
    this.#heard = help.seq;
    this.#epoch = help.epoch;
    this.#marks = marksOf(help);
    this.#outgoing = (options.unsent ?? []).map(({ id, text }) => ({ id, text, failed: false }));
    this.#written = new Set(this.#outgoing.map(({ id }) => id));
    const { signal } = this.#closing;
    this.#loading = new Attempts(() => this.#load(), this.#random, signal);
    this.#sending = new Attempts(() => this.#sendNext(), this.#random, signal);
    client.on("event", (event) => this.#onEvent(event), { signal });
    client.on("help", (now) => this.#onHelp(now), { signal });
    client.on("chat.typing", () => this.#agentTypes(), { signal });
    client.on("connection", ({ state }) => state === "open" && this.#goOn(), { signal });
    this.#goOn();
  }

  get messages(): readonly ChatEntry[] {
    const stored = [...this.#stored.values()].sort((a, b) => a.seq - b.seq);
    return [
      ...stored.map(({ epoch: _, ...message }) => ({ ...message, state: this.#stateOf(message) })),
      ...this.#outgoing.map(({ id, text, failed }) => ({
        id,
        author: "customer" as const,
        text,
        state: failed ? ("failed" as const) : ("sending" as const),
        seq: null,
        at: null,
      })),
    ];
  }

  /** Whether what was written before has been read. */
  get loaded(): boolean {
    return this.#loaded;
  }

  /** Whether the agent is writing now. */
  get agentTypes(): boolean {
    return this.#typing !== undefined;
  }

  /** The customer is writing; to be called at every key. */
  typing(): void {
    this.#client.typing();
  }

  /** The customer has everything in view that there is. */
  read(): void {
    const theirs = [...this.#stored.values()].filter(({ author }) => author === "agent");
    if (theirs.length > 0) this.#client.read(Math.max(...theirs.map(({ seq }) => seq)));
  }

  /** What the server is not known to have: to be kept by whoever wants it to survive a reload. */
  get unsent(): readonly Writing[] {
    return this.#outgoing.map(({ id, text }) => ({ id, text }));
  }

  /** Listens until the returned function is called or `signal` is aborted. */
  on<Name extends keyof ChatEvents>(
    name: Name,
    listener: Listener<ChatEvents[Name]>,
    options: { readonly signal?: AbortSignal } = {},
  ): () => void {
    return this.#listeners.on(name, listener, options.signal);
  }

  /** Writes to the agent. @returns the id of the new message */
  send(text: string): string {
    const id = newIdempotencyKey();
    this.#written.add(id);
    this.#outgoing.push({ id, text, failed: false });
    this.#changed();
    this.#sending.now();
    return id;
  }

  /** Sends a failed message again, as the same message. */
  retry(id: string): void {
    const message = this.#outgoing.find((one) => one.id === id && one.failed);
    if (message === undefined) return;
    message.failed = false;
    this.#changed();
    this.#sending.now();
  }

  /** Ends the conversation for both sides. */
  endConversation(): Promise<Help> {
    return this.#client.endConversation(this.#sessionId);
  }

  /** Nothing is heard or sent after this. The conversation itself goes on. */
  close(): void {
    clearTimeout(this.#typing);
    this.#closing.abort();
  }

  #stateOf({ author, seq }: ChatMessage): ChatEntry["state"] {
    if (author === "agent") return "sent";
    const [received, read] = this.#marks;
    if (seq <= read) return "read";
    return seq <= received ? "delivered" : "sent";
  }

  #agentTypes(): void {
    const already = this.agentTypes;
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.#agentPauses(), TYPING_MS);
    if (!already) this.#listeners.tell("typing", true);
  }

  #agentPauses(): void {
    if (this.#typing === undefined) return;
    clearTimeout(this.#typing);
    this.#typing = undefined;
    this.#listeners.tell("typing", false);
  }

  #goOn(): void {
    if (this.#missingAfter !== null) this.#loading.now();
    this.#sending.now();
  }

  #onEvent({ sessionId, seq, event, at, data }: SessionEvent): void {
    if (sessionId !== this.#sessionId) return;
    this.#heard = Math.max(this.#heard, seq);
    const message = event === "chat.message" ? readChatMessage({ ...data, seq, at }) : null;
    if (message === null) return;
    if (message.author === "agent") this.#agentPauses();
    this.#store(message);
    this.#changed();
  }

  /** A snapshot may include messages that no event told, or be that of another history. */
  #onHelp(help: Help): void {
    const { sessionId, seq, epoch } = help;
    if (sessionId !== this.#sessionId) return;
    const another = epoch !== this.#epoch;
    if (another) this.#marks = [0, 0];
    this.#markedAs(marksOf(help));
    if (!another && seq <= this.#heard) return;
    this.#missingAfter = another ? 0 : Math.min(this.#missingAfter ?? this.#heard, this.#heard);
    this.#gaps += 1;
    this.#heard = seq;
    this.#epoch = epoch;
    this.#loading.now();
  }

  /** Within one history marks only grow: one that is older may come late. */
  #markedAs([received, read]: Marks): void {
    const [receivedBefore, readBefore] = this.#marks;
    if (received <= receivedBefore && read <= readBefore) return;
    this.#marks = [Math.max(received, receivedBefore), Math.max(read, readBefore)];
    this.#changed();
  }

  async #load(): Promise<boolean> {
    const after = this.#missingAfter;
    if (after === null) return false;
    const { signal } = this.#closing;
    const [gaps, epoch] = [this.#gaps, this.#epoch];
    const messages = await this.#client.readMessages(this.#sessionId, after, { signal });
    if (epoch !== this.#epoch) return true;
    for (const message of messages) this.#store(message);
    if (after === 0) this.#forgetOtherHistories();
    this.#loaded = true;
    if (gaps === this.#gaps) this.#missingAfter = null;
    this.#changed();
    this.#sending.now();
    return this.#missingAfter !== null;
  }

  /** What a restored server does not have is not said any more; what was written here is sent again. */
  #forgetOtherHistories(): void {
    const gone = [...this.#stored].filter(([, { epoch }]) => epoch !== this.#epoch);
    for (const [key] of gone) this.#stored.delete(key);
    const again = gone
      .map(([, message]) => message)
      .filter(({ id, author }) => author === "customer" && this.#written.has(id))
      .sort((a, b) => a.seq - b.seq);
    this.#outgoing.unshift(...again.map(({ id, text }) => ({ id, text, failed: false })));
  }

  async #sendNext(): Promise<boolean> {
    const message = this.#outgoing.find(({ failed }) => !failed);
    if (message === undefined) return false;
    const { id, text } = message;
    const { signal } = this.#closing;
    try {
      const sent = await this.#client.sendMessage(this.#sessionId, { id, text }, { signal });
      this.#arrived(message, sent);
    } catch (error) {
      if (!(error instanceof DiyalogError) || error.retryable) throw error;
      message.failed = true;
    }
    this.#changed();
    return true;
  }

  /** The answer may come before or after the event of the same message. */
  #arrived(message: Outgoing, { seq, at }: Sent): void {
    if (!this.#outgoing.includes(message)) return;
    this.#store({ seq, id: message.id, author: "customer", text: message.text, at });
  }

  #store(message: ChatMessage): void {
    const { author, id } = message;
    this.#stored.set(`${author} ${id}`, { ...message, epoch: this.#epoch });
    if (author === "customer") this.#outgoing = this.#outgoing.filter((one) => one.id !== id);
  }

  #changed(): void {
    this.#listeners.tell("messages", this.messages);
  }
}

function marksOf({ conversation }: Help): Marks {
  return [conversation?.agentReceived ?? 0, conversation?.agentRead ?? 0];
}

/** One thing that is tried until it succeeds, with growing pauses; never twice at the same time. */
class Attempts {
  readonly #step: () => Promise<boolean>;
  readonly #random: () => number;
  readonly #signal: AbortSignal;
  #running = false;
  #asked = false;
  #failures = 0;
  #pause: ReturnType<typeof setTimeout> | undefined;

  /** @param step tells whether there is more to do */
  constructor(step: () => Promise<boolean>, random: () => number, signal: AbortSignal) {
    this.#step = step;
    this.#random = random;
    this.#signal = signal;
    signal.addEventListener("abort", () => clearTimeout(this.#pause), { once: true });
  }

  /** Now instead of after the pause; once more when it is being tried. */
  now(): void {
    this.#asked = true;
    clearTimeout(this.#pause);
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      while (this.#asked && !this.#signal.aborted) {
        this.#asked = false;
        if (await this.#step()) this.#asked = true;
        this.#failures = 0;
      }
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#running = false;
    }
  }

  #failed(error: unknown): void {
    if (this.#signal.aborted) return;
    if (!(error instanceof DiyalogError)) throw error;
    // What is refused for good is asked again when the connection is new, not before.
    if (!error.retryable) return;
    const drawn = reconnectDelay(this.#failures, { code: 1006, reason: "" }, this.#random) ?? 0;
    this.#failures += 1;
    const asked = (error.retryAfterSeconds ?? 0) * 1000;
    this.#pause = setTimeout(() => this.now(), Math.max(drawn, asked));
  }
}
