"""`diyalog doctor` with PostgreSQL and NATS: a fault planted for every check, on real servers."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cli.test_doctor import examined, says
from cluster.nodes import cluster
from diyalog.cli import doctor_postgres
from diyalog.cli.doctor_postgres import compare_clocks, keeping, known_schema
from diyalog.storage import postgres_schema
from kit import nats
from kit.nats import nats_server
from kit.ports import free_port
from kit.postgres import PostgresServer
from kit.server import Server, running

SECRET = "hush-Kx81"
SAFE = {
    "fsync": "on",
    "full_page_writes": "on",
    "read_only": "off",
    "encoding": "UTF8",
    "standbys": "",
    "far": False,
    "encrypted": False,
}


@pytest.fixture(scope="module")
def durable() -> Iterator[PostgresServer]:
    server = PostgresServer(durable=True)
    try:
        server.start()
        yield server
    finally:
        server.remove()


async def test_beside_running_nodes_all_is_well(tmp_path: Path, durable: PostgresServer) -> None:
    with nats_server(nats.WITH_PASSWORD) as bus:
        bus_url = f"nats://{nats.USER}:{nats.PASSWORD}@{bus.address}"
        async with cluster(tmp_path, durable.create_database(), 2, bus_url=bus_url) as nodes:
            settings = {name: nodes.servers[0].settings[name] for name in ("database_url", "secret_key_file", "port")}
            status, checks = await examined(tmp_path, **settings, bus_url=bus_url)
    assert (status, [check for check in checks if check["status"] == "fail"]) == (0, [])
    [answers] = [check for check in checks if check["found"].startswith("PostgreSQL 16.")]
    assert answers["status"] in {"ok", "warn"}, "a busy machine is a slow one"
    assert says(checks, "database", "ok", "commits are kept on its own disk; no standby confirms them")
    assert says(checks, "database", "ok", "connections are free; a node of 1 process(es) takes up to 9")
    assert says(checks, "database", "ok", f"schema {known_schema()}")
    assert says(checks, "database", "ok", "epoch ")
    assert says(checks, "database", "ok", "2 server processes work with it now")
    assert says(checks, "database", "ok", "the secret key opens it, 1 live access key")
    assert says(checks, "clock", "ok", "it agrees with the database's")
    assert says(checks, "bus", "ok", f"NATS at {bus.address} lets us listen and speak")
    assert says(checks, "port", "ok", "a server answers")
    assert nats.PASSWORD not in str(checks)


async def test_an_empty_database_stays_empty(tmp_path: Path, postgres: PostgresServer, database_url: str) -> None:
    _, checks = await examined(tmp_path, database_url=database_url)
    assert says(checks, "database", "warn", "it is empty")
    assert says(checks, "bus", "ok", "the database itself wakes other nodes")
    assert postgres.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", name(database_url)) == "0"
    assert not (tmp_path / "data").exists()


async def test_a_server_that_forgets(tmp_path: Path, postgres: PostgresServer, database_url: str) -> None:
    postgres.execute(f'ALTER DATABASE "{name(database_url)}" SET default_transaction_read_only = on')
    status, checks = await examined(tmp_path, database_url=database_url)
    assert status == 1
    assert says(checks, "database", "fail", "fsync=off: what was answered is lost when the machine stops")
    assert says(checks, "database", "fail", "full_page_writes=off")
    assert says(checks, "database", "fail", "it takes no writes")


def test_what_a_server_says_of_keeping() -> None:
    assert says(list(keeping(SAFE | {"standbys": "berlin"})), "database", "ok", "on standbys (berlin)")
    assert says(list(keeping(SAFE | {"encoding": "LATIN1"})), "database", "fail", "its encoding is LATIN1")
    assert says(list(keeping(SAFE | {"far": True})), "database", "warn", "the connection is not encrypted")
    for whole in (SAFE, SAFE | {"far": True, "encrypted": True}):
        assert [str(finding.status) for finding in keeping(whole)] == ["ok"]


def test_the_database_s_clock() -> None:
    assert says([compare_clocks(100.0, 100.1, 100.4)], "clock", "ok", "agrees")
    assert says([compare_clocks(100.0, 101.0, 100.2)], "clock", "warn", "0.8 s behind the database's")
    assert says([compare_clocks(100.0, 97.0, 100.2)], "clock", "fail", "3.0 s ahead of the database's")
    assert says([compare_clocks(100.0, 102.0, 104.2)], "clock", "ok", "agrees"), "a slow answer proves nothing"


def test_it_knows_what_the_store_knows() -> None:
    assert doctor_postgres.OLDEST_SERVER == postgres_schema.OLDEST_SERVER
    assert known_schema() == len(postgres_schema.scripts())


async def test_the_schema(tmp_path: Path, postgres: PostgresServer, database_url: str) -> None:
    await Server(tmp_path, database_url=database_url).command("keys", "create", "queue")

    async def seen(change: str) -> tuple[int, list[dict[str, str]]]:
        postgres.execute(change, name(database_url))
        return await examined(tmp_path, database_url=database_url)

    status, checks = await seen("UPDATE schema_version SET version = 0")
    assert (status, says(checks, "database", "fail", f"schema 0, this program needs {known_schema()}")) == (1, True)
    status, checks = await seen(f"UPDATE schema_version SET version = 900, oldest = {known_schema()}")
    assert says(checks, "database", "ok", "schema 900, which this program")
    assert says(checks, "database", "ok", "1 live access key")
    status, checks = await seen("UPDATE schema_version SET oldest = 900")
    assert (status, says(checks, "database", "fail", "needs a program that knows 900")) == (1, True)
    status, checks = await seen("ALTER TABLE schema_version RENAME COLUMN oldest TO other")
    assert (status, says(checks, "database", "fail", "tables of another program")) == (1, True)


async def test_the_secret_key(tmp_path: Path, database_url: str) -> None:
    await Server(tmp_path, database_url=database_url).command("keys", "list")
    key = tmp_path / "data" / "secret.key"
    _, checks = await examined(tmp_path, database_url=database_url)
    assert says(checks, "database", "warn", "no live access key")
    key.write_text("0" * 64)
    status, checks = await examined(tmp_path, database_url=database_url)
    assert (status, says(checks, "database", "fail", "this is not the key that the database was begun")) == (1, True)
    key.unlink()
    status, checks = await examined(tmp_path, database_url=database_url)
    assert (status, says(checks, "database", "fail", "cannot be opened without the secret key")) == (1, True)
    assert not key.exists()


async def test_a_database_that_cannot_be_reached(tmp_path: Path, postgres: PostgresServer, database_url: str) -> None:
    nobody = f"postgresql://u:{SECRET}@127.0.0.1:{free_port()}/x"
    status, checks = await examined(tmp_path, database_url=nobody)
    assert (status, says(checks, "database", "fail", "no connection (ConnectionRefusedError)")) == (1, True)
    assert not (tmp_path / "data").exists()
    await Server(tmp_path, database_url=database_url).command("keys", "list")
    for url, words in (
        (nobody, "it cannot be opened: DIYALOG_DATABASE_URL: nobody answers at 127.0.0.1:"),
        (postgres.url(name(database_url), password=SECRET), "refuses the user; check user, password"),
        (f"postgresql://u:{SECRET}@127.0.0.1:99999/x", "a port is no number from 1 to 65535"),
    ):
        status, checks = await examined(tmp_path, database_url=url)
        assert (status, says(checks, "database", "fail", words)) == (1, True)
        assert SECRET not in str(checks)


async def test_connections_that_run_out(tmp_path: Path, postgres: PostgresServer, database_url: str) -> None:
    role = f"few_{name(database_url)}"
    postgres.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{SECRET}' CONNECTION LIMIT 12")
    try:
        url = postgres.url(name(database_url), user=role, password=SECRET)
        _, checks = await examined(tmp_path, database_url=url)
        assert says(checks, "database", "ok", "11 of 12 connections are free")
        _, checks = await examined(tmp_path, database_url=url, workers="2")
        assert says(checks, "database", "warn", "a node of 2 process(es) takes up to 18")
    finally:
        postgres.execute(f"DROP ROLE {role}")


async def test_the_bus(tmp_path: Path, database_url: str) -> None:
    away = f"127.0.0.1:{free_port()}"
    with nats_server(nats.WITH_PASSWORD) as server:

        async def seen(password: str, *addresses: str) -> tuple[int, list[dict[str, str]]]:
            url = ",".join(f"nats://{nats.USER}:{password}@{address}" for address in addresses)
            _, checks = await examined(tmp_path, database_url=database_url, bus_url=url)
            return sum(check["check"] == "bus" for check in checks), checks

        count, checks = await seen(nats.PASSWORD, server.address, away)
        assert count == 2
        assert says(checks, "bus", "ok", f"NATS at {server.address} lets us")
        assert says(checks, "bus", "warn", f"no NATS server can be reached at {away}")
        _, checks = await seen(SECRET, server.address)
        assert says(checks, "bus", "fail", f"{server.address} refuses us: check user and password")
        assert SECRET not in str(checks)
    _, checks = await examined(tmp_path, database_url=database_url, bus_url="http://127.0.0.1")
    assert says(checks, "bus", "fail", "it does not begin with nats:// or tls://")


async def test_the_embedded_database_has_no_bus(tmp_path: Path) -> None:
    async with running(tmp_path):
        _, checks = await examined(tmp_path)
    assert [check for check in checks if check["check"] == "bus"] == []


def name(url: str) -> str:
    return urlsplit(url).path[1:]
