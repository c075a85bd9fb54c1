"""The audit trail and its chain in a database: what is the same in all of them, and the embedded one.

There it has a connection and a thread of its own. Nothing is on the way of a wait: rows are read beside the server,
after they were committed, and what is written, one link for many rows, holds the database's lock for the length of one
commit.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

import apsw
import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from diyalog.domain.audit_chain import (
    NO_REQUESTER,
    AuditCut,
    AuditKeys,
    AuditLink,
    AuditRows,
    requester_digest,
)
from diyalog.domain.audit_report import AuditNames
from diyalog.domain.audit_waits import WaitChanges
from diyalog.ports import StoreUnavailableError
from diyalog.ports_audit import AuditEnds
from diyalog.storage.connection import migrate, open_connection, translated_errors
from diyalog.storage.sealing import SealBrokenError, Sealer
from diyalog.storage.sqlite import DATABASE_NAME
from diyalog.storage.sqlite_transaction import fetch
from diyalog.storage.statements import load_statements
from diyalog.storage.transaction import Row, Value

HEAD_FILE_NAME: Final = "audit.head"
_LINK_TYPES: Final = (int,) * 6 + (bytes,) * 4
_CUT_TYPES: Final = (int,) * 3 + (bytes,)
_HEAD_BYTES: Final = 1000
_BUSY_MS: Final = 1000
"""How long a link waits for the database's lock; not longer, as there is always a next turn."""
_NONE: Final = "n"
_KEY_BYTES: Final = 32
_R = TypeVar("_R")
_decode = msgspec.json.Decoder(list[tuple[int, str]]).decode


def derive_keys(secret_key: bytes) -> AuditKeys:
    """The keys of the chain, from the server's secret key."""
    keys = HKDF(algorithm=SHA256(), length=2 * _KEY_BYTES, salt=None, info=b"diyalog audit").derive(secret_key)
    return AuditKeys(seal=keys[:_KEY_BYTES], requester=keys[_KEY_BYTES:])


