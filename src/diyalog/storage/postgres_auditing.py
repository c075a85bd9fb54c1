"""The audit trail and its chain on PostgreSQL, on a connection of their own beside those of the waits."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from diyalog.domain.audit_chain import AuditCut, AuditLink, AuditRows
from diyalog.ports import StoreUnavailableError
from diyalog.storage.auditing import DatabaseAudit, cut_values, link_values
from diyalog.storage.postgres_connection import AWAY, BROKEN, RACED, Connection, load_postgres_statements, open_postgres
from diyalog.storage.transaction import Row, Value

_FAILED: Final = (*AWAY, *BROKEN, *RACED)
_LOOKS: Final = 100
_PAUSE_S: Final = 0.02
_CLOSE_S: Final = 2.0


class PostgresAudit(DatabaseAudit):
    """The audit trail of a database that has this program's schema. Open from the first use to `close`.

    `folder`: where this node keeps the newest head, outside the database; made when it is needed.
    """

    def __init__(self, url: str, secret_key: bytes, folder: Path) -> None:
        super().__init__(folder, secret_key)
        self._url = url
        self._sql = load_postgres_statements("audit.postgres.sql")
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()

    async def close(self) -> None:
        """Finish what was asked and close the connection."""
        async with self._turn:
            connection, self._connection = self._connection, None
            if connection is not None:
                with contextlib.suppress(*_FAILED):
                    await connection.close(timeout=_CLOSE_S)

    async def append(self, previous: AuditLink | None, link: AuditLink) -> bool:
        """Store a link, unless another node's worker was first."""
        values = {**link_values(link), "previous": None if previous is None else previous.last_id}
        async with self._using() as connection, connection.transaction():
            # A statement of its own: the next one sees what was committed until the lock was had, so that of two
            # workers with a link for the same place the second one finds the first one's.
            await connection.execute(self._sql["lock_audit_links"].text)
            return bool(await connection.fetch(*self._filled("append_audit_link", values)))

    async def rows(self, after: int, until: int, limit: int) -> AuditRows:
        """Up to `limit` rows after one id up to another.

        If that one is still to come, only rows before which no other can appear any more.
        """
        until = await self._settled(until)
        return self._audit_rows((await self._read("audit_rows", after=after, until=until, limit=limit))[0])

    async def _settled(self, until: int) -> int:
        """`until` if there is a row of that id or a higher one; otherwise up to where all rows are there, 0 if unknown.

        A row takes its id before it is committed, so one with a lower id can appear after one with a higher. But an
        INSERT locks its table before it takes ids, and until its transaction has ended: whoever has taken an id below
        one that can be seen, and has not ended, is among those that hold such a lock now. Once they have all ended,
        later statements see everything up to that id; what was rolled back leaves gaps for ever. This holds however
        transactions begin; those that write elsewhere, in this database or beside it, are not waited for.
        """
        newest, writers = (await self._read("newest_audit_row"))[0]
        if until <= newest:
            return until
        for _ in range(_LOOKS):
            if not writers or (await self._read("count_audit_writers", writers=writers))[0][0] == 0:
                return int(newest)
            await _pause()
        return 0  # somebody takes long; there is a next turn

    async def make_cut(self, cut: AuditCut) -> None:
        """Delete the rows up to the cut and store it, in one transaction."""
        async with self._using() as connection, connection.transaction():
            await connection.execute(*self._filled("delete_cut_rows", {"last_id": cut.last_id}))
            await connection.execute(*self._filled("write_audit_cut", cut_values(cut)))

    async def _read(self, statement: str, **values: Value | Sequence[str]) -> Sequence[Row]:
        async with self._using() as connection:
            return await connection.fetch(*self._filled(statement, values))

    @asynccontextmanager
    async def _using(self) -> AsyncIterator[Connection]:
        """The connection, for one use at a time. One that failed, or that somebody stopped waiting for, is given up."""
        async with self._turn:
            connection = self._connection
            try:
                if connection is None or connection.is_closed():
                    connection = self._connection = await open_postgres(self._url)
                yield connection
            except BaseException as error:
                self._connection = None
                if connection is not None:
                    connection.terminate()
                if isinstance(error, _FAILED):
                    raise StoreUnavailableError(type(error).__name__) from error
                raise

    def _filled(self, statement: str, values: Mapping[str, Any]) -> list[Any]:
        """The statement's text and its arguments."""
        text, names = self._sql[statement]
        return [text, *(values[name] for name in names)]


async def _pause() -> None:
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    loop.call_later(_PAUSE_S, over.set_result, None)
    await over
