/** The desk at work: keeps the state, and does what follows from each change of it. */

import { CLOSE } from "diyalog";
import { type Chat, isOver, type Outgoing } from "./chats.js";
import type { Happening } from "./happening.js";
import type { Launch } from "./launch.js";
import { Loader } from "./loader.js";
import { type Agent, currentChat, initialState, inView, type State, update } from "./model.js";
import { messagesPost, notesPost } from "./posts.js";
import type { StaffEvent, Welcome } from "./protocol.js";
import { lossIn, pauseAfter, refusalOf } from "./refusals.js";
import { Requests } from "./requests.js";
import { Sender } from "./sender.js";
import { Signals } from "./signals.js";
import type { StaffApi } from "./staff_api.js";
import type { Position, StaffStream, StreamListener } from "./stream.js";
import type { Tab } from "./tab.js";

/** How often it is asked whether the customer in front is there. */
const PRESENCE_EVERY_MS = 5_000;

export interface DeskParts {
  readonly api: StaffApi;
  readonly openStream: (token: string, position: Position, listener: StreamListener) => StaffStream;
  readonly tab: Tab;
  readonly launch: Launch;
  /** Told after every change. */
  readonly changed: (happening: Happening, before: State, after: State) => void;
  readonly now: () => number;
  readonly random: () => number;
  /** @returns cancels it */
  readonly schedule: (callback: () => void, afterMs: number) => () => void;
  /** A name for a message that no other message has. */
  readonly newId: () => string;
}

export class Desk {
  readonly #parts: DeskParts;
  #state: State;
  #stream: StaffStream | null = null;
  readonly #senders: readonly Sender[];
  readonly #loader: Loader;
  readonly #signals: Signals;
  /** What can be asked about those who wait. */
  readonly requests: Requests;