class DatabaseAudit(ABC):
    """Satisfies ports.AuditStore over named statements. `folder` takes the head that is kept outside the database.

    Whatever stands in the tables, also what a stranger wrote there, is read without error.
    """

    def __init__(self, folder: Path, secret_key: bytes) -> None:
        self.keys = derive_keys(secret_key)
        self._folder = folder
        self._sealer = Sealer(secret_key)

    @abstractmethod
    async def close(self) -> None:
        """Finish what was asked and close the database."""

    @abstractmethod
    async def _read(self, statement: str, **values: Value) -> Sequence[Row]:
        """All rows of a named statement."""

    # The chain

    async def ends(self) -> AuditEnds:
        """Where the rows and the chain begin and end."""
        return AuditEnds(*(await self._read("audit_ends"))[0])

    async def is_ours(self) -> bool:
        """Whether there are no triggers, and no views in place of the tables: this program makes none."""
        strange: int = (await self._read("count_strange_objects"))[0][0]
        return strange == 0

    async def erased_until(self) -> int:
        """The latest time up to which any link says that requesters were due for deletion."""
        until: int = (await self._read("audit_erased_until"))[0][0]
        return until

    async def links(self, after: int, limit: int) -> Sequence[AuditLink]:
        """Links after the one of this id, in order."""
        return [_link_of(row) for row in await self._read("audit_links", after=after, limit=limit)]

    async def newest_links(self, limit: int) -> Sequence[AuditLink]:
        """The newest links, in order."""
        return [_link_of(row) for row in reversed(await self._read("newest_audit_links", limit=limit))]

    async def links_of_time(self, since: int, before: int, after: int, limit: int) -> Sequence[AuditLink]:
        """Links that cover rows of a time, in order."""
        found = await self._read("audit_links_of_time", since=since, before=before, after=after, limit=limit)
        return [_link_of(row) for row in found]

    async def link_before(self, link_id: int) -> AuditLink | None:
        """The link before the one of this id."""
        found = await self._read("audit_link_before", before=link_id)
        return _link_of(found[0]) if found else None

    @abstractmethod
    async def append(self, previous: AuditLink | None, link: AuditLink) -> bool:
        """Store a link, unless another worker was first or the database is too busy."""

    # The rows

    @abstractmethod
    async def rows(self, after: int, until: int, limit: int) -> AuditRows:
        """Up to `limit` rows after one id up to another.

        If that one is still to come, only rows before which no other can appear any more.
        """

    def _audit_rows(self, row: Row) -> AuditRows:
        """The answer of statement `audit_rows`."""
        count, last_id, from_at, to_at, content, requesters = row
        return AuditRows(count, last_id, from_at, to_at, content, self._digests(requesters))

    def _digests(self, requesters: str) -> bytes:
        return b"".join(
            NO_REQUESTER if sealed == _NONE else requester_digest(self.keys, row_id, _stored_bytes(sealed))
            for row_id, sealed in _decode(requesters)
        )

    async def waits(self, after: int, limit: int) -> Sequence[WaitChanges]:
        """Stored waits after this row, in order."""
        return [WaitChanges(*row) for row in await self._read("audit_waits", after=after, limit=limit)]

    async def highest_wait(self) -> int:
        """The highest row that a wait has had."""
        highest: int = (await self._read("highest_wait"))[0][0]
        return highest

    async def disagreeing(self, after: int, until: int, limit: int) -> Sequence[int]:
        """Ids of audit rows whose time or outcome is not that of their wait."""
        return [row[0] for row in await self._read("audit_disagreeing", after=after, until=until, limit=limit)]

    async def names(self, after: int, until: int, limit: int, *, requesters: bool) -> dict[int, AuditNames]:
        """What rows lead to, by row id."""
        found = await self._read("audit_names", after=after, until=until, limit=limit)
        return {
            row_id: AuditNames(session, self._opened(access_key, sealed) if requesters else None)
            for row_id, session, access_key, sealed in found
        }

    def _opened(self, access_key: bytes | None, sealed: object) -> str | None:
        if access_key is None or not isinstance(sealed, bytes):
            return None
        try:
            return self._sealer.open(f"audit.requester:{access_key.decode('utf-8', 'replace')}", sealed)
        except SealBrokenError:
            return None  # verifying says what is wrong with it

    async def cut(self) -> AuditCut | None:
        """What was removed on purpose."""
        found = await self._read("read_audit_cut")
        return AuditCut(*_typed(found[0], _CUT_TYPES)) if found else None

    @abstractmethod
    async def make_cut(self, cut: AuditCut) -> None:
        """Delete the rows up to the cut and store it, in one transaction."""

    # The head kept outside the database

    async def kept_head(self) -> str | None:
        """What stands in the file of the folder, None without one."""
        return await asyncio.to_thread(self._read_head)

    def _read_head(self) -> str | None:
        try:
            with (self._folder / HEAD_FILE_NAME).open("rb") as file:
                return file.read(_HEAD_BYTES).decode("ascii", "replace")
        except FileNotFoundError:
            return None

    async def keep_head(self, text: str) -> None:
        """Put a text into the file, whole or not at all."""
        await asyncio.to_thread(self._write_head, text)

    def _write_head(self, text: str) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # A file of this writer's own: two that write at once must not take it from under each other.
            descriptor, beside = tempfile.mkstemp(prefix=f"{HEAD_FILE_NAME}.", dir=self._folder)
            try:
                with os.fdopen(descriptor, "w", encoding="ascii") as writing:
                    writing.write(text)
                    writing.flush()
                    os.fsync(writing.fileno())
                Path(beside).replace(self._folder / HEAD_FILE_NAME)
            except OSError:
                Path(beside).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise StoreUnavailableError(type(error).__name__) from error


