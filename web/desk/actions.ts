import type { Answer } from "./answers.js";
import type { Pane } from "./model.js";

/** Everything that the agent can do at the desk. */
export interface Actions {
  signIn(): void;
  useHere(): void;
  lookAgain(): void;
  showList(): void;
  switchLanguage(): void;
  openSettings(): void;
  toggleShortcuts(): void;
  toggleComfortable(): void;
  toggleNotices(): void;
  openAnswers(): void;
  /** Puts an answer at the end of what is being written. */
  insertAnswer(text: string): void;
  /** null: the standard ones again. */
  keepAnswers(answers: readonly Answer[] | null): void;
  showPane(pane: Pane): void;
  take(sessionId: string): void;
  askToClose(sessionId: string): void;
  keepWaiting(sessionId: string): void;
  closeWait(sessionId: string): void;
  /** Lets an offer pass. */
  pass(sessionId: string): void;
  setAvailable(available: boolean): void;
  /** Puts a note about coming and going out of sight. */
  noted(): void;
  toggleSound(): void;
  choose(conversationId: string): void;
  /** Puts a conversation that is over out of sight. */
  dismiss(conversationId: string): void;
  draft(conversationId: string, text: string): void;
  write(conversationId: string, text: string): void;
  writeAgain(conversationId: string, id: string): void;
  noteDraft(conversationId: string, text: string): void;
  note(conversationId: string, text: string): void;
  noteAgain(conversationId: string, id: string): void;
  notesAgain(conversationId: string): void;
  askToEnd(conversationId: string): void;
  goOn(conversationId: string): void;
  end(conversationId: string): void;
  reveal(conversationId: string): void;
}
