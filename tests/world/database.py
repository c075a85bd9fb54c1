"""The database of simulated worlds: real files, whose open connections serve one world after the other.

Most of what the short life of a simulated server would cost is opening: settings, schema, every statement prepared
anew. A process that ends gives its connections back instead; the next world gets them, and finds the tables empty.
"""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final
from unittest.mock import patch

import apsw

from diyalog.clock import SystemClock
from diyalog.domain.ids import NodeId
from diyalog.storage import sqlite
from diyalog.storage.sealing import Sealer
from diyalog.storage.sqlite import DATABASE_NAME, SqliteStore
from diyalog.storage.statements import load_statements, store_files

SEALING_KEY: Final = b"k" * 32
_NOBODY: Final = NodeId("nobody")
_TABLES: Final = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name <> 'sqlite_sequence'"


class Lease:
    """One process's hold on a connection. Once it is closed it refuses everything, as a closed connection does."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.execute = connection.execute
        self._connection: apsw.Connection | None = connection

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever a connection has
        return getattr(self._open(), name)

    def _open(self) -> apsw.Connection:
        if self._connection is None:
            raise apsw.ConnectionClosedError
        return self._connection

    def trace(self, tracer: Callable[..., bool] | None) -> None:
        """Let `tracer` be called before each statement."""
        self._open().exec_trace = tracer

    def close(self) -> None:
        """As the end of a process does: an open transaction is rolled back."""
        if self._connection is not None:
            self.trace(None)
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            del self.execute
            self._connection = None


class Database:
    """Files for one world at a time. `statements` replace the program's own, for planted bugs."""

    def __init__(self, statements: Mapping[str, str] | None = None) -> None:
        self._statements = {**_statements(*store_files("sqlite")), **(statements or {})}
        self._folder = Path(tempfile.mkdtemp(dir=memory_folder()))
        (self._folder / DATABASE_NAME).write_bytes(_empty_database())
        self.looking = apsw.Connection(str(self._folder / DATABASE_NAME))
        self._new = self.content()
        self._free: list[SqliteStore] = []
        self._lent: list[SqliteStore] = []

    def __enter__(self) -> "Database":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for store in (*self._free, *self._lent):
            _close(store)
        self.looking.close()
        shutil.rmtree(self._folder)

    def open(self) -> SqliteStore:
        """The program's own store, opened and not started, with connections that nobody in this world has had."""
        store = self._free.pop() if self._free else _open(self._folder, self._statements)
        self._lent.append(store)
        return store

    def clear(self) -> None:
        """Begin anew: every table is as in a database just made, and nobody has a connection."""
        self._free += reversed(self._lent)
        self._lent = []
        self.looking.execute("BEGIN IMMEDIATE")
        for table, rows in self._new.items():
            self.looking.execute(f"DELETE FROM {table}")
            for row in rows:
                self.looking.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
        self.looking.execute("COMMIT")

    def content(self) -> dict[str, list[tuple[Any, ...]]]:
        """The rows of every table."""
        tables = [str(name) for (name,) in self.looking.execute(_TABLES).fetchall()]
        return {table: self.looking.execute(f"SELECT * FROM {table}").fetchall() for table in tables}


def memory_folder() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


_statements: Final = lru_cache(load_statements)


def _open(folder: Path, statements: dict[str, str]) -> SqliteStore:
    with patch.object(sqlite, "load_statements", lambda *_: statements):
        store = SqliteStore(folder, Sealer(SEALING_KEY), SystemClock(), _NOBODY)
    for connection in (store._writing, store._reading):
        # Or SQLite prepares a statement with LIMIT anew for each value that is bound.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    return store


def _close(store: SqliteStore) -> None:
    store._reading.close()
    store._writing.close()


@lru_cache(maxsize=1)
def _empty_database() -> bytes:
    """The file of a database that a server has made and left; its last close moves the write-ahead log into it."""
    statements = _statements(*store_files("sqlite"))
    with tempfile.TemporaryDirectory(dir=memory_folder()) as folder:
        store = _open(Path(folder), statements)
        store._writing.execute(statements["write_setting"], {"name": "epoch", "value": "epoch-1"})
        _close(store)
        return (Path(folder) / DATABASE_NAME).read_bytes()
