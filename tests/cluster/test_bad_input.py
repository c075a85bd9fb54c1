"""Databases and buses that cannot be used: one line that names the setting and says what to do, and exit status 2."""

import asyncio
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import asyncpg
import pytest

from diyalog.cli.main import main
from diyalog.domain.ids import NodeId
from diyalog.storage import postgres_schema
from diyalog.storage.postgres_opening import DatabaseUnusableError, open_postgres_store
from diyalog.storage.sealing import Sealer
from kit import nats
from kit.certificates import Authority
from kit.nats import nats_server
from kit.ports import free_port
from kit.postgres import PASSWORD, PostgresServer
from kit.server import running

SECRET = "hush-Kx81"
LIMIT_S = 60
SERVE, KEYS, MIGRATE = ("serve",), ("keys", "list"), ("migrate",)


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    errors: str


async def run(folder: Path, words: tuple[str, ...], **settings: str) -> Said:
    """A command as a process of its own, in `folder`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DIYALOG_")}
    given = {f"DIYALOG_{name.upper()}": text for name, text in settings.items()}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "diyalog", *words),
        env={**kept, "DIYALOG_DATA_DIR": str(folder / "data"), "DIYALOG_PORT": "0", **given},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, errors = await asyncio.wait_for(process.communicate(), LIMIT_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Said(process.returncode, out.decode(), errors.decode())


async def refused(folder: Path, words: tuple[str, ...], setting: str, **settings: str) -> str:
    """What stands behind the setting's name in the one line of a command that ends with status 2."""
    return line_of(await run(folder, words, **settings), setting)


def line_of(said: Said, setting: str) -> str:
    assert said.status == 2, said
    assert said.out == ""
    assert said.errors.count("\n") == 1, said.errors
    assert said.errors.startswith(f"diyalog: {setting}"), said.errors
    for secret in (SECRET, PASSWORD, nats.PASSWORD, nats.TOKEN):
        assert secret not in said.errors
    return said.errors.removeprefix(f"diyalog: {setting}").strip()


Here: TypeAlias = Callable[..., Said]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """A command in this process, which begins sooner; not within an event loop."""

    def run_here(words: tuple[str, ...], **settings: str) -> Said:
        for name, text in {"data_dir": str(tmp_path / "data"), **settings}.items():
            monkeypatch.setenv(f"DIYALOG_{name.upper()}", text)
        status = main(words)
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return run_here


@pytest.fixture
def closed_port() -> int:
    return free_port()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Connections are made, and nothing is ever said."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        yield listening.getsockname()[1]


