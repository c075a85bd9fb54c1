"""The schema of a PostgreSQL database: set up by whoever comes first, brought forward on demand, checked by all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from diyalog.domain.ids import NodeId
from diyalog.domain.results import Verdict
from diyalog.storage.connection import SchemaError
from diyalog.storage.postgres_connection import Connection, open_postgres
from diyalog.storage.postgres_opening import DatabaseUnusableError, open_postgres_store
from diyalog.storage.postgres_schema import Schema, Script, read_schema, scripts, set_up
from diyalog.storage.sealing import Sealer
from kit import stores
from kit.clock import SettableClock
from kit.postgres import PostgresServer
from kit.server import Server

NODES = 4
ONE = Script("CREATE TABLE first (number integer); INSERT INTO first VALUES (1)", 1)
TWO = Script("ALTER TABLE first ADD COLUMN name text", 1)
THREE = Script("ALTER TABLE first DROP COLUMN number", 3)


def chain(*later: Script) -> list[Script]:
    """Scripts of a program; the first makes the table in which the database keeps its version."""
    own = scripts()[0]
    return [Script(own.text + ";" + ONE.text, 1), *later]


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    connection = await open_postgres(url)
    try:
        yield connection
    finally:
        await connection.close()


async def columns(connection: Connection) -> set[str]:
    rows = await connection.fetch("SELECT column_name FROM information_schema.columns WHERE table_name = 'first'")
    return {row["column_name"] for row in rows}


async def test_the_first_of_several_sets_an_empty_database_up(database_url: str) -> None:
    async def come() -> Schema:
        async with connected(database_url) as connection:
            await set_up(connection, chain(TWO), forward=False)
            return await read_schema(connection)

    assert await asyncio.gather(*(come() for _ in range(8))) == [Schema(2, 1)] * 8
    async with connected(database_url) as connection:
        assert await connection.fetchval("SELECT count(*) FROM first") == 1, "each script was carried out once"


async def test_nodes_that_start_at_the_same_moment_on_an_empty_database(tmp_path: Path, database_url: str) -> None:
    key = tmp_path / "secret.key"
    key.write_text("5e" * 32, encoding="ascii")
    servers = [
        Server(tmp_path / f"{number}", database_url=database_url, secret_key_file=str(key), open_access="true")
        for number in range(NODES)
    ]
    for server in servers:
        server.folder.mkdir()
    try:
        await asyncio.gather(*(server.start() for server in servers))
        async with connected(database_url) as connection:
            assert await read_schema(connection) == Schema(len(scripts()), scripts()[-1].oldest)
            assert await connection.fetchval("SELECT count(*) FROM node") == NODES
            assert await connection.fetchval("SELECT count(*) FROM setting WHERE name = 'epoch'") == 1
    finally:
        for server in servers:
            if server.running:
                await server.stop()


async def test_an_older_database_waits_until_it_is_brought_forward(database_url: str) -> None:
    async with connected(database_url) as connection:
        await set_up(connection, chain(), forward=False)
        with pytest.raises(SchemaError, match=r"schema 1, this program needs 3: run `diyalog migrate` with it"):
            await set_up(connection, chain(TWO, THREE), forward=False)
        assert await columns(connection) == {"number"}
        await set_up(connection, chain(TWO, THREE), forward=True)
        assert await columns(connection) == {"name"}
        assert await read_schema(connection) == Schema(3, 3)
        await set_up(connection, chain(TWO, THREE), forward=False)


async def test_two_who_bring_it_forward_at_once(database_url: str) -> None:
    async def forward() -> None:
        async with connected(database_url) as connection:
            await set_up(connection, chain(TWO, THREE), forward=True)

    async with connected(database_url) as connection:
        await set_up(connection, chain(), forward=False)
    await asyncio.gather(*(forward() for _ in range(4)))
    async with connected(database_url) as connection:
        assert await read_schema(connection) == Schema(3, 3)


async def test_a_script_may_take_longer_than_a_statement_of_a_server(database_url: str) -> None:
    slow = Script("DO $$ BEGIN PERFORM pg_sleep(0.3); END $$", 1)
    async with connected(database_url) as connection:
        await connection.execute("SET statement_timeout = 100")
        with pytest.raises(asyncpg.QueryCanceledError):
            await connection.execute("SELECT pg_sleep(0.3)")
        await set_up(connection, chain(slow), forward=False)
        assert await read_schema(connection) == Schema(2, 1)
        assert await connection.fetchval("SHOW statement_timeout") == "100ms"


async def test_a_script_that_fails_leaves_all_as_it_was(database_url: str) -> None:
    async with connected(database_url) as connection:
        await set_up(connection, chain(), forward=False)
        with pytest.raises(asyncpg.DivisionByZeroError):
            await set_up(connection, chain(TWO, Script("SELECT 1 / 0", 3)), forward=True)
        assert await columns(connection) == {"number"}
        assert await read_schema(connection) == Schema(1, 1)
        await set_up(connection, chain(TWO), forward=True)
        assert await columns(connection) == {"number", "name"}


async def test_nodes_are_replaced_one_after_the_other(database_url: str) -> None:
    older, newer, newest = chain(), chain(TWO), chain(TWO, THREE)
    async with connected(database_url) as connection:
        await set_up(connection, older, forward=False)
        await set_up(connection, newer, forward=True)
        await set_up(connection, older, forward=False)
        assert await read_schema(connection) == Schema(2, 1), "the older program works beside the newer"
        await set_up(connection, older, forward=True)
        assert await read_schema(connection) == Schema(2, 1), "and cannot lead back"
        await set_up(connection, newest, forward=True)
        for left_behind in (older, newer):
            needs = "schema 3, which needs a program that knows at least 3; this one knows"
            with pytest.raises(SchemaError, match=needs):
                await set_up(connection, left_behind, forward=True)
        await set_up(connection, newest, forward=False)


async def test_a_schema_that_somebody_holds(database_url: str) -> None:
    async with connected(database_url) as connection:
        await set_up(connection, forward=False)
    holding = await asyncpg.connect(database_url)
    try:
        await holding.execute("BEGIN; LOCK TABLE schema_version IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DatabaseUnusableError, match=r"^the server does not answer in time, or another command"):
            await open_postgres_store(
                database_url, Sealer(b"k" * 32), NodeId("n"), notify=True, forward=False, production=False
            )
    finally:
        await holding.close()


def test_every_script_says_which_programs_it_allows() -> None:
    known = scripts()
    assert known[0].text.startswith("-- ")
    assert all(1 <= script.oldest <= number for number, script in enumerate(known, start=1))


async def test_the_database_of_two_versions_of_the_server_is_the_same(
    postgres: PostgresServer, database_url: str, tmp_path: Path
) -> None:
    newer = PostgresServer(version=18)
    try:
        newer.start()
        assert postgres.execute("SHOW server_version") != newer.execute("SHOW server_version")
        shapes = []
        for url in (database_url, newer.create_database()):
            async with connected(url) as connection:
                await set_up(connection, forward=False)
                shapes.append([[str(value) for value in row.values()] for row in await connection.fetch(SHAPE)])
            await tell_a_story(url)
        assert len(shapes[0]) > 100
        assert shapes[0] == shapes[1]
    finally:
        newer.remove()


async def tell_a_story(url: str) -> None:
    """A wait is started and ended in the database."""
    clock = SettableClock()
    async with stores.postgres_store(url) as store:
        wait = await stores.waiting(store, await stores.customer(store, "880214"), clock)
        assert (await stores.not_delivered(store, session=wait.session_id)).verdict is Verdict.WON
        found, events = await store.events(wait.row, 0)
        assert [event.kind for event in events] == ["wait.started", "wait.ended"], urlsplit(url).port
        assert str(found.outcome) == "NOT_DELIVERED"


SHAPE = """
SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity::text,
  coalesce(pg_get_expr(d.adbin, d.adrelid), ''), array_to_string(c.reloptions, ',')
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), null, null, null, null
FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'  -- 18 lists NOT NULL here, too
UNION ALL
SELECT 'index', tablename, indexname, indexdef, null, null, null, null FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'function', proname, pg_get_functiondef(oid), null, null, null, null, null
FROM pg_proc WHERE pronamespace = 'public'::regnamespace
ORDER BY 1, 2, 3, 4
"""
