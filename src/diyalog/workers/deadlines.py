"""Ends waits whose time has come: P5 allows 2 s, so it looks every half second."""

from typing import Final, Protocol

from diyalog.usecases.pausing import Sleep
from diyalog.workers.service import Periodic

EVERY_S: Final = 0.5


class EndsDue(Protocol):
    """Ends what is due (usecases/waiting.py)."""

    async def end_due(self) -> bool:
        """Expire and abandon waits whose time has come; whether more may be due at once."""
        ...


def deadlines(waiting: EndsDue, sleep: Sleep) -> Periodic:
    """The loop that expires and abandons waits."""
    return Periodic("deadlines", EVERY_S, waiting.end_due, sleep)
