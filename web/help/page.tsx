import type { JSX } from "preact";
import type { Company } from "#shared/company.ts";
import type { Words } from "../words/words.js";
import type { Actions } from "./actions.js";
import { screenOf } from "./announcement.js";
import { ConnectedScreen, EndedScreen, ProblemScreen } from "./ended.js";
import { Brand } from "./parts.js";
import { AskingScreen, ChooseScreen, ElsewhereScreen, OpeningScreen } from "./starting.js";
import { StopFoot } from "./stop.js";
import { dataState, type View } from "./view.js";
import { WaitingScreen } from "./waiting.js";

/** What every screen is made from. */
export interface ScreenProps<Shown> {
  readonly view: Shown;
  readonly words: Words;
  readonly company: Company;
  readonly actions: Actions;
  /** Parts that are fetched when they are first needed; null until then. */
  readonly late: LateParts;
}

export interface LateParts {
  readonly chat: Pick<typeof import("./chat.js"), "Messages" | "ChatFoot"> | null;
  readonly devices: Pick<typeof import("./devices.js"), "Devices"> | null;
}

/** The whole page: the company's name, one screen, and the way out of a wait. */
export function Page(props: ScreenProps<View>): JSX.Element {
  const { view, words, company, actions, late } = props;
  return (
    <>
      <header class="head">
        <Brand words={words} company={company} />
        <button
          type="button"
          class="button-text"
          lang={words.lang === "tr" ? "en" : "tr"}
          onClick={actions.switchLanguage}
        >
          {words.otherLanguage}
        </button>
      </header>
      <main class="main" data-state={dataState(view)}>
        <div class="screen" key={screenOf(view)}>
          <Screen {...props} />
        </div>
      </main>
      {(view.kind === "asking" || view.kind === "waiting") && (
        <StopFoot stop={view.stop} words={words.stop} actions={actions} />
      )}
      {view.kind === "connected" && late.chat !== null && (
        <late.chat.ChatFoot
          key={view.reference}
          view={view}
          words={words}
          company={company}
          actions={actions}
        />
      )}
    </>
  );
}

function Screen({ view, ...rest }: ScreenProps<View>): JSX.Element {
  switch (view.kind) {
    case "opening":
      return <OpeningScreen view={view} {...rest} />;
    case "choose":
      return <ChooseScreen view={view} {...rest} />;
    case "asking":
      return <AskingScreen view={view} {...rest} />;
    case "waiting":
      return <WaitingScreen view={view} {...rest} />;
    case "elsewhere":
      return <ElsewhereScreen view={view} {...rest} />;
    case "connected":
      return <ConnectedScreen view={view} {...rest} />;
    case "ended":
      return <EndedScreen view={view} {...rest} />;
    case "problem":
      return <ProblemScreen view={view} {...rest} />;
  }
}
