"""Places in the built-in queue, by order of arrival."""

import bisect
from collections.abc import Sequence
from typing import Final

from diyalog.clock import Clock
from diyalog.ports import WaitReader

_FRESH_MS: Final = 1_000


class Line:
    """Answers places from one read of the line a second, so that ten thousand reconnects do not count it each."""

    def __init__(self, store: WaitReader, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._rows: Sequence[int] = ()
        self._read_at = 0

    async def position(self, row: int) -> int:
        """The place of this wait, counted from 1."""
        now = self._clock.now_ms()
        stale = not 0 <= now - self._read_at < _FRESH_MS
        if stale or not self._rows or row > self._rows[-1]:
            self._rows = await self._store.line()
            self._read_at = now
        return bisect.bisect_left(self._rows, row) + 1
