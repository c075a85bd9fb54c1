"""A store whose COMMIT takes place and then reports a failure: what a lost answer of the database looks like."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import apsw

from diyalog.storage.sqlite import DATABASE_NAME, SqliteStore
from kit import stores
from kit.clock import SettableClock


class LostAnswers:
    """Loses the answers of the next commits while `losing`; `fired` counts them.

    SQLite calls the hook once the transaction is committed, and hands what it returns to who had asked for the COMMIT.
    """

    def __init__(self, store: SqliteStore) -> None:
        self.losing = False
        self.fired = 0
        store._writing.set_wal_hook(self._committed)

    def _committed(self, connection: apsw.Connection, database: str, pages: int) -> int:
        del connection, database, pages
        self.fired += self.losing
        return apsw.SQLITE_IOERR if self.losing else apsw.SQLITE_OK


@asynccontextmanager
async def losing_store(folder: Path, clock: SettableClock) -> AsyncIterator[tuple[SqliteStore, LostAnswers]]:
    async with stores.sqlite_store(folder, clock) as store:
        yield store, LostAnswers(store)


def everything(folder: Path) -> dict[str, list[object]]:
    """Every row of every table."""
    connection = apsw.Connection(str(folder / DATABASE_NAME), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        tables = [str(row[0]) for row in names.fetchall()]
        return {name: list(connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall()) for name in tables}
    finally:
        connection.close()


class LateFailures(apsw.VFS):
    """A disk that carries out each sync of the write-ahead log and then, while `failing`, says that it did not."""

    def __init__(self) -> None:
        self.failing = False
        self.fired = 0
        self.vfs_name = f"late-{id(self):x}"
        super().__init__(self.vfs_name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return _LateFile(self, name, flags)


class _LateFile(apsw.VFSFile):
    def __init__(self, disk: LateFailures, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._disk = disk
        self._is_log = bool(flags[0] & apsw.SQLITE_OPEN_WAL)

    def xSync(self, flags: int) -> None:  # noqa: N802  SQLite's name
        super().xSync(flags)
        if self._is_log and self._disk.failing:
            self._disk.fired += 1
            raise apsw.IOError("injected behind the sync")


@contextmanager
def late_failures() -> Iterator[LateFailures]:
    disk = LateFailures()
    try:
        yield disk
    finally:
        disk.unregister()
