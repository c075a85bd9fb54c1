"""The sender of the outbox between a real store and a company that misbehaves on command."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import apsw

from diyalog.callouts.http import HttpClient
from diyalog.callouts.queue_system import HttpQueueSystem
from diyalog.domain.commands import QueueFailed, QueueTook, Request
from diyalog.domain.ids import NodeId
from diyalog.domain.results import Delivery, QueueResult
from diyalog.domain.transitions import Event
from diyalog.domain.wait import State, Wait
from diyalog.ports import StoreUnavailableError
from diyalog.ports_callouts import QueueSystem
from diyalog.simulator.company import Company
from diyalog.storage.sealing import Sealer
from diyalog.storage.sqlite import DATABASE_NAME, SqliteStore
from diyalog.usecases.queueing import Queueing, QueueingPolicy
from kit import stores
from workers.jumping import JumpingTime, Notes

_T = TypeVar("_T")
TIMEOUT_S = stores.QUEUE_TIMEOUT_MS / 1000


class WatchedStore(SqliteStore):
    """The real store, noting the results of calls that it stored.

    Its next `outages` writes of them fail; ids are stored once `took_gate` is open.
    """

    def __init__(self, folder: Path, time: JumpingTime, notes: Notes, node: NodeId) -> None:
        super().__init__(folder, Sealer(b"k" * 32), time, node)
        self.notes = notes
        self.outages = 0
        self.took_gate = asyncio.Event()
        self.took_gate.set()
        self.claimed: list[Delivery] = []
        self.stored: list[str] = []

    async def _noted(self, word: str, write: Awaitable[_T]) -> _T:
        result = await write
        self.stored.append(word)
        self.notes.tell()
        return result

    def _maybe_away(self) -> None:
        if self.outages > 0:
            self.outages -= 1
            raise StoreUnavailableError("planned")

    async def queue_took(self, command: QueueTook) -> QueueResult:
        self._maybe_away()
        await self.took_gate.wait()
        return await self._noted("took", super().queue_took(command))

    async def queue_failed(self, command: QueueFailed) -> QueueResult:
        self._maybe_away()
        kind = "settled" if command.settled else "unresolved" if command.unresolved else "later"
        return await self._noted(kind, super().queue_failed(command))

    async def deleted(self, delivery: int, attempt: int) -> None:
        self._maybe_away()
        await self._noted("deleted", super().deleted(delivery, attempt))

    async def retry_delete(self, delivery: int, attempt: int, retry_at: int) -> None:
        self._maybe_away()
        await self._noted("delete later", super().retry_delete(delivery, attempt, retry_at))

    async def claim(self, node: NodeId, limit: int, lease_ms: int) -> list[Delivery]:
        self._maybe_away()
        claimed = list(await super().claim(node, limit, lease_ms))
        self.claimed += claimed
        self.notes.tell()
        return claimed

    def due_times(self, folder: Path) -> list[int]:
        """When each row of the outbox is due, for asserting pauses (ms since 1970)."""
        connection = apsw.Connection(str(folder / DATABASE_NAME), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            return [int(due) for (due,) in connection.execute("SELECT due_at FROM outbox WHERE unresolved = 0")]
        finally:
            connection.close()


@dataclass
class World:
    """One node, one company. `random` is what every draw gives."""

    folder: Path
    company: Company
    base: str
    time: JumpingTime
    notes: Notes
    store: WatchedStore
    queue: QueueSystem
    queueing: Queueing
    http: HttpClient
    repeatable: bool
    running: asyncio.Task[None] | None = None
    customers: int = field(default=0)

    async def run(self) -> None:
        """Start the sender and wait until it claims."""
        self.running = asyncio.ensure_future(self.queueing.run())
        await self.notes.until(lambda: self.time.sleeps_until(self.time.at + 1000))

    async def stop(self) -> None:
        self.queueing.stop()
        if self.running is not None:
            async with asyncio.timeout(10):
                await self.running
            self.running = None

    async def restart(self) -> None:
        """A sender of its own on the same outbox, as after a restart of the server."""
        self.queueing = make_queueing(self.store, self.queue, self.time, self.notes, repeatable=self.repeatable)
        await self.run()

    async def start_wait(self, *, dispatch: bool = True) -> tuple[Wait, Delivery]:
        self.customers += 1
        who = await stores.customer(self.store, str(self.customers))
        result = await self.store.start_wait(stores.start(who, self.time, attached=(("topic", "Kart"),)))  # type: ignore[arg-type]
        assert result.wait is not None
        assert result.delivery is not None
        if dispatch:
            self.queueing.dispatch(result.delivery)
        return result.wait, result.delivery

    async def wait_now(self, wait: Wait) -> Wait:
        now = await self.store.wait(wait.session_id)
        assert now is not None
        return now

    async def changed(self, wait: Wait) -> Wait:
        """The wait as the first change that was told of it shows it."""
        mine: Callable[[], list[Wait]] = lambda: [w for w in self.notes.waits if w.session_id == wait.session_id]  # noqa: E731
        await self.notes.until(lambda: bool(mine()))
        return mine()[0]

    async def stored(self, word: str, times: int = 1) -> None:
        """Wait until results of this kind were stored so many times."""
        await self.notes.until(lambda: self.store.stored.count(word) >= times)

    async def idle(self) -> None:
        """Wait until nothing is in hand and the sender waits for the next second."""
        await self.notes.until(lambda: not self.queueing._held and self.time.sleeps_until(self.time.at + 1000))

    async def pass_time(self, seconds: int) -> None:
        """Let time pass second by second, each until nothing is in hand any more."""
        for _ in range(seconds):
            self.time.jump(1.0)
            await self.idle()

    async def outbox_empties(self, within_s: int = 60) -> None:
        """Let time pass until no call is due any more, at most so many seconds."""
        for _ in range(within_s):
            if not (await self.store.tally()).outbox:
                return
            await self.pass_time(1)
        raise AssertionError(f"still due: {(await self.store.tally()).outbox}")


def make_queueing(
    store: WatchedStore, queue: QueueSystem, time: JumpingTime, notes: Notes, *, repeatable: bool
) -> Queueing:
    return Queueing(
        store,
        queue,
        on_change=notes.on_change,
        policy=QueueingPolicy(queue_timeout_ms=stores.QUEUE_TIMEOUT_MS, repeatable=repeatable),
        node=stores.NODE,
        new_command_id=stores.command_id,
        clock=time,
        sleep=time.sleep,
        later=time.later,
        random=lambda: 0.5,
        journal=notes,
        grace_s=3.0,
    )


@asynccontextmanager
async def world(
    folder: Path, *, repeatable: bool, queue: QueueSystem | None = None, listening: bool = True
) -> AsyncIterator[World]:
    """A running sender. `queue` replaces the HTTP adapter; `listening` False: nothing listens at the queue's port."""
    notes = Notes()
    time = JumpingTime(notes)
    company = Company(repeatable=repeatable, clock=time)
    base = await company.start()
    if not listening:
        await company.stop()
    http = HttpClient([base])
    await http.start()
    store = WatchedStore(folder, time, notes, stores.NODE)
    await store.start()
    adapter = queue or HttpQueueSystem(base, creates=http, deletes=http, form="object", slot_s=5.0, journal=notes)
    queueing = make_queueing(store, adapter, time, notes, repeatable=repeatable)
    made = World(folder, company, base, time, notes, store, adapter, queueing, http, repeatable)
    await made.run()
    try:
        yield made
        assert notes.failures == []
    finally:
        made.queueing.stop()
        if made.running is not None:
            made.running.cancel()
            await asyncio.wait({made.running})
        await http.stop()
        await store.stop()
        await company.stop()


async def cancelled_wait(w: World) -> Wait:
    """A wait that the queue took and the customer cancelled; its delete is due."""
    wait, _ = await w.start_wait()
    assert (await w.changed(wait)).state is State.WAITING
    await stores.end(w.store, Event.CANCEL, wait.row)
    return wait


async def crashed(w: World, *, dispatch: bool) -> Wait:
    """A wait whose node died before the queue's answer came; the outbox row is free to be claimed."""
    await w.stop()
    wait, _ = await w.start_wait(dispatch=False)
    if dispatch:
        await w.queue.create(wait.session_id, Request("880214", "10000000146", (("topic", "Kart"),)), 5.0)
    await w.store.leave(stores.NODE)
    return wait
