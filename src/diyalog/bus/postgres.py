"""The bus over PostgreSQL's NOTIFY: every node listens on a channel of its own, over a connection of its own."""

import asyncio
from collections.abc import Callable, Sequence
from random import random
from typing import Final, TypeAlias

import asyncpg

from diyalog.bus.payload import rows_in
from diyalog.bus.standing import SessionEndedError, Standing, passed
from diyalog.domain.ids import NodeId
from diyalog.ports_bus import BusFault, BusJournal, channel

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_CONNECT_S: Final = 5.0
_PROBE_EVERY_S: Final = 5.0
_ANSWER_S: Final = 4.0
"""Longest wait for the answer to a probe: a connection that died in silence is noticed after 9 s."""
_CLOSE_S: Final = 1.0


class PostgresBus:
    """Listens only: whoever changes a wait notifies in the statement that does, so `wake` has nothing left to send.

    The database behind `url` must be reached directly or through a pooler that keeps sessions: one that pools
    transactions forgets who listens.
    """

    def __init__(
        self,
        node: NodeId,
        woken: Callable[[Sequence[int]], None],
        url: str,
        journal: BusJournal,
        random: Callable[[], float] = random,
    ) -> None:
        self._channel = channel(node)
        self._woken = woken
        self._url = url
        self._journal = journal
        self._standing = Standing(self._session, journal, random)

    async def start(self) -> None:
        """Begin to listen."""
        self._standing.start()

    async def stop(self) -> None:
        """Close the connection."""
        await self._standing.stop()

    def wake(self, node: NodeId, rows: Sequence[int]) -> None:
        """Nothing: the store's statement has told the node, at the moment of its commit."""

    @property
    def connected(self) -> bool:
        """Whether this node listens now."""
        return self._standing.connected

    async def _session(self, up: Callable[[], None]) -> None:
        lost = asyncio.Event()
        connection = await self._connect()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(self._channel, self._heard)
            up()
            while not lost.is_set():
                await connection.execute("SELECT 1")
                await passed(_PROBE_EVERY_S, lost)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise SessionEndedError(_fault(error, BusFault.LOST)) from error
        finally:
            await _close(connection)
        raise SessionEndedError(BusFault.LOST)

    async def _connect(self) -> Connection:
        try:
            return await asyncpg.connect(
                self._url,
                timeout=_CONNECT_S,
                command_timeout=_ANSWER_S,
                server_settings={"application_name": "diyalog bus"},
            )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise SessionEndedError(_fault(error, BusFault.UNREACHABLE)) from error

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        if rows := rows_in(str(payload)):
            try:
                self._woken(rows)
            except Exception as error:  # noqa: BLE001  the listener's fault must not end the session
                self._journal.failed("bus", error)


async def _close(connection: Connection) -> None:
    try:
        await connection.close(timeout=_CLOSE_S)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection.terminate()


def _fault(error: Exception, otherwise: BusFault) -> BusFault:
    match error:
        case TimeoutError():
            return BusFault.SILENT
        case asyncpg.InvalidAuthorizationSpecificationError() | asyncpg.InsufficientPrivilegeError():
            return BusFault.REFUSED
        case asyncpg.InvalidCatalogNameError() | asyncpg.ClientConfigurationError():
            return BusFault.REFUSED
        case _:
            return otherwise
