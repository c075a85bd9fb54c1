"""The stores that the contract suites run against, and the event loop that the server runs on."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import apsw
import pytest
import uvloop

from diyalog.domain.ids import NodeId
from diyalog.domain.wait import Wait
from diyalog.storage.sqlite import DATABASE_NAME
from diyalog.storage.store import DatabaseStore
from kit import stores
from kit.clock import SettableClock
from kit.postgres import PostgresServer

OpenStore: TypeAlias = Callable[[NodeId], AbstractAsyncContextManager[DatabaseStore]]
RunSql: TypeAlias = Callable[[str], object]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run these tests on the event loop that the server runs on: connections differ between loops."""
    del config, item
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(params=["sqlite", "postgres"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def clock(backend: str, request: pytest.FixtureRequest) -> SettableClock:
    """The time of day of the store: with PostgreSQL that of the database itself."""
    if backend == "sqlite":
        return SettableClock()
    server: PostgresServer = request.getfixturevalue("postgres")
    return stores.DatabaseClock(server, request.getfixturevalue("database_url"))


@pytest.fixture
def open_store(backend: str, clock: SettableClock, tmp_path: Path, request: pytest.FixtureRequest) -> OpenStore:
    """Opens the store for one more node; all see the same database."""
    if backend == "sqlite":
        return lambda node: stores.sqlite_store(tmp_path, clock, node)
    url: str = request.getfixturevalue("database_url")
    assert isinstance(clock, stores.DatabaseClock)
    told = clock

    @asynccontextmanager
    async def opened(node: NodeId) -> AsyncIterator[DatabaseStore]:
        async with stores.postgres_store(url, node, told) as store:
            yield store

    return opened


@pytest.fixture
async def store(open_store: OpenStore) -> AsyncIterator[DatabaseStore]:
    async with open_store(stores.NODE) as opened:
        yield opened


@pytest.fixture
def run_sql(backend: str, store: DatabaseStore, tmp_path: Path, request: pytest.FixtureRequest) -> RunSql:
    """Runs a statement on the store's database, beside the store."""
    del store  # it makes the tables
    if backend == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        name = urlsplit(request.getfixturevalue("database_url")).path[1:]
        return lambda statement: server.execute(statement, name)

    def run(statement: str) -> None:
        with closing(apsw.Connection(str(tmp_path / DATABASE_NAME))) as database:
            database.execute(statement)

    return run


def sealed_of(wait: Wait) -> str:
    """What was sealed of this wait's request; in the row of another one it does not open."""
    return f"(SELECT other.sealed_request FROM wait AS other WHERE other.id = {wait.row})"
