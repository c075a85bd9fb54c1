/** Those who wait, and the agent's conversations. */

import { TriangleAlert } from "lucide";
import type { JSX } from "preact";
import { clockTime } from "#shared/clock.ts";
import { Icon } from "#shared/icon.tsx";
import type { DeskWords } from "../words/desk.js";
import { Kind, lossText, minutesText, nameOf, type PartProps, PresenceMark } from "./parts.js";
import type { ChatEntry, DeskView, RowView } from "./view.js";

/** Names the sentence that says why nobody can be accepted now. */
const NOT_NOW = "not-now";

export function WaitingPane({ view, words, actions }: PartProps<DeskView>): JSX.Element {
  return (
    <section class="pane pane-waiting" aria-labelledby="waiting-title">
      <h2 class="pane-title" id="waiting-title" tabIndex={-1}>
        {words.list.title}
        {view.waiting > 0 && <span class="count">{view.waiting}</span>}
      </h2>
      {view.cutOffSince !== null && (
        <p class="list-note" id={NOT_NOW}>
          {words.list.notNow}
        </p>
      )}
      <ol class="rows">
        {view.rows.map((row) => (
          <Row key={row.sessionId} view={{ ...row, desk: view }} {...{ words, actions }} />
        ))}
      </ol>
      {view.rows.length === 0 && <Nobody view={view} words={words} />}
      <h2 class="pane-title" id="mine-title">
        {words.mine.title}
      </h2>
      {view.chats.length === 0 && <p class="list-note">{words.mine.none}</p>}
      <ol class="entries" aria-labelledby="mine-title">
        {view.chats.map((entry) => (
          <Entry key={entry.conversationId} view={entry} {...{ words, actions }} />
        ))}
      </ol>
    </section>
  );
}

function Nobody(props: { readonly view: DeskView; readonly words: DeskWords }): JSX.Element {
  const { list, lang } = props.words;
  const { emptySince, queueKnown } = props.view;
  if (!queueKnown || emptySince === null) return <p class="list-note">{list.unknown}</p>;
  return (
    <p class="list-note">
      {list.none}
      <span class="list-since">{list.noneSince(clockTime(emptySince, lang))}</span>
    </p>
  );
}

function Row({
  view,
  words,
  actions,
}: PartProps<RowView & { readonly desk: DeskView }>): JSX.Element {
  const { person, loss, step, desk } = view;
  const taking = step === "taking";
  const name = nameOf(person, words);
  return (
    <li class={loss === null ? "row" : "row row-lost"} data-focus={`row ${view.sessionId}`}>
      <Kind helpType={view.helpType} words={words} />
      <div class="row-text">
        <p class="row-name">{name}</p>
        <p class={view.long ? "row-facts row-long" : "row-facts"}>
          {view.long && <LongMark words={words} />}
          {minutesText(view.minutes, words)}
          {view.topic !== null && ` · ${view.topic}`}
        </p>
        {loss === null && <PresenceMark presence={view.presence} words={words} />}
        {loss !== null && <p class="row-loss">{lossText(loss, words)}</p>}
        {loss === null && step === "unsure" && <p class="row-loss">{words.list.unsure}</p>}
      </div>
      {loss === null && (
        <button
          type="button"
          class="desk-button accept"
          aria-label={`${taking ? words.list.taking : words.list.accept}: ${name}`}
          aria-disabled={taking || !desk.ready}
          aria-describedby={desk.cutOffSince === null ? undefined : NOT_NOW}
          onClick={() => actions.take(view.sessionId)}
        >
          {taking ? words.list.taking : words.list.accept}
        </button>
      )}
    </li>
  );
}

function LongMark({ words }: { readonly words: DeskWords }): JSX.Element {
  return (
    <>
      <Icon node={TriangleAlert} />
      <span class="visually-hidden">{words.list.longWait} </span>
    </>
  );
}

function Entry({ view, words, actions }: PartProps<ChatEntry>): JSX.Element {
  return (
    <li>
      <button
        type="button"
        class={view.unread > 0 ? "entry entry-unread" : "entry"}
        aria-current={view.current ? "true" : undefined}
        data-focus={`entry ${view.conversationId}`}
        onClick={() => actions.choose(view.conversationId)}
      >
        <Kind helpType={view.helpType} words={words} />
        <span class="entry-text">
          <span class="entry-name">{nameOf(view.person, words)}</span>
          {view.unanswered !== null && (
            <span class="entry-more row-long">
              <Icon node={TriangleAlert} />
              {words.mine.unanswered(view.unanswered)}
            </span>
          )}
          {view.over && <span class="entry-more">{words.mine.over}</span>}
        </span>
        {view.unread > 0 && (
          <span class="count">
            <span aria-hidden="true">{view.unread}</span>
            <span class="visually-hidden">{words.mine.unread(view.unread)}</span>
          </span>
        )}
      </button>
    </li>
  );
}
