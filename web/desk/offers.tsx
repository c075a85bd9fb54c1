/** Whom the built-in queue offers to the agent, before everything else; and whether they take offers. */

import type { JSX } from "preact";
import { clockTime } from "#shared/clock.ts";
import type { DeskWords } from "../words/desk.js";
import type { DutyView, OfferView } from "./duty_view.js";
import { Kind, lossText, minutesText, nameOf, type PartProps } from "./parts.js";
import type { DeskView } from "./view.js";

export function Offers({ view, words, actions }: PartProps<DeskView>): JSX.Element {
  return (
    <section class="offers" aria-labelledby="offers-title">
      <h2 class="offers-title" id="offers-title">
        {words.offers.title}
      </h2>
      <ol>
        {view.offers.map((offer) => (
          <Offered
            key={offer.sessionId}
            view={{ ...offer, ready: view.ready }}
            {...{ words, actions }}
          />
        ))}
      </ol>
    </section>
  );
}

function Offered({
  view,
  words,
  actions,
}: PartProps<OfferView & { readonly ready: boolean }>): JSX.Element {
  const { person, gone } = view;
  const about = [
    minutesText(view.minutes, words),
    view.topic,
    view.here ? null : words.list.away,
  ].filter((part) => part !== null);
  return (
    <li class={gone === null ? "offer" : "offer offer-gone"} data-focus={`offer ${view.sessionId}`}>
      <Kind helpType={view.helpType} words={words} />
      <div class="offer-text">
        <p class="offer-name">{nameOf(person, words)}</p>
        <p class="row-facts">{about.join(" · ")}</p>
        {gone !== null && <p class="row-loss">{offerEndText(gone, words)}</p>}
        {gone === null && view.step === "unsure" && <p class="row-loss">{words.offers.unsure}</p>}
      </div>
      {gone === null && <Answer view={view} words={words} actions={actions} />}
    </li>
  );
}

function Answer({
  view,
  words,
  actions,
}: PartProps<OfferView & { readonly ready: boolean }>): JSX.Element {
  const { sessionId, person, step, ready, left, limit } = view;
  const name = nameOf(person, words);
  const busy = step === "taking" || step === "passing" || !ready;
  const accept = step === "taking" ? words.list.taking : words.list.accept;
  const pass = step === "passing" ? words.offers.passing : words.offers.pass;
  return (
    <div class="offer-answer">
      {/* It says nothing that the words beside it do not say. */}
      <progress class="offer-time" max={limit} value={Math.min(left, limit)} aria-hidden="true" />
      <p class="offer-left">{words.offers.left(left)}</p>
      <button
        type="button"
        class="desk-button desk-button-main offer-accept"
        aria-label={`${accept}: ${name}`}
        aria-disabled={busy}
        onClick={() => actions.take(sessionId)}
      >
        {accept}
      </button>
      <button
        type="button"
        class="desk-button"
        aria-label={`${pass}: ${name}`}
        aria-disabled={busy}
        onClick={() => actions.pass(sessionId)}
      >
        {pass}
      </button>
    </div>
  );
}

export function offerEndText(end: NonNullable<OfferView["gone"]>, words: DeskWords): string {
  if (end.kind === "missed" || end.kind === "gone") return words.offers[end.kind];
  return lossText(end, words);
}

/** Whether the agent takes offers, in the head. */
export function DutySwitch({
  view,
  words,
  actions,
}: PartProps<DutyView & { readonly ready: boolean }>): JSX.Element {
  const { available, sending, ready } = view;
  return (
    <button
      type="button"
      class={available ? "desk-link duty presence presence-here" : "desk-link duty presence"}
      role="switch"
      aria-checked={available}
      aria-disabled={sending || !ready}
      onClick={() => actions.setAvailable(!available)}
    >
      {available ? words.duty.available : words.duty.away}
    </button>
  );
}

/** Why the agent is away without having said so, with one click to come back; and what did not work. */
export function DutyNote({ view, words, actions }: PartProps<DeskView>): JSX.Element | null {
  const text = dutyText(view, words);
  if (text === null) return null;
  const { duty, ready } = view;
  return (
    <div class="duty-note" data-focus="duty">
      <p>{text}</p>
      {duty === null ? (
        <button type="button" class="desk-button" onClick={actions.noted}>
          {words.duty.noted}
        </button>
      ) : (
        duty.sentAway !== null && (
          <button
            type="button"
            class="desk-button desk-button-main"
            aria-disabled={duty.sending || !ready}
            onClick={() => actions.setAvailable(true)}
          >
            {words.duty.back}
          </button>
        )
      )}
    </div>
  );
}

/** What is to be said about coming and going; null: nothing. */
export function dutyText({ duty, elsewhere }: DeskView, words: DeskWords): string | null {
  if (duty === null) return elsewhere ? words.duty.elsewhere : null;
  if (duty.failed) return words.duty.failed;
  if (duty.sentAway === null) return null;
  const since = duty.since === null ? null : words.duty.since(clockTime(duty.since, words.lang));
  return [words.duty[duty.sentAway], since].filter(Boolean).join(" ");
}
