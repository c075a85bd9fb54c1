"""Tells the store that this node lives, so that others know when its customers and call-outs are orphaned."""

from collections.abc import Callable
from typing import Final

from diyalog.clock import Clock
from diyalog.domain.ids import NodeId
from diyalog.ports import NodeStore, StoreUnavailableError
from diyalog.usecases.pausing import Sleep
from diyalog.workers.service import Periodic

EVERY_S: Final = 5.0
_SILENT_MS: Final = 14_000
"""Others give a node up after 15 s of silence; one that was silent nearly as long reckons with it."""


class Heartbeat:
    """Beats every 5 s, and says good-bye when it is told to stop.

    `on_time` is told after each beat how far the store's clock is ahead of this node's, in ms, as far as that is
    certain. `on_given_up`: this node was silent so long that what it held was given to others, if there are any.
    """

    name = "heartbeat"

    def __init__(
        self,
        store: NodeStore,
        node: NodeId,
        clock: Clock,
        sleep: Sleep,
        *,
        on_time: Callable[[int], None],
        on_given_up: Callable[[], None],
    ) -> None:
        self._store = store
        self._node = node
        self._clock = clock
        self._on_time = on_time
        self._on_given_up = on_given_up
        self._beat_at: int | None = None
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
        asked = self._clock.now_ms()
        beat = await self._store.heartbeat(self._node)
        answered = self._clock.now_ms()
        # The store read its clock at some moment in between.
        self._on_time(max(0, beat.at - answered) or min(0, beat.at - asked))
        # Being known proves nothing: a customer who connected after the others had given this node up made it known
        # again, and all its other customers still count as gone.
        silent = self._beat_at is not None and beat.at - self._beat_at >= _SILENT_MS
        self._beat_at = beat.at
        if silent or not beat.known:
            self._on_given_up()
        return False
