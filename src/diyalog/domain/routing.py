"""Who of the staff is offered which waiting customer: one turn of the built-in queue, decided from what is stored.

Those who wait longest choose first. Each is offered to the member of the staff with the fewest customers, among equals
to the one who has been idle longest. Whoever nobody free may take is passed over and keeps the place; nobody behind
waits for that.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from diyalog.domain.ids import SessionId, StaffRef


class AwayReason(StrEnum):
    """Why a member of the staff is not offered anything."""

    AGENT = "agent"
    """They said so, or have not said anything yet."""
    MISSED = "missed"
    """They let an offer run out."""
    LOST = "lost"
    """Their desk was gone for too long."""


class Availability(NamedTuple):
    """Whether a member of the staff takes offers, since when (ms since 1970, None: never said) and, if not, why.

    `capacity`: how many conversations they may have at once; `skills`: what they are offered beyond the ordinary.
    """

    available: bool
    since: int | None
    reason: AwayReason | None
    skills: frozenset[str]
    capacity: int


class FreeAgent(NamedTuple):
    """A member of the staff who takes offers. `busy`: conversations that live and offers that stand."""

    staff: StaffRef
    skills: frozenset[str]
    capacity: int
    busy: int
    idle_since: int


class Unoffered(NamedTuple):
    """A waiting customer who is offered to nobody now; `needs`: skills, `passed`: who let this one pass lately."""

    row: int
    needs: frozenset[str]
    passed: frozenset[StaffRef]


class Offer(NamedTuple):
    """A wait that is offered to one member of the staff, from `offered_at` until before `expires_at` (ms)."""

    row: int
    staff: StaffRef
    offered_at: int
    expires_at: int


class TakeTurn(NamedTuple):
    """One turn: how long offers stand, after how long a gone desk is away, and from when on skills do not matter (ms).

    `widen_ms` None: skills always matter.
    """

    offer_ms: int
    lease_ms: int
    widen_ms: int | None


class Routed(NamedTuple):
    """What a turn has done: the offers it made, and whether anything at all was `changed`."""

    offers: Sequence[Offer]
    changed: bool


class TakeOffers(NamedTuple):
    """A member of the staff takes offers from now on, or no longer; `skills` and `capacity` are by the rules."""

    staff: StaffRef
    available: bool
    skills: frozenset[str]
    capacity: int


class Standing(NamedTuple):
    """An open wait of the built-in queue, for those rules that may end it. Times in ms since 1970."""

    row: int
    session_id: SessionId
    needs: frozenset[str]
    started_at: int


class Present(NamedTuple):
    """What a member of the staff can do, and whether they take offers; `since` when this is so (ms since 1970)."""

    skills: frozenset[str]
    available: bool
    since: int


def match(agents: Iterable[FreeAgent], waits: Sequence[Unoffered]) -> list[tuple[int, StaffRef]]:
    """Who is offered whom now: (row of the wait, member of the staff). `waits` in the order of the line."""
    free = {agent.staff: agent for agent in agents if agent.busy < agent.capacity}
    offers: list[tuple[int, StaffRef]] = []
    for wait in waits:
        if not free:
            break
        able = [agent for agent in free.values() if wait.needs <= agent.skills and agent.staff not in wait.passed]
        if not able:
            continue
        chosen = min(able, key=lambda agent: (agent.busy, agent.idle_since, agent.staff))
        offers.append((wait.row, chosen.staff))
        busier = chosen._replace(busy=chosen.busy + 1)
        if busier.busy < busier.capacity:
            free[chosen.staff] = busier
        else:
            del free[chosen.staff]
    return offers


def without_hope(waits: Iterable[Standing], staff: Sequence[Present], *, now: int, patience_ms: int) -> list[Standing]:
    """Those whom nobody can take: for `patience_ms` nobody with the needed skills has been there to take offers.

    Somebody who is there and has all hands full is hope.
    """
    waits = list(waits)
    last_hope = {needs: _last_hope(needs, staff) for needs in {wait.needs for wait in waits}}
    return [
        wait
        for wait in waits
        if (last := last_hope[wait.needs]) is not None and max(last, wait.started_at) + patience_ms <= now
    ]


def _last_hope(needs: frozenset[str], staff: Sequence[Present]) -> int | None:
    """Since when nobody with these skills takes offers (0: since ever); None while somebody does."""
    able = [one for one in staff if needs <= one.skills]
    return None if any(one.available for one in able) else max((one.since for one in able), default=0)
