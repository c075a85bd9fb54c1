"""When the background loop links audit rows, and what it does when it starts and stops."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from diyalog.storage.auditing import SqliteAudit
from diyalog.storage.sealing import Sealer
from diyalog.storage.sqlite import SqliteStore
from diyalog.usecases.auditing import BATCH, Chaining
from diyalog.workers.audit_chain import AuditChain
from kit import stores

from .jumping import JumpingTime, Notes

SECRET = b"k" * 32


@pytest.fixture
def time() -> JumpingTime:
    return JumpingTime(Notes())


@pytest.fixture
async def store(tmp_path: Path, time: JumpingTime) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(tmp_path, Sealer(SECRET), time, stores.NODE)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def audit(tmp_path: Path, store: SqliteStore) -> AsyncIterator[SqliteAudit]:
    made = SqliteAudit(tmp_path, SECRET)
    yield made
    await made.close()


@asynccontextmanager
async def running(audit: SqliteAudit, time: JumpingTime, alarms: list[str]) -> AsyncIterator[None]:
    chaining = Chaining(audit, audit.keys, clock=time, keep_ms=1000, on_broken=lambda: alarms.append("broken"))
    worker = AuditChain(chaining, time.sleep)
    task = asyncio.ensure_future(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await asyncio.wait_for(task, 10)


async def wait(store: SqliteStore, time: JumpingTime, customer: str) -> None:
    who = await stores.customer(store, customer)
    await store.start_wait(stores.start(who, time, builtin=True))  # type: ignore[arg-type]  # tells the time


async def sleeping(time: JumpingTime, seconds: float) -> None:
    await time.notes.until(lambda: time.sleeps_until(time.at + round(seconds * 1000)))


async def counts(audit: SqliteAudit) -> list[int]:
    return [link.count for link in await audit.links(0, 100)]


async def test_it_links_every_ten_seconds_and_once_more_at_the_stop(
    store: SqliteStore, audit: SqliteAudit, time: JumpingTime
) -> None:
    alarms: list[str] = []
    await wait(store, time, "1")
    async with running(audit, time, alarms):
        await sleeping(time, 10)
        assert await counts(audit) == [1]
        await wait(store, time, "2")
        await wait(store, time, "3")
        time.jump(9.999)
        assert await counts(audit) == [1]
        time.jump(0.001)
        await sleeping(time, 10)
        assert await counts(audit) == [1, 2]
        await wait(store, time, "4")
    assert await counts(audit) == [1, 2, 1]
    assert alarms == []


async def test_a_backlog_is_worked_off_with_pauses(store: SqliteStore, audit: SqliteAudit, time: JumpingTime) -> None:
    store._writing.execute(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
        "INSERT INTO audit (at, wait, event, node) SELECT 5, i, 'start', 'n' FROM n",
        (2 * BATCH + 1,),
    )
    async with running(audit, time, []):
        for done in (1, 2):
            await sleeping(time, 0.5)
            assert await counts(audit) == [BATCH] * done
            time.jump(0.5)
        await sleeping(time, 10)
        assert await counts(audit) == [BATCH, BATCH, 1]


async def test_a_broken_record_is_an_alarm_at_the_start_and_linking_goes_on(
    store: SqliteStore, audit: SqliteAudit, time: JumpingTime
) -> None:
    alarms: list[str] = []
    await wait(store, time, "1")
    async with running(audit, time, alarms):
        await sleeping(time, 10)
    store._writing.execute("UPDATE audit SET node = 'other'")
    await wait(store, time, "2")
    async with running(audit, time, alarms):
        await sleeping(time, 10)
        assert alarms == ["broken"]
    assert await counts(audit) == [1, 1]
    assert alarms == ["broken"]
