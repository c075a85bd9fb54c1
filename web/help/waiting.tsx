import { TriangleAlert, Volume2, VolumeX, WifiOff } from "lucide";
import type { JSX } from "preact";
import { clockTime } from "#shared/clock.ts";
import { Icon } from "#shared/icon.tsx";
import type { Words } from "../words/words.js";
import { headlineOf } from "./headline.js";
import type { ScreenProps } from "./page.js";
import { Button, Facts, Headline, Lead, OtherWays, Reference } from "./parts.js";
import { spanText, textOf } from "./text.js";
import type { Ahead, CutOff, WaitingView } from "./view.js";

export function WaitingScreen(props: ScreenProps<WaitingView>): JSX.Element {
  const { view, words, company, actions, late } = props;
  return (
    <>
      <Headline>{headlineOf(view, words)}</Headline>
      <Lead text={textOf(view, words, company)} />
      <Notes {...props} />
      {!view.timeHidden && <WaitFact view={view} words={words} />}
      <Facts facts={view.facts} words={words} />
      <LeaveNote view={view} words={words} />
      {view.trial !== null && late.devices !== null && (
        <late.devices.Devices trial={view.trial} words={words} actions={actions} />
      )}
      <div class="aside">
        <Reference words={words} id={view.reference} />
        <SoundSwitch {...props} />
        <button
          type="button"
          class="button-text"
          aria-pressed={view.timeHidden}
          onClick={actions.toggleTime}
        >
          {view.timeHidden ? words.waiting.showTime : words.waiting.hideTime}
        </button>
      </div>
    </>
  );
}

/** Says how it stands, not what a tap would do. */
function SoundSwitch({ view, words, actions }: ScreenProps<WaitingView>): JSX.Element | null {
  if (view.sound === null) return null;
  return (
    <button
      type="button"
      class="button-text sound"
      role="switch"
      aria-checked={view.sound}
      onClick={actions.toggleSound}
    >
      <Icon node={view.sound ? Volume2 : VolumeX} />
      {view.sound ? words.sound.on : words.sound.off}
    </button>
  );
}

/** What needs attention stands above the estimate, in the content itself. */
function Notes({ view, words, company, actions }: ScreenProps<WaitingView>): JSX.Element {
  const cut = cutOffText(view.cutOff, words);
  const longer = view.longer && cut === null;
  return (
    <>
      {view.stop === "unsure" && <p class="note">{words.stop.unsure}</p>}
      {cut !== null && (
        <div class="note note-look">
          <p class="note-text">
            <Icon node={WifiOff} />
            {cut}
          </p>
          <Button onClick={actions.tryNow}>{words.cutOff.tryNow}</Button>
        </div>
      )}
      {view.nearLimit !== null && (
        <div class="note">
          <p>{words.waiting.heldUntil(clockTime(view.nearLimit, words.lang))}</p>
          {!longer && <OtherWays words={words} company={company} />}
        </div>
      )}
      {longer && (
        <div class="note note-look">
          <p class="note-text">
            <Icon node={TriangleAlert} />
            {words.waiting.longer}
          </p>
          <Button onClick={actions.keepWaiting}>{words.stop.keep}</Button>
          <OtherWays words={words} company={company} />
        </div>
      )}
    </>
  );
}

function WaitFact(props: { readonly view: WaitingView; readonly words: Words }): JSX.Element {
  const { range, ahead, lastKnown } = props.view;
  const words = props.words.waiting;
  const people = aheadText(ahead, props.words);
  const hint =
    lastKnown === null
      ? range === null
        ? words.unknownHint
        : words.estimateHint
      : words.lastKnown(clockTime(lastKnown, props.words.lang));
  return (
    <section class={lastKnown === null ? "fact" : "fact fact-stale"}>
      {range !== null && <p class="fact-label">{words.label}</p>}
      {range === null ? (
        <p class="fact-words">{words.unknown}</p>
      ) : range.to === null ? (
        <p class="fact-words">{words.overHalfAnHour}</p>
      ) : (
        <p class="fact-number">{words.range(range.from, range.to)}</p>
      )}
      {people !== null && <p class="fact-more">{people}</p>}
      <p class="fact-hint">{hint}</p>
    </section>
  );
}

function LeaveNote(props: {
  readonly view: WaitingView;
  readonly words: Words;
}): JSX.Element | null {
  const { view, words } = props;
  const leave = view.kept === null ? null : words.waiting.leave(spanText(view.kept, words));
  const held =
    view.heldUntil === null || view.nearLimit !== null
      ? null
      : words.waiting.leaveUntil(clockTime(view.heldUntil, words.lang));
  if (leave === null && held === null) return null;
  return (
    <div class="note">
      {leave !== null && <p>{leave}</p>}
      {held !== null && <p class="note-more">{held}</p>}
    </div>
  );
}

function aheadText(ahead: Ahead, words: Words): string | null {
  switch (ahead.kind) {
    case "none":
    case "next":
      return null;
    case "count":
      return words.waiting.peopleAhead(ahead.n);
    case "many":
      return words.waiting.manyAhead;
    case "changed":
      return words.waiting.orderChanged;
  }
}

function cutOffText(cutOff: CutOff, words: Words): string | null {
  switch (cutOff.kind) {
    case "no":
    case "quiet":
      return null;
    case "note":
      return words.cutOff.note;
    case "long":
      return words.cutOff.long(clockTime(cutOff.kept, words.lang));
    case "past":
      return words.cutOff.past(clockTime(cutOff.kept, words.lang));
  }
}
