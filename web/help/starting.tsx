import type { HelpType } from "diyalog";
import { type IconNode, MessageSquareText, Phone, Video } from "lucide";
import type { JSX } from "preact";
import { Icon } from "#shared/icon.tsx";
import type { Words } from "../words/words.js";
import { headlineOf } from "./headline.js";
import type { ScreenProps } from "./page.js";
import { Button, Facts, Headline, Lead, Reference } from "./parts.js";
import { textOf } from "./text.js";
import type { View } from "./view.js";

type Of<Kind extends View["kind"]> = ScreenProps<Extract<View, { kind: Kind }>>;

export function OpeningScreen({ view, words }: Of<"opening">): JSX.Element {
  return (
    <h1 class="opening" tabIndex={-1}>
      {view.shown ? words.opening : ""}
    </h1>
  );
}

export function ChooseScreen({ view, words, actions }: Of<"choose">): JSX.Element {
  return (
    <>
      <Headline>{headlineOf(view, words)}</Headline>
      <ul class="choices">
        {choicesOf(words).map(({ helpType, icon, name, hint }) => (
          <li key={helpType}>
            <button type="button" class="choice" onClick={() => actions.choose(helpType)}>
              <Icon node={icon} />
              <span class="choice-name">{name}</span>
              <span class="choice-hint">{hint}</span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

export function AskingScreen({ view, words, company }: Of<"asking">): JSX.Element {
  return (
    <>
      <Headline>{headlineOf(view, words)}</Headline>
      <Lead text={textOf(view, words, company)} />
      {view.stop === "unsure" && <p class="note">{words.stop.unsure}</p>}
      <Facts facts={view.facts} words={words} />
    </>
  );
}

export function ElsewhereScreen({ view, words, actions }: Of<"elsewhere">): JSX.Element {
  return (
    <>
      <Headline>{headlineOf(view, words)}</Headline>
      <div class="steps">
        <Button main onClick={actions.useHere}>
          {words.elsewhere.useHere}
        </Button>
      </div>
      <Reference words={words} id={view.reference} />
    </>
  );
}

interface Choice {
  readonly helpType: HelpType;
  readonly icon: IconNode;
  readonly name: string;
  readonly hint: string;
}

function choicesOf({ choose }: Words): readonly Choice[] {
  return [
    { helpType: "chat", icon: MessageSquareText, name: choose.chat, hint: choose.chatHint },
    { helpType: "voice_call", icon: Phone, name: choose.voice, hint: choose.voiceHint },
    { helpType: "video_call", icon: Video, name: choose.video, hint: choose.videoHint },
  ];
}
