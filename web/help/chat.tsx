/** The conversation on the screen. Loaded when somebody joins: most who wait never need it before. */

import type { ChatEntry } from "diyalog";
import { Component, createRef, type JSX } from "preact";
import { clockTime, instantOf } from "#shared/clock.ts";
import type { Company } from "#shared/company.ts";
import { type TalkWords, talkIn } from "../words/talk.js";
import type { Words } from "../words/words.js";
import type { Actions } from "./actions.js";
import { StopButton } from "./stop.js";
import type { ChatView, ConnectedView } from "./view.js";

export { Conversing } from "./conversing.js";

/** The server takes no longer message. */
const LONGEST_MESSAGE = 4_000;
/** So close to the end of the page, somebody reads what comes. */
const NEAR_END_PX = 160;
/** After these somebody may see what was not in sight before. */
const SEEING = ["scroll", "focus", "visibilitychange"] as const;

interface MessagesProps {
  readonly view: ChatView;
  readonly words: Words;
  readonly company: Company;
  readonly actions: Actions;
}

/** What was written, the newest at the end, and the end in sight for whoever was there. */
export class Messages extends Component<MessagesProps> {
  #last: string | undefined;
  #atEnd = true;

  override componentDidMount(): void {
    this.#last = lastOf(this.props.view);
    if (this.props.view.open && this.#last !== undefined) toEnd();
    for (const happening of SEEING) addEventListener(happening, this.#seen);
    this.#seen();
  }

  override componentWillUnmount(): void {
    for (const happening of SEEING) removeEventListener(happening, this.#seen);
  }

  override componentWillUpdate(): void {
    this.#atEnd = atEnd();
  }

  override componentDidUpdate(): void {
    const { view } = this.props;
    const last = lastOf(view);
    if (last === this.#last) return;
    this.#last = last;
    const own = view.messages.at(-1)?.author === "customer";
    if (view.open && (this.#atEnd || own)) toEnd();
    this.#seen();
  }

  /** The agent is told what was read once it has been on a screen that somebody looks at. */
  readonly #seen = (): void => {
    const { view, actions } = this.props;
    if (view.open && document.visibilityState === "visible" && atEnd()) actions.read();
  };

  override render({ view, words, company }: MessagesProps): JSX.Element {
    const talk = talkIn(words.lang, company.texts[words.lang]);
    return (
      <>
        {this.#log(talk)}
        {view.open && (
          <p class="said-typing">{view.agentTypes ? talk.typing(view.name) : "\u00a0"}</p>
        )}
      </>
    );
  }

  #log(talk: TalkWords): JSX.Element {
    const { view, words, actions } = this.props;
    return (
      <div
        // What was there before is not read out: only what comes into a log that stands already.
        key={view.loaded ? "loaded" : "loading"}
        class="log"
        role="log"
        aria-label={talk.messages}
        aria-relevant="additions"
      >
        {view.messages.length === 0 && (
          <p class="log-empty">{view.loaded ? talk.empty : words.chat.opening}</p>
        )}
        {view.messages.map((message) => (
          <Message
            key={`${message.author} ${message.id}`}
            message={message}
            view={view}
            lang={words.lang}
            talk={talk}
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
  readonly lang: Words["lang"];
  readonly talk: TalkWords;
  readonly again: () => void;
}): JSX.Element {
  const { message, view, lang, talk } = props;
  const own = message.author === "customer";
  const failed = message.state === "failed";
  const at = instantOf(message.at);
  const time = at === null ? "" : clockTime(at, lang);
  return (
    <div class={`said ${own ? "said-own" : ""} ${failed ? "said-failed" : ""}`}>
      <p class="said-text">
        <span class="visually-hidden">{own ? talk.you : talk.agent(view.name)}: </span>
        <span dir="auto">{message.text}</span>
      </p>
      <p class="said-more">
        {own ? [talk[message.state], time].filter(Boolean).join(" · ") : time}
      </p>
      {failed && view.open && (
        <button type="button" class="button-text said-again" onClick={props.again}>
          {talk.again}
        </button>
      )}
    </div>
  );
}

interface FootProps {
  readonly view: ConnectedView;
  readonly words: Words;
  readonly company: Company;
  readonly actions: Actions;
}

/** Where the customer writes, and the way out. */
export class ChatFoot extends Component<FootProps> {
  readonly #text = createRef<HTMLTextAreaElement>();

  override componentDidMount(): void {
    if (this.#text.current !== null) this.#text.current.value = this.props.actions.drafted;
  }

  override render({ view, words, company, actions }: FootProps): JSX.Element {
    const talk = talkIn(words.lang, company.texts[words.lang]);
    const { askToStop, keepPlace, endConversation } = actions;
    return (
      <footer class="foot">
        <div class="composer">
          <textarea
            ref={this.#text}
            class="composer-text"
            rows={2}
            maxLength={LONGEST_MESSAGE}
            aria-label={talk.composer}
            placeholder={talk.composer}
            onInput={({ currentTarget }) => actions.draft(currentTarget.value)}
            onKeyDown={(event) => {
              // While letters are being composed, Enter belongs to the keyboard's own menu.
              if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
              event.preventDefault();
              this.#send();
            }}
          />
          <button type="button" class="button button-main composer-send" onClick={this.#send}>
            {talk.send}
          </button>
        </div>
        <StopButton
          stop={view.stop}
          words={talk.end}
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
    this.props.actions.draft("");
    area.focus();
  };
}

function lastOf({ messages }: ChatView): string | undefined {
  const last = messages.at(-1);
  return last && `${last.author} ${last.id}`;
}

function atEnd(): boolean {
  const page = document.documentElement;
  return page.scrollHeight - page.clientHeight - page.scrollTop <= NEAR_END_PX;
}

function toEnd(): void {
  scrollTo({ top: document.documentElement.scrollHeight });
}
