import { MessageSquare, Phone, Video } from "lucide";
import type { JSX } from "preact";
import { clockTime } from "#shared/clock.ts";
import { Icon } from "#shared/icon.tsx";
import type { DeskWords } from "../words/desk.js";
import type { Actions } from "./actions.js";
import type { Loss } from "./line.js";
import type { Person } from "./people.js";
import type { Presence } from "./view.js";

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

export function presenceText(presence: Presence, { list, lang }: DeskWords): string {
  if (presence === "here") return list.here;
  return presence.since === null ? list.away : list.awaySince(clockTime(presence.since, lang));
}

/** Whether the customer is there: a mark, and in words. */
export function PresenceMark(props: {
  readonly presence: Presence;
  readonly words: DeskWords;
}): JSX.Element {
  const here = props.presence === "here";
  return (
    <p class={here ? "presence presence-here" : "presence"}>
      {presenceText(props.presence, props.words)}
    </p>
  );
}
