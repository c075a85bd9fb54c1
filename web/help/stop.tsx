import { Component, createRef, type JSX } from "preact";
import type { Words } from "../words/words.js";
import type { Actions } from "./actions.js";
import type { Stop } from "./model.js";

interface StopProps {
  readonly stop: Stop;
  readonly words: Words;
  readonly actions: Actions;
}

/** Easy to find, hard to hit by mistake: one text button, then one question. */
export function StopFoot({ stop, words, actions }: StopProps): JSX.Element {
  const stopping = stop === "sending" || stop === "unsure";
  return (
    <footer class="foot">
      <button
        type="button"
        class="button-text foot-stop"
        aria-disabled={stopping}
        onClick={stopping ? undefined : actions.askToStop}
      >
        {stopping ? words.stop.stopping : words.stop.button}
      </button>
      <StopDialog stop={stop} words={words} actions={actions} />
    </footer>
  );
}

/** A native dialog: Escape and the first button keep the place. */
class StopDialog extends Component<StopProps> {
  readonly #dialog = createRef<HTMLDialogElement>();

  override componentDidMount(): void {
    this.#showAsTold();
  }

  override componentDidUpdate(): void {
    this.#showAsTold();
  }

  override render({ words, actions }: StopProps): JSX.Element {
    return (
      <dialog
        ref={this.#dialog}
        class="dialog"
        aria-labelledby="stop-title"
        aria-describedby="stop-text"
        onClose={() => {
          if (this.props.stop === "asked") actions.keepPlace();
        }}
      >
        <h2 id="stop-title" class="dialog-title">
          {words.stop.title}
        </h2>
        <p id="stop-text">{words.stop.text}</p>
        <div class="steps">
          <button type="button" class="button button-main" onClick={actions.keepPlace}>
            {words.stop.keep}
          </button>
          <button type="button" class="button" onClick={actions.stop}>
            {words.stop.button}
          </button>
        </div>
      </dialog>
    );
  }

  #showAsTold(): void {
    const dialog = this.#dialog.current;
    if (dialog === null) return;
    if (this.props.stop === "asked" && !dialog.open) dialog.showModal();
    if (this.props.stop !== "asked" && dialog.open) dialog.close();
  }
}
