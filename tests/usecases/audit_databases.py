"""The databases that a record can be in, and a stranger's connection to each."""

import asyncio
import itertools
import shutil
from abc import ABC, abstractmethod
from collections.abc import Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit

import apsw
import asyncpg
import pytest

from diyalog.storage.auditing import DatabaseAudit, SqliteAudit
from diyalog.storage.postgres_auditing import PostgresAudit
from diyalog.storage.sqlite import DATABASE_NAME
from diyalog.storage.store import DatabaseStore
from kit import stores
from kit.clock import SettableClock
from kit.postgres import PostgresServer

SECRET = b"k" * 32
"""The key that kit.stores opens its store with."""
BACKENDS = ("sqlite", "postgres")
_LIMIT_S = 20
_R = TypeVar("_R")
Rows = list[tuple[Any, ...]]


class AuditDatabase(ABC):
    """One database. `folder`: where the server keeps the head. What a stranger does is in SQL that all understand."""

    kind: ClassVar[str]
    refusals: ClassVar[tuple[type[Exception], ...]]
    audit_type: ClassVar[type[DatabaseAudit]]

    def __init__(self, folder: Path, clock: SettableClock) -> None:
        self.folder = folder
        self.clock = clock

    @abstractmethod
    def store(self) -> AbstractAsyncContextManager[DatabaseStore]:
        """The server's store, made when there is none."""

    @abstractmethod
    def audit_arguments(self, secret: bytes) -> tuple[Any, ...]:
        """What `audit_type` is made with."""

    @abstractmethod
    def connect(self) -> None:
        """Let the stranger in, once there is a store."""

    @abstractmethod
    def disconnect(self) -> None:
        """Send the stranger away."""

    @abstractmethod
    def sql(self, statement: str, *values: Any) -> Rows:  # noqa: ANN401  values of any column
        """What the stranger does; raises one of `refusals`."""

    @abstractmethod
    def skip_waits(self, count: int) -> int:
        """As though so many waits more had been and gone; the number of the last one."""

    @abstractmethod
    def save(self) -> None:
        """Keep a copy of it, while nobody is connected."""

    @abstractmethod
    def put_back(self) -> None:
        """Put the copy in its place, while nobody is connected."""

    @abstractmethod
    def another(self) -> "AuditDatabase":
        """A fresh one of the same kind."""

    @abstractmethod
    def remove(self) -> None:
        """Delete it."""


class EmbeddedDatabase(AuditDatabase):
    """The file of a single node."""

    kind = "sqlite"
    refusals = (apsw.ConstraintError,)
    audit_type = SqliteAudit

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, SettableClock())
        self._stranger: apsw.Connection | None = None

    def store(self) -> AbstractAsyncContextManager[DatabaseStore]:
        return stores.sqlite_store(self.folder, self.clock)

    def audit_arguments(self, secret: bytes) -> tuple[Any, ...]:
        return (self.folder, secret)

    def connect(self) -> None:
        self._stranger = apsw.Connection(str(self.folder / DATABASE_NAME))

    def disconnect(self) -> None:
        if self._stranger is not None:
            self._stranger.close()

    def sql(self, statement: str, *values: Any) -> Rows:  # noqa: ANN401
        assert self._stranger is not None
        return self._stranger.execute(statement, values).fetchall()

    def skip_waits(self, count: int) -> int:
        known = "SELECT 1 FROM sqlite_sequence WHERE name = 'wait'"
        self.sql(f"INSERT INTO sqlite_sequence SELECT 'wait', 0 WHERE NOT EXISTS ({known})")
        self.sql("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'wait'", count)
        highest: int = self.sql("SELECT seq FROM sqlite_sequence WHERE name = 'wait'")[0][0]
        return highest

    def save(self) -> None:
        connection = apsw.Connection(str(self.folder / DATABASE_NAME))
        connection.execute("VACUUM INTO ?", (str(self.folder / "copy"),))
        connection.close()

    def put_back(self) -> None:
        for end in ("-wal", "-shm"):
            (self.folder / (DATABASE_NAME + end)).unlink(missing_ok=True)
        shutil.copy(self.folder / "copy", self.folder / DATABASE_NAME)

    def another(self) -> "EmbeddedDatabase":
        folder = self.folder / "another"
        folder.mkdir()
        return EmbeddedDatabase(folder)

    def remove(self) -> None:
        """The test's folder goes with all that is in it."""


class ServerDatabase(AuditDatabase):
    """A database that nodes share; its clock is that of the database itself."""

    kind = "postgres"
    refusals = (asyncpg.PostgresError, asyncpg.InterfaceError)
    audit_type = PostgresAudit

    def __init__(self, server: PostgresServer, folder: Path) -> None:
        self._server = server
        self.url = server.create_database()
        self._name = urlsplit(self.url).path[1:]
        self._clock = stores.DatabaseClock(server, self.url)
        self._stranger: _Client | None = None
        super().__init__(folder, self._clock)

    def store(self) -> AbstractAsyncContextManager[DatabaseStore]:
        return stores.postgres_store(self.url, clock=self._clock)

    def audit_arguments(self, secret: bytes) -> tuple[Any, ...]:
        return (self.url, secret, self.folder)

    def connect(self) -> None:
        self._stranger = _Client(self.url)

    def disconnect(self) -> None:
        if self._stranger is not None:
            self._stranger.close()
            self._stranger = None

    def sql(self, statement: str, *values: Any) -> Rows:  # noqa: ANN401
        assert self._stranger is not None
        return self._stranger.sql(statement, values)

    def skip_waits(self, count: int) -> int:
        last = "SELECT coalesce(pg_sequence_last_value('wait_id_seq'), 0)"
        highest: int = self.sql(f"SELECT setval('wait_id_seq', ({last}) + ?)", count)[0][0]
        return highest

    def save(self) -> None:
        self._server.execute(f"CREATE DATABASE {self._name}_copy TEMPLATE {self._name}")

    def put_back(self) -> None:
        self._server.execute(f"DROP DATABASE {self._name} WITH (FORCE)")
        self._server.execute(f"CREATE DATABASE {self._name} TEMPLATE {self._name}_copy")

    def another(self) -> "ServerDatabase":
        return ServerDatabase(self._server, self.folder / "another")

    def remove(self) -> None:
        self._server.drop_database(self.url)
        self._server.drop_database(f"{self.url}_copy")


class _Client:
    """A connection to PostgreSQL on a thread and a loop of its own, so that a test can act between two awaits."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._connection = self._wait(asyncpg.connect(url))

    def sql(self, statement: str, values: tuple[Any, ...]) -> Rows:
        numbers = itertools.count(1)
        text = "".join(f"${next(numbers)}" if sign == "?" else sign for sign in statement)
        if ";" in text:
            self._wait(self._connection.execute(text))
            return []
        return [tuple(row) for row in self._wait(self._connection.fetch(text, *values))]

    def close(self) -> None:
        self._wait(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_LIMIT_S)
        self._loop.close()

    def _wait(self, work: Coroutine[Any, Any, _R]) -> _R:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_LIMIT_S)


@contextmanager
def audit_database(request: pytest.FixtureRequest, folder: Path) -> Iterator[AuditDatabase]:
    """A fresh database of the kind that the fixture's parameter names."""
    if request.param == "sqlite":
        yield EmbeddedDatabase(folder)
        return
    database = ServerDatabase(request.getfixturevalue("postgres"), folder)
    try:
        yield database
    finally:
        database.remove()
