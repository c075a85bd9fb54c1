/** What the desk shows of the built-in queue: who is offered, and whether the agent takes offers. Pure. */

import type { HelpType } from "diyalog";
import { wholeMinutes } from "#shared/clock.ts";
import type { Duty, Offer, OfferEnd } from "./duty.js";
import { type Person, personOf, topicOf } from "./people.js";
import type { Availability } from "./protocol.js";

/** "Taking" that is over sooner does not flash by. */
const FLASH_MS = 150;

/** Coming and going. */
export interface DutyView {
  readonly available: boolean;
  readonly since: number | null;
  /** Why the agent is away without having said so; null: they are not, or they did. */
  readonly sentAway: Exclude<Availability["reason"], "agent">;
  readonly sending: boolean;
  readonly failed: boolean;
}

export interface OfferView {
  readonly sessionId: string;
  readonly person: Person;
  readonly helpType: HelpType;
  readonly minutes: number;
  readonly topic: string | null;
  readonly here: boolean;
  /** Seconds left to answer, and of how many. */
  readonly left: number;
  readonly limit: number;
  readonly step: "free" | "taking" | "passing" | "unsure";
  readonly gone: OfferEnd | null;
}

/** null: there is nothing to switch. */
export function dutyView({ availability, switching }: Duty): DutyView | null {
  if (availability === null) return null;
  const { available, since, reason } = availability;
  return {
    available,
    since,
    sentAway: available || reason === "agent" ? null : reason,
    sending: switching === "sending",
    failed: switching === "failed",
  };
}

/** @param now the device's clock in milliseconds, `serverNow` the server's */
export function offerViews(duty: Duty, now: number, serverNow: number): readonly OfferView[] {
  return duty.offers.map((offer) => offerView(offer, now, serverNow));
}

function offerView({ offered, takingSince, step, gone }: Offer, now: number, serverNow: number) {
  const taking = takingSince !== null && now - takingSince >= FLASH_MS;
  const { offeredAt, expiresAt } = offered;
  return {
    sessionId: offered.sessionId,
    person: personOf(offered),
    helpType: offered.helpType,
    minutes: wholeMinutes(offered.startedAt, serverNow),
    topic: topicOf(offered.attached),
    here: offered.present,
    left: Math.max(0, Math.ceil((expiresAt - serverNow) / 1_000)),
    limit: Math.max(1, Math.ceil((expiresAt - offeredAt) / 1_000)),
    step: taking ? "taking" : step,
    gone: gone?.end ?? null,
  } satisfies OfferView;
}
