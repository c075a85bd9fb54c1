"""Measures how late the event loop comes to its timers: what every customer on this node waits for."""

from collections.abc import Callable
from typing import Final

from diyalog.usecases.pausing import Sleep
from diyalog.workers.service import Periodic

EVERY_S: Final = 0.5


def lag(now: Callable[[], float], note: Callable[[float], None], sleep: Sleep) -> Periodic:
    """The loop that measures; `now` is the event loop's clock, `note` is given each lag, both in seconds."""

    async def turn() -> bool:
        began = now()
        await sleep(EVERY_S)
        note(max(0.0, now() - began - EVERY_S))
        return False

    return Periodic("loop_lag", 0.0, turn, sleep)
