import { Component, createRef, type JSX } from "preact";
import type { Words } from "../words/words.js";
import type { Actions } from "./actions.js";
import { Button } from "./parts.js";
import { trialText } from "./text.js";
import type { Choice, Kind, Trial } from "./trial.js";

export { DeviceTrial } from "./trial.js";

interface DevicesProps {
  readonly trial: Trial;
  readonly words: Words;
  readonly actions: Actions;
}

/** Camera and microphone, tried while waiting: offered, asked for, shown, or why not. */
export class Devices extends Component<DevicesProps> {
  readonly #heading = createRef<HTMLHeadingElement>();
  readonly #offer = createRef<HTMLDivElement>();

  override componentDidUpdate(before: DevicesProps): void {
    const [was, is] = [before.trial.step === "closed", this.props.trial.step === "closed"];
    // What had the focus went away with its part.
    if (was && !is) this.#heading.current?.focus();
    else if (!is && document.activeElement === document.body) this.#heading.current?.focus();
    if (!was && is) this.#offer.current?.querySelector("button")?.focus();
  }

  override render({ trial, words, actions }: DevicesProps): JSX.Element {
    const texts = words.devices;
    if (trial.step === "closed") {
      return (
        <div class="note" ref={this.#offer}>
          <p>{trial.video ? texts.why : texts.whyVoice}</p>
          <Button onClick={() => actions.tryDevices(trial.video)}>
            {trial.video ? texts.tryBoth : texts.tryMicrophone}
          </Button>
        </div>
      );
    }
    return (
      <section class="note devices" aria-labelledby="devices-title">
        <h2 id="devices-title" class="devices-title" tabIndex={-1} ref={this.#heading}>
          {trial.video ? texts.title : texts.titleVoice}
        </h2>
        <p class={trial.step === "failed" ? undefined : "devices-result"}>
          {trialText(trial, words)}
        </p>
        {trial.step === "running" && <Running trial={trial} words={words} actions={actions} />}
        {trial.step === "failed" && <WaysOn trial={trial} words={words} actions={actions} />}
        <Button onClick={actions.closeDevices}>{texts.close}</Button>
      </section>
    );
  }
}

type Of<Step> = DevicesProps & { readonly trial: Extract<Trial, { step: Step }> };

function Running({ trial, words, actions }: Of<"running">): JSX.Element {
  const texts = words.devices;
  return (
    <>
      {trial.video && (
        <video
          class="devices-picture"
          aria-label={texts.picture}
          muted
          playsInline
          ref={actions.showPicture}
        />
      )}
      <div class="devices-level">
        <span id="devices-level">{texts.level}</span>
        <meter
          class="level"
          aria-labelledby="devices-level"
          min={0}
          max={100}
          value={0}
          ref={actions.showLevel}
        />
      </div>
      {trial.video && (
        <Chosen kind="camera" label={texts.camera} choice={trial.cameras} actions={actions} />
      )}
      <Chosen
        kind="microphone"
        label={texts.microphone}
        choice={trial.microphones}
        actions={actions}
      />
    </>
  );
}

/** The device in use; a choice only where there is one. */
function Chosen(props: {
  readonly kind: Kind;
  readonly label: string;
  readonly choice: Choice;
  readonly actions: Actions;
}): JSX.Element | null {
  const { kind, label, choice, actions } = props;
  const named = choice.all.map(({ id, name }, at) => ({
    id,
    name: name || `${label} ${at + 1}`,
  }));
  if (named.length === 0) return null;
  if (named.length === 1) {
    return (
      <p class="devices-one">
        {label}: <span lang="">{named[0]?.name}</span>
      </p>
    );
  }
  return (
    <div class="devices-choice">
      <label for={`devices-${kind}`}>{label}</label>
      <select
        id={`devices-${kind}`}
        value={choice.chosen}
        onChange={(event) => actions.chooseDevice(kind, event.currentTarget.value)}
      >
        {named.map(({ id, name }) => (
          <option key={id} value={id} lang="">
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}

function WaysOn({ trial, words, actions }: Of<"failed">): JSX.Element {
  const texts = words.devices;
  const voiceOnly = trial.what === "camera";
  return (
    <>
      {trial.cause === "refused" && (
        <details class="devices-how">
          <summary>{texts.how}</summary>
          <p>{texts.howText}</p>
        </details>
      )}
      <Button main onClick={() => actions.tryDevices(trial.video)}>
        {words.ended.tryAgain}
      </Button>
      {voiceOnly && <Button onClick={() => actions.tryDevices(false)}>{texts.voiceOnly}</Button>}
    </>
  );
}
