"""Places in the built-in queue, by order of arrival."""

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

    async def position(self, row: int) -> int:
        """The place of this wait, counted from 1."""
        now = self._clock.now_ms()
        if not 0 <= now - self._read_at < _FRESH_MS:
            self._read_at = now
            self._rows = list(await self._store.line())
        place = bisect.bisect_left(self._rows, row)
        if place == len(self._rows) or self._rows[place] != row:
            self._rows.insert(place, row)  # started since the last read
        return place + 1
