"""The line of the built-in queue: who stands where, and how long that will probably take."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from diyalog.clock import Clock
from diyalog.domain.estimate import SAMPLES, WINDOW_MS, Pace, estimated_wait_ms, pace_of
from diyalog.domain.wait import Place
from diyalog.ports_routing import RoutingStore

_FRESH_MS: Final = 1_000


class LineStore(Protocol):
    """What is read here."""

    @property
    def routing(self) -> RoutingStore:
        """What the store can do for the built-in queue."""
        ...

    async def line(self) -> Sequence[int]:
        """Rows of all open waits in the order of the line."""
        ...


class Line:
    """Answers places from one read of the line a second, so that ten thousand reconnects do not count it each."""

    def __init__(self, store: LineStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._positions: dict[int, int] = {}
        self._accepted_at: Sequence[int] = ()
        self._available = False
        self._read_at = 0
        self._reading: asyncio.Task[None] | None = None

    async def places(self, rows: Sequence[int]) -> list[Place]:
        """The places of these waits, all open. Raises StoreUnavailableError."""
        pace = await self._refreshed()
        return [self._place(row, pace) for row in rows]

    async def standing(self, rows: Sequence[int]) -> list[Place | None]:
        """Where these waits stand, None for those that are not in line. Raises StoreUnavailableError."""
        pace = await self._refreshed()
        positions = [self._positions.get(row) for row in rows]
        return [None if position is None else _at(position, pace) for position in positions]

    async def _refreshed(self) -> Pace | None:
        """How fast customers are taken, once the line is not older than a second."""
        now = self._clock.now_ms()
        if not 0 <= now - self._read_at < _FRESH_MS:
            # Whoever asks meanwhile waits for the same read: the line of before may be hours old.
            await asyncio.shield(self._reading or self._begin())
        return pace_of(self._accepted_at, now, available=self._available)

    def _place(self, row: int, pace: Pace | None) -> Place:
        return _at(self._positions.setdefault(row, len(self._positions) + 1), pace)  # new: started since the last read

    def _begin(self) -> asyncio.Task[None]:
        self._reading = asyncio.get_running_loop().create_task(self._read())
        self._reading.add_done_callback(self._over)
        return self._reading

    async def _read(self) -> None:
        now = self._clock.now_ms()
        available = await self._store.routing.anybody_available()
        since = now - WINDOW_MS
        accepted_at = await self._store.routing.accepted_lately(since, SAMPLES) if available else ()
        line = await self._store.line()
        self._positions = {row: position for position, row in enumerate(line, start=1)}
        self._available, self._accepted_at = available, accepted_at
        self._read_at = now

    def _over(self, reading: asyncio.Task[None]) -> None:
        self._reading = None
        if not reading.cancelled():
            reading.exception()  # told to those who asked, of whom none may be left


def _at(position: int, pace: Pace | None) -> Place:
    return Place(position, estimated_wait_ms(position, pace))
