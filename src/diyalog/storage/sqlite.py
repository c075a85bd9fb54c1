"""The embedded store: one SQLite file, one writing thread with group commit, one reading thread."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

import apsw

from diyalog.clock import Clock
from diyalog.domain.ids import NodeId
from diyalog.storage.connection import migrate, open_connection
from diyalog.storage.reader import Reader
from diyalog.storage.sealing import Sealer
from diyalog.storage.sqlite_transaction import SqliteTransaction, fetch, prepare
from diyalog.storage.statements import load_statements, store_files
from diyalog.storage.store import DatabaseStore
from diyalog.storage.transaction import Row, Value
from diyalog.storage.writer import Writer

DATABASE_NAME: Final = "diyalog.sqlite3"


class DirectoryInUseError(Exception):
    """Another server process uses this data directory."""


class SqliteStore(DatabaseStore):
    """The store in one file of the data directory."""

    def __init__(self, directory: Path, sealer: Sealer, clock: Clock, node: NodeId, *, vfs: str = "") -> None:
        """Open and migrate the database, making it when it is not there; `vfs` names SQLite's file layer.

        Raises StoreUnavailableError, SchemaError.
        """
        super().__init__(sealer, node)
        path = directory / DATABASE_NAME
        self._directory = directory
        self._clock = clock
        self._sql = load_statements(*store_files("sqlite"))
        writing = open_connection(path, vfs=vfs)
        migrate(writing)
        prepare(writing, self._sql)
        self._writing = writing
        self._reading = open_connection(path, read_only=True)
        self._writer: Writer = Writer(writing, self._begin)
        self._reader = Reader(self._reading)
        self._lock: int | None = None

    def _begin(self, connection: apsw.Connection) -> SqliteTransaction:
        return SqliteTransaction(connection, self._sql, self._sealer, self._node, self._clock.now_ms())

    async def start(self) -> None:
        """Start the two threads and make the epoch of a new database."""
        self._writer.start()
        self._reader.start()
        await self._make_epoch()

    def claim_directory(self) -> None:
        """Make sure that this is the only server on the data directory; raises DirectoryInUseError."""
        lock = os.open(self._directory / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise DirectoryInUseError(str(self._directory)) from None
        self._lock = lock

    async def stop(self) -> None:
        """Commit what was submitted and close the database."""
        await self._writer.stop()
        await self._reader.stop()
        self._reading.close()
        self._writing.close()  # the last to close: it moves the write-ahead log into the database file
        if self._lock is not None:
            os.close(self._lock)

    async def _read(self, statement: str, **values: Value) -> list[Row]:
        return await self._reader.read(lambda connection: fetch(connection, self._sql[statement], **values))
