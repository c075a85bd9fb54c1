import { WifiOff } from "lucide";
import type { JSX } from "preact";
import { Icon } from "#shared/icon.tsx";
import { headlineOf } from "./headline.js";
import type { ScreenProps } from "./page.js";
import { Button, Facts, Headline, Lead, OtherWays, Reference } from "./parts.js";
import { textOf } from "./text.js";
import type { View } from "./view.js";

type Of<Kind extends View["kind"]> = ScreenProps<Extract<View, { kind: Kind }>>;

export function ConnectedScreen(props: Of<"connected">): JSX.Element {
  const { view, words, company, actions, late } = props;
  return (
    <>
      <Headline>{headlineOf(view, words)}</Headline>
      <Lead text={textOf(view, words, company)} />
      <Facts facts={view.facts} words={words} />
      <Reference words={words} id={view.reference} />
      {view.stop === "unsure" && <p class="note">{words.stop.unsure}</p>}
      {late.chat === null ? (
        <p class="lead">{words.chat.opening}</p>
      ) : (
        <late.chat.Messages view={view.chat} words={words} company={company} actions={actions} />
      )}
      {view.offline && (
        <div class="note note-look">
          <p class="note-text">
            <Icon node={WifiOff} />
            {words.chat.offline}
          </p>
          <Button onClick={actions.tryNow}>{words.cutOff.tryNow}</Button>
        </div>
      )}
    </>
  );
}

export function EndedScreen(props: Of<"ended">): JSX.Element {
  const { view, words, company, actions, late } = props;
  const message = view.ending.kind === "notDelivered" ? view.ending.message : null;
  return (
    <>
      <Headline small={message !== null}>{headlineOf(view, words)}</Headline>
      {message !== null && (
        <p class="message" dir="auto">
          {message}
        </p>
      )}
      <Lead text={textOf(view, words, company)} />
      <div class="steps">
        <NextSteps {...props} />
      </div>
      <Facts facts={view.facts} words={words} />
      {view.chat !== undefined && late.chat !== null && (
        <late.chat.Messages view={view.chat} words={words} company={company} actions={actions} />
      )}
      <Reference words={words} id={view.reference} />
    </>
  );
}

/** What the customer can do now: the most likely step first, and never nothing. */
function NextSteps({ view, words, company, actions }: Of<"ended">): JSX.Element {
  const otherWays = <OtherWays words={words} company={company} />;
  const close = actions.close !== null && (
    <Button onClick={actions.close}>{words.ended.close}</Button>
  );
  const askAgain = (
    <Button main onClick={actions.askAgain}>
      {words.ended.askAgain}
    </Button>
  );
  switch (view.ending.kind) {
    case "notDelivered":
    case "timeLimit":
    case "abandoned":
    case "closed":
      return <>{[askAgain, otherWays, close]}</>;
    case "stopped":
    case "conversationOver":
    case "gone":
      return <>{[askAgain, close]}</>;
    case "replaced":
      return (
        <>
          <Button main onClick={actions.showCurrent}>
            {words.ended.goToNewer}
          </Button>
          {/* The newer one may be over by now; where it is not, asking finds it. */}
          <Button onClick={actions.askAgain}>{words.ended.askAgain}</Button>
        </>
      );
    case "queueRefused":
      return (
        <>
          <Button main onClick={actions.chooseAgain}>
            {words.ended.otherKinds}
          </Button>
          {otherWays}
        </>
      );
    case "queueTimeout":
    case "failed":
    case "unsent": {
      const again = view.ending.kind === "unsent" ? actions.retryStart : actions.askAgain;
      return (
        <>
          <Button main onClick={again}>
            {words.ended.tryAgain}
          </Button>
          {otherWays}
        </>
      );
    }
  }
}

export function ProblemScreen(props: Of<"problem">): JSX.Element {
  const { view, words, company } = props;
  return (
    <>
      <Headline>{headlineOf(view, words)}</Headline>
      <Lead text={textOf(view, words, company)} />
      <div class="steps">
        <WaysOn {...props} />
        <OtherWays words={words} company={company} />
        {props.actions.close !== null && (
          <Button onClick={props.actions.close}>{words.ended.close}</Button>
        )}
      </div>
    </>
  );
}

function WaysOn({ view, words, actions }: Of<"problem">): JSX.Element | null {
  switch (view.problem.kind) {
    case "away":
      return (
        <Button main onClick={actions.tryNow}>
          {words.cutOff.tryNow}
        </Button>
      );
    case "tooOften":
      return (
        <Button main onClick={actions.tryNow}>
          {words.ended.askAgain}
        </Button>
      );
    case "inTalk":
      return (
        <Button main onClick={actions.showCurrent}>
          {words.problem.goToConversation}
        </Button>
      );
    default:
      return null;
  }
}
