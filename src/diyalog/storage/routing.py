"""The built-in queue's turns: who takes offers, and who is offered to whom, decided in one transaction at a time.

Whoever routes holds the members of the staff who take offers, so that nobody takes a wait by hand while it is counted
how many they have. An offer is no more than a word: the wait still ends by the one guarded transaction, by whoever is
first.
"""

from typing import Final

import msgspec

from diyalog.domain.ids import SessionId, StaffRef
from diyalog.domain.routing import (
    Availability,
    AwayReason,
    FreeAgent,
    Offer,
    Present,
    Routed,
    Standing,
    TakeOffers,
    TakeTurn,
    Unoffered,
    match,
)
from diyalog.storage.transaction import Row, Transaction

PASS_MS: Final = 60_000
"""For so long a wait is not offered again to who let it pass."""
_decode_skills: Final = msgspec.json.Decoder(frozenset[str]).decode
_decode_staff: Final = msgspec.json.Decoder(frozenset[int]).decode


_NOTHING: Final = Routed((), changed=False)


async def route(transaction: Transaction, ask: TakeTurn) -> Routed:
    """Take offers back that mean nothing any more, set away who let one run out or is gone, and make new offers."""
    if not await transaction.hold_routing():
        return _NOTHING  # another node is at it
    await transaction.rows("hold_available_staff")
    away = await _set_away(transaction, ask.lease_ms)
    cleared = await transaction.changed("clear_offers")
    await transaction.run("clear_passes")
    agents = [_agent(row) for row in await transaction.rows("free_agents")]
    free = sum(max(0, agent.capacity - agent.busy) for agent in agents)
    pairs = match(agents, await _unoffered(transaction, ask, free)) if free else []
    expires_at = transaction.now + ask.offer_ms
    for row, staff in pairs:
        await transaction.run("write_offer", wait=row, staff=staff, expires_at=expires_at)
    offers = [Offer(row, staff, transaction.now, expires_at) for row, staff in pairs]
    return Routed(offers, changed=bool(pairs or away or cleared))


async def _set_away(transaction: Transaction, lease_ms: int) -> bool:
    """Set away who let an offer run out, and whose desk is gone for too long; whether there was anybody."""
    missed = {staff for (staff,) in await transaction.rows("missed_offers")}
    lost = {staff for (staff,) in await transaction.rows("lapsed_staff", before=transaction.now - lease_ms)}
    for staff in sorted(missed | lost):
        reason = AwayReason.LOST if staff in lost else AwayReason.MISSED
        await _leave(transaction, StaffRef(staff), reason)
    return bool(missed or lost)


async def _leave(transaction: Transaction, staff: StaffRef, reason: AwayReason) -> None:
    await transaction.run("set_away", staff=staff, reason=reason)
    await transaction.run("withdraw_offers", staff=staff)


async def _unoffered(transaction: Transaction, ask: TakeTurn, free: int) -> list[Unoffered]:
    """Waits that are offered to nobody, in the order of the line: as many as could be offered of each kind of needs."""
    narrow_since = 0 if ask.widen_ms is None else transaction.now - ask.widen_ms
    found = await transaction.rows("unoffered_waits", narrow_since=narrow_since, free=free)
    return [Unoffered(row, skills_of(needs), _staff_of(passed)) for row, needs, passed in found]


async def set_availability(transaction: Transaction, ask: TakeOffers) -> Availability:
    """Store whether a member of the staff takes offers. Who goes away has no offers any more."""
    if ask.available:
        skills = msgspec.json.encode(sorted(ask.skills)).decode()
        await transaction.run("set_available", staff=ask.staff, skills=skills, capacity=ask.capacity)
    else:
        await _leave(transaction, ask.staff, AwayReason.AGENT)
    staff = msgspec.json.encode([ask.staff]).decode()
    return dict(map(availability_of, await transaction.rows("read_availability", staff=staff)))[ask.staff]


async def decline(transaction: Transaction, ask: tuple[SessionId, StaffRef]) -> bool:
    """A member of the staff lets the wait of a session pass; False if it is not offered to them."""
    session, staff = ask
    declined = await transaction.row("decline_offer", session=session, staff=staff)
    if declined is None:
        # Its own commit, whose answer was lost, or never offered.
        return transaction.again and await transaction.row("find_pass", session=session, staff=staff) is not None
    await transaction.run("write_pass", wait=declined[0], staff=staff, until=transaction.now + PASS_MS)
    return True


async def forget_routing(transaction: Transaction, wait: int) -> None:
    """Forget what was offered of a wait that is forgotten itself."""
    await transaction.run("forget_offer", wait=wait)
    await transaction.run("forget_passes", wait=wait)


def availability_of(row: Row) -> tuple[StaffRef, Availability]:
    """What statement `read_availability` found of one member of the staff."""
    staff, available, since, reason, skills, capacity = row
    why = None if available or reason is None else AwayReason(reason)
    return StaffRef(staff), Availability(bool(available), since, why, skills_of(skills), capacity)


def standing_of(row: Row) -> Standing:
    """One row of statement `standing_waits`."""
    wait, session, needs, started_at = row
    return Standing(wait, SessionId(session), skills_of(needs), started_at)


def present_of(row: Row) -> Present:
    """One row of statement `staff_presence`."""
    skills, available, since = row
    return Present(skills_of(skills), bool(available), since)


def skills_of(stored: str | None) -> frozenset[str]:
    """A stored list of skills; none where it is damaged, which must not stop the line."""
    try:
        return frozenset() if stored is None else _decode_skills(stored)
    except msgspec.MsgspecError:
        return frozenset()


def _staff_of(stored: str) -> frozenset[StaffRef]:
    return frozenset(StaffRef(staff) for staff in _decode_staff(stored))


def _agent(row: Row) -> FreeAgent:
    staff, skills, capacity, busy, idle_since = row
    return FreeAgent(StaffRef(staff), skills_of(skills), capacity, busy, idle_since)
