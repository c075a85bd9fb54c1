"""The line on the desks: who waits, and who is offered to whom, read once for all desks of a node, sent on change."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from diyalog.clock import Clock
from diyalog.domain.ids import StaffRef
from diyalog.domain.results import Waiter
from diyalog.domain.routing import Offer
from diyalog.domain.wait import Wait
from diyalog.ports import StoreUnavailableError
from diyalog.ports_routing import RoutingStore
from diyalog.protocol import staff_stream
from diyalog.protocol.conversation import WaitingObject, waiting_object
from diyalog.realtime.desks import Desk, Desks
from diyalog.realtime.journal import StreamJournal
from diyalog.realtime.queueing import Standing

LOOK_SECONDS: Final = 1.0
"""How late a desk may learn of what other nodes have changed."""
_SOON_S: Final = 0.05
_LEAST_S: Final = 0.25
SHOWN: Final = 100
"""Most waiting customers that a desk is sent at once."""


class LineStore(Protocol):
    """What is read here. Raises StoreUnavailableError."""

    @property
    def routing(self) -> RoutingStore:
        """What the store can do for the built-in queue."""
        ...

    async def line(self) -> Sequence[int]:
        """Rows of all open waits in the order of the line."""
        ...

    async def waits(self, rows: Sequence[int]) -> Sequence[Wait]:
        """The waits of these rows."""
        ...


class Waiters(Protocol):
    """Customers as the staff sees them (ports.ConversationStore). Raises StoreUnavailableError."""

    async def waiting(self, limit: int) -> Sequence[Waiter]:
        """The customers who wait, those first in line first."""
        ...

    async def customer_of(self, wait: Wait) -> Waiter | None:
        """The customer of a wait."""
        ...


@dataclass(frozen=True, slots=True)
class LineSources:
    """Where the line is read. `routing`: the built-in queue routes; with the company's own nothing is offered here."""

    store: LineStore
    waiters: Waiters
    standing: Standing
    routing: bool


class LineView:
    """Shows the line to the desks of this node: a turn to take periodically, and a WaitListener.

    `now` is the event loop's clock in seconds.
    """

    def __init__(
        self,
        desks: Desks,
        sources: LineSources,
        *,
        journal: StreamJournal,
        clock: Clock,
        now: Callable[[], float],
    ) -> None:
        self._desks = desks
        self._store = sources.store
        self._waiters = sources.waiters
        self._routing = sources.routing
        self._journal = journal
        self._clock = clock
        self._now = now
        self._looked_at = now() - LOOK_SECONDS
        self._timer: asyncio.TimerHandle | None = None
        self._looking = False
        self._again = False

    def changed(self, wait: Wait) -> None:
        """A wait was changed by this node."""
        del wait
        self.look_again()

    def look_again(self) -> None:
        """Look soon, with whatever else changes until then."""
        if self._timer is None and self._desks.count:
            wait_s = max(_SOON_S, self._looked_at + _LEAST_S - self._now())
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._desks.start(self._look())

    async def turn(self) -> bool:
        """Look once. Never more to do at once."""
        await self._look()
        return False

    async def _look(self) -> None:
        if self._looking:
            self._again = True
            return
        desks = [desk for desk in self._desks.followers() if desk.shows_line]
        if not desks:
            return
        self._looking, self._again, self._looked_at = True, False, self._now()
        try:
            await self._show(desks)
        except StoreUnavailableError:
            self._journal.store_away("line")
        finally:
            self._looking = False
        if self._again:
            self.look_again()

    async def _show(self, desks: Sequence[Desk]) -> None:
        rows = await self._store.line()
        waiting = self._objects(await self._waiters.waiting(SHOWN))
        line = staff_stream.line(list(waiting.values()), max(len(rows), len(waiting)))
        if not self._routing:
            own = staff_stream.own_desk(None, ())
            for desk in desks:
                desk.show(line, own)
            return
        staff = [desk.staff for desk in desks]
        availability = await self._store.routing.availability(staff)
        offers = await self._offers(set(staff), waiting, rows)
        for desk in desks:
            now = availability.get(desk.staff)
            if now is not None:
                own = staff_stream.own_desk(staff_stream.availability_object(now), offers.get(desk.staff, ()))
                desk.show(line, own)

    def _objects(self, waiters: Sequence[Waiter]) -> dict[int, WaitingObject]:
        routing = self._routing
        return {
            waiter.wait.row: waiting_object(waiter, place if routing else None)
            for place, waiter in enumerate(waiters, start=1)
        }

    async def _offers(
        self, staff: set[StaffRef], waiting: dict[int, WaitingObject], rows: Sequence[int]
    ) -> dict[StaffRef, list[staff_stream.OfferObject]]:
        """What is offered to each of these members of the staff."""
        offers = [offer for offer in await self._store.routing.offers(self._clock.now_ms()) if offer.staff in staff]
        further = await self._further([offer for offer in offers if offer.row not in waiting], rows)
        found: dict[StaffRef, list[staff_stream.OfferObject]] = {}
        for offer in offers:
            shown = waiting.get(offer.row) or further.get(offer.row)
            if shown is not None:
                found.setdefault(offer.staff, []).append(staff_stream.offer_object(shown, offer))
        return found

    async def _further(self, offers: Sequence[Offer], rows: Sequence[int]) -> dict[int, WaitingObject]:
        """Offered customers who stand too far behind to be among those shown."""
        places = {row: place for place, row in enumerate(rows, start=1)} if offers else {}
        found = {}
        for wait in await self._store.waits([offer.row for offer in offers]) if offers else ():
            waiter = await self._waiters.customer_of(wait)
            if waiter is not None and wait.outcome is None and wait.row in places:
                found[wait.row] = waiting_object(waiter._replace(offered=True), places[wait.row])
        return found
