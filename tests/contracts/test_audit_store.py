"""The audit trail of a database that several nodes share: what is linked beside those that write, and by whom."""

import asyncio
import os
import random
import threading
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import pytest

from diyalog.clock import SystemClock
from diyalog.domain.audit_chain import (
    AuditCut,
    AuditKeys,
    AuditLink,
    AuditRows,
    link_holds,
    make_link,
    rows_fault,
)
from diyalog.ports import StoreUnavailableError
from diyalog.storage.postgres_auditing import PostgresAudit
from diyalog.storage.postgres_connection import open_postgres
from diyalog.storage.postgres_schema import set_up
from diyalog.usecases.auditing import BATCH, LAST_ID, Chaining

SECRET = b"k" * 32
LIMIT_S = 20
ADD = "INSERT INTO audit (at, wait, event, node) VALUES ($1, 1, 'start', 'n') RETURNING id"


class Client(Protocol):
    """As much of a connection as is used here."""

    async def execute(self, query: str, *arguments: Any) -> Any: ...  # noqa: ANN401  values of any column

    async def fetchval(self, query: str, *arguments: Any) -> Any: ...  # noqa: ANN401

    def transaction(self) -> Any: ...  # noqa: ANN401  begins and ends by its methods, or as a block


class Connect(Protocol):
    """Opens a connection that is no part of the server."""

    def __call__(self) -> AbstractAsyncContextManager[Client]: ...


@pytest.fixture
async def url(database_url: str) -> str:
    """A database with this program's schema."""
    connection = await open_postgres(database_url)
    await set_up(connection, forward=True)
    await connection.close()
    return database_url


@pytest.fixture
def connect(url: str) -> Connect:
    @asynccontextmanager
    async def connected() -> AsyncIterator[Client]:
        connection = await asyncpg.connect(url)
        try:
            yield connection
        finally:
            connection.terminate()

    return connected


@pytest.fixture
async def audit(url: str, tmp_path: Path) -> AsyncIterator[PostgresAudit]:
    made = PostgresAudit(url, SECRET, tmp_path)
    yield made
    await made.close()


@pytest.fixture
async def other(url: str, tmp_path: Path) -> AsyncIterator[PostgresAudit]:
    """Of another node."""
    made = PostgresAudit(url, SECRET, tmp_path)
    yield made
    await made.close()


def chaining(audit: PostgresAudit) -> Chaining:
    def broken() -> None:
        raise AssertionError("the chain is in order")

    return Chaining(audit, audit.keys, clock=SystemClock(), keep_ms=1000, on_broken=broken)


async def counts(audit: PostgresAudit) -> list[tuple[int, int]]:
    return [(link.last_id, link.count) for link in await audit.links(0, 100)]


# Rows whose ids come before others, and who appear after them


@pytest.mark.parametrize("ending", ["commit", "rollback"])
@pytest.mark.parametrize("older", ["low", "high"])
async def test_nothing_is_linked_past_a_row_that_may_still_come(
    audit: PostgresAudit, connect: Connect, ending: str, older: str
) -> None:
    """Whichever of the two transactions has the older number."""
    async with connect() as low, connect() as high:
        slow, fast = low.transaction(), high.transaction()
        await slow.start()
        await fast.start()
        for one in (low, high) if older == "low" else (high, low):
            await one.fetchval("SELECT pg_current_xact_id()")
        assert await low.fetchval(ADD, 10) == 1
        assert await high.fetchval(ADD, 20) == 2
        await fast.commit()
        assert (await audit.ends()).last_id == 2
        linking = asyncio.ensure_future(chaining(audit).link_next())
        await until_held_up(high)
        assert await counts(audit) == []
        await (slow.commit() if ending == "commit" else slow.rollback())
        await asyncio.wait_for(linking, LIMIT_S)
        assert await counts(audit) == [(2, 2 if ending == "commit" else 1)]


async def test_who_takes_too_long_is_left_for_the_next_turn(audit: PostgresAudit, connect: Connect) -> None:
    async with connect() as low, connect() as high, low.transaction():
        await low.execute(ADD, 10)
        await high.execute(ADD, 20)
        assert not await asyncio.wait_for(chaining(audit).link_next(), LIMIT_S)
        assert await counts(audit) == []


