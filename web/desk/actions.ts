import type { Pane } from "./model.js";

/** Everything that the agent can do at the desk. */
export interface Actions {
  signIn(): void;
  useHere(): void;
  lookAgain(): void;
  showList(): void;
  switchLanguage(): void;
  openShortcuts(): void;
  toggleShortcuts(): void;
  showPane(pane: Pane): void;
  take(sessionId: string): void;
  choose(conversationId: string): void;
  /** Puts a conversation that is over out of sight. */
  dismiss(conversationId: string): void;
  draft(conversationId: string, text: string): void;
  write(conversationId: string, text: string): void;
  writeAgain(conversationId: string, id: string): void;
  askToEnd(conversationId: string): void;
  goOn(conversationId: string): void;
  end(conversationId: string): void;
  reveal(conversationId: string): void;
}
