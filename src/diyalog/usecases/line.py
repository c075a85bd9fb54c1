"""Places in the built-in queue, by order of arrival."""

import asyncio
import bisect
from typing import Final

from diyalog.clock import Clock
from diyalog.ports import WaitReader

_FRESH_MS: Final = 1_000


class Line:
    """Answers places from one read of the line a second, so that ten thousand reconnects do not count it each."""

    def __init__(self, store: WaitReader, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._rows: list[int] = []
        self._read_at = 0
        self._reading: asyncio.Task[None] | None = None

    async def position(self, row: int) -> int:
        """The place of this wait, counted from 1. Raises StoreUnavailableError."""
        if not 0 <= self._clock.now_ms() - self._read_at < _FRESH_MS:
            # Whoever asks meanwhile waits for the same read: the line of before may be hours old.
            await asyncio.shield(self._reading or self._begin())
        place = bisect.bisect_left(self._rows, row)
        if place == len(self._rows) or self._rows[place] != row:
            self._rows.insert(place, row)  # started since the last read
        return place + 1

    def _begin(self) -> asyncio.Task[None]:
        self._reading = asyncio.get_running_loop().create_task(self._read())
        self._reading.add_done_callback(self._over)
        return self._reading

    async def _read(self) -> None:
        now = self._clock.now_ms()
        self._rows = list(await self._store.line())
        self._read_at = now

    def _over(self, reading: asyncio.Task[None]) -> None:
        self._reading = None
        if not reading.cancelled():
            reading.exception()  # told to those who asked, of whom none may be left
