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
      {view.beyond > 0 && <p class="list-note">{words.list.beyond(view.beyond)}</p>}
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

function Nobody(props: { readonly view: DeskView; readonly words: DeskWords }): JSX.Element | null {
  const { list, lang } = props.words;
  const { emptySince, lineKnown, waiting, beyond } = props.view;
  // They stand among the offers.
  if (waiting > beyond) return <p class="list-note">{list.allOffered}</p>;
  if (beyond > 0) return null;
  if (!lineKnown || emptySince === null) return <p class="list-note">{list.unknown}</p>;
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
      <div class="row-kind">
        <Kind helpType={view.helpType} words={words} />
        {view.position !== null && <Place n={view.position} words={words} />}
      </div>
      <div class="row-text">
        <p class="row-name">{name}</p>
        <p class={view.long ? "row-facts row-long" : "row-facts"}>
          {view.long && <LongMark words={words} />}
          {minutesText(view.minutes, words)}
          {view.topic !== null && ` · ${view.topic}`}
        </p>
        {loss === null && <PresenceMark presence={view.presence} words={words} />}
        {loss === null && view.offered && <p class="row-offered">{words.list.offered}</p>}
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
      {loss === null && view.closing !== null && (
        <Closing
          view={{ ...view, closing: view.closing, ready: desk.ready }}
          {...{ words, actions }}
        />
      )}
    </li>
  );
}

/** Closing a request asks once, in place, as ending a conversation does. */
function Closing({
  view,
  words,
  actions,
}: PartProps<
  Pick<RowView, "sessionId" | "person"> & {
    readonly closing: NonNullable<RowView["closing"]>;
    readonly ready: boolean;
  }
>): JSX.Element {
  const { sessionId, closing, person, ready } = view;
  const { close, chat } = words;
  if (closing === "asked") {
    return (
      <fieldset class="row-close">
        <legend class="row-close-ask">{close.ask}</legend>
        <button
          type="button"
          class="desk-button desk-button-main"
          onClick={() => actions.closeWait(sessionId)}
        >
          {chat.yes}
        </button>
        <button
          type="button"
          class="desk-button close-no"
          onClick={() => actions.keepWaiting(sessionId)}
        >
          {chat.no}
        </button>
      </fieldset>
    );
  }
  const told = closing === "failed" || closing === "noRight" ? close[closing] : null;
  const text = closing === "sending" ? close.sending : close.close;
  return (
    <div class="row-close">
      {told !== null && <p class="row-loss">{told}</p>}
      {closing !== "noRight" && (
        <button
          type="button"
          class="desk-link"
          aria-label={`${text}: ${nameOf(person, words)}`}
          aria-disabled={closing === "sending" || !ready}
          onClick={() => closing !== "sending" && ready && actions.askToClose(sessionId)}
        >
          {text}
        </button>
      )}
    </div>
  );
}

function Place({ n, words }: { readonly n: number; readonly words: DeskWords }): JSX.Element {
  return (
    <span class="place">
      <span aria-hidden="true">{n}.</span>
      <span class="visually-hidden">{words.list.place(n)}</span>
    </span>
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