@asynccontextmanager
async def speaking(words: bytes) -> AsyncIterator[int]:
    """The port of somebody who is no database: says the same to everybody and hangs up."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        await reader.read(1)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def name_of(url: str) -> str:
    return urlsplit(url).path[1:]


# -- addresses that nobody can call


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("diyalog", "must be a PostgreSQL address"),
        (f"mysql://u:{SECRET}@127.0.0.1:5432/x", "must be a PostgreSQL address"),
        (f"postgresql://u:{SECRET}@127.0.0.1:x/y", "its host and port cannot be read"),
        (f"postgresql://u:{SECRET}@127.0.0.1:99999/x", "a port is no number from 1 to 65535"),
        (f"postgresql://u:{SECRET}@[::1/x", "its host cannot be read"),
        (f"postgresql://u:{SECRET}/!@127.0.0.1/x", "special characters of user and password are percent-encoded"),
        (f"postgresql://u:{SECRET}@!@127.0.0.1/x", "special characters of user and password are percent-encoded"),
        (f"postgresql://u:{SECRET}#!@127.0.0.1/x", "special characters of user and password are percent-encoded"),
        (f"postgresql://u:{SECRET} @127.0.0.1/x", "it holds a blank or a control character"),
        (f"postgresql://u:{SECRET}@no-such-host.invalid/x", "the name of no-such-host.invalid:5432 is not known"),
    ],
    ids=["no URL", "scheme", "port", "high port", "bracket", "slash", "at", "hash", "blank", "unknown host"],
)
def test_an_address_that_is_none(here: Here, url: str, why: str) -> None:
    line = line_of(here(KEYS, database_url=url), "DIYALOG_DATABASE_URL")
    assert why in line
    if "no-such-host" not in url:
        assert "postgresql://user:password@host:5432/database" in line, "what to write"


# -- somebody else, or nobody, at the address


@pytest.mark.parametrize("words", [SERVE, KEYS, MIGRATE], ids=" ".join)
async def test_nobody_listens(tmp_path: Path, closed_port: int, words: tuple[str, ...]) -> None:
    url = f"postgresql://u:{SECRET}@127.0.0.1:{closed_port}/x"
    line = await refused(tmp_path, words, "DIYALOG_DATABASE_URL", database_url=url)
    assert line == f": nobody answers at 127.0.0.1:{closed_port}; check host and port, and that it runs"


def test_a_cluster_of_which_nobody_listens(here: Here, closed_port: int) -> None:
    hosts = f"127.0.0.1:{closed_port},localhost:{closed_port}"
    line = line_of(here(KEYS, database_url=f"postgresql://u:{SECRET}@{hosts}/x"), "DIYALOG_DATABASE_URL")
    assert f"nobody answers at 127.0.0.1:{closed_port}, localhost:{closed_port};" in line


async def test_a_server_that_stays_silent(tmp_path: Path, silent_port: int) -> None:
    url = f"postgresql://u:{SECRET}@127.0.0.1:{silent_port}/x"
    line = await refused(tmp_path, KEYS, "DIYALOG_DATABASE_URL", database_url=url)
    assert line == f": no answer from 127.0.0.1:{silent_port} in time; check host, port and firewall"


@pytest.mark.parametrize("words", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.6\r\n", b"", b"S"])
async def test_another_service(tmp_path: Path, words: bytes) -> None:
    async with speaking(words) as port:
        url = f"postgresql://u:{SECRET}@127.0.0.1:{port}/x"
        line = await refused(tmp_path, KEYS, "DIYALOG_DATABASE_URL", database_url=url)
    assert f"127.0.0.1:{port}" in line
    assert "; check " in line


# -- a server that does not let us in


def test_who_may_not_come_in(here: Here, postgres: PostgresServer, database_url: str) -> None:
    name = name_of(database_url)
    for url, why in (
        (postgres.url(name, password=SECRET), "refuses the user; check user, password"),
        (postgres.url(name, user="stranger", password=SECRET), "refuses the user; check user, password"),
        (postgres.url("nowhere"), "has no such database; make it, or name another"),
        (f"{database_url}?sslmode=require", f"no TLS with 127.0.0.1:{postgres.port}; check sslmode"),
        (f"{database_url}?sslmode=loud", "its sslmode and what belongs to it cannot be used"),
        (f"{database_url}?sslmode=verify-full&sslrootcert=/none", "check sslrootcert"),
        (f"{database_url}?target_session_attrs=standby", "what target_session_attrs asks for"),
    ):
        assert why in line_of(here(KEYS, database_url=url), "DIYALOG_DATABASE_URL")


async def test_a_user_without_rights(tmp_path: Path, postgres: PostgresServer, database_url: str) -> None:
    name = name_of(database_url)
    user = f"poor-{name}"
    postgres.execute(f"CREATE ROLE \"{user}\" LOGIN PASSWORD '{SECRET}'")
    poor = {"database_url": postgres.url(name, user=user, password=SECRET)}
    grants = f'GRANT ALL ON SCHEMA public TO "{user}"; GRANT ALL ON ALL TABLES IN SCHEMA public TO "{user}"'
    try:
        line = await refused(tmp_path, SERVE, "DIYALOG_DATABASE_URL", **poor)
        assert line == f": its user may not make tables, or not use them; let it: {grants}"
        assert (await run(tmp_path, KEYS, database_url=database_url)).status == 0
        assert grants in await refused(tmp_path, KEYS, "DIYALOG_DATABASE_URL", **poor), "tables of another user"
        postgres.execute(f'GRANT SELECT ON ALL TABLES IN SCHEMA public TO "{user}"', name)
        assert grants in await refused(tmp_path, KEYS, "DIYALOG_DATABASE_URL", **poor), "tables that it may only read"
        postgres.execute(grants.partition("; ")[2], name)
        assert (await run(tmp_path, KEYS, **poor)).status == 0, "what the line says is enough"
    finally:
        postgres.execute(f'DROP OWNED BY "{user}"', name)
        postgres.execute(f'DROP ROLE "{user}"')


# -- a database that is not what it must be


async def test_a_server_that_is_too_old(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_schema, "OLDEST_SERVER", 99)
    opening = open_postgres_store(
        database_url, Sealer(b"k" * 32), NodeId("n"), notify=True, forward=False, production=False
    )
    with pytest.raises(DatabaseUnusableError, match=r"^the server is PostgreSQL 16; use 99 or newer$"):
        await opening


async def test_a_server_that_does_not_sync_in_production(tmp_path: Path, database_url: str) -> None:
    key = tmp_path / "secret.key"
    key.write_text(secrets.token_hex(32))
    production = {"production": "true", "secret_key_file": str(key), "database_url": database_url}
    line = await refused(tmp_path, SERVE, "DIYALOG_DATABASE_URL", **production)
    assert line == ": the server runs with fsync=off and loses what was answered; set fsync=on"


async def test_what_makes_answers_unsafe(tmp_path: Path, postgres: PostgresServer, database_url: str) -> None:
    name = name_of(database_url)
    postgres.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    line = await refused(tmp_path, SERVE, "DIYALOG_DATABASE_URL", database_url=database_url)
    assert line.startswith(": the database takes no writes; name the primary server")
    latin = f"latin_{name}"
    postgres.execute(f"CREATE DATABASE {latin} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        line = await refused(tmp_path, KEYS, "DIYALOG_DATABASE_URL", database_url=postgres.url(latin))
        assert line == ": the database has the encoding LATIN1; make one with ENCODING 'UTF8'"
    finally:
        postgres.execute(f"DROP DATABASE {latin}")


async def test_a_database_of_another_program(tmp_path: Path, postgres: PostgresServer, database_url: str) -> None:
    name = name_of(database_url)
    postgres.execute("CREATE TABLE wait (minutes integer)", name)
    line = await refused(tmp_path, MIGRATE, "DIYALOG_DATABASE_URL", database_url=database_url)
    assert line == ": it holds tables of another program; name an empty database"
    tables = postgres.execute("SELECT string_agg(tablename, ',') FROM pg_tables WHERE schemaname = 'public'", name)
    assert tables == "wait", "nothing was left behind"


def test_a_newer_schema(here: Here, postgres: PostgresServer, database_url: str) -> None:
    name = name_of(database_url)
    own = len(postgres_schema.scripts())
    assert here(KEYS, database_url=database_url).status == 0
    postgres.execute("UPDATE schema_version SET version = 900, oldest = 900", name)
    for words in (SERVE, KEYS, MIGRATE):
        line = line_of(here(words, database_url=database_url), "DIYALOG_DATABASE_URL")
        assert line == (
            ": the database has schema 900, which needs a program that knows at least 900; this one knows "
            f"{own}: use a newer one"
        )
    postgres.execute(f"UPDATE schema_version SET oldest = {own}", name)
    assert here(KEYS, database_url=database_url).status == 0, "a newer one that allows this program"


def test_an_older_schema_waits_for_migrate(here: Here, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert here(KEYS, database_url=database_url).status == 0
    own = postgres_schema.scripts()
    later = [*own, postgres_schema.Script("CREATE TABLE later (number integer)", len(own) + 1)]
    monkeypatch.setattr(postgres_schema, "scripts", lambda: later)
    for words in (SERVE, KEYS):
        line = line_of(here(words, database_url=database_url), "DIYALOG_DATABASE_URL")
        assert line == (
            f": the database has schema {len(own)}, this program needs {len(later)}: run `diyalog migrate` with it"
        )
    for _ in range(2):
        assert here(MIGRATE, database_url=database_url) == Said(0, "The database has this version's schema.\n", "")
    assert here(KEYS, database_url=database_url).status == 0
    monkeypatch.undo()
    line = line_of(here(KEYS, database_url=database_url), "DIYALOG_DATABASE_URL")
    assert line.endswith(f"this one knows {len(own)}: use a newer one"), "the program that was there before"


async def test_another_secret_key(tmp_path: Path, database_url: str) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    assert (await run(one, KEYS, database_url=database_url)).status == 0
    for words in (SERVE, KEYS, MIGRATE):
        line = await refused(other, words, "DIYALOG_SECRET_KEY_FILE", database_url=database_url)
        assert line == ": this is not the key that the database was begun with; all nodes share one"


# -- the bus


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nats://", "a server has no host"),
        (f"amqp://u:{SECRET}@127.0.0.1:4222", "it does not begin with nats:// or tls://"),
        (f"nats://u:{SECRET}@127.0.0.1:x", "a port is no number from 1 to 65535"),
        (f"nats://u:{SECRET}/!@127.0.0.1:4222", "special characters of a password are percent-encoded"),
    ],
    ids=["no host", "scheme", "port", "slash"],
)
async def test_a_bus_address_that_is_none(tmp_path: Path, database_url: str, url: str, why: str) -> None:
    line = await refused(tmp_path, SERVE, "DIYALOG_BUS_URL", database_url=database_url, bus_url=url)
    assert why in line


async def test_a_bus_that_cannot_be_used(tmp_path: Path, database_url: str, closed_port: int) -> None:
    async def line(url: str) -> str:
        return await refused(tmp_path, SERVE, "DIYALOG_BUS_URL", database_url=database_url, bus_url=url)

    nobody = f"127.0.0.1:{closed_port}"
    assert await line(f"nats://u:{SECRET}@{nobody}") == (
        f": no NATS server can be reached at {nobody}: check host and port, and that it runs"
    )
    async with speaking(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert "is no NATS server: check host and port" in await line(f"nats://u:{SECRET}@127.0.0.1:{port}")
    with nats_server(nats.WITH_PASSWORD) as server:
        wrong = await line(f"nats://{nats.USER}:{SECRET}@{server.address}")
        assert wrong.startswith(f": {server.address} refuses us: check user and password, or the token")
        unencrypted = await line(f"tls://{nats.USER}:{nats.PASSWORD}@{server.address}")
        assert unencrypted.startswith(f": no TLS with {server.address}: check that it encrypts")


async def test_a_bus_with_a_certificate_that_nobody_knows(
    tmp_path: Path, database_url: str, authority: Authority
) -> None:
    with nats_server(nats.tls(authority)) as server:
        url = f"tls://{server.address}"
        line = await refused(tmp_path, SERVE, "DIYALOG_BUS_URL", database_url=database_url, bus_url=url)
        assert line.startswith(f": no TLS with {server.address}")
        assert line.endswith("for an authority of your own append ?ca=FILE")


# -- several nodes on what serves one


async def test_what_several_nodes_need(tmp_path: Path) -> None:
    line = await refused(tmp_path, SERVE, "DIYALOG_BUS_URL", bus_url="nats://127.0.0.1:4222")
    assert line.startswith(": nodes that share a bus share a database too; set DIYALOG_DATABASE_URL, or remove it")
    line = await refused(tmp_path, SERVE, "DIYALOG_WORKERS", workers="2")
    assert line.startswith(": the embedded database serves one process; set DIYALOG_DATABASE_URL")
    line = await refused(tmp_path, (*SERVE, "--workers", "2"), "DIYALOG_WORKERS (given as --workers)")
    assert line.startswith(": the embedded database serves one process; set DIYALOG_DATABASE_URL")
    assert not (tmp_path / "data").exists(), "nothing was made"


async def test_a_second_server_on_the_folder_of_another(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        line = await refused(tmp_path, SERVE, "DIYALOG_DATA_DIR")
        assert line.startswith(": another server uses ")
        assert line.endswith(
            "stop it, name another folder, or let several nodes share a database server by DIYALOG_DATABASE_URL"
        )
        assert (await run(tmp_path, KEYS)).status == 0, "commands work beside it"
        assert server.running


# -- one that was set up for more than one


async def test_workers_meet_the_same_refusals_once(tmp_path: Path, closed_port: int) -> None:
    url = f"postgresql://u:{SECRET}@127.0.0.1:{closed_port}/x"
    line = await refused(tmp_path, SERVE, "DIYALOG_DATABASE_URL", database_url=url, workers="3")
    assert line.startswith(f": nobody answers at 127.0.0.1:{closed_port}")


async def test_every_connection_taken(tmp_path: Path, postgres: PostgresServer, database_url: str) -> None:
    name = name_of(database_url)
    user = f"few_{name}"
    postgres.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{SECRET}' CONNECTION LIMIT 1")
    url = postgres.url(name, user=user, password=SECRET)
    taken = await asyncpg.connect(url)
    try:
        line = await refused(tmp_path, KEYS, "DIYALOG_DATABASE_URL", database_url=url)
        assert "takes no connection now (TooManyConnectionsError); try again, or raise max_connections" in line
    finally:
        await taken.close()
        postgres.execute(f"DROP ROLE {user}")
