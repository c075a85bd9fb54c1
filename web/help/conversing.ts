/** The conversation behind the page: kept for the session that is shown, told as it changes. */

import { Chat, type Diyalog, DiyalogError, type Help } from "diyalog";
import { type Happening, isOver, type State } from "./model.js";
import type { Tab } from "./tab.js";

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 15_000;
const MOST_END_ATTEMPTS = 60;

export interface ConversingParts {
  readonly diyalog: Diyalog;
  readonly tab: Tab;
  readonly dispatch: (happening: Happening) => void;
  /** Calls back after so many milliseconds. @returns cancels it */
  readonly schedule: (callback: () => void, afterMs: number) => () => void;
}

export class Conversing {
  readonly #parts: ConversingParts;
  #help: Help | null = null;
  #chat: Chat | null = null;

  constructor(parts: ConversingParts) {
    this.#parts = parts;
  }

  /** Opens the conversation of the session that is shown, and leaves the one before. */
  follow({ stage }: State): void {
    const help = stage.at === "session" && stage.help.outcome === "CONNECTED" ? stage.help : null;
    const other = help?.sessionId !== this.#help?.sessionId;
    this.#help = help;
    // Before the session is known again after a reload, the draft may be of its conversation.
    if (stage.at === "session") this.#keepDraft(help);
    if (!other) return;
    this.#chat?.close();
    this.#chat = null;
    if (help !== null) this.#open(help);
  }

  write(text: string): void {
    if (text.trim() !== "") this.#chat?.send(text);
  }

  typing(): void {
    this.#chat?.typing();
  }

  /** The customer has what was written in view. */
  read(): void {
    this.#chat?.read();
  }

  writeAgain(id: string): void {
    this.#chat?.retry(id);
  }

  /** Ends the conversation, and goes on trying until the server has said that it is over. */
  async end(): Promise<void> {
    const { diyalog, dispatch } = this.#parts;
    const sessionId = this.#help?.sessionId;
    if (sessionId === undefined) return;
    dispatch({ type: "stop", stop: "sending" });
    for (let attempt = 0; attempt < MOST_END_ATTEMPTS; attempt += 1) {
      try {
        const help = await diyalog.endConversation(sessionId);
        if (this.#isOpen(sessionId)) dispatch({ type: "help", help });
        return;
      } catch (error) {
        if (!(error instanceof DiyalogError)) throw error;
        if (!this.#isOpen(sessionId)) return;
        dispatch({ type: "stop", stop: error.retryable ? "unsure" : "no" });
        if (!error.retryable) return;
      }
      await this.#pause(Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS));
      if (!this.#isOpen(sessionId)) return;
    }
    dispatch({ type: "stop", stop: "no" });
  }

  #keepDraft(help: Help | null): void {
    this.#parts.tab.forgetDraft(help === null || isOver(help) ? null : help.sessionId);
  }

  #isOpen(sessionId: string): boolean {
    return this.#help?.sessionId === sessionId && !isOver(this.#help);
  }

  #open(help: Help): void {
    const { diyalog, tab, dispatch } = this.#parts;
    const { sessionId } = help;
    const kept = tab.memory.unsent;
    const unsent = kept?.sessionId === sessionId ? kept.messages : [];
    const chat = new Chat(diyalog, help, { unsent });
    this.#chat = chat;
    const tell = () => {
      const { loaded, messages, agentTypes } = chat;
      tab.update({ unsent: { sessionId, messages: chat.unsent } });
      dispatch({ type: "chat", chat: { sessionId, loaded, messages, agentTypes } });
    };
    chat.on("messages", tell);
    chat.on("typing", tell);
    tell();
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.schedule(resolve, ms);
    });
  }
}
