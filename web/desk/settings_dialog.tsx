import type { JSX } from "preact";
import type { DeskWords } from "../words/desk.js";
import type { Actions } from "./actions.js";
import type { DeskView } from "./view.js";

export const SETTINGS_DIALOG = "settings";

/** What the agent can have otherwise, and the keys. */
export function SettingsDialog(props: {
  readonly view: Pick<DeskView, "shortcuts" | "comfortable" | "notices">;
  readonly words: DeskWords;
  readonly actions: Pick<Actions, "toggleShortcuts" | "toggleComfortable" | "toggleNotices">;
}): JSX.Element {
  const { view, words, actions } = props;
  const { settings, shortcuts } = words;
  const keys = [
    ["Alt + 1 … 9", shortcuts.chat],
    ["Alt + N", shortcuts.next],
    ["Alt + A", shortcuts.accept],
    ["Alt + P", shortcuts.pass],
    ["Alt + E", shortcuts.end],
  ];
  return (
    <dialog class="keys" id={SETTINGS_DIALOG} aria-labelledby="settings-title">
      <h2 class="keys-title" id="settings-title">
        {settings.title}
      </h2>
      <Use on={view.comfortable} text={settings.comfortable} toggle={actions.toggleComfortable} />
      <Use on={view.notices === "on"} text={settings.notices} toggle={actions.toggleNotices} />
      <p class="keys-hint" role="status">
        {view.notices === "refused" ? settings.noticesRefused : ""}
      </p>
      <h3 class="keys-part">{shortcuts.title}</h3>
      <dl class="facts">
        {keys.map(([key, does]) => (
          <div class="fact" key={key}>
            <dt>{key}</dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <Use on={view.shortcuts} text={shortcuts.use} toggle={actions.toggleShortcuts} />
      <button
        type="button"
        class="desk-button"
        onClick={({ currentTarget }) => currentTarget.closest("dialog")?.close()}
      >
        {settings.close}
      </button>
    </dialog>
  );
}

function Use(props: {
  readonly on: boolean;
  readonly text: string;
  readonly toggle: () => void;
}): JSX.Element {
  return (
    <label class="keys-use">
      <input type="checkbox" checked={props.on} onChange={props.toggle} />
      {props.text}
    </label>
  );
}
