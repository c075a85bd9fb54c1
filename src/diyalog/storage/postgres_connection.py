"""Connections to PostgreSQL: how they are opened, what its errors mean, and its dialect of named statements."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import asyncpg

from diyalog.storage.statements import load_statements

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    PoolConnection: TypeAlias = PoolConnectionProxy[asyncpg.Record]
else:
    Connection = Pool = PoolConnection = Any

CONNECT_S: Final = 3.0
"""How long opening a connection may take."""
STATEMENT_S: Final = 5.0
"""How long one statement may take; then its connection is given up, and what it did is not known."""
_CONNECTIONS: Final = 64
_PARAMETER: Final = re.compile(r"(?<![:\w]):([a-z_]+)")
_SESSION: Final = {
    "application_name": "diyalog",
    "synchronous_commit": "on",  # a commit is durable before it is answered, whatever the database's default
    "default_transaction_isolation": "read committed",  # the guards are written for it
    # What a node that is paused or cut off has locked is free again soon, and nothing runs on for nobody.
    "idle_in_transaction_session_timeout": "3s",
    "statement_timeout": f"{STATEMENT_S:g}s",
    "timezone": "UTC",
    "plan_cache_mode": "force_generic_plan",  # planning the long statements each time takes longer than they do
    "jit": "off",  # compiling costs these short statements more than it saves
}

AWAY: Final = (
    OSError,  # TimeoutError is one
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.InternalServerError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)
"""The database cannot be used now. After a statement was sent, it may have been carried out all the same."""

BROKEN: Final = (asyncpg.InternalClientError, asyncpg.InterfaceError)
"""What a connection says that was cut in the middle of something."""

RACED: Final = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.UniqueViolationError,
)
"""Another transaction was in the way, and nothing was written: run again, this one sees what the other did."""


class Statement(NamedTuple):
    """A named statement as PostgreSQL takes it: numbered parameters, whose names are listed in order."""

    text: str
    parameters: tuple[str, ...]


def load_postgres_statements(*file_names: str) -> dict[str, Statement]:
    """Read the statements of these files, by name."""
    return {name: numbered(text) for name, text in load_statements(*file_names).items()}


def numbered(text: str) -> Statement:
    """Number the parameters of a statement, the same name each time alike."""
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        if found[1] not in names:
            names.append(found[1])
        return f"${names.index(found[1]) + 1}"

    return Statement(_PARAMETER.sub(number, text), tuple(names))


async def open_postgres(url: str) -> Connection:
    """Open a connection for durable writing; raises what AWAY lists, and ValueError for a URL that is none."""
    return await asyncpg.connect(url, timeout=CONNECT_S, command_timeout=STATEMENT_S, server_settings=_SESSION)


async def open_pool(url: str, size: int) -> Pool:
    """Open connections for reading; raises as `open_postgres` does."""
    return await asyncpg.create_pool(
        url,
        min_size=1,
        max_size=size,
        timeout=CONNECT_S,
        command_timeout=STATEMENT_S,
        server_settings=_SESSION,
        setup=Plans().renew,
    )


class Plans:
    """Has connections plan their statements anew when they are 1, 3, 7, 15 ... seconds old.

    A connection keeps a plan until its tables are analysed. One that was made while they were nearly empty reads them
    from end to end, and would go on with that when they have grown.
    """

    def __init__(self) -> None:
        self._due: dict[int, tuple[float, float]] = {}

    async def renew(self, connection: Connection | PoolConnection) -> None:
        """Call it before the connection is used."""
        process, now = connection.get_server_pid(), asyncio.get_running_loop().time()
        if process not in self._due:
            if len(self._due) >= _CONNECTIONS:  # most of them are gone
                self._due.clear()
            self._due[process] = (now + 1.0, 2.0)
            return
        at, pause = self._due[process]
        if now >= at:
            self._due[process] = (now + pause, 2 * pause)
            await connection.execute("DISCARD PLANS")
