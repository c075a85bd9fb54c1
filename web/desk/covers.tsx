/** What stands in the desk's place while nobody can work at it. */

import type { ComponentChildren, JSX } from "preact";
import type { DeskWords } from "../words/desk.js";
import type { Refusal } from "./model.js";
import { lossText, type PartProps } from "./parts.js";
import type { DeskView, View } from "./view.js";

/** Any view but the desk itself. */
export type CoverView = Exclude<View, DeskView>;

/** The one sentence that names the state: the h1, and the first part of the title. */
export function coverTitle(view: CoverView, words: DeskWords): string {
  switch (view.kind) {
    case "signingIn":
    case "opening":
      return words[view.kind];
    case "refused":
      return refusalTitle(view.refusal, words);
    case "elsewhere":
      return words.elsewhere.title;
    case "notWaiting":
      return words.notWaiting.title;
  }
}

/** The sentence under it. */
export function coverText(view: CoverView, words: DeskWords): string | null {
  switch (view.kind) {
    case "signingIn":
    case "opening":
      return view.slow ? words.slow : null;
    case "refused":
      return refusalText(view.refusal, words);
    case "elsewhere":
      return words.elsewhere.text;
    case "notWaiting":
      // Where nothing else is known, the title has said it all.
      return view.loss.kind === "gone" ? null : lossText(view.loss, words);
  }
}

export function Cover({ view, words, actions }: PartProps<CoverView>): JSX.Element {
  const text = coverText(view, words);
  return (
    <div class="cover" key={view.kind}>
      <h1 class="cover-title" tabIndex={-1}>
        {coverTitle(view, words)}
      </h1>
      {text !== null && <p class="cover-text">{text}</p>}
      <div class="cover-steps">
        {view.kind === "refused" && view.refusal.kind === "signIn" && (
          <Step onClick={actions.signIn}>{words.refused.tryAgain}</Step>
        )}
        {view.kind === "elsewhere" && (
          <Step onClick={actions.useHere}>{words.elsewhere.useHere}</Step>
        )}
        {view.kind === "notWaiting" && (
          <>
            <Step onClick={actions.lookAgain}>{words.notWaiting.lookAgain}</Step>
            <Step onClick={actions.showList}>{words.notWaiting.showList}</Step>
          </>
        )}
      </div>
    </div>
  );
}

function Step(props: {
  readonly onClick: () => void;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <button type="button" class="desk-button" onClick={props.onClick}>
      {props.children}
    </button>
  );
}

function refusalTitle(refusal: Refusal, { refused }: DeskWords): string {
  switch (refusal.kind) {
    case "signIn":
      return refused.title;
    case "link":
    case "over":
    case "fault":
      return refused[refusal.kind];
  }
}

function refusalText(refusal: Refusal, { refused }: DeskWords): string {
  switch (refusal.kind) {
    case "signIn":
    case "fault":
      return refused.text(refusal.code);
    case "link":
      return refused.linkText;
    case "over":
      return refused.overText;
  }
}
