"""Places in the built-in queue are those of now, also for those who ask while the line is being read."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from diyalog.domain.transitions import Event
from diyalog.ports import StoreUnavailableError
from diyalog.storage.sealing import Sealer
from diyalog.storage.sqlite import SqliteStore
from diyalog.usecases.line import Line
from kit import stores
from kit.clock import SettableClock


class Read(SqliteStore):
    """Counts how often the line is read, and fails when told to."""

    reads = 0
    away = False

    async def line(self) -> Sequence[int]:
        self.reads += 1
        line = await super().line()
        if self.away:
            raise StoreUnavailableError("planned")
        return line


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def store(tmp_path: Path, clock: SettableClock) -> AsyncIterator[Read]:
    made = Read(tmp_path, Sealer(b"k" * 32), clock, stores.NODE)
    await made.start()
    yield made
    await made.stop()


async def queued(store: Read, clock: SettableClock, count: int) -> list[int]:
    """The rows of so many customers who wait."""
    names = [f"customer {number}" for number in range(count)]
    return [(await stores.waiting(store, await stores.customer(store, name), clock)).row for name in names]


async def position(line: Line, row: int) -> int | None:
    [place] = await line.places([row])
    return place.position


async def test_all_who_ask_at_once_are_told_their_place_from_one_read(store: Read, clock: SettableClock) -> None:
    rows = await queued(store, clock, 4)
    line = Line(store, clock)
    assert await asyncio.gather(*(position(line, row) for row in reversed(rows))) == [4, 3, 2, 1]
    assert store.reads == 1
    for row in rows[:2]:
        await stores.end(store, Event.CANCEL, row, told=True)
    clock.at += 60_000
    assert await asyncio.gather(*(position(line, row) for row in rows[2:])) == [1, 2]
    assert store.reads == 2


async def test_a_read_that_fails_or_whose_asker_has_gone_leaves_no_old_line(store: Read, clock: SettableClock) -> None:
    rows = await queued(store, clock, 3)
    line = Line(store, clock)
    assert await position(line, rows[2]) == 3
    await stores.end(store, Event.CANCEL, rows[0], told=True)
    clock.at += 60_000
    store.away = True
    failed = await asyncio.gather(*(position(line, row) for row in rows[1:]), return_exceptions=True)
    assert [type(error) for error in failed] == [StoreUnavailableError, StoreUnavailableError]
    store.away = False
    gone = asyncio.ensure_future(position(line, rows[1]))
    staying = asyncio.ensure_future(position(line, rows[2]))
    await asyncio.sleep(0)
    gone.cancel()
    assert await staying == 2
    assert gone.cancelled()


async def test_the_line_is_read_once_a_second(store: Read, clock: SettableClock) -> None:
    first, second = await queued(store, clock, 2)
    line = Line(store, clock)
    assert await position(line, first) == 1
    clock.at += 999
    assert await position(line, second) == 2
    [third] = [(await stores.waiting(store, await stores.customer(store, "late"), clock)).row]
    assert await position(line, third) == 3
    assert store.reads == 1
    clock.at += 1
    assert await position(line, third) == 3
    assert store.reads == 2
