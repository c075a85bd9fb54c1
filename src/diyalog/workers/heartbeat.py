"""Tells the store that this node lives, so that others know when its customers and call-outs are orphaned."""

from typing import Final

from diyalog.domain.ids import NodeId
from diyalog.ports import NodeStore, StoreUnavailableError
from diyalog.usecases.pausing import Sleep
from diyalog.workers.service import Periodic

EVERY_S: Final = 5.0


class Heartbeat:
    """Beats every 5 s, and says good-bye when it is told to stop."""

    name = "heartbeat"

    def __init__(self, store: NodeStore, node: NodeId, sleep: Sleep) -> None:
        self._store = store
        self._node = node
        self._beating = Periodic(self.name, EVERY_S, self._beat, sleep)

    async def run(self) -> None:
        """Beat until told to stop, then release what this node held."""
        await self._beating.run()
        try:
            await self._store.leave(self._node)
        except StoreUnavailableError:
            return  # the missing beats will tell the same, later

    def stop(self) -> None:
        """Leave."""
        self._beating.stop()

    async def _beat(self) -> bool:
        await self._store.heartbeat(self._node)
        return False
