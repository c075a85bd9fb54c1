"""A disk that fails: nothing is acknowledged that is not durable, nothing is lost, and it heals by itself."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import pytest

from diyalog.domain.ids import NodeId
from diyalog.domain.results import Verdict
from diyalog.domain.transitions import Event
from diyalog.ports import StoreUnavailableError
from diyalog.storage.sealing import Sealer
from diyalog.storage.sqlite import SqliteStore
from kit import stores
from kit.clock import SettableClock


@dataclass
class Disk:
    """What the next operations on the write-ahead log do, and how often that fired."""

    failing: dict[str, type[apsw.Error]] = field(default_factory=dict)
    fired: int = 0

    def act(self, operation: str) -> None:
        if operation in self.failing:
            self.fired += 1
            raise self.failing[operation](f"injected at {operation}")


class FailingFile(apsw.VFSFile):
    def __init__(self, disk: Disk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk = disk
        self._is_log = bool(flags[0] & apsw.SQLITE_OPEN_WAL)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802  SQLite's name
        if self._is_log:
            self._disk.act("write")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802  SQLite's name
        if self._is_log:
            self._disk.act("sync")
        super().xSync(flags)


class FailingVFS(apsw.VFS):
    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self.vfs_name = f"failing-{id(disk):x}"
        super().__init__(self.vfs_name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return FailingFile(self._disk, name, flags)


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def vfs(disk: Disk) -> Iterator[str]:
    layer = FailingVFS(disk)
    yield layer.vfs_name
    layer.unregister()


@pytest.mark.parametrize(
    ("operation", "error"), [("write", apsw.FullError), ("write", apsw.IOError), ("sync", apsw.IOError)]
)
async def test_what_the_disk_did_not_take_is_not_acknowledged_and_works_again_when_it_heals(
    tmp_path: Path, disk: Disk, vfs: str, operation: str, error: type[apsw.Error]
) -> None:
    clock = SettableClock()
    store = SqliteStore(tmp_path, Sealer(b"k" * 32), clock, NodeId("a"), vfs=vfs)
    await store.start()
    waits = [await stores.waiting(store, await stores.customer(store, str(n)), clock) for n in range(50)]
    disk.failing = {operation: error}
    answers = await asyncio.gather(
        *[stores.not_delivered(store, interaction=wait.interaction_id) for wait in waits], return_exceptions=True
    )
    assert disk.fired > 0
    assert all(isinstance(answer, StoreUnavailableError) for answer in answers)
    stored = [await store.wait(wait.session_id) for wait in waits]
    assert all(wait is not None and wait.outcome is None for wait in stored)
    disk.failing = {}
    results = await asyncio.gather(*[stores.not_delivered(store, interaction=wait.interaction_id) for wait in waits])
    assert all(result.verdict is Verdict.WON for result in results)
    await store.stop()
    async with stores.sqlite_store(tmp_path, clock) as reopened:
        for wait in waits:
            found = await reopened.wait(wait.session_id)
            assert found is not None
            assert (found.outcome, found.message, found.seq) == ("NOT_DELIVERED", "Nobody is free.", 2)


async def test_a_command_that_cannot_be_carried_out_takes_no_other_with_it(tmp_path: Path) -> None:
    clock = SettableClock()
    async with stores.sqlite_store(tmp_path, clock) as store:
        who = await stores.customer(store, "1")
        first, second = stores.start(who, clock, builtin=True), stores.start(await stores.customer(store, "2"), clock)
        await store.start_wait(first)
        twin, ended = await asyncio.gather(
            store.start_wait(first),  # the same session id once more: refused by the database
            store.start_wait(second),
            return_exceptions=True,
        )
        assert isinstance(twin, apsw.ConstraintError)
        assert not isinstance(ended, BaseException)
        assert ended.verdict is Verdict.WON
        tally = await store.tally()
        assert tally.created == 2


async def test_two_servers_cannot_share_a_data_directory(tmp_path: Path) -> None:
    from diyalog.storage.sqlite import DirectoryInUseError

    clock = SettableClock()
    async with stores.sqlite_store(tmp_path, clock) as one, stores.sqlite_store(tmp_path, clock) as two:
        one.claim_directory()
        with pytest.raises(DirectoryInUseError):
            two.claim_directory()


async def test_every_commit_is_synchronous(tmp_path: Path) -> None:
    async with stores.sqlite_store(tmp_path, SettableClock()) as store:
        connection = store._writing
        assert connection.pragma("journal_mode") == "wal"
        assert connection.pragma("synchronous") == 2, "FULL: the log is synced at every commit"


async def test_old_data_is_forgotten_and_open_waits_are_not(tmp_path: Path) -> None:
    clock = SettableClock()
    day_ms = 86_400_000
    async with stores.sqlite_store(tmp_path, clock) as store:
        old = await stores.waiting(store, await stores.customer(store, "1"), clock)
        kept_open = await stores.waiting(store, await stores.customer(store, "2"), clock)
        await stores.not_delivered(store, session=old.session_id, message="gone soon")
        clock.advance(29 * day_ms)
        assert await store.forget(30 * day_ms, 31 * day_ms, 100) == 0
        clock.advance(3 * day_ms)
        assert await store.forget(30 * day_ms, 31 * day_ms, 100) > 0
        assert await store.wait(old.session_id) is None
        assert (await store.wait(kept_open.session_id)) is not None
        assert (await stores.end(store, Event.CANCEL, kept_open.row)).verdict is Verdict.WON
        assert (await store.tally()).outcomes["NOT_DELIVERED"] == 1, "the counts go on"


async def test_a_start_frees_what_other_processes_held_and_not_what_it_holds_itself(tmp_path: Path) -> None:
    clock = SettableClock()
    async with stores.sqlite_store(tmp_path, clock) as store:
        for customer in ("1", "2"):
            wait = await stores.started(store, await stores.customer(store, customer), clock)
            assert wait.delivery is not None
        other = NodeId("node-b")
        async with stores.sqlite_store(tmp_path, clock, other) as second:
            await second.enter(other)
            freed = await second.claim(other, 10, 1000)
            assert [delivery.attempt for delivery in freed] == [2, 2]
            await second.enter(other)
            assert list(await second.claim(other, 10, 1000)) == []
