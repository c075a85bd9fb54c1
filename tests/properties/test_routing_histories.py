"""Random histories of the built-in queue on a real store: customers come and go, agents take, pass, miss, and return.

What must hold after every step: nobody has more than their capacity by being asked, nothing is offered to who is away,
or that they cannot do, and each wait to one at a time. And at the end of every history: when people are there who take
what they are offered, everybody who waits is served, those of a kind in the order of the line.
"""

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest

from diyalog.domain.commands import AcceptWait, EndConversation
from diyalog.domain.ids import SessionId, StaffRef
from diyalog.domain.results import Verdict
from diyalog.domain.routing import Offer, TakeOffers, TakeTurn
from diyalog.domain.transitions import Event
from diyalog.domain.wait import Party, Wait
from diyalog.storage.sqlite import SqliteStore
from kit import stores
from kit.clock import SettableClock

TURN: Final = TakeTurn(20_000, 30_000, None)
HISTORIES: Final = 150
STEPS: Final = 60
SKILLS: Final = ("cards", "loans")
CAPACITIES: Final = (1, 1, 2, 3)


class History:
    """One queue, its customers and four agents, and what the test itself knows of them."""

    def __init__(self, store: SqliteStore, clock: SettableClock, luck: Random, agents: list[StaffRef]) -> None:
        self.store, self.clock, self.luck = store, clock, luck
        self.agents = agents
        self.skills = {staff: frozenset(SKILLS[: number % 3]) for number, staff in enumerate(agents)}
        self.capacity = dict(zip(agents, CAPACITIES, strict=True))
        self.available: set[StaffRef] = set()
        self.waits: dict[int, tuple[Wait, frozenset[str]]] = {}
        self.talks: dict[int, tuple[SessionId, StaffRef]] = {}
        self.by_hand: set[int] = set()
        self.names = itertools.count()
        self.made = 0

    async def come(self) -> None:
        needs = self.luck.choice([(), (), ("cards",), SKILLS])
        who = await stores.customer(self.store, f"customer {next(self.names)}")
        began = await self.store.start_wait(stores.start(who, self.clock, builtin=True)._replace(needs=needs))
        assert began.wait is not None
        self.waits[began.wait.row] = (began.wait, frozenset(needs))

    async def leave(self) -> None:
        if self.waits:
            row = self.luck.choice([*self.waits])
            event = self.luck.choice([Event.CANCEL, Event.NOT_DELIVERED])
            assert (await stores.end(self.store, event, row, told=True)).verdict is Verdict.WON
            del self.waits[row]

    async def take(self) -> None:
        """Somebody takes what they are offered."""
        offers = await self.offers()
        if offers:
            offer = self.luck.choice(offers)
            await self._accept(offer.row, offer.staff)

    async def take_by_hand(self) -> None:
        """Somebody takes whomever they like, whoever is being asked."""
        if self.waits:
            row = self.luck.choice([*self.waits])
            self.by_hand.add(row)
            await self._accept(row, self.luck.choice(self.agents))

    async def _accept(self, row: int, staff: StaffRef) -> None:
        wait, _ = self.waits.pop(row)
        command = AcceptWait(stores.command_id(), staff, session_id=wait.session_id)
        assert (await self.store.conversations.accept(command)).verdict is Verdict.WON
        self.talks[row] = (wait.session_id, staff)

    async def finish(self) -> None:
        if self.talks:
            row = self.luck.choice([*self.talks])
            session, _ = self.talks.pop(row)
            await self.store.conversations.end(EndConversation(stores.command_id(), session, Party.AGENT))

    async def pass_on(self) -> None:
        offers = await self.offers()
        if offers:
            offer = self.luck.choice(offers)
            assert await self.store.routing.decline(self.waits[offer.row][0].session_id, offer.staff)

    async def arrive(self) -> None:
        staff = self.luck.choice(self.agents)
        await self.store.conversations.staff_present(staff, connected=True)
        await self.store.routing.set_availability(
            TakeOffers(staff, available=True, skills=self.skills[staff], capacity=self.capacity[staff])
        )
        self.available.add(staff)

    async def go_away(self) -> None:
        await self._away(self.luck.choice(self.agents))

    async def _away(self, staff: StaffRef) -> None:
        await self.store.routing.set_availability(TakeOffers(staff, available=False, skills=frozenset(), capacity=0))
        self.available.discard(staff)

    async def lose_connection(self) -> None:
        await self.store.conversations.staff_present(self.luck.choice(self.agents), connected=False)

    async def time_passes(self) -> None:
        self.clock.advance(self.luck.choice([1, 1_000, 10_000, 25_000]))

    async def route(self) -> None:
        before = {offer.row: offer.staff for offer in await self.offers()}
        routed = await self.store.routing.route(TURN)
        now = await self.store.routing.availability(self.agents)
        away = {staff for staff in self.available if not now[staff].available}
        self.available -= away
        self.made += len(routed.offers)
        kept = {row: staff for row, staff in before.items() if staff not in away}
        load = dict.fromkeys(self.agents, 0)
        for _, staff in self.talks.values():
            load[staff] += 1
        for staff in kept.values():
            load[staff] += 1
        for offer in routed.offers:
            load[offer.staff] += 1
            assert offer.row in self.waits, "whoever is offered waits"
            assert offer.row not in kept, "and was offered to nobody"
            assert self.waits[offer.row][1] <= self.skills[offer.staff]
            assert offer.staff in self.available
            assert load[offer.staff] <= self.capacity[offer.staff]

    async def offers(self) -> list[Offer]:
        return list(await self.store.routing.offers(self.clock.at))

    async def check(self) -> None:
        offers = await self.offers()
        assert len({offer.row for offer in offers}) == len(offers)
        for offer in offers:
            assert offer.row in self.waits
            assert offer.staff in self.available, "whoever goes away is offered nothing"

    async def serve_all(self) -> list[int]:
        """Everybody comes, and takes what they are offered; in which order customers are served."""
        self.clock.advance(60_000)  # nobody counts as having let anybody pass
        await self.route()  # who missed something meanwhile is away
        served: list[int] = []
        for staff in self.agents:
            await self._away(staff)  # what stands was offered while they could do less
        for staff in self.agents:
            await self.store.conversations.staff_present(staff, connected=True)
            await self.store.routing.set_availability(
                TakeOffers(staff, available=True, skills=frozenset(SKILLS), capacity=self.capacity[staff])
            )
            self.available.add(staff)
            self.skills[staff] = frozenset(SKILLS)
        for _ in range(2 * len(self.waits) + 2 * len(self.talks) + 5):
            while self.talks:
                await self.finish()
            await self.route()
            for offer in sorted(await self.offers(), key=lambda offer: offer.row):
                served.append(offer.row)
                await self._accept(offer.row, offer.staff)
        return served


