"""The real PostgreSQL server that tests run against keeps its own promises."""

import asyncio
import os
import signal
from time import monotonic

import asyncpg
import pytest

from kit.postgres import PostgresServer, Version


async def ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_the_shared_server_answers_on_tcp_and_on_its_socket(postgres: PostgresServer) -> None:
    assert await ask(postgres.url(), "SHOW max_connections") == "200"
    assert await ask(postgres.socket_url(), "SHOW server_encoding") == "UTF8"
    assert len(str(postgres.folder / f".s.PGSQL.{postgres.port}")) < 60


async def test_a_wrong_password_is_refused_on_tcp(postgres: PostgresServer) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(postgres.url(password="wrong"), "SELECT 1")


async def test_every_database_is_fresh(postgres: PostgresServer, database_url: str) -> None:
    await ask(database_url, "CREATE TABLE mark (number int)")
    other = postgres.create_database()
    try:
        assert await ask(other, "SELECT to_regclass('mark')::text") is None
        assert await ask(database_url, "SELECT to_regclass('mark')::text") == "mark"
    finally:
        postgres.drop_database(other)
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await ask(other, "SELECT 1")


async def test_a_database_is_dropped_under_its_users(postgres: PostgresServer) -> None:
    url = postgres.create_database()
    connection = await asyncpg.connect(url)
    postgres.drop_database(url)
    with pytest.raises(asyncpg.PostgresConnectionError):
        await connection.fetchval("SELECT 1")
    connection.terminate()


@pytest.mark.parametrize("version", [16, 18])
async def test_a_server_starts_within_seconds(version: Version) -> None:
    begun = monotonic()
    server = PostgresServer(version=version)
    try:
        server.start()
        assert monotonic() - begun < 15
        answer = await ask(server.url(), "SELECT current_setting('server_version_num')::int / 10000")
        assert answer == version
        assert await ask(server.url(), "SHOW fsync") == "off"
    finally:
        server.remove()


async def test_a_durable_server_survives_a_crash_with_its_port() -> None:
    durable = PostgresServer(durable=True, log_connections="on")
    try:
        durable.start()
        assert await ask(durable.url(), "SHOW fsync") == "on"
        assert "connection received" in durable.log
        await ask(durable.url(), "CREATE TABLE kept AS SELECT 7 AS number")
        port, pid = durable.port, durable.pid
        durable.restart("immediate")
        assert durable.port == port
        assert durable.pid != pid
        assert "was not properly shut down" in durable.log
        assert await ask(durable.url(), "SELECT number FROM kept") == 7
    finally:
        durable.remove()
    assert not durable.folder.exists()


async def test_a_server_that_hangs_answers_when_it_goes_on() -> None:
    server = PostgresServer()
    try:
        server.start()
        connection = await asyncpg.connect(server.url())
        server.pause()
        answer = asyncio.ensure_future(connection.fetchval("SELECT 1"))
        with pytest.raises(TimeoutError):
            await asyncpg.connect(server.url(), timeout=0.5)
        assert not answer.done()
        server.resume()
        assert await asyncio.wait_for(answer, 20) == 1
        await connection.close()
        server.pause()
    finally:
        server.remove()
    assert not server.folder.exists()


async def test_a_server_that_was_killed_is_started_again() -> None:
    server = PostgresServer(durable=True)
    try:
        server.start()
        await ask(server.url(), "CREATE TABLE kept AS SELECT 7 AS number")
        port = server.port
        server.kill()
        with pytest.raises(OSError, match="refused"):
            await ask(server.url(), "SELECT 1")
        server.start()
        assert server.port == port
        assert await ask(server.url(), "SELECT number FROM kept") == 7
        os.kill(server.pid, signal.SIGKILL)
    finally:
        server.remove()
    assert not server.folder.exists()
