"""The answer to a request for help, held open until the wait has left REQUESTED, by whoever's doing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from diyalog.domain.commands import QueueTook, Request
from diyalog.domain.ids import InteractionId, SessionId
from diyalog.domain.results import Delivery
from diyalog.domain.transitions import Event
from diyalog.domain.wait import HelpType, Outcome, State, Wait
from diyalog.ports import StoreUnavailableError
from diyalog.storage.sealing import Sealer
from diyalog.storage.sqlite import SqliteStore
from diyalog.usecases.changes import Changes
from diyalog.usecases.commanding import CommandIds
from diyalog.usecases.waiting import Waiting, WaitingPolicy
from kit import stores
from workers.jumping import JumpingTime, Notes

LIMIT_S = stores.QUEUE_TIMEOUT_MS / 1000 - 2
"""Sooner than the queue's time is over."""
HOUR_MS = 3_600_000


class ReadStore(SqliteStore):
    """The real store, counting the readings of waits. The next `outages` of them fail."""

    def __init__(self, folder: Path, time: JumpingTime, notes: Notes) -> None:
        super().__init__(folder, Sealer(b"k" * 32), time, stores.NODE)
        self.notes = notes
        self.reads = 0
        self.outages = 0

    async def wait(self, session_id: SessionId) -> Wait | None:
        self.reads += 1
        self.notes.tell()
        if self.outages > 0:
            self.outages -= 1
            raise StoreUnavailableError("planned")
        return await super().wait(session_id)


@dataclass
class Outgoing:
    """What would be sent to the queue: it answers when the test says so."""

    notes: Notes
    deliveries: list[Delivery] = field(default_factory=list)

    def dispatch(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)
        self.notes.tell()

    def kick(self) -> None:
        """Nothing is sent from here."""


@dataclass
class Desk:
    """A node whose customer has asked for help, and waits for the answer."""

    time: JumpingTime
    notes: Notes
    store: ReadStore
    changes: Changes
    delivery: Delivery
    starting: asyncio.Future[Wait]

    async def queue_takes_it(self) -> None:
        """The answer of CreateInteraction, at this node."""
        command = QueueTook(stores.command_id(), self.delivery.row, self.delivery.attempt, InteractionId("7700418"))
        result = await self.store.queue_took(command)
        assert result.wait is not None
        self.changes.changed(result.wait)

    async def answer(self) -> Wait:
        async with asyncio.timeout(LIMIT_S):
            return await self.starting


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[Desk]:
    notes = Notes()
    time = JumpingTime(notes)
    store = ReadStore(folder, time, notes)
    await store.start()
    changes = Changes()
    outgoing = Outgoing(notes)
    policy = WaitingPolicy(stores.LIMIT_MS, stores.ABANDON_MS, stores.QUEUE_TIMEOUT_MS, builtin=False)
    waiting = Waiting(store, outgoing, changes=changes, clock=time, commands=CommandIds(stores.NODE), policy=policy)
    who = await stores.customer(store, "880214")

    async def start() -> Wait:
        started = await waiting.start(who, HelpType.CHAT, Request("880214", "", ()), stores.digest("a token"), None)
        assert started.wait is not None
        return started.wait

    starting = asyncio.ensure_future(start())
    try:
        await notes.until(lambda: bool(outgoing.deliveries))
        yield Desk(time, notes, store, changes, outgoing.deliveries[0], starting)
    finally:
        starting.cancel()
        await asyncio.wait({starting})
        await store.stop()


async def test_an_answer_of_the_queue_that_comes_soon_costs_no_reading(tmp_path: Path) -> None:
    async with desk(tmp_path) as d:
        await d.queue_takes_it()
        wait = await d.answer()
        assert (wait.state, wait.interaction_id) == (State.WAITING, "7700418")
        assert d.store.reads == 0


async def test_a_wait_that_another_node_ended_is_found_though_the_store_was_away_once(tmp_path: Path) -> None:
    async with desk(tmp_path) as d:
        d.store.outages = 1
        held = await d.store.current_wait(await stores.customer(d.store, "880214"))
        assert held is not None
        await stores.end(d.store, Event.CANCEL, held.row)  # nobody tells this node
        assert (await d.answer()).outcome is Outcome.CANCELLED
        assert (d.store.outages, d.store.reads) == (0, 2)


async def test_a_clock_that_is_set_forward_does_not_cut_the_queues_time_short(tmp_path: Path) -> None:
    async with desk(tmp_path) as d:
        d.time.set_by += HOUR_MS
        await d.notes.until(lambda: d.store.reads == 1)
        await d.queue_takes_it()
        assert (await d.answer()).state is State.WAITING
