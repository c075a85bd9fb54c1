"""What other nodes have changed: read here when they say so, and passed on to this node's customers.

What another node says is a hint. Nothing is lost when it never comes: the streams are compared with the store anyway.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from diyalog.domain.ids import NodeId
from diyalog.domain.wait import Wait
from diyalog.ports import StoreUnavailableError, WaitReader
from diyalog.ports_bus import Bus

_PAGE: Final = 500


class Waking:
    """Reads the waits whose rows were heard, those of one turn of the event loop and of one reading's time together."""

    def __init__(self, store: WaitReader, heard: Callable[[Wait], None]) -> None:
        self._store = store
        self._heard = heard
        self._rows: set[int] = set()
        self._reading: asyncio.Task[None] | None = None

    def woken(self, rows: Sequence[int]) -> None:
        """These waits were changed elsewhere."""
        self._rows.update(rows)
        if self._reading is None:
            self._reading = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        try:
            while self._rows:
                page = [self._rows.pop() for _ in range(min(_PAGE, len(self._rows)))]
                for wait in await self._store.waits(page):
                    self._heard(wait)
        except StoreUnavailableError:
            self._rows.clear()  # the streams' own poll finds what is missed
        finally:
            self._reading = None


class Telling:
    """A WaitListener that tells the node to which the customer's app is connected."""

    def __init__(self, bus: Bus, node: NodeId) -> None:
        self._bus = bus
        self._node = node

    def changed(self, wait: Wait) -> None:
        """`wait` was changed and committed here."""
        if wait.present is not None and wait.present != self._node:
            self._bus.wake(wait.present, (wait.row,))
