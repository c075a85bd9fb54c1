"""Tells waiting customers where they stand in the server's own line, and how good its estimates were."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

from diyalog.clock import Clock
from diyalog.domain.wait import Outcome, Place, Wait
from diyalog.ports import StoreUnavailableError
from diyalog.realtime.hub import Follower, Hub
from diyalog.realtime.journal import StreamJournal

TELL_SECONDS: Final = 1.0
FRONT: Final = 100
"""Up to this place a customer is told of every change."""
TURNS: Final = 30
"""Who stands further behind is told in one turn of so many: ten thousand moving up would be ten thousand messages."""
_AT_ONCE: Final = 100
"""So many are told before the event loop has its turn for others."""


class Standing(Protocol):
    """The line (usecases/line.py)."""

    async def standing(self, rows: Sequence[int]) -> list[Place | None]:
        """The places of these waits, None for those that are not in line. Raises StoreUnavailableError."""
        ...


class PlaceTelling:
    """Tells the customers of this node their places: a turn to take periodically, and a WaitListener.

    The first estimate that a customer was given is kept until an agent comes, and then compared with what it was.
    """

    def __init__(self, hub: Hub, line: Standing, journal: StreamJournal, clock: Clock) -> None:
        self._hub = hub
        self._line = line
        self._journal = journal
        self._clock = clock
        self._turn = 0
        self._estimates: dict[int, int] = {}

    def changed(self, wait: Wait) -> None:
        """A change of a wait was committed."""
        if wait.outcome is not None:
            expected_at = self._estimates.pop(wait.row, None)
            if expected_at is not None and wait.outcome is Outcome.CONNECTED and wait.ended_at is not None:
                self._journal.estimate_missed((wait.ended_at - expected_at) / 1000)

    async def turn(self) -> bool:
        """Tell those in front, and some of those behind. Never more to do at once."""
        self._turn = (self._turn + 1) % TURNS
        try:
            if not self._turn:
                await self._forget()
            asked = [stream for stream in self._hub.followers() if self._has_turn(stream) and stream.waits]
            for first in range(0, len(asked), _AT_ONCE):
                await self._tell(asked[first : first + _AT_ONCE])
                await _others()
        except StoreUnavailableError:
            self._journal.store_away("line")
        return False

    def _has_turn(self, stream: Follower) -> bool:
        return stream.row % TURNS == self._turn or stream.position is None or stream.position <= FRONT

    async def _tell(self, streams: Sequence[Follower]) -> None:
        places = await self._line.standing([stream.row for stream in streams])
        now = self._clock.now_ms()
        for stream, place in zip(streams, places, strict=True):
            if place is not None and stream.waits:
                if place.estimated_ms is not None:
                    self._estimates.setdefault(stream.row, now + place.estimated_ms)
                stream.placed(place)

    async def _forget(self) -> None:
        """Forget the estimates of those who are not in line any more: their waits may have ended at another node."""
        rows = list(self._estimates)
        for row, place in zip(rows, await self._line.standing(rows), strict=True):
            if place is None:
                self._estimates.pop(row, None)


async def _others() -> None:
    """Let the event loop do whatever else is due."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    loop.call_soon(done.set_result, None)
    await done