STEPS_OF: Final[tuple[tuple[int, Callable[[History], Coroutine[Any, Any, None]]], ...]] = (
    (5, History.come),
    (1, History.leave),
    (3, History.take),
    (1, History.take_by_hand),
    (3, History.finish),
    (1, History.pass_on),
    (3, History.arrive),
    (1, History.go_away),
    (1, History.lose_connection),
    (3, History.time_passes),
    (6, History.route),
)


async def _live(seed: int, folder: Path) -> int:
    """One history; how many offers were made in it."""
    luck, clock = Random(seed), SettableClock()
    async with stores.sqlite_store(folder, clock) as store:
        agents = [await stores.agent(store, f"{number}", f"Agent {number}") for number in range(4)]
        history = History(store, clock, luck, agents)
        weights, steps = zip(*STEPS_OF, strict=True)
        for step in luck.choices(steps, weights, k=STEPS):
            await step(history)
            await history.check()
        waiting = list(history.waits)
        assert await history.serve_all() == sorted(waiting), "all are served, in the order of the line"
        return history.made


@pytest.mark.parametrize("part", range(3))
async def test_capacity_is_never_exceeded_and_nobody_starves(part: int) -> None:
    made = 0
    for seed in range(part * HISTORIES // 3, (part + 1) * HISTORIES // 3):
        with TemporaryDirectory() as folder:
            try:
                made += await _live(seed, Path(folder))
            except AssertionError as error:
                error.add_note(f"seed {seed}")
                raise
        await asyncio.sleep(0)
    assert made > HISTORIES, "offers were made"
