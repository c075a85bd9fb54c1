"""Keeps the access keys in memory fresh: a revoked key is refused within a second on every node."""

from typing import Final, Protocol

from diyalog.usecases.pausing import Sleep
from diyalog.workers.service import Periodic

EVERY_S: Final = 0.5


class Refreshes(Protocol):
    """Reads the access keys again (usecases/keyring.py)."""

    async def refresh(self) -> None:
        """Read them; raises StoreUnavailableError."""
        ...


def keys(ring: Refreshes, sleep: Sleep) -> Periodic:
    """The loop that reads the access keys again."""

    async def turn() -> bool:
        await ring.refresh()
        return False

    return Periodic("keys", EVERY_S, turn, sleep)
