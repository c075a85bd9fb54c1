import { MessageSquare, Phone, Video } from "lucide";
import type { JSX } from "preact";
import { Icon } from "#shared/icon.tsx";
import type { DeskWords } from "../words/desk.js";
import type { Actions } from "./actions.js";
import type { Loss } from "./line.js";
import type { Person } from "./view.js";

/** What every part of the desk is made from. */
export interface PartProps<Shown> {
  readonly view: Shown;
  readonly words: DeskWords;
  readonly actions: Actions;
}

const KINDS = { chat: MessageSquare, voice_call: Phone, video_call: Video };

/** How the customer wants to be helped: an icon, and its word for those who do not see it. */
export function Kind(props: {
  readonly helpType: keyof typeof KINDS;
  readonly words: DeskWords;
}): JSX.Element {
  return (
    <span class="kind">
      <Icon node={KINDS[props.helpType]} />
      <span class="visually-hidden">{props.words.kinds[props.helpType]}</span>
    </span>
  );
}

export function nameOf(person: Person, words: DeskWords): string {
  return person.name ?? words.customer.unnamed(person.masked);
}

export function lossText(loss: Loss, { loss: words }: DeskWords): string {
  if (loss.kind === "taken") return loss.by === null ? words.taken : words.takenBy(loss.by);
  return words[loss.kind];
}

export function minutesText(minutes: number, words: DeskWords): string {
  return minutes < 1 ? words.underAMinute : words.minutes(minutes);
}
