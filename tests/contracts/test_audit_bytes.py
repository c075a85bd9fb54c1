"""Rows of the same content have the same bytes and digests on every database, so that an export verifies alike."""

import hashlib
import struct
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diyalog.domain.audit_chain import AuditRow, read_rows
from diyalog.storage.auditing import SqliteAudit, derive_keys
from diyalog.storage.connection import migrate, open_connection
from diyalog.storage.postgres_auditing import PostgresAudit
from diyalog.storage.postgres_connection import open_postgres
from diyalog.storage.postgres_schema import set_up
from diyalog.storage.sqlite import DATABASE_NAME
from diyalog.usecases.auditing import LAST_ID
from kit.postgres import PostgresServer

SECRET = b"k" * 32
INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
ROW = st.tuples(
    INT64,
    st.none() | INT64,
    TEXT,
    st.none() | TEXT,
    st.none() | TEXT,
    st.none() | st.binary(max_size=40),
    TEXT,
)


@pytest.fixture
async def url(database_url: str) -> str:
    return await with_schema(database_url)


async def with_schema(url: str) -> str:
    connection = await open_postgres(url)
    await set_up(connection, forward=True)
    await connection.close()
    return url


def by_hand(rows: list[tuple[Any, ...]]) -> bytes:
    """The rows' bytes, written out from docs/audit.md."""

    def column(value: object) -> bytes:
        if value is None:
            return b"n"
        text = str(value).encode()
        return (b"i" if isinstance(value, int) else b"t") + str(len(text)).encode() + b":" + text

    return b"".join(b"1" + b"".join(column(value) for value in (*row[:6], row[7])) for row in rows)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROW, max_size=6), st.integers(1, 1000))
async def test_the_same_rows_have_the_same_digests_on_every_database(
    url: str, tmp_path: Path, rows: list[tuple[Any, ...]], gap: int
) -> None:
    stored = [(number * gap, *row) for number, row in enumerate(rows, start=1)]
    embedded = open_connection(tmp_path / DATABASE_NAME)
    migrate(embedded)
    embedded.execute("DELETE FROM audit")
    embedded.executemany("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)", stored)
    embedded.close()
    connection = await asyncpg.connect(url)
    await connection.execute("DELETE FROM audit")
    await connection.executemany("INSERT INTO audit VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", stored)
    await connection.close()
    sqlite, postgres = SqliteAudit(tmp_path, SECRET), PostgresAudit(url, SECRET, tmp_path)
    found, ends = await postgres.rows(0, LAST_ID, 10), await postgres.ends()
    await postgres.close()
    embedded_rows, embedded_ends = await sqlite.rows(0, LAST_ID, 10), await sqlite.ends()
    await sqlite.close()
    assert (found, ends) == (embedded_rows, embedded_ends)
    assert found.content == by_hand(stored)
    assert list(read_rows(found.content)) == [AuditRow(*row[:6] + row[7:]) for row in stored]
    key = derive_keys(SECRET).requester
    expected = [
        bytes(16)
        if row[6] is None
        else hashlib.blake2b(struct.pack(">q", row[0]) + b"b" + row[6], key=key, digest_size=16).digest()
        for row in stored
    ]
    assert found.requesters == b"".join(expected)


async def test_lengths_are_those_of_utf_8_in_a_database_of_another_encoding(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    postgres.execute("CREATE DATABASE turkish TEMPLATE template0 ENCODING 'LATIN5' LOCALE 'C'")
    url = await with_schema(postgres.url("turkish"))
    connection = await asyncpg.connect(url)
    row = (1, 5, 1, "görüşme", "İPTAL", "ğ", None, "düğüm")
    await connection.execute("INSERT INTO audit VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", *row)
    await connection.close()
    audit = PostgresAudit(url, SECRET, tmp_path)
    found = await audit.rows(0, LAST_ID, 10)
    await audit.close()
    postgres.drop_database(url)
    assert found.content == by_hand([row])
