"""Opening the embedded database: its settings, its migrations and what its errors mean."""

import contextlib
from importlib import resources
from pathlib import Path
from typing import Final

import apsw

from diyalog.ports import StoreUnavailableError

_CHECKPOINT_PAGES: Final = 4000
_BUSY_MS: Final = 5000


class SchemaError(Exception):
    """The database was made by a newer version of the program; the message says what to do."""


def open_connection(path: Path, *, read_only: bool = False, vfs: str = "") -> apsw.Connection:
    """Open the database for durable writing: write-ahead log, fsync at every commit.

    `vfs` names another SQLite file layer than the usual one. Raises StoreUnavailableError.
    """
    flags = apsw.SQLITE_OPEN_READONLY if read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    with translated_errors():
        if not read_only:
            path.touch(mode=0o600)  # the log's files take the mode over
        connection = apsw.Connection(str(path), flags=flags, vfs=vfs or None, statementcachesize=200)
        connection.set_busy_timeout(_BUSY_MS)
        if not read_only:
            connection.pragma("journal_mode", "wal")
            connection.pragma("synchronous", "FULL")
            connection.pragma("wal_autocheckpoint", _CHECKPOINT_PAGES)
        connection.pragma("temp_store", "MEMORY")
        connection.pragma("cache_size", -64_000)
        connection.pragma("mmap_size", 0)
        # Otherwise a statement with a bound limit or bound range is planned anew each time it is run.
        connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    return connection


def migrate(connection: apsw.Connection) -> None:
    """Bring the schema forward to this program's version; raises SchemaError, StoreUnavailableError."""
    with translated_errors():
        migrations = _migrations()
        version = connection.pragma("user_version")
        assert isinstance(version, int)
        if version > len(migrations):
            raise SchemaError(
                f"the database has schema {version}, this program knows {len(migrations)}: use a newer one"
            )
        if version == len(migrations):
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            current = connection.pragma("user_version")
            assert isinstance(current, int)
            for script in migrations[current:]:
                connection.execute(script)
            connection.execute(f"PRAGMA user_version = {len(migrations)}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise


def _migrations() -> list[str]:
    """The numbered scripts, in order."""
    folder = resources.files("diyalog") / "sql"
    names = sorted(
        file.name for file in folder.iterdir() if file.name.endswith(".sqlite.sql") and file.name[0].isdigit()
    )
    return [(folder / name).read_text(encoding="utf-8") for name in names]


class translated_errors(contextlib.AbstractContextManager[None]):  # noqa: N801  reads as a statement
    """Turn what the database raises when it cannot work now into StoreUnavailableError."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Translate; errors that are mistakes of this program pass through."""
        if isinstance(error, UNAVAILABLE):
            raise StoreUnavailableError(type(error).__name__) from error


UNAVAILABLE: Final = (
    apsw.FullError,
    apsw.IOError,
    apsw.BusyError,
    apsw.LockedError,
    apsw.CantOpenError,
    apsw.ReadOnlyError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.NoMemError,
    apsw.PermissionsError,
)
