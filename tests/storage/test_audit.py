"""Canonical bytes and digests of rows as the database makes them."""

import asyncio
import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diyalog.domain.audit_chain import AuditRow, read_rows
from diyalog.ports import StoreUnavailableError
from diyalog.storage.auditing import SqliteAudit, derive_keys, open_audit
from diyalog.storage.connection import migrate, open_connection
from diyalog.storage.sqlite import DATABASE_NAME
from kit import stores
from kit.clock import SettableClock

SECRET = b"k" * 32
INT64 = st.integers(-(2**63), 2**63 - 1)
# Texts a database can hold; SQLite's own functions stop at NUL in a text only where they print it.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.one_of(INT64, st.binary(max_size=8))
WORDS = st.one_of(TEXT, st.binary(max_size=8))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[apsw.Connection]:
    connection = open_connection(tmp_path / DATABASE_NAME)
    migrate(connection)
    yield connection
    connection.close()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            NUMBERS,
            st.none() | NUMBERS,
            WORDS,
            st.none() | WORDS,
            st.none() | WORDS,
            st.none() | st.binary(max_size=40),
            WORDS,
        ),
        max_size=6,
    )
)
async def test_rows_can_be_read_back_from_their_bytes_so_that_no_two_are_alike(
    database: apsw.Connection, tmp_path: Path, rows: list[tuple[Any, ...]]
) -> None:
    database.execute("DELETE FROM audit")
    database.executemany(
        "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)", [(n, *row) for n, row in enumerate(rows, 1)]
    )
    stored: list[tuple[Any, ...]] = database.execute("SELECT * FROM audit ORDER BY id").fetchall()
    audit = SqliteAudit(tmp_path, SECRET)
    found = await audit.rows(0, 2**63 - 1, 10)
    await audit.close()
    assert list(read_rows(found.content)) == [AuditRow(*row[:6] + row[7:]) for row in stored]
    assert (found.count, found.last_id) == (len(rows), len(rows))
    key = derive_keys(SECRET).requester
    expected = [
        bytes(16)
        if row[6] is None
        else hashlib.blake2b(struct.pack(">q", row[0]) + b"b" + row[6], key=key, digest_size=16).digest()
        for row in stored
    ]
    assert found.requesters == b"".join(expected)


@pytest.mark.parametrize(
    ("column", "pair"),
    [
        ("event", ("1", b"1")),
        ("event", ("", b"")),
        ("outcome", (None, "")),
        ("outcome", ("n", None)),
        ("wait", (1, 1.5)),
        ("wait", (1, "one")),
        ("access_key", ("t1:x", "t1:y")),
        ("node", ("a\0b", "a\0c")),
    ],
)
async def test_values_that_look_alike_have_other_bytes(
    database: apsw.Connection, tmp_path: Path, column: str, pair: tuple[Any, Any]
) -> None:
    database.execute("INSERT INTO audit (at, wait, event, node) VALUES (1, 1, 'start', 'n')")
    audit = SqliteAudit(tmp_path, SECRET)
    seen = set()
    for value in pair:
        database.execute(f"UPDATE audit SET {column} = ?", (value,))
        seen.add((await audit.rows(0, 10, 10)).content)
    await audit.close()
    assert len(seen) == 2


async def test_a_text_that_is_not_utf_8_is_read_all_the_same(database: apsw.Connection, tmp_path: Path) -> None:
    database.execute("INSERT INTO audit (at, event, access_key, node) VALUES (1, 'x', CAST(x'ff' AS TEXT), 'n')")
    audit = SqliteAudit(tmp_path, SECRET)
    [row] = read_rows((await audit.rows(0, 10, 10)).content)
    assert row.access_key == "\ufffd"
    assert (await audit.names(0, 10, 10, requesters=True))[1].requester is None
    await audit.close()


async def test_the_hot_table_has_no_more_indexes_and_no_triggers(tmp_path: Path) -> None:
    async with stores.sqlite_store(tmp_path, SettableClock()) as store:
        made = store._writing.execute("SELECT type, name FROM sqlite_schema WHERE tbl_name = 'audit'").fetchall()
    assert sorted(made) == [("index", "audit_requester"), ("table", "audit")]


async def test_an_older_database_is_brought_to_this_schema_and_linked(tmp_path: Path) -> None:
    from importlib import resources

    from diyalog.usecases.auditing import Chaining

    connection = open_connection(tmp_path / DATABASE_NAME)
    connection.execute((resources.files("diyalog") / "sql" / "0001_initial.sqlite.sql").read_text("utf-8"))
    connection.execute("INSERT INTO audit (at, wait, event, node) VALUES (5, 1, 'start', 'n')")
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    audit = open_audit(tmp_path, SECRET)
    alarms: list[int] = []
    chaining = Chaining(audit, audit.keys, clock=SettableClock(), keep_ms=1, on_broken=lambda: alarms.append(1))
    await chaining.check()
    await chaining.link_next()
    [link] = await audit.links(0, 10)
    await audit.close()
    assert (link.last_id, link.count, alarms) == (1, 1, [])


def test_no_database_is_made(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError):
        open_audit(tmp_path, SECRET)
    assert list(tmp_path.iterdir()) == []


async def test_requesters_are_opened_only_if_asked_for(tmp_path: Path) -> None:
    clock = SettableClock()
    async with stores.sqlite_store(tmp_path, clock) as store:
        wait = await stores.waiting(store, await stores.customer(store, "1"), clock)
        await stores.not_delivered(store, session=wait.session_id)
        audit = SqliteAudit(tmp_path, SECRET)
        hidden = await audit.names(0, 10, 10, requesters=False)
        shown = await audit.names(0, 10, 10, requesters=True)
        await audit.close()
    assert [name.requester for name in hidden.values()] == [None, None]
    assert [name.requester for name in shown.values()] == [None, "31007"]
    assert {name.session_id for name in shown.values()} == {wait.session_id}


async def test_a_head_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    async with stores.sqlite_store(tmp_path, SettableClock()):
        audit = SqliteAudit(tmp_path, SECRET)
        (tmp_path / "audit.head").mkdir()
        with pytest.raises(StoreUnavailableError):
            await audit.keep_head("1")
        (tmp_path / "audit.head").rmdir()
        assert await audit.kept_head() is None
        assert await asyncio.to_thread(lambda: list(tmp_path.glob("audit.head*"))) == [], "nothing is left beside it"
        await audit.close()
