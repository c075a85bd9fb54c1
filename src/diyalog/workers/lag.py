"""Measures how late the event loop comes to its timers: what every customer on this node waits for."""

import asyncio
from collections.abc import Callable
from typing import Final

from diyalog.usecases.pausing import Sleep, pause

EVERY_S: Final = 0.5


class Lag:
    """The loop that measures; `now` is the event loop's clock, `note` is given each lag, both in seconds."""

    name = "loop_lag"

    def __init__(self, now: Callable[[], float], note: Callable[[float], None], sleep: Sleep) -> None:
        self._now = now
        self._note = note
        self._sleep = sleep
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Measure until told to stop."""
        while True:
            began = self._now()
            await pause(self._sleep, EVERY_S, self._stopping)
            if self._stopping.is_set():
                return
            self._note(max(0.0, self._now() - began - EVERY_S))

    def stop(self) -> None:
        """Return at once."""
        self._stopping.set()