class SqliteAudit(DatabaseAudit):
    """The audit trail of the database in a directory. Open from the first use to `close`."""

    def __init__(self, directory: Path, secret_key: bytes) -> None:
        super().__init__(directory, secret_key)
        self._path = directory / DATABASE_NAME
        self._sql = load_statements("audit.sqlite.sql")
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="diyalog-audit")
        self._connection: apsw.Connection | None = None

    async def close(self) -> None:
        """Finish what was asked and close the database."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def append(self, previous: AuditLink | None, link: AuditLink) -> bool:
        """Store a link, unless another worker was first or the database is too busy."""
        values = {**link_values(link), "previous": None if previous is None else previous.last_id}

        def write(connection: apsw.Connection) -> bool:
            try:
                # One step takes the lock, writes and commits: nothing of Python comes between, with the lock held.
                connection.execute(self._sql["append_audit_link"], values)
            except apsw.BusyError:  # the server writes without a pause: the next turn will do
                return False
            if connection.changes() == 0:
                return False
            self._sync_log()
            return True

        return await self._run(write)

    def _sync_log(self) -> None:
        """Make durable what was written; without the database's lock, which a commit with fsync would hold."""
        try:
            descriptor = os.open(f"{self._path}-wal", os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StoreUnavailableError(type(error).__name__) from error

    async def rows(self, after: int, until: int, limit: int) -> AuditRows:
        """Up to `limit` rows after one id up to another: ids grow in the order of commits here."""

        def read(connection: apsw.Connection) -> AuditRows:
            values = {"after": after, "until": until, "limit": limit}
            # One row as an answer: the database makes it without giving the interpreter back at every row.
            return self._audit_rows(fetch(connection, self._sql["audit_rows"], **values)[0])

        return await self._run(read)

    async def make_cut(self, cut: AuditCut) -> None:
        """Delete the rows up to the cut and store it, in one transaction."""

        def write(connection: apsw.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.execute(self._sql["delete_cut_rows"], {"last_id": cut.last_id})
                connection.execute(self._sql["write_audit_cut"], cut_values(cut))
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

        await self._run(write)

    async def _read(self, statement: str, **values: Value) -> Sequence[Row]:
        return await self._run(lambda connection: fetch(connection, self._sql[statement], **values))

    async def _run(self, work: Callable[[apsw.Connection], _R]) -> _R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)

    def _do(self, work: Callable[[apsw.Connection], _R]) -> _R:
        with translated_errors():
            if self._connection is None:
                self._connection = open_connection(self._path)
                self._connection.set_busy_timeout(_BUSY_MS)
                self._connection.pragma("synchronous", "NORMAL")  # a link that is lost is made again from its rows
                self._connection.pragma("wal_autocheckpoint", 0)  # the server's own connection does that
            return work(self._connection)


def link_values(link: AuditLink) -> dict[str, int | bytes]:
    """A link as statement `append_audit_link` takes it."""
    return {
        "last_id": link.last_id,
        "row_count": link.count,
        "from_at": link.from_at,
        "to_at": link.to_at,
        "linked_at": link.linked_at,
        "erased_until": link.erased_until,
        "content": link.content,
        "requesters": link.requesters,
        "link": link.link,
        "seal": link.seal,
    }


def cut_values(cut: AuditCut) -> dict[str, int | bytes]:
    """A cut as statement `write_audit_cut` takes it."""
    return {"last_id": cut.last_id, "before_at": cut.before_at, "cut_at": cut.cut_at, "seal": cut.seal}


def open_audit(directory: Path, secret_key: bytes) -> SqliteAudit:
    """The audit trail of a database that exists, brought to this program's schema.

    Raises SchemaError, StoreUnavailableError.
    """
    path = directory / DATABASE_NAME
    if not path.is_file():
        raise StoreUnavailableError("there is none")
    connection = open_connection(path)
    try:
        migrate(connection)
    finally:
        connection.close()
    return SqliteAudit(directory, secret_key)


def _link_of(row: Row) -> AuditLink:
    return AuditLink(*_typed(row, _LINK_TYPES))


def _typed(row: Row, types: Sequence[type]) -> list[Any]:
    """The values; one of a wrong type, which only a stranger can have written, becomes an empty one, so it is found."""
    return [value if type(value) is kind else kind() for value, kind in zip(row, types, strict=True)]


def _stored_bytes(text: str) -> bytes:
    """A value as statement `audit_rows` writes it: the letter of its type, then its bytes in hexadecimal."""
    return text[0].encode() + bytes.fromhex(text[1:])