async def test_who_writes_elsewhere_is_not_waited_for(audit: PostgresAudit, connect: Connect) -> None:
    async with connect() as writer, connect() as other, other.transaction():
        await other.execute("INSERT INTO setting VALUES ('a', 'b')")
        await other.fetchval("SELECT count(*) FROM audit")
        await writer.execute(ADD, 10)
        assert (await audit.rows(0, LAST_ID, 10)).count == 1


async def test_who_begins_later_is_not_waited_for(audit: PostgresAudit, connect: Connect) -> None:
    """Under load there is never a moment without somebody who writes."""
    async with connect() as first, connect() as second:
        await second.execute(ADD, 1)
        one = first.transaction()
        await one.start()
        await first.execute(ADD, 2)
        reading = asyncio.ensure_future(audit.rows(0, LAST_ID, 10))
        await until_held_up(second)
        async with second.transaction():
            await second.execute(ADD, 3)
            await one.commit()
            assert (await asyncio.wait_for(reading, LIMIT_S)).count == 1


async def until_held_up(connection: Client) -> None:
    """Return once the reader has seen that somebody writes, and asks whether they are done."""
    asking = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'diyalog' AND query LIKE '%= ANY (CAST($1%'"
    )
    async with asyncio.timeout(LIMIT_S):
        while await connection.fetchval(f"{asking} AND datname = current_database()") == 0:
            await connection.fetchval("SELECT pg_sleep(0.01)")


async def test_a_range_that_is_there_is_read_at_once(audit: PostgresAudit, connect: Connect) -> None:
    """Verifying looks at every row that can be seen, and is not held up by anybody."""
    async with connect() as low, connect() as high, low.transaction():
        await low.execute(ADD, 10)
        await high.execute(ADD, 20)
        until = (await audit.ends()).last_id
        assert (await asyncio.wait_for(audit.rows(0, until, 10), 1)).last_id == 2


# Several nodes


def link(keys: AuditKeys, previous: AuditLink | None, last_id: int) -> AuditLink:
    return make_link(previous, AuditRows(1, last_id, 5, 5, b"", bytes(16)), linked_at=5, keep_ms=1, keys=keys)


async def test_of_two_links_for_one_place_one_is_stored(
    audit: PostgresAudit, other: PostgresAudit, connect: Connect
) -> None:
    previous = None
    for place in range(1, 4):
        async with connect() as gate, connect() as watching:
            async with gate.transaction():
                await gate.execute("LOCK TABLE audit_link IN SHARE ROW EXCLUSIVE MODE")
                links = [link(audit.keys, previous, place * 10 + number) for number in (1, 2)]
                appending = [
                    asyncio.ensure_future(one.append(previous, made))
                    for one, made in zip((audit, other), links, strict=True)
                ]
                await until_waiting(watching, 2)
            assert sorted(await asyncio.wait_for(asyncio.gather(*appending), LIMIT_S)) == [False, True]
        [previous] = await audit.newest_links(1)
        assert previous.last_id // 10 == place
    assert len(await audit.links(0, 10)) == 3


async def until_waiting(connection: Client, waiting: int) -> None:
    """Return once so many wait for a lock."""
    async with asyncio.timeout(LIMIT_S):
        while await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") < waiting:
            await connection.fetchval("SELECT pg_sleep(0.01)")


