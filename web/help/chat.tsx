/** The conversation on the screen. Loaded when somebody joins: most who wait never need it before. */

import type { ChatEntry } from "diyalog";
import { Component, createRef, type JSX } from "preact";
import { clockTime, instantOf } from "#shared/clock.ts";
import type { Words } from "../words/words.js";
import type { Actions } from "./actions.js";
import { StopButton } from "./stop.js";
import type { ChatView, ConnectedView } from "./view.js";

export { Conversing } from "./conversing.js";

/** The server takes no longer message. */
const LONGEST_MESSAGE = 4_000;
/** So close to the end of the page, somebody reads what comes. */
const NEAR_END_PX = 160;

interface MessagesProps {
  readonly view: ChatView;
  readonly words: Words;
  readonly actions: Actions;
}

/** What was written, the newest at the end, and the end in sight for whoever was there. */
export class Messages extends Component<MessagesProps> {
  #last: string | undefined;
  #atEnd = true;

  override componentDidMount(): void {
    this.#last = lastOf(this.props.view);
    if (this.props.view.open && this.#last !== undefined) toEnd();
  }

  override componentWillUpdate(): void {
    const page = document.documentElement;
    this.#atEnd = page.scrollHeight - page.clientHeight - page.scrollTop <= NEAR_END_PX;
  }

  override componentDidUpdate(): void {
    const { view } = this.props;
    const last = lastOf(view);
    if (last === this.#last) return;
    this.#last = last;
    const own = view.messages.at(-1)?.author === "customer";
    if (view.open && (this.#atEnd || own)) toEnd();
  }

  override render({ view, words, actions }: MessagesProps): JSX.Element {
    return (
      <div
        // What was there before is not read out: only what comes into a log that stands already.
        key={view.loaded ? "loaded" : "loading"}
        class="log"
        role="log"
        aria-label={words.chat.messages}
        aria-relevant="additions"
      >
        {view.messages.length === 0 && (
          <p class="log-empty">{view.loaded ? words.chat.empty : words.chat.opening}</p>
        )}
        {view.messages.map((message) => (
          <Message
            key={`${message.author} ${message.id}`}
            message={message}
            view={view}
            words={words}
            again={() => actions.writeAgain(message.id)}
          />
        ))}
      </div>
    );
  }
}

function Message(props: {
  readonly message: ChatEntry;
  readonly view: ChatView;
  readonly words: Words;
  readonly again: () => void;
}): JSX.Element {
  const { message, view, words } = props;
  const { chat } = words;
  const own = message.author === "customer";
  const failed = message.state === "failed";
  const at = instantOf(message.at);
  const time = at === null ? "" : clockTime(at, words.lang);
  return (
    <div class={`said ${own ? "said-own" : ""} ${failed ? "said-failed" : ""}`}>
      <p class="said-text">
        <span class="visually-hidden">{own ? chat.you : chat.agent(view.name)}: </span>
        <span dir="auto">{message.text}</span>
      </p>
      <p class="said-more">
        {own ? [chat[message.state], time].filter(Boolean).join(" · ") : time}
      </p>
      {failed && view.open && (
        <button type="button" class="button-text said-again" onClick={props.again}>
          {chat.again}
        </button>
      )}
    </div>
  );
}

interface FootProps {
  readonly view: ConnectedView;
  readonly words: Words;
  readonly actions: Actions;
}

/** Where the customer writes, and the way out. */
export class ChatFoot extends Component<FootProps> {
  readonly #text = createRef<HTMLTextAreaElement>();

  override render({ view, words, actions }: FootProps): JSX.Element {
    const { askToStop, keepPlace, endConversation } = actions;
    return (
      <footer class="foot">
        <div class="composer">
          <textarea
            ref={this.#text}
            class="composer-text"
            rows={2}
            maxLength={LONGEST_MESSAGE}
            aria-label={words.chat.composer}
            placeholder={words.chat.composer}
            onKeyDown={(event) => {
              // While letters are being composed, Enter belongs to the keyboard's own menu.
              if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
              event.preventDefault();
              this.#send();
            }}
          />
          <button type="button" class="button button-main composer-send" onClick={this.#send}>
            {words.chat.send}
          </button>
        </div>
        <StopButton
          stop={view.stop}
          words={words.chat.end}
          actions={{ askToStop, keepPlace, stop: endConversation }}
        />
      </footer>
    );
  }

  readonly #send = (): void => {
    const area = this.#text.current;
    if (area === null || area.value.trim() === "") return;
    this.props.actions.write(area.value);
    area.value = "";
    area.focus();
  };
}

function lastOf({ messages }: ChatView): string | undefined {
  const last = messages.at(-1);
  return last && `${last.author} ${last.id}`;
}

function toEnd(): void {
  scrollTo({ top: document.documentElement.scrollHeight });
}
