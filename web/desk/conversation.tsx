import type { JSX } from "preact";
import { clockTime } from "#shared/clock.ts";
import { Record as Facts, type RecordRow } from "#shared/record.tsx";
import type { DeskWords } from "../words/desk.js";
import type { Answer } from "./answers.js";
import { Composer } from "./composer.js";
import { nameOf, type PartProps, PresenceMark } from "./parts.js";
import type { ChatView, DeskView, Fact, MessageView } from "./view.js";

export function ChatPane({ view, words, actions }: PartProps<DeskView>): JSX.Element {
  const { chat } = view;
  return (
    <section class="pane pane-chat" aria-labelledby="chat-title">
      {chat === null ? (
        <Nothing view={view} words={words} actions={actions} />
      ) : (
        <Conversation
          key={chat.conversationId}
          view={chat}
          answers={view.answers ?? words.answers.standardOnes}
          {...{ words, actions }}
        />
      )}
    </section>
  );
}

function Nothing({ view, words, actions }: PartProps<DeskView>): JSX.Element {
  return (
    <div class="nothing">
      <h2 class="nothing-title" id="chat-title" tabIndex={-1}>
        {words.chat.none}
      </h2>
      {!view.single && <p>{words.chat.noneText}</p>}
      {view.single && (
        <button type="button" class="desk-button" onClick={actions.showList}>
          {words.notWaiting.showList}
        </button>
      )}
    </div>
  );
}

function Conversation({
  view,
  answers,
  words,
  actions,
}: PartProps<ChatView> & { readonly answers: readonly Answer[] }): JSX.Element {
  const rows = view.facts.map((fact) => rowOf(fact, words));
  return (
    <>
      <header class="chat-head">
        <h2 class="chat-name" id="chat-title" tabIndex={-1}>
          {nameOf(view.person, words)}
        </h2>
        {view.presence !== null && <PresenceMark presence={view.presence} words={words} />}
        {view.over === null && <End view={view} words={words} actions={actions} />}
      </header>
      <Facts label={words.record.label} rows={rows} />
      <div
        // What was there before is not read out: only what comes into a log that stands already.
        key={view.loaded ? "loaded" : "loading"}
        class="log"
        role="log"
        aria-label={words.chat.messages}
        aria-relevant="additions"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard.
        tabIndex={0}
      >
        {view.loaded && view.messages.length === 0 && <p class="log-empty">{words.chat.empty}</p>}
        {view.messages.map((message) => (
          <Message
            key={`${message.own} ${message.id}`}
            view={{ ...message, open: view.over === null }}
            name={message.own ? words.chat.you : nameOf(view.person, words)}
            words={words}
            again={() => actions.writeAgain(view.conversationId, message.id)}
          />
        ))}
      </div>
      {/* It stands there always, so that nothing moves when the customer begins to write. */}
      {view.over === null && (
        <p class="typing">{view.typing && words.chat.typing(nameOf(view.person, words))}</p>
      )}
      {view.over === null ? (
        <Composer view={view} answers={answers} words={words} actions={actions} />
      ) : (
        <Over view={view} words={words} actions={actions} />
      )}
    </>
  );
}

/** Ending asks once, where it was pressed: "No" comes to stand under the pointer. */
function End({ view, words: { chat }, actions }: PartProps<ChatView>): JSX.Element {
  const { conversationId, ending } = view;
  if (ending === "asked") {
    return (
      <fieldset class="end" data-focus="end">
        <legend class="end-ask">{chat.endAsk}</legend>
        <button
          type="button"
          class="desk-button desk-button-main"
          onClick={() => actions.end(conversationId)}
        >
          {chat.yes}
        </button>
        <button
          type="button"
          class="desk-button end-no"
          onClick={() => actions.goOn(conversationId)}
        >
          {chat.no}
        </button>
      </fieldset>
    );
  }
  const sending = ending === "sending";
  return (
    <div class="end" data-focus="end">
      {ending === "failed" && <p class="end-failed">{chat.endFailed}</p>}
      <button
        type="button"
        class="desk-button end-button"
        aria-disabled={sending}
        onClick={() => !sending && actions.askToEnd(conversationId)}
      >
        {sending ? chat.ending : chat.end}
      </button>
    </div>
  );
}

function Message(props: {
  readonly view: MessageView & { readonly open: boolean };
  readonly name: string;
  readonly words: DeskWords;
  readonly again: () => void;
}): JSX.Element {
  const { view, words } = props;
  const { chat } = words;
  const own = view.own ? "message-own" : "";
  const refused = view.state === "refused" ? "message-refused" : "";
  return (
    <div class={`message ${own} ${refused}`}>
      <p class="message-text">
        <span class="visually-hidden">{props.name}: </span>
        <span dir="auto">{view.text}</span>
      </p>
      <p class="message-more">
        {view.state === "arrived" ? clockTime(view.at, words.lang) : chat[view.state]}
        {view.mark !== null && ` · ${chat[view.mark]}`}
        {view.state === "refused" && view.open && (
          <button type="button" class="desk-link" onClick={props.again}>
            {chat.again}
          </button>
        )}
      </p>
    </div>
  );
}

function Over({ view, words, actions }: PartProps<ChatView>): JSX.Element {
  const by = view.over?.by ?? null;
  return (
    <div class="over" data-focus="over">
      <div>
        <h3 class="over-title" tabIndex={-1}>
          {words.chat.over}
        </h3>
        {by !== null && <p>{words.chat.overBy[by]}</p>}
      </div>
      <button
        type="button"
        class="desk-button"
        onClick={() => actions.dismiss(view.conversationId)}
      >
        {words.chat.close}
      </button>
    </div>
  );
}

function rowOf(fact: Fact, words: DeskWords): RecordRow {
  const time = clockTime(fact.at, words.lang);
  const { record } = words;
  switch (fact.kind) {
    case "joined":
      return { key: fact.kind, time, mark: "done", text: record.joined };
    case "accepted": {
      const { minutes } = fact;
      const text =
        minutes === null || minutes < 1 ? record.accepted : record.acceptedAfter(minutes);
      return { key: fact.kind, time, mark: "done", text };
    }
    case "ended":
      return { key: fact.kind, time, mark: "closed", text: record.ended };
  }
}
