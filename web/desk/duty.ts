/** What the built-in queue wants of this desk: whether the agent takes offers, and whom it offers. Pure. */

import type { OnDuty } from "./happening.js";
import type { Loss } from "./line.js";
import type { Availability, Offered, OwnDesk } from "./protocol.js";

/** An offer that went stays this long, with the reason. */
const GONE_MS = 6_000;
/** An offer whose time ran out and of which nothing is told any more, as while the desk is cut off. */
const OVERDUE_MS = 2_000;
/** One that goes so shortly before its end has run out: clocks are never set alike. */
const NEARLY_MS = 1_000;

/** Why an offer is not there any more; `missed`: it was not answered in time. */
export type OfferEnd = Loss | { readonly kind: "missed" };

export interface Offer {
  readonly offered: Offered;
  /** Device time since which the server is being asked for it. */
  readonly takingSince: number | null;
  /** `passing`: the server is being told; `unsure`: being asked or told failed without a decision. */
  readonly step: "free" | "passing" | "unsure";
  /** Why it stays only until then. */
  readonly gone: { readonly end: OfferEnd; readonly until: number } | null;
}

export interface Duty {
  /** null: not known, or the company's own queue decides who is asked. */
  readonly availability: Availability | null;
  readonly offers: readonly Offer[];
  /** Coming and going; `elsewhere`: the company's queue decides, so there is nothing to switch. */
  readonly switching: "no" | "sending" | "failed" | "elsewhere";
}

export const NO_DUTY: Duty = { availability: null, offers: [], switching: "no" };

/**
 * @param now the device's clock in milliseconds
 * @param serverNow the server's
 */
export function dutyAfter(duty: Duty, happening: OnDuty, now: number, serverNow: number): Duty {
  switch (happening.type) {
    case "ownDesk":
      return withOwnDesk(duty, happening.desk, now, serverNow);
    case "availability":
      return { ...duty, availability: happening.availability, switching: "no" };
    case "switching": {
      const availability = happening.step === "elsewhere" ? null : duty.availability;
      return { ...duty, availability, switching: happening.step };
    }
    case "passing":
      return changedOffer(duty, happening.sessionId, (offer) => ({ ...offer, step: "passing" }));
    case "passUnsure":
      return changedOffer(duty, happening.sessionId, (offer) => ({ ...offer, step: "unsure" }));
    case "passed":
      return withoutOffer(duty, happening.sessionId);
  }
}

/** Takes explanations away that stood long enough, and closes offers whose time is over. */
export function dutyTicked(duty: Duty, now: number, serverNow: number): Duty {
  const late = ({ offered, gone, takingSince }: Offer) =>
    gone === null && takingSince === null && serverNow >= offered.expiresAt + OVERDUE_MS;
  const old = ({ gone }: Offer) => gone !== null && gone.until <= now;
  if (!duty.offers.some((offer) => late(offer) || old(offer))) return duty;
  const offers = duty.offers
    .filter((offer) => !old(offer))
    .map((offer) => (late(offer) ? ended(offer, { kind: "missed" }, now) : offer));
  return { ...duty, offers };
}

export function changedOffer(duty: Duty, sessionId: string, change: (offer: Offer) => Offer): Duty {
  if (!duty.offers.some(({ offered }) => offered.sessionId === sessionId)) return duty;
  const offers = duty.offers.map((offer) =>
    offer.offered.sessionId === sessionId ? change(offer) : offer,
  );
  return { ...duty, offers };
}

export function withoutOffer(duty: Duty, sessionId: string): Duty {
  const offers = duty.offers.filter(({ offered }) => offered.sessionId !== sessionId);
  return offers.length === duty.offers.length ? duty : { ...duty, offers };
}

/** The agent wanted this one and did not get it. */
export function lostOffer(offer: Offer, loss: Loss, now: number): Offer {
  return ended({ ...offer, takingSince: null }, loss, now);
}

/** Offers that can be answered, those that end first first. */
export function openOffers({ offers }: Duty): readonly Offer[] {
  return offers.filter(({ gone }) => gone === null);
}

function withOwnDesk(duty: Duty, desk: OwnDesk, now: number, serverNow: number): Duty {
  const told = new Map(desk.offers.map((one) => [one.sessionId, one]));
  const kept = duty.offers.flatMap((offer) => {
    const { sessionId, expiresAt } = offer.offered;
    const news = told.get(sessionId);
    if (news !== undefined && offer.gone === null) {
      told.delete(sessionId);
      return { ...offer, offered: news };
    }
    // Offered anew while the end of the last offer still stood there.
    if (news !== undefined) return [];
    if (offer.gone !== null || offer.takingSince !== null) return offer;
    if (offer.step === "passing") return [];
    const missed = desk.availability?.reason === "missed" || serverNow >= expiresAt - NEARLY_MS;
    return ended(offer, { kind: missed ? "missed" : "gone" }, now);
  });
  const added = [...told.values()].map((offered): Offer => {
    return { offered, takingSince: null, step: "free", gone: null };
  });
  const same = desk.availability?.available === duty.availability?.available;
  const done = duty.switching === "failed" && !same;
  return {
    availability: desk.availability,
    offers: [...kept, ...added].sort((a, b) => a.offered.expiresAt - b.offered.expiresAt),
    switching:
      done || (duty.switching === "elsewhere" && desk.availability) ? "no" : duty.switching,
  };
}

function ended(offer: Offer, end: OfferEnd, now: number): Offer {
  return { ...offer, gone: { end, until: now + GONE_MS } };
}
