import { Settings, Volume2, VolumeX } from "lucide";
import type { JSX } from "preact";
import { clockTime } from "#shared/clock.ts";
import { Icon } from "#shared/icon.tsx";
import { AnswersDialog } from "./answers_dialog.js";
import { ChatPane } from "./conversation.js";
import { Cover } from "./covers.js";
import { CustomerPane } from "./customer.js";
import { WaitingPane } from "./list.js";
import { PANES, type Pane } from "./model.js";
import { DutyNote, DutySwitch, Offers } from "./offers.js";
import type { PartProps } from "./parts.js";
import { SettingsDialog } from "./settings_dialog.js";
import { type DeskView, dataState, type View } from "./view.js";

/** The whole page: the head with the desk's connection, and the desk or what stands in its place. */
export function Page({ view, words, actions }: PartProps<View>): JSX.Element {
  return (
    <>
      <header class="desk-head">
        <Head view={view} words={words} actions={actions} />
        {view.kind === "desk" && view.cutOffSince !== null && (
          <p class="bar">{words.cutOff(clockTime(view.cutOffSince, words.lang))}</p>
        )}
        {view.kind === "desk" && <DutyNote view={view} words={words} actions={actions} />}
      </header>
      {view.kind === "desk" ? (
        <Working view={view} words={words} actions={actions} />
      ) : (
        <main class="desk-main" data-state={dataState(view)}>
          <Cover view={view} words={words} actions={actions} />
        </main>
      )}
    </>
  );
}

function Head({ view, words, actions }: PartProps<View>): JSX.Element {
  return (
    <div class="desk-head-row">
      {view.kind === "desk" ? (
        <h1 class="desk-title" tabIndex={-1}>
          {words.title}
        </h1>
      ) : (
        <p class="desk-title">{words.title}</p>
      )}
      {view.kind === "desk" && <p class="desk-agent">{view.agentName}</p>}
      <div class="desk-tools">
        {view.kind === "desk" && <Tools view={view} words={words} actions={actions} />}
        <Language words={words} actions={actions} />
      </div>
    </div>
  );
}

function Language({ words, actions }: Omit<PartProps<View>, "view">): JSX.Element {
  return (
    <button
      type="button"
      class="desk-link"
      lang={words.lang === "tr" ? "en" : "tr"}
      onClick={actions.switchLanguage}
    >
      {words.otherLanguage}
    </button>
  );
}

function Tools({ view, words, actions }: PartProps<DeskView>): JSX.Element {
  const { duty, ready, sound } = view;
  return (
    <>
      {duty !== null && <DutySwitch view={{ ...duty, ready }} words={words} actions={actions} />}
      <button
        type="button"
        class="desk-link"
        role="switch"
        aria-checked={sound}
        onClick={actions.toggleSound}
      >
        <Icon node={sound ? Volume2 : VolumeX} />
        <span class="desk-tool-word">{sound ? words.sound.on : words.sound.off}</span>
      </button>
      <button type="button" class="desk-link" aria-haspopup="dialog" onClick={actions.openSettings}>
        <Icon node={Settings} />
        <span class="desk-tool-word">{words.settings.title}</span>
      </button>
    </>
  );
}

function Working({ view, words, actions }: PartProps<DeskView>): JSX.Element {
  const panes = PANES.filter((pane) => pane !== "waiting" || !view.single);
  const offered = view.offers.length > 0;
  return (
    <>
      <nav class="tabs" aria-label={words.title}>
        {panes.map((pane) => (
          <Tab key={pane} pane={pane} {...{ view, words, actions }} />
        ))}
      </nav>
      <main
        class={`desk-main panes${view.single ? " panes-single" : ""}${offered ? " panes-offered" : ""}`}
        data-state={dataState(view)}
        data-pane={view.pane}
      >
        {offered && <Offers view={view} words={words} actions={actions} />}
        {!view.single && <WaitingPane view={view} words={words} actions={actions} />}
        <ChatPane view={view} words={words} actions={actions} />
        <CustomerPane view={view} words={words} actions={actions} />
      </main>
      <AnswersDialog
        answers={view.answers ?? words.answers.standardOnes}
        writing={view.chat?.over === null}
        words={words}
        insert={actions.insertAnswer}
        keep={actions.keepAnswers}
      />
      <SettingsDialog view={view} words={words} actions={actions} />
    </>
  );
}

function Tab(props: PartProps<DeskView> & { readonly pane: Pane }): JSX.Element {
  const { pane, view, words, actions } = props;
  const count = pane === "waiting" ? view.waiting : pane === "chat" ? view.unread : 0;
  return (
    <button
      type="button"
      class="tab"
      aria-current={view.pane === pane ? "true" : undefined}
      onClick={() => actions.showPane(pane)}
    >
      {words.panes[pane]}
      {count > 0 && <span class="count">{count}</span>}
    </button>
  );
}
