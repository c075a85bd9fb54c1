"""The writing thread: what is committed together, on a real file."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import apsw
import pytest

from diyalog.domain.ids import NodeId
from diyalog.ports import StoreUnavailableError
from diyalog.storage.connection import open_connection
from diyalog.storage.sealing import Sealer
from diyalog.storage.sqlite_transaction import SqliteTransaction
from diyalog.storage.transaction import Transaction
from diyalog.storage.writer import Writer

LIMIT_S = 10


class Numbers:
    """A table of numbers, and an operation that writes them; it notes its groups, and can be made to wait."""

    def __init__(self, folder: Path) -> None:
        self.connection = open_connection(folder / "numbers.sqlite3")
        self.connection.execute("CREATE TABLE number (value INTEGER PRIMARY KEY)")
        self.groups: list[list[int]] = []
        self.entered = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    async def write(self, transaction: Transaction, values: Sequence[int]) -> Sequence[int]:
        assert isinstance(transaction, SqliteTransaction)
        self.groups.append(list(values))
        self.entered.set()
        assert self.go_on.wait(LIMIT_S)
        for value in values:
            transaction.connection.execute("INSERT INTO number VALUES (?)", (value,))
        return [value * 10 for value in values]

    def stored(self) -> list[int]:
        return [value for (value,) in self.connection.execute("SELECT value FROM number ORDER BY value")]


@pytest.fixture
def numbers(tmp_path: Path) -> Numbers:
    return Numbers(tmp_path)


@pytest.fixture
async def writer(numbers: Numbers) -> AsyncIterator[Writer]:
    def begin(connection: apsw.Connection) -> SqliteTransaction:
        return SqliteTransaction(connection, {}, Sealer(b"k" * 32), NodeId("n1"), 1)

    writer = Writer(numbers.connection, begin)
    writer.start()
    yield writer
    await writer.stop()


async def entered(numbers: Numbers) -> None:
    """Until the thread is inside a group."""
    assert await asyncio.to_thread(numbers.entered.wait, LIMIT_S)


async def test_one_turn_is_one_group(numbers: Numbers, writer: Writer) -> None:
    async with asyncio.timeout(LIMIT_S):
        assert await asyncio.gather(*(writer.submit(numbers.write, value) for value in (1, 2, 3))) == [10, 20, 30]
    assert numbers.groups == [[1, 2, 3]]


async def test_what_comes_during_a_commit_goes_together_behind_it(numbers: Numbers, writer: Writer) -> None:
    numbers.go_on.clear()
    first = writer.submit(numbers.write, 1)
    await entered(numbers)
    later = []
    for value in (2, 3, 4):  # each in a turn of its own
        later.append(writer.submit(numbers.write, value))
        await asyncio.sleep(0)
    assert numbers.groups == [[1]]
    numbers.go_on.set()
    async with asyncio.timeout(LIMIT_S):
        assert await asyncio.gather(first, *later) == [10, 20, 30, 40]
    assert numbers.groups == [[1], [2, 3, 4]]


async def test_one_that_fails_does_not_hold_up_the_next(numbers: Numbers, writer: Writer) -> None:
    async with asyncio.timeout(LIMIT_S):
        await writer.submit(numbers.write, 1)
        twin, other = writer.submit(numbers.write, 1), writer.submit(numbers.write, 2)
        with pytest.raises(apsw.ConstraintError):
            await twin
        assert await other == 20
        assert await writer.submit(numbers.write, 3) == 30
    assert numbers.stored() == [1, 2, 3]


async def test_what_was_submitted_before_the_stop_is_committed(numbers: Numbers, writer: Writer) -> None:
    numbers.go_on.clear()
    first = writer.submit(numbers.write, 0)
    await asyncio.sleep(0)
    await entered(numbers)
    rest = [writer.submit(numbers.write, value) for value in range(1, 4502)]
    stopping = asyncio.ensure_future(writer.stop())
    await asyncio.sleep(0)
    numbers.go_on.set()
    async with asyncio.timeout(LIMIT_S):
        await stopping
        assert await asyncio.gather(first, *rest) == [value * 10 for value in range(4502)]
    assert numbers.stored() == list(range(4502))


async def test_a_database_that_is_away_is_told_to_all_of_the_group(numbers: Numbers, writer: Writer) -> None:
    other = open_connection(Path(numbers.connection.filename))
    other.execute("BEGIN IMMEDIATE")
    numbers.connection.set_busy_timeout(0)
    refused = [writer.submit(numbers.write, value) for value in (1, 2)]
    async with asyncio.timeout(LIMIT_S):
        for one in refused:
            with pytest.raises(StoreUnavailableError):
                await one
        other.execute("ROLLBACK")
        other.close()
        assert await writer.submit(numbers.write, 3) == 30
    assert numbers.stored() == [3]
