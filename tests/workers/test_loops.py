"""What each background loop does, on the real store and use cases."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from diyalog.domain.ids import AccessKeyId, NodeId
from diyalog.domain.transitions import Event
from diyalog.domain.wait import Outcome, Reason, Wait
from diyalog.ports import StoreUnavailableError
from diyalog.ports_callouts import Again, CreateAnswer, DeleteAnswer
from diyalog.storage.sealing import Sealer
from diyalog.storage.sqlite import SqliteStore
from diyalog.usecases.keyring import KeyRing
from diyalog.usecases.queueing import Queueing, QueueingPolicy
from diyalog.workers.deadlines import deadlines
from diyalog.workers.heartbeat import Heartbeat
from diyalog.workers.keys import keys
from diyalog.workers.outbox import Outbox
from diyalog.workers.retention import PAGE, retention
from diyalog.workers.service import Worker
from kit import stores

from .jumping import JumpingTime, Notes

DAY_MS = 86_400_000


@pytest.fixture
def time() -> JumpingTime:
    return JumpingTime(Notes())


@pytest.fixture
async def store(tmp_path: Path, time: JumpingTime) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(tmp_path, Sealer(b"k" * 32), time, stores.NODE)
    await made.start()
    yield made
    await made.stop()


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[None]:
    task = asyncio.ensure_future(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await asyncio.wait_for(task, 10)


async def sleeping(time: JumpingTime, seconds: float) -> None:
    """Wait until somebody sleeps exactly that long from now."""
    await time.notes.until(lambda: time.sleeps_until(time.at + round(seconds * 1000)))


async def turn(time: JumpingTime, seconds: float) -> None:
    """Let one pause pass and wait for the next."""
    await sleeping(time, seconds)
    time.jump(seconds)
    await sleeping(time, seconds)


class Expiring:
    """Says of so many turns that there is more to do."""

    def __init__(self, full_pages: int) -> None:
        self.full_pages = full_pages
        self.turns = 0

    async def end_due(self) -> bool:
        self.turns += 1
        self.full_pages -= 1
        return self.full_pages >= 0


async def test_deadlines_looks_twice_a_second_and_at_once_after_a_full_page(time: JumpingTime) -> None:
    waiting = Expiring(full_pages=3)
    async with running(deadlines(waiting, time.sleep)):
        await sleeping(time, 0.5)
        assert waiting.turns == 4
        time.jump(0.499)
        assert waiting.turns == 4
        time.jump(0.001)
        await sleeping(time, 0.5)
        assert waiting.turns == 5


async def test_keys_reads_the_access_keys_twice_a_second(time: JumpingTime, store: SqliteStore) -> None:
    ring = KeyRing(store, time)
    key = AccessKeyId("AK1")
    async with running(keys(ring, time.sleep)):
        await sleeping(time, 0.5)
        assert ring.lookup(key) is None
        await store.create_key(key, "bank", "s" * 43)
        await turn(time, 0.5)
        assert ring.lookup(key) is not None
        await store.revoke_key(key)
        await turn(time, 0.5)
        assert ring.lookup(key) is None


def beating(store: SqliteStore, time: JumpingTime) -> Heartbeat:
    return Heartbeat(store, stores.NODE, time, time.sleep, on_time=lambda _: None, on_given_up=lambda: None)


async def open_wait(store: SqliteStore, time: JumpingTime, customer_id: str) -> Wait:
    who = await stores.customer(store, customer_id)
    result = await store.start_wait(stores.start(who, time, builtin=True))  # type: ignore[arg-type]  # tells the time
    assert result.wait is not None
    return result.wait


async def test_heartbeat_keeps_the_nodes_customers_and_gives_them_up_at_the_stop(
    time: JumpingTime, store: SqliteStore
) -> None:
    wait = await open_wait(store, time, "1")
    async with running(beating(store, time)):
        await store.present(wait.row, connected=True)
        for _ in range(80):  # 400 s: longer than an app may be away, shorter than the time limit
            await turn(time, 5.0)
        await store.heartbeat(NodeId("node-b"))
        assert await stores.due(store, 10) == []
    time.jump(stores.ABANDON_MS / 1000 - 0.001)
    assert await stores.due(store, 10) == []
    time.jump(0.001)
    assert await stores.due(store, 10) == [(wait.row, False)]


class LeavingFails(SqliteStore):
    """A store that is away when the node leaves."""

    left = 0

    async def leave(self, node: NodeId) -> None:
        self.left += 1
        raise StoreUnavailableError("planned")


async def test_a_store_that_is_away_does_not_hold_up_the_last_heartbeat(tmp_path: Path, time: JumpingTime) -> None:
    store = LeavingFails(tmp_path, Sealer(b"k" * 32), time, stores.NODE)
    await store.start()
    async with running(beating(store, time)):
        await sleeping(time, 5.0)
    assert store.left == 1
    await store.stop()


async def test_retention_forgets_in_pages_every_ten_minutes(time: JumpingTime, store: SqliteStore) -> None:
    ended = []
    for number in range(PAGE + 30):
        wait = await open_wait(store, time, f"{number}-{os.urandom(4).hex()}")
        await stores.end(store, Event.CANCEL, wait.row, told=True)
        ended.append(wait)
    kept = await open_wait(store, time, "kept")
    async with running(retention(store, keep_ms=DAY_MS, token_ms=DAY_MS, sleep=time.sleep)):
        await sleeping(time, 600)
        assert await store.wait(ended[0].session_id) is not None
        time.at += DAY_MS
        time.jump(600)
        pages = 0
        while True:
            await time.notes.until(lambda: time.sleeps_until(time.at + 50) or time.sleeps_until(time.at + 600_000))
            if time.sleeps_until(time.at + 600_000):
                break
            pages += 1
            time.jump(0.05)
        assert pages >= 1
        assert [wait for wait in ended if await store.wait(wait.session_id) is not None] == []
        assert await store.wait(kept.session_id) is not None


class RefusingQueue:
    """A queue to which nothing should be sent here."""

    async def create(self, session_id: object, request: object, timeout_s: float) -> CreateAnswer:
        raise AssertionError("a call")

    async def delete(self, interaction_id: object) -> DeleteAnswer:
        return Again()


async def test_outbox_ends_waits_of_the_process_before(time: JumpingTime, store: SqliteStore) -> None:
    who = await stores.customer(store, "1")
    result = await store.start_wait(stores.start(who, time))  # type: ignore[arg-type]  # tells the time
    assert result.wait is not None
    await store.leave(stores.NODE)
    queueing = Queueing(
        store,
        RefusingQueue(),
        on_change=time.notes.on_change,
        policy=QueueingPolicy(queue_timeout_ms=stores.QUEUE_TIMEOUT_MS, repeatable=False),
        node=stores.NODE,
        new_command_id=stores.command_id,
        clock=time,
        sleep=time.sleep,
        later=time.later,
        random=lambda: 0.5,
        journal=time.notes,
        grace_s=1.0,
    )
    async with running(Outbox(queueing)):
        await time.notes.until(lambda: bool(time.notes.waits))
    [wait] = time.notes.waits
    assert (wait.outcome, wait.reason) == (Outcome.FAILED, Reason.QUEUE_TIMEOUT)
    assert Outbox.name == "outbox"
