"""Ends waits whose time has come, P5 allows 2 s, so it looks every half second; and conversations one side of which
is gone.
"""

from typing import Final, Protocol

from diyalog.usecases.pausing import Sleep
from diyalog.workers.service import Periodic

EVERY_S: Final = 0.5
LOST_EVERY_S: Final = 2.0


class EndsDue(Protocol):
    """Ends what is due (usecases/waiting.py)."""

    async def end_due(self) -> bool:
        """Expire and abandon waits whose time has come; whether more may be due at once."""
        ...


class EndsLost(Protocol):
    """Ends what one side has left (usecases/conversing.py)."""

    async def end_lost(self) -> bool:
        """End conversations of which one side was away for too long; whether more may be due at once."""
        ...


def conversation_deadlines(conversing: EndsLost, sleep: Sleep) -> Periodic:
    """The loop that ends conversations of which one side was away for too long."""
    return Periodic("conversation_deadlines", LOST_EVERY_S, conversing.end_lost, sleep)


def deadlines(waiting: EndsDue, sleep: Sleep) -> Periodic:
    """The loop that expires and abandons waits."""
    return Periodic("deadlines", EVERY_S, waiting.end_due, sleep)