async def test_nodes_that_write_and_link_at_once_make_one_chain(
    audit: PostgresAudit, other: PostgresAudit, connect: Connect
) -> None:
    chance = random.Random(11)
    audits = (audit, other)
    written: list[int] = []
    done = asyncio.Event()

    async def write() -> None:
        async with connect() as connection:
            for at in range(60):
                transaction = connection.transaction()
                await transaction.start()
                ids = [await connection.fetchval(ADD, at) for _ in range(chance.randint(1, 4))]
                await connection.fetchval("SELECT pg_sleep($1)", chance.random() / 200)
                if chance.random() < 0.2:
                    await transaction.rollback()
                else:
                    await transaction.commit()
                    written.extend(ids)

    async def work(audit: PostgresAudit) -> None:
        worker = chaining(audit)
        while not done.is_set():
            await worker.link_next()

    working = [asyncio.ensure_future(work(audit)) for audit in audits]
    await asyncio.gather(*(write() for _ in range(4)))
    done.set()
    await asyncio.wait_for(asyncio.gather(*working), LIMIT_S)
    await chaining(audits[0]).link_next()
    previous, linked = None, 0
    for one in await audits[0].links(0, 10_000):
        rows = await audits[0].rows(0 if previous is None else previous.last_id, one.last_id, BATCH + 1)
        assert link_holds(previous, one, audits[0].keys)
        assert rows_fault(one, rows, 0) is None
        previous, linked = one, linked + one.count
    assert previous is not None
    assert (linked, previous.last_id) == (len(written), max(written))


async def test_a_cut_and_its_note_go_together(audit: PostgresAudit, connect: Connect) -> None:
    async with connect() as connection:
        for at in range(5):
            await connection.execute(ADD, at)
        cuts = [AuditCut(2, 3, 10, b"seal"), AuditCut(4, 5, 11, b"other")]
        for cut in cuts:
            await audit.make_cut(cut)
            assert await audit.cut() == cut
            assert (await audit.ends()).first_id == cut.last_id + 1
        await connection.execute("ALTER TABLE audit_cut ADD CHECK (last_id < 5)")
        with pytest.raises(asyncpg.CheckViolationError):
            await audit.make_cut(AuditCut(5, 6, 12, b"third"))
        assert (await audit.ends()).last_id == 5


# What acts on the tables

TRAPS = [
    ("CREATE TRIGGER t BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION act()", "DROP TRIGGER t ON audit"),
    ("CREATE TRIGGER t AFTER UPDATE ON wait EXECUTE FUNCTION act()", "DROP TRIGGER t ON wait"),
    ("CREATE TRIGGER t AFTER INSERT ON tally EXECUTE FUNCTION act()", "DROP TRIGGER t ON tally"),
    ("CREATE RULE r AS ON DELETE TO audit DO INSTEAD NOTHING", "DROP RULE r ON audit"),
    ("CREATE RULE r AS ON INSERT TO audit_link DO ALSO DELETE FROM audit", "DROP RULE r ON audit_link"),
    (
        "ALTER TABLE audit_cut RENAME TO a; CREATE VIEW audit_cut AS SELECT * FROM a",
        "DROP VIEW audit_cut; ALTER TABLE a RENAME TO audit_cut",
    ),
    ("CREATE TABLE a () INHERITS (audit)", "DROP TABLE a"),
    ("ALTER TABLE audit ADD CONSTRAINT c CHECK (judge(node))", "ALTER TABLE audit DROP CONSTRAINT c"),
    ("CREATE INDEX i ON wait (judge(state))", "DROP INDEX i"),
    ("ALTER TABLE tally ALTER count SET DEFAULT length(judge('')::text)", "ALTER TABLE tally ALTER count DROP DEFAULT"),
    ("ALTER TABLE audit ALTER outcome TYPE word", "ALTER TABLE audit ALTER outcome TYPE text"),
    ("ALTER TABLE audit ALTER wait TYPE text", "ALTER TABLE audit ALTER wait TYPE bigint USING wait::bigint"),
    ("ALTER TABLE audit ALTER node TYPE varchar(3)", "ALTER TABLE audit ALTER node TYPE text"),
    ("ALTER TABLE audit_link SET UNLOGGED", "ALTER TABLE audit_link SET LOGGED"),
    ("ALTER SEQUENCE audit_id_seq CACHE 10", "ALTER SEQUENCE audit_id_seq CACHE 1"),
    ("ALTER SEQUENCE audit_id_seq INCREMENT -1", "ALTER SEQUENCE audit_id_seq INCREMENT 1"),
    (
        "ALTER TABLE audit ALTER id DROP IDENTITY; ALTER TABLE audit ALTER id SET DEFAULT 7",
        "ALTER TABLE audit ALTER id DROP DEFAULT; ALTER TABLE audit ALTER id ADD GENERATED BY DEFAULT AS IDENTITY",
    ),
]


