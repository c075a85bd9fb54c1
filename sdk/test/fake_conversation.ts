/** The conversation of one session at the fake server: by the rules of the real one, in memory. */

import type { ChatMessage, Help } from "../src/messages.js";
import type { Recorded } from "./fake_server.js";

const AT = "2026-11-02T11:33:00.000Z";

export type Answer = {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
};

/** The session that the conversation belongs to. */
export interface FakeSession {
  help(): Help;
  change(part: Partial<Help>): void;
  emit(event: string, data: Record<string, unknown>): void;
  /** The app learns the end by the answer to its own call. */
  told(): void;
}

export class FakeConversation {
  messages: ChatMessage[] = [];
  readonly #session: FakeSession;

  constructor(session: FakeSession) {
    this.#session = session;
  }

  begin(agentName: string): void {
    this.#session.change({
      conversation: {
        startedAt: AT,
        endedAt: null,
        endedBy: null,
        agentReceived: 0,
        agentRead: 0,
      },
    });
    this.#session.emit("chat.state", { state: "CHAT_INPROGRESS", agentName });
  }

  /** The agent writes. */
  say(id: string, text: string): void {
    this.#store("agent", id, text);
  }

  end(endedBy: string): void {
    const { conversation } = this.#session.help();
    if (conversation === null || conversation.endedBy !== null) return;
    const ended = { ...conversation, endedAt: AT, endedBy };
    this.#session.change({ state: "ENDED", conversation: ended });
    this.#session.emit("chat.state", { state: "CHAT_ENDED", endedBy });
  }

  route(part: string, { method, body }: Recorded, query: string): Answer {
    if (part === "messages" && method === "GET") {
      const after = Number(new URLSearchParams(query).get("after"));
      const messages = this.messages.filter(({ seq }) => seq > after);
      return { status: 200, body: { messages } };
    }
    const { state, outcome, conversation } = this.#session.help();
    if (part === "messages") return this.#write(String(body["id"]), String(body["text"]));
    if (conversation === null) return problem(409, "NOT_IN_CONVERSATION", { state, outcome });
    this.end("customer");
    this.#session.told();
    return { status: 200, body: this.#session.help() };
  }

  #write(id: string, text: string): Answer {
    const known = this.messages.find((one) => one.author === "customer" && one.id === id);
    if (known !== undefined && known.text !== text) return problem(422, "MESSAGE_ID_REUSED");
    const { state, outcome, conversation } = this.#session.help();
    if (known === undefined && state !== "CONNECTED") {
      return conversation === null
        ? problem(409, "NOT_IN_CONVERSATION", { state, outcome })
        : problem(409, "CONVERSATION_ENDED", { endedBy: conversation.endedBy });
    }
    if (text.trim() === "") return problem(400, "MESSAGE_NOT_TEXT");
    const { seq, at } = known ?? this.#store("customer", id, text);
    return { status: 201, body: { id, seq, at } };
  }

  #store(author: "customer" | "agent", id: string, text: string): ChatMessage {
    const message = { seq: this.#session.help().seq + 1, id, author, text, at: AT };
    this.messages.push(message);
    this.#session.emit("chat.message", { id, author, text });
    return message;
  }
}

export function problem(status: number, code: string, more: Record<string, unknown> = {}): Answer {
  return { status, body: { code, detail: code, retryable: false, ...more } };
}
