import { Component, createRef, type JSX } from "preact";
import type { Stopping } from "../words/words.js";
import type { Stop } from "./model.js";

interface StopProps {
  readonly stop: Stop;
  readonly words: Stopping;
  readonly actions: { askToStop(): void; keepPlace(): void; stop(): void };
}

export function StopFoot(props: StopProps): JSX.Element {
  return (
    <footer class="foot">
      <StopButton {...props} />
    </footer>
  );
}

/** Easy to find, hard to hit by mistake: one text button, then one question. */
export function StopButton({ stop, words, actions }: StopProps): JSX.Element {
  const stopping = stop === "sending" || stop === "unsure";
  return (
    <>
      <button
        type="button"
        class="button-text foot-stop"
        aria-disabled={stopping}
        onClick={stopping ? undefined : actions.askToStop}
      >
        {stopping ? words.stopping : words.button}
      </button>
      <StopDialog stop={stop} words={words} actions={actions} />
    </>
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
          {words.title}
        </h2>
        <p id="stop-text">{words.text}</p>
        <div class="steps">
          <button type="button" class="button button-main" onClick={actions.keepPlace}>
            {words.keep}
          </button>
          <button type="button" class="button" onClick={actions.stop}>
            {words.button}
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
