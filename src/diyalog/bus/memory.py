"""The bus of nodes in one process: of a single node, which has nobody to tell, or of several in a test."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from diyalog.domain.ids import NodeId

Exchange = dict[NodeId, Callable[[Sequence[int]], None]]
"""Who listens now. Nodes that share one hear each other."""


class MemoryBus:
    """Calls the `woken` of the other node, in a later turn of the event loop that they share."""

    def __init__(self, node: NodeId, woken: Callable[[Sequence[int]], None], exchange: Exchange | None = None) -> None:
        self._node = node
        self._woken = woken
        self._exchange: Exchange = {} if exchange is None else exchange

    async def start(self) -> None:
        """Listen in the exchange."""
        self._exchange[self._node] = self._woken

    async def stop(self) -> None:
        """Leave the exchange."""
        self._exchange.pop(self._node, None)

    def wake(self, node: NodeId, rows: Sequence[int]) -> None:
        """Tell another node of this process."""
        if rows and node != self._node and node in self._exchange:
            asyncio.get_running_loop().call_soon(partial(self._deliver, node, list(rows)))

    @property
    def connected(self) -> bool:
        """Whether it was started."""
        return self._node in self._exchange

    def _deliver(self, node: NodeId, rows: list[int]) -> None:
        if woken := self._exchange.get(node):
            woken(rows)
