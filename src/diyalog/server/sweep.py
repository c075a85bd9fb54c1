"""The one periodic look at all connections: pings, silence, deadlines."""

import asyncio
from collections.abc import Iterable
from typing import Final, Protocol

from diyalog.server.state import SharedState

_AT_ONCE: Final = 500


class Swept(Protocol):
    """A connection with deadlines."""

    def sweep(self, now: float) -> None:
        """Act on what is due; `now` is the shared clock's."""


class Sweep:
    """Calls `sweep` of every HTTP connection and WebSocket, so that none of them needs a timer of its own.

    Deadlines are thereby late by up to the interval between two calls, about a second.
    """

    def __init__(self, shared: SharedState) -> None:
        self._shared = shared

    async def once(self) -> None:
        """Look at every connection once, letting others run in between."""
        await self._over(list(self._shared.sockets))
        # Uvicorn types its set for its own protocol classes; only HttpProtocol is ever made.
        await self._over(list(self._shared.connections))  # type: ignore[arg-type]

    async def _over(self, connections: Iterable[Swept]) -> None:
        now = self._shared.clock()
        for index, connection in enumerate(connections, start=1):
            try:
                connection.sweep(now)
            except Exception as error:  # noqa: BLE001 - one connection's fault must not stop the sweep of the others
                self._shared.on_error(error)
            if index % _AT_ONCE == 0:
                await asyncio.sleep(0)
