"""The store on PostgreSQL, which several nodes share."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence
from typing import Any, Final

from diyalog.domain.ids import NodeId
from diyalog.ports import StoreUnavailableError
from diyalog.storage import lifetimes
from diyalog.storage.endings import end_waits
from diyalog.storage.postgres_connection import (
    AWAY,
    BROKEN,
    STATEMENT_S,
    Connection,
    Pool,
    load_postgres_statements,
    open_pool,
)
from diyalog.storage.postgres_transaction import PostgresTransaction
from diyalog.storage.postgres_writer import PostgresWriter
from diyalog.storage.sealing import Sealer
from diyalog.storage.statements import store_files
from diyalog.storage.store import DatabaseStore
from diyalog.storage.transaction import Operation, Row, Value

_LANES: Final = 3
_READERS: Final = 4
_PARTS: Final = 16
_ONE_STATEMENT: Final = (lifetimes.disconnect, lifetimes.touch, lifetimes.acknowledge)


class PostgresStore(DatabaseStore):
    """The store in a database that has this program's schema.

    `notify`: nodes learn by NOTIFY which waits of their customers have changed; else somebody else tells them.
    """

    def __init__(self, url: str, sealer: Sealer, node: NodeId, *, notify: bool) -> None:
        super().__init__(sealer, node)
        self._url = url
        self._notify = notify
        self._sql = load_postgres_statements(*store_files("postgres"))
        self._writer: PostgresWriter = PostgresWriter(url, self._begin, self._sql, _alone, lanes=_LANES)
        self._pool: Pool | None = None

    def _begin(self, connection: Connection, lane: int, now: int | None, again: bool) -> PostgresTransaction:  # noqa: FBT001  a Begin
        # Each lane of each node counts in rows of its own, as far as there are enough of them.
        part = zlib.crc32(self._node.encode()) % _PARTS * _LANES + lane
        return PostgresTransaction(
            connection, self._sql, self._sealer, self._node, part=part, notify=self._notify, now=now, again=again
        )

    async def start(self) -> None:
        """Open the connections for reading and make the epoch of a new database.

        Raises StoreUnavailableError, and SealBrokenError for another secret key than the one the database knows.
        """
        try:
            self._pool = await open_pool(self._url, _READERS)
        except AWAY as error:
            raise StoreUnavailableError(type(error).__name__) from error
        await self._make_epoch()
        await self._check_key()

    async def stop(self) -> None:
        """Commit what was submitted and close the connections."""
        await self._writer.stop()
        if self._pool is not None:
            self._pool.terminate()

    async def enter(self, node: NodeId) -> None:
        """This server starts, beside others: what silent ones held is released."""
        await self.heartbeat(node)

    async def _read(self, statement: str, **values: Value) -> Sequence[Row]:
        assert self._pool is not None, "started"
        text, names = self._sql[statement]
        try:
            async with asyncio.timeout(STATEMENT_S):  # with the time until a connection is free
                return await self._pool.fetch(text, *[values[name] for name in names])
        except (*AWAY, *BROKEN) as error:
            raise StoreUnavailableError(type(error).__name__) from error


def _alone(operation: Operation[Any, Any], commands: Sequence[Any]) -> bool:
    """Whether these commands are one statement: then it is a transaction of its own, and one round trip."""
    if operation is end_waits:
        return not any(command.idempotency is not None for command in commands)
    return operation in _ONE_STATEMENT
