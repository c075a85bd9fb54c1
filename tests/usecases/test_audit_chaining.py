"""Linking rows: in batches, once, whoever does it and whenever it stops; and what may lawfully go."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from diyalog.domain.audit_chain import BEFORE_FIRST, AuditHead, AuditLink, Fault
from diyalog.domain.audit_report import CutRefusedError
from diyalog.storage.auditing import HEAD_FILE_NAME, DatabaseAudit, SqliteAudit
from diyalog.storage.postgres_auditing import PostgresAudit
from diyalog.usecases.audit_export import Cutting, Export
from diyalog.usecases.auditing import BATCH

from .audit_databases import SECRET, AuditDatabase
from .audit_world import DAY_MS, KEEP_MS, AuditWorld, audit_world


@pytest.fixture
async def world(database: AuditDatabase) -> AsyncIterator[AuditWorld]:
    async with audit_world(database) as made:
        yield made


def many_rows(world: AuditWorld, count: int) -> None:
    """Rows of waits that retention has deleted."""
    highest = world.database.skip_waits(count)
    world.sql(
        """WITH RECURSIVE n (i) AS (SELECT CAST(? AS bigint) UNION ALL SELECT i + 1 FROM n WHERE i < ?)
           INSERT INTO audit (at, wait, event, node) SELECT CAST(? AS bigint), i, 'start', 'node-a' FROM n""",
        highest - count + 1,
        highest,
        world.clock.at,
    )


def links(world: AuditWorld) -> list[tuple[int, int]]:
    """Last id and number of rows of each link."""
    return [(row[0], row[1]) for row in world.sql("SELECT last_id, row_count FROM audit_link ORDER BY 1")]


async def test_rows_are_linked_in_batches_in_order(world: AuditWorld) -> None:
    await world.not_delivered("1")
    many_rows(world, 2 * BATCH)
    chaining = world.chaining()
    assert [await chaining.link_next() for _ in range(4)] == [True, True, False, False]
    assert links(world) == [(BATCH, BATCH), (2 * BATCH, BATCH), (2 * BATCH + 2, 2)]
    report = await world.verify()
    assert report.intact
    assert report.linked == 2 * BATCH + 2


async def test_nothing_new_writes_nothing(world: AuditWorld) -> None:
    assert not await world.chaining().link_next()
    assert links(world) == []
    assert (await world.verify()).intact
    await world.history()
    before = world.table("audit_link")
    await world.link()
    assert world.table("audit_link") == before


async def test_two_workers_at_once_make_one_chain(world: AuditWorld) -> None:
    other = world.open_audit()
    many_rows(world, 12 * BATCH + 7)

    async def work(audit: DatabaseAudit) -> None:
        chaining = world.chaining(audit)
        while (await audit.ends()).linked_id < 12 * BATCH + 7:
            await chaining.link_next()

    async with asyncio.timeout(60), asyncio.TaskGroup() as workers:
        for audit in (world.audit, other, world.audit):
            workers.create_task(work(audit))
    await other.close()
    assert links(world) == [*[(n * BATCH, BATCH) for n in range(1, 13)], (12 * BATCH + 7, 7)]
    assert (await world.verify()).intact
    assert world.alarms == []


async def test_numbers_that_were_never_used_are_no_gap_in_the_record(world: AuditWorld) -> None:
    """PostgreSQL gives a row its number before it is committed, and never again."""
    await world.not_delivered("1")
    for _ in range(2):
        world.sql("BEGIN")
        world.sql("INSERT INTO audit (at, event, node) VALUES (1, 'start', 'n')")
        world.sql("ROLLBACK")
        await world.not_delivered("2")
        await world.link()
    ids = [row[0] for row in world.table("audit")]
    assert ids == ([1, 2, 4, 5, 7, 8] if world.database.kind == "postgres" else [1, 2, 3, 4, 5, 6])
    report = await world.verify(await world.head())
    assert report.intact, report.findings
    assert report.linked == 6
    for row_id in ids:
        rows = world.table("audit")
        world.sql("DELETE FROM audit WHERE id = ?", row_id)
        await world.finds(Fault.ROWS_MISSING, row_id, row_id)
        world.put("audit", rows)


class CrashError(Exception):
    """The process is gone."""


class Crashing(DatabaseAudit):
    """Crashes at a step, before or after carrying it out."""

    step = ""
    after = False

    async def append(self, previous: AuditLink | None, link: AuditLink) -> bool:
        if self.step == "append" and not self.after:
            raise CrashError
        appended = await super().append(previous, link)  # type: ignore[safe-super]  # a database's comes behind this
        if self.step == "append":
            raise CrashError
        return appended

    async def keep_head(self, text: str) -> None:
        if self.step == "keep" and not self.after:
            raise CrashError
        await super().keep_head(text)
        if self.step == "keep":
            raise CrashError


class CrashingSqlite(Crashing, SqliteAudit):
    """On the embedded database."""


class CrashingPostgres(Crashing, PostgresAudit):
    """On a database server."""


@pytest.mark.parametrize("step", ["append", "keep"])
@pytest.mark.parametrize("after", [False, True])
async def test_a_crash_between_steps_leaves_nothing_twice_and_nothing_out(
    world: AuditWorld, step: str, *, after: bool
) -> None:
    arguments = world.database.audit_arguments(SECRET)
    kinds: dict[str, type[Crashing]] = {"sqlite": CrashingSqlite, "postgres": CrashingPostgres}
    crashing = kinds[world.database.kind](*arguments)
    for round_ in range(4):
        await world.not_delivered(str(round_))
        crashing.step, crashing.after = step, after
        with pytest.raises(CrashError):
            await world.chaining(crashing).link_next()
        await world.not_delivered(f"more-{round_}")
        started = world.chaining()
        await started.check()
        while await started.link_next():
            pass
        report = await world.verify()
        assert report.intact
        assert (report.linked, report.unlinked) == (4 * (round_ + 1), 0)
    await crashing.close()
    assert world.alarms == []
    assert (world.folder / HEAD_FILE_NAME).read_text().startswith(str(await world.head()))


async def test_a_running_worker_notices_that_the_chain_or_its_rows_went(world: AuditWorld) -> None:
    for damage in ("DELETE FROM audit_link WHERE last_id = 2", "DELETE FROM audit WHERE id > 0"):
        await world.not_delivered("1")
        chaining = world.chaining()
        await chaining.link_next()
        kept = (world.folder / HEAD_FILE_NAME).read_text()
        world.alarms.clear()
        world.sql(damage)
        await chaining.link_next()
        await chaining.link_next()
        assert world.alarms == ["broken"], "once"
        assert (world.folder / HEAD_FILE_NAME).read_text() == kept, "left for whoever looks into it"


async def test_the_start_looks_at_the_newest_part(world: AuditWorld) -> None:
    await world.history()
    await world.chaining().check()
    assert world.alarms == []
    for damage in (
        "UPDATE audit SET node = 'other' WHERE id = 12",
        "UPDATE audit_link SET linked_at = 0 WHERE last_id = 12",
        "UPDATE audit SET sealed_requester = NULL",
    ):
        world.sql(damage)
        world.alarms.clear()
        await world.chaining().check()
        assert world.alarms == ["broken"], damage


# What goes lawfully


async def test_requesters_go_when_they_must_and_the_chain_stays(world: AuditWorld) -> None:
    await world.history()
    saved = await world.head()
    world.clock.advance(KEEP_MS // 2)
    await world.not_delivered("9")
    await world.link()
    world.clock.advance(KEEP_MS // 2 + DAY_MS)
    assert await world.store.forget(KEEP_MS, KEEP_MS, 1) > 0  # one row only: the batch is blanked in part
    assert (await world.verify(saved)).intact
    while await world.store.forget(KEEP_MS, KEEP_MS, 500):
        pass
    assert world.sql("SELECT count(*) FROM audit WHERE sealed_requester IS NOT NULL") == [(1,)]
    report = await world.verify(saved)
    assert report.intact
    assert report.linked == 14
    world.sql("UPDATE audit SET outcome = 'CANCELLED' WHERE id = 2")
    await world.finds(Fault.ROWS_CHANGED, 1, 5)


async def test_a_requester_that_goes_too_early_or_comes_back_is_found(world: AuditWorld) -> None:
    await world.history()
    rows = world.table("audit")
    world.sql("UPDATE audit SET sealed_requester = NULL WHERE id = 7")
    await world.finds(Fault.REQUESTER_MISSING, 6, 9)
    world.put("audit", rows)
    world.sql("UPDATE audit SET sealed_requester = (SELECT sealed_requester FROM audit WHERE id = 2) WHERE id = 8")
    await world.finds(Fault.REQUESTER_CHANGED, 6, 9)
    world.put("audit", rows)
    world.clock.advance(2 * KEEP_MS)
    while await world.store.forget(KEEP_MS, KEEP_MS, 500):
        pass
    assert (await world.verify()).intact
    world.sql("UPDATE audit SET sealed_requester = ? WHERE id = 7", b"x" * len(rows[1][6]))
    await world.finds(Fault.REQUESTER_CHANGED, 6, 9)


async def test_what_was_deleted_under_a_shorter_setting_is_lawful(world: AuditWorld) -> None:
    """The link says what was due when it was made; a longer setting later accuses nobody."""
    await world.history()
    world.clock.advance(2 * DAY_MS)
    shorter = world.chaining()
    shorter._keep_ms = DAY_MS
    await world.not_delivered("9")
    await shorter.link_next()
    assert await world.store.forget(DAY_MS, KEEP_MS, 500) > 0
    assert (await world.verify()).intact


def cutting(world: AuditWorld) -> Cutting:
    async def sleep(_: float) -> None:
        return

    return Cutting(world.audit, world.audit.keys, world.clock, KEEP_MS, sleep)


async def test_the_oldest_rows_can_be_cut_and_what_is_left_is_verified(world: AuditWorld) -> None:
    await world.history()
    saved = await world.head()
    first = AuditHead(5, world.table("audit_link")[0][8])
    world.clock.advance(DAY_MS)
    assert await cutting(world).cut(world.clock.at - DAY_MS - 1000) == 9, "whole batches; the last stays"
    assert [row[0] for row in world.table("audit")] == [10, 11, 12]
    report = await world.verify(saved, first)
    assert report.intact, report.findings
    assert report.cut is not None
    assert (report.cut.last_id, report.linked) == (9, 3)
    assert await cutting(world).cut(world.clock.at) == 0, "never the newest"
    await world.not_delivered("7")
    await world.link()
    assert (await world.verify(saved, first)).intact
    await world.chaining().check()
    assert world.alarms == []
    batches = [batch async for batch in Export(world.audit).batches(0, world.clock.at, requesters=False)]
    assert [batch.link.last_id for batch in batches] == [12, 14]


async def test_a_cut_is_no_cover_for_tampering(world: AuditWorld) -> None:
    await world.history()
    rows, uncut = world.table("audit"), world.table("audit_link")
    world.clock.advance(DAY_MS)
    world.sql("UPDATE audit SET node = 'x' WHERE id = 7")
    with pytest.raises(CutRefusedError, match="rows 6 to 9"):
        await cutting(world).cut(world.clock.at)
    world.put("audit", rows[5:])
    assert (await world.verify()).intact, "the first batch had gone lawfully"
    world.put("audit", rows)
    await world.finds(Fault.ROWS_INSERTED, 1, 5)
    world.put("audit", rows[5:])
    [cut] = world.table("audit_cut")
    for forged in ((1, 9, *cut[2:]), (*cut[:2], cut[2] + 1, *cut[3:]), (*cut[:4], b"no seal")):
        world.put("audit_cut", [forged])
        await world.finds(Fault.CUT_FORGED, 1, 5)
    world.put("audit_cut", [])
    await world.finds(Fault.ROWS_MISSING, 1, 5)
    assert world.table("audit_link") == uncut


# Beside a server that goes on


async def test_verifying_beside_linking_writing_retention_and_cutting_accuses_nobody(world: AuditWorld) -> None:
    await world.history()
    done = asyncio.Event()

    async def company() -> None:
        random.seed(5)
        for number in range(60):
            await random.choice((world.not_delivered, world.queued_and_cancelled))(f"c{number}")
            if number % 7 == 0:
                await world.link()
            if number == 30:
                world.clock.advance(KEEP_MS + DAY_MS)
            if number > 30:
                await world.store.forget(KEEP_MS, KEEP_MS, 20)
            if number == 50:
                assert await cutting(world).cut(world.clock.at - DAY_MS) > 0
        done.set()

    task = asyncio.ensure_future(company())
    looks = 0
    while not done.is_set() and not task.done():
        report = await world.verify()
        assert report.intact, report.findings
        looks += 1
    await task
    assert looks > 5
    assert (await world.verify()).linked > BEFORE_FIRST
