"""Links new audit rows: never on the way of a wait, and never more than about a hundredth of the server's time."""

from typing import Final, Protocol

from diyalog.usecases.pausing import Sleep
from diyalog.workers.service import Periodic

EVERY_S: Final = 10.0
_PAGE_PAUSE_S: Final = 0.5
"""Between two full batches, so that a backlog is worked off beside customers and not before them."""
_LAST_BATCHES: Final = 10


class Chains(Protocol):
    """Looks at the newest part of the chain, and links what is new (usecases/auditing.py)."""

    async def check(self) -> None:
        """Verify the newest part."""
        ...

    async def link_next(self) -> bool:
        """Link one batch; whether there may be more at once."""
        ...


class AuditChain:
    """Checks the newest part when it starts, links every 10 s, and once more when all others have stopped."""

    name = "audit_chain"

    def __init__(self, chaining: Chains, sleep: Sleep) -> None:
        self._chaining = chaining
        self._sleep = sleep
        self._linking = Periodic(self.name, EVERY_S, self._turn, sleep)

    async def run(self) -> None:
        """Link until told to stop."""
        await self._chaining.check()
        await self._linking.run()
        for _ in range(_LAST_BATCHES):  # what is left of a long backlog is linked at the next start
            if not await self._chaining.link_next():
                return

    def stop(self) -> None:
        """Link what is new and return."""
        self._linking.stop()

    async def _turn(self) -> bool:
        if not await self._chaining.link_next():
            return False
        await self._sleep(_PAGE_PAUSE_S)
        return True