async def test_what_changes_what_is_written_is_found(audit: PostgresAudit, connect: Connect) -> None:
    async with connect() as stranger:
        await stranger.execute("CREATE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
        await stranger.execute("CREATE FUNCTION judge(text) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT true'")
        await stranger.execute("CREATE DOMAIN word AS text")
        for trap, undo in TRAPS:
            assert await audit.is_ours()
            await stranger.execute(trap)
            assert not await audit.is_ours(), trap
            await stranger.execute(undo)
        assert await audit.is_ours()


async def test_all_tables_are_looked_at(audit: PostgresAudit, connect: Connect) -> None:
    async with connect() as stranger:
        tables = await stranger.fetchval(
            "SELECT array_agg(tablename::text) FROM pg_tables WHERE schemaname = current_schema()"
        )
        assert len(tables) >= 22
        for table in tables:
            await stranger.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            assert not await audit.is_ours(), table
            await stranger.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        assert await audit.is_ours()


# A connection that is lost, a folder that is not there


async def test_a_lost_connection_is_told_and_opened_anew(audit: PostgresAudit, connect: Connect) -> None:
    async with connect() as gate, connect() as stranger:
        async with gate.transaction():
            await gate.execute("LOCK TABLE audit_link IN SHARE ROW EXCLUSIVE MODE")
            appending = asyncio.ensure_future(audit.append(None, link(audit.keys, None, 1)))
            await until_waiting(stranger, 1)
            await stranger.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'diyalog' AND datname = current_database()"
            )
            with pytest.raises(StoreUnavailableError):
                await asyncio.wait_for(appending, LIMIT_S)
        assert (await audit.ends()).linked_id == 0


async def test_who_stops_waiting_leaves_nothing_behind(audit: PostgresAudit, connect: Connect) -> None:
    async with connect() as gate, connect() as watching:
        async with gate.transaction():
            await gate.execute("LOCK TABLE audit_link IN SHARE ROW EXCLUSIVE MODE")
            appending = asyncio.ensure_future(audit.append(None, link(audit.keys, None, 1)))
            await until_waiting(watching, 1)
            appending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await appending
            assert (await audit.ends()).linked_id == 0
        assert await audit.append(None, link(audit.keys, None, 2))
        assert await counts(audit) == [(2, 1)]


async def test_without_a_server_it_is_unavailable(tmp_path: Path) -> None:
    audit = PostgresAudit("postgresql://nobody@127.0.0.1:1/none", SECRET, tmp_path)
    with pytest.raises(StoreUnavailableError):
        await audit.ends()
    await audit.close()


async def test_the_head_is_kept_in_a_folder_of_the_node(url: str, tmp_path: Path) -> None:
    audit = PostgresAudit(url, SECRET, tmp_path / "data" / "node")
    assert await audit.kept_head() is None
    await audit.keep_head("1:2 3\n")
    assert await audit.kept_head() == "1:2 3\n"
    assert (tmp_path / "data" / "node" / "audit.head").read_text() == "1:2 3\n"
    await audit.close()


async def test_two_who_keep_the_head_at_once_do_not_disturb_each_other(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = PostgresAudit(url, SECRET, tmp_path), PostgresAudit(url, SECRET, tmp_path)
    reached, go_on = threading.Event(), threading.Event()
    fsync = os.fsync

    def hold_the_first(descriptor: int) -> None:
        fsync(descriptor)
        if not reached.is_set():
            reached.set()
            assert go_on.wait(10)

    monkeypatch.setattr(os, "fsync", hold_the_first)
    keeping = asyncio.ensure_future(first.keep_head("1:first\n"))
    assert await asyncio.to_thread(reached.wait, 10)
    await second.keep_head("2:second\n")
    assert await second.kept_head() == "2:second\n"
    go_on.set()
    await keeping
    assert await first.kept_head() == "1:first\n"
    assert await asyncio.to_thread(lambda: [file.name for file in tmp_path.iterdir()]) == ["audit.head"]
    await first.close()
    await second.close()
