"""The built-in queue at work: offers whoever waits to whoever takes offers, and ends waits that the rules give up.

Any node takes turns; the store lets one at a time. Nothing here decides how a wait ends: an offer only asks, and what
the rules end goes through the same use case as the company's interactionisnotdelivered.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from diyalog.clock import Clock
from diyalog.domain.commands import Caller, Idempotency
from diyalog.domain.ids import InteractionId, SessionId, StaffRef
from diyalog.domain.routing import Availability, Standing, TakeOffers, TakeTurn, without_hope
from diyalog.domain.routing_rules import RoutingRules
from diyalog.domain.wait import Wait
from diyalog.ports_routing import RoutingStore
from diyalog.usecases.pausing import Sleep, pause

LEASE_MS: Final = 30_000
"""A desk that is gone for so long takes no offers any more until it says so again."""
EVERY_S: Final = 1.0
"""How late an offer's end may be noticed, or what another node has changed."""
_BREATH_S: Final = 0.05
_GIVE_UP_EVERY_MS: Final = 2_000
_PAGE: Final = 500


class NotDelivered(Protocol):
    """Ends a wait that nobody takes (usecases/waiting.py)."""

    async def not_delivered(
        self,
        interaction_id: InteractionId | None,
        session_id: SessionId | None,
        message: str | None,
        caller: Caller | None,
        idempotency: Idempotency | None = None,
    ) -> object:
        """No agent could take the wait: release the customer with this message."""
        ...


class Told(Protocol):
    """Is told that offers or the availability of somebody may have changed (realtime/line.py)."""

    def look_again(self) -> None:
        """Look for what changed. Must not block."""
        ...


class Routing:
    """A background loop, the WaitListener that wakes it, and what desks ask of it.

    Raises StoreUnavailableError when the store is away.
    """

    name = "routing"

    def __init__(
        self,
        store: RoutingStore,
        waiting: NotDelivered,
        *,
        clock: Clock,
        sleep: Sleep,
        rules: RoutingRules,
        told: Told,
    ) -> None:
        self._store = store
        self._waiting = waiting
        self._clock = clock
        self._sleep = sleep
        self._rules = rules
        self._told = told
        self._woken = asyncio.Event()
        self._stopping = False
        self._gave_up_at = 0
        self._looked_at_until = 0

    # -- the loop

    def changed(self, wait: Wait) -> None:
        """A wait was changed by this node: somebody may be free now, or wait."""
        del wait
        self._woken.set()

    async def run(self) -> None:
        """Take turns until told to stop."""
        while not self._stopping:
            self._woken.clear()
            await self.turn()
            await self._sleep(_BREATH_S)  # what changes together is decided together
            if not self._stopping:
                await pause(self._sleep, EVERY_S, self._woken)

    def stop(self) -> None:
        """Return after the turn that is being taken."""
        self._stopping = True
        self._woken.set()

    async def turn(self) -> None:
        """End what is given up, and make offers."""
        now = self._clock.now_ms()
        if not 0 <= now - self._gave_up_at < _GIVE_UP_EVERY_MS:
            self._gave_up_at = now
            await self._give_up(now)
        if not await self._store.is_due(now, LEASE_MS):
            return
        rules = self._rules
        routed = await self._store.route(TakeTurn(rules.offer_ms, LEASE_MS, rules.widen_after_ms))
        if routed.changed:
            self._told.look_again()

    async def _give_up(self, now: int) -> None:
        """End the waits that the rules give up."""
        rules = self._rules
        if rules.hours is not None:
            await self._end_closed()
        if rules.end_after_ms is not None:
            await self._end_too_long(now - rules.end_after_ms)
        if rules.nobody_after_ms is not None:
            await self._end_without_hope(now, rules.nobody_after_ms)

    async def _end_closed(self) -> None:
        """End what was begun while closed and not ended by its own start, as that was cut short.

        Each wait is looked at once, and those that were begun about the same time again: they may appear late.
        """
        after = max(0, self._looked_at_until - _PAGE)
        while page := await self._store.standing(after, _PAGE):
            await self._end([wait for wait in page if not self._rules.open_at(wait.started_at)], self._rules.closed)
            after = page[-1].row
        self._looked_at_until = max(after, self._looked_at_until)

    async def _end_too_long(self, begun_until: int) -> None:
        after = 0
        while page := await self._store.standing(after, _PAGE):
            await self._end([wait for wait in page if wait.started_at <= begun_until], self._rules.too_long)
            if page[-1].started_at > begun_until:
                return
            after = page[-1].row

    async def _end_without_hope(self, now: int, patience_ms: int) -> None:
        staff = await self._store.presence()
        after = 0
        while page := await self._store.standing(after, _PAGE):
            wanted = [self._as_it_needs(wait, now) for wait in page]
            await self._end(without_hope(wanted, staff, now=now, patience_ms=patience_ms), self._rules.nobody)
            after = page[-1].row

    def _as_it_needs(self, wait: Standing, now: int) -> Standing:
        """The wait with what it needs by now: once skills do not matter, everybody is hope."""
        widen_ms = self._rules.widen_after_ms
        return wait if widen_ms is None or wait.started_at > now - widen_ms else wait._replace(needs=frozenset())

    async def _end(self, waits: Sequence[Standing], message: str) -> None:
        for wait in waits:
            await self._waiting.not_delivered(None, wait.session_id, message, None)

    # -- what desks ask

    async def set_availability(self, staff: StaffRef, user_id: str, *, available: bool) -> Availability:
        """A member of the staff takes offers from now on, or no longer."""
        agent = self._rules.agent(user_id)
        now = await self._store.set_availability(TakeOffers(staff, available, agent.skills, agent.capacity))
        self._woken.set()
        self._told.look_again()
        return now

    async def decline(self, session_id: SessionId, staff: StaffRef) -> bool:
        """A member of the staff lets an offered wait pass; False if it is not offered to them."""
        declined = await self._store.decline(session_id, staff)
        if declined:
            self._woken.set()
            self._told.look_again()
        return declined
