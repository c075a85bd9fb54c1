"""A node that others gave up learns it, whatever it has stored before its next beat."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from diyalog.domain.ids import NodeId
from diyalog.storage.sealing import Sealer
from diyalog.storage.sqlite import SqliteStore
from diyalog.workers.heartbeat import Heartbeat
from kit import stores

from .jumping import JumpingTime, Notes

OTHER = NodeId("node-b")


@pytest.fixture
def time() -> JumpingTime:
    return JumpingTime(Notes())


@pytest.fixture
async def store(tmp_path: Path, time: JumpingTime) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(tmp_path, Sealer(b"k" * 32), time, stores.NODE)
    await made.start()
    yield made
    await made.stop()


@pytest.mark.parametrize(
    ("silent_s", "connects", "told"),
    [
        (5.0, 1, 0),  # nobody gave it up
        (20.0, 0, 1),
        # A customer who comes makes the node known again, although it was given up before.
        (20.0, 1, 1),
    ],
)
async def test_a_node_that_was_given_up_learns_it_once(
    time: JumpingTime, store: SqliteStore, silent_s: float, connects: int, told: int
) -> None:
    given_up = 0

    def on_given_up() -> None:
        nonlocal given_up
        given_up += 1
        time.notes.tell()

    who = await stores.customer(store, "1")
    wait = await stores.waiting(store, who, time)  # type: ignore[arg-type]  # tells the time
    await store.enter(stores.NODE)
    beating = Heartbeat(store, stores.NODE, time, time.sleep, on_time=lambda _: None, on_given_up=on_given_up)
    task = asyncio.ensure_future(beating.run())
    await time.notes.until(lambda: time.sleeps_until(time.at + 5000))
    time.at += round(silent_s * 1000)  # nobody of this node wakes meanwhile
    await store.heartbeat(OTHER)
    for _ in range(connects):
        await store.present(wait.row, connected=True)
    for _ in range(2):
        time.jump(5)
        await time.notes.until(lambda: time.sleeps_until(time.at + 5000))
    assert given_up == told
    beating.stop()
    await asyncio.wait_for(task, 10)