  constructor(parts: DeskParts) {
    this.#parts = parts;
    const { credentials, customerId } = parts.launch;
    if (credentials !== null) parts.tab.begin(credentials, customerId);
    const { joined, outbox, notes } = parts.tab.memory;
    this.#state = initialState(parts.now(), { joined, outbox, notes });
    const asking = {
      api: parts.api,
      state: () => this.#state,
      dispatch: (happening: Happening) => this.do(happening),
      signedOut: (error: unknown) => this.#signedOut(error),
    };
    this.#signals = new Signals({ say: (aside) => this.#stream?.say(aside), now: parts.now });
    this.requests = new Requests(asking);
    this.#loader = new Loader({
      ...asking,
      untilAnswered: (call) => this.#untilAnswered(call),
    });
    const sending = { ...asking, random: parts.random, schedule: parts.schedule };
    const refused = (error: unknown, conversationId: string) => {
      if (!this.#signedOut(error)) void this.#refresh(conversationId);
    };
    const author = () => this.#state.agent?.userName ?? "";
    this.#senders = [messagesPost(parts.api), notesPost(parts.api, author)].map(
      (post) => new Sender({ ...sending, post, refused }),
    );
  }

  get state(): State {
    return this.#state;
  }

  /** Begins with the link's sign-in, or goes on with the tab's. */
  open(): void {
    const { tab } = this.#parts;
    if (tab.memory.credentials !== null) void this.#signIn();
    else if (tab.memory.token !== null) this.#begin(tab.memory.token);
    else this.do({ type: "refused", refusal: { kind: "link" } });
  }

  /** Signs in again with what the link gave. */
  tryAgain(): void {
    this.do({ type: "signingIn" });
    void this.#signIn();
  }

  async #signIn(): Promise<void> {
    const { api, tab } = this.#parts;
    const { credentials } = tab.memory;
    if (credentials === null) return;
    try {
      const signedIn = await this.#untilAnswered(() => api.signIn(credentials));
      const { staffToken: token, ...agent } = signedIn;
      tab.update({ credentials: null, token, agent });
      this.#begin(token);
    } catch (error) {
      const { code } = refusalOf(error);
      this.do({ type: "refused", refusal: { kind: "signIn", code } });
    }
  }

  do(happening: Happening): void {
    const before = this.#state;
    this.#state = update(before, happening, this.#parts.now());
    if (this.#state === before) return;
    this.#keep(before);
    this.#parts.changed(happening, before, this.#state);
    if (this.#state.stage.at === "refused") this.#stream?.close();
    for (const sender of this.#senders) sender.sendNext();
    this.#loader.loadMissing();
    this.#signals.tell(this.#state);
    if (happening.type === "draft") {
      const chat = this.#state.chats.find((one) => idOf(one) === happening.conversationId);
      if (chat !== undefined) this.#signals.typed(chat);
    }
  }

  /** Asks once more for the customer who was not waiting. */
  lookAgain(): void {
    const { stage } = this.#state;
    if (stage.at !== "notWaiting") return;
    this.do({ type: "opening" });
    void this.#openFor(stage.customerId);
  }

  /** The customer whom the link named: opens the conversation. */
  async #openFor(customerId: string): Promise<void> {
    const { api, tab } = this.#parts;
    try {
      const conversation = await this.#untilAnswered(() => api.accept({ customerId }));
      tab.update({ customerId: null, conversationId: conversation.conversationId });
      this.do({ type: "taken", conversation });
    } catch (error) {
      const loss = lossIn(error);
      if (loss !== null) this.do({ type: "notWaiting", customerId, loss });
      else this.#refused(error);
    }
  }

  write(conversationId: string, text: string): void {
    const clean = textIn(text);
    if (clean === null) return;
    this.do({ type: "written", conversationId, id: this.#parts.newId(), text: clean });
  }

  /** Notes something about the customer, who never sees it. */
  note(conversationId: string, text: string): void {
    const clean = textIn(text);
    if (clean === null) return;
    this.do({ type: "noteWritten", conversationId, id: this.#parts.newId(), text: clean });
  }

  async end(conversationId: string): Promise<void> {
    this.do({ type: "ending", conversationId, step: "sending" });
    try {
      const conversation = await this.#parts.api.end(conversationId);
      this.do({ type: "conversation", conversation });
    } catch (error) {
      if (!this.#signedOut(error)) this.do({ type: "ending", conversationId, step: "failed" });
    }
  }

  showList(): void {
    this.#parts.tab.update({ customerId: null, conversationId: null });
    this.do({ type: "showList" });
  }

  /** Puts a conversation that is over out of sight; a reload does not bring it back. */
  dismiss(conversationId: string): void {
    const { tab } = this.#parts;
    if (tab.memory.conversationId === conversationId) tab.update({ conversationId: null });
    this.do({ type: "dismiss", conversationId });
  }

  /** Takes the desk back from the window that has it. */
  useHere(): void {
    const { token } = this.#parts.tab.memory;
    if (token === null || this.#state.link.kind !== "elsewhere") return;
    this.do({ type: "reconnecting" });
    this.#connect(token, this.#stream?.position ?? BEGINNING);
  }

  #begin(token: string): void {
    const { agent, customerId, conversationId } = this.#parts.tab.memory;
    const single = customerId !== null || conversationId !== null;
    this.do({ type: "signedIn", agent: agent ?? NOBODY, single });
    this.#connect(token, BEGINNING);
    void this.#watchPresence();
    if (conversationId !== null) void this.#reopen(conversationId);
    else if (customerId !== null) void this.#openFor(customerId);
  }

  #connect(token: string, position: Position): void {
    this.#stream = this.#parts.openStream(token, position, {
      onWelcome: (welcome, helloAt) => this.#welcomed(welcome, helloAt),
      onEvent: (event, replayed) => this.#heard(event, replayed),
      onNow: (news) =>
        this.do(
          news.type === "line" ? { type: "line", line: news } : { type: "ownDesk", desk: news },
        ),
      onMoment: (moment) => this.do({ type: "moment", moment }),
      onLost: () => this.do({ type: "linkLost" }),
      onClosed: (code) => this.#closed(code),
    });
  }

  #welcomed(welcome: Welcome, helloAt: number): void {
    const { serverTime, conversations, recovered } = welcome;
    const here = (helloAt + this.#parts.now()) / 2;
    const clockOffset = serverTime === null ? this.#state.clockOffset : serverTime - here;
    const before = this.#state;
    this.#signals.renew();
    this.do({ type: "welcome", welcome, clockOffset });
    for (const sender of this.#senders) sender.endPauses();
    const listed = new Set(conversations.map(({ conversationId }) => conversationId));
    const missed = before.chats.filter((chat) => !isOver(chat)).map(idOf);
    const unsent = Object.keys({ ...before.kept.outbox, ...before.kept.notes });
    // They ended while nobody told the desk; with everything recovered the stream tells it.
    for (const id of [...(recovered ? [] : missed), ...unsent]) {
      if (!listed.has(id)) void this.#refresh(id);
    }
  }

  #heard(event: StaffEvent, replayed: boolean): void {
    this.do({ type: "event", event });
    if (replayed || (event.kind !== "began" && event.kind !== "message")) return;
    const { conversationId } = event;
    // It was opened by the same agent elsewhere, for instance from the company's application.
    if (!this.#state.chats.some((chat) => idOf(chat) === conversationId)) {
      void this.#refresh(conversationId);
    }
  }

  #closed(code: number): void {
    if (code === CLOSE.unauthorized) this.#parts.tab.update({ token: null });
    this.do({ type: "linkClosed", code });
  }

  async #reopen(conversationId: string): Promise<void> {
    const { api } = this.#parts;
    try {
      const conversation = await this.#untilAnswered(() => api.conversation(conversationId));
      this.do({ type: "taken", conversation });
    } catch (error) {
      if (!this.#signedOut(error)) this.showList();
    }
  }

  async #refresh(conversationId: string): Promise<void> {
    const { api } = this.#parts;
    try {
      const conversation = await this.#untilAnswered(() => api.conversation(conversationId));
      this.do({ type: "conversation", conversation });
    } catch (error) {
      this.#signedOut(error);
    }
  }

  /** Nothing tells the desk that a customer went away, so it asks, while somebody looks. */
  async #watchPresence(): Promise<void> {
    const chat = currentChat(this.#state);
    const { link, stage } = this.#state;
    if (stage.at === "refused") return;
    if (chat !== undefined && !isOver(chat) && link.kind === "open" && inView(this.#state)) {
      try {
        const conversation = await this.#parts.api.conversation(idOf(chat));
        this.do({ type: "conversation", conversation });
      } catch (error) {
        this.#signedOut(error);
      }
    }
    this.#parts.schedule(() => void this.#watchPresence(), PRESENCE_EVERY_MS);
  }

  /** Asks again until there is an answer, with pauses that grow. */
  async #untilAnswered<Answer>(call: () => Promise<Answer>): Promise<Answer> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await call();
      } catch (error) {
        const refusal = refusalOf(error);
        if (!refusal.retryable || this.#state.stage.at === "refused") throw refusal;
        this.do({ type: "unreachable" });
        const pause = pauseAfter(refusal, attempt, this.#parts.random);
        await new Promise<void>((resolve) => this.#parts.schedule(resolve, pause));
      }
    }
  }

  /** Whether the server does not know the agent any more; then the desk is closed. */
  #signedOut(error: unknown): boolean {
    if (refusalOf(error).status !== 401) return false;
    this.#parts.tab.update({ token: null });
    this.do({ type: "refused", refusal: { kind: "over" } });
    return true;
  }

  #refused(error: unknown): void {
    if (this.#signedOut(error)) return;
    this.do({ type: "refused", refusal: { kind: "fault", code: refusalOf(error).code } });
  }

  /** What a reload must find again. */
  #keep(before: State): void {
    const { chats, kept } = this.#state;
    if (chats === before.chats && kept === before.kept) return;
    const joined = chats.flatMap((chat) => {
      return chat.joinedAt === null ? [] : [[idOf(chat), chat.joinedAt] as const];
    });
    const unsent = (of: (chat: Chat) => readonly Outgoing[]) =>
      Object.fromEntries(
        chats.flatMap((chat) => (of(chat).length ? [[idOf(chat), of(chat)]] : [])),
      );
    this.#parts.tab.update({
      joined: { ...kept.joined, ...Object.fromEntries(joined) },
      outbox: { ...kept.outbox, ...unsent(({ outbox }) => outbox) },
      notes: { ...kept.notes, ...unsent(({ notes }) => notes.outbox) },
    });
  }
}

const NOBODY: Agent = { userId: "", userName: "", supervisor: false };
const BEGINNING: Position = { after: 0, epoch: null };

function idOf({ conversation }: Chat): string {
  return conversation.conversationId;
}

/** Only what the server takes as text: a paste may bring characters that nobody can see. */
function textIn(text: string): string | null {
  const clean = text.replace(/[^\P{Cc}\n\t]/gu, "");
  return clean.trim() === "" ? null : clean;
}
