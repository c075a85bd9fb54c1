"""Tells waiting customers where they stand in the server's own line, and how good its estimates were."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Final, Protocol

from diyalog.clock import Clock
from diyalog.domain.wait import Outcome, Place, Wait
from diyalog.ports import StoreUnavailableError
from diyalog.realtime.hub import Follower, Hub
from diyalog.realtime.journal import StreamJournal

TELL_SECONDS: Final = 1.0
_AT_ONCE: Final = 500
"""So many are told before the event loop has its turn for others."""


class Standing(Protocol):
    """The line (usecases/line.py)."""

    async def standing(self) -> Iterator[tuple[int, Place]]:
        """All open waits, by their rows, with their places, in order. Raises StoreUnavailableError."""
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
        self._estimates: dict[int, int] = {}
        self._left: Iterator[tuple[int, Place]] | None = None
        """Who is still to be looked at in this round, in the order of the line."""
        self._found: dict[int, int] = {}

    def changed(self, wait: Wait) -> None:
        """A change of a wait was committed."""
        if wait.outcome is not None:
            expected_at = self._estimates.pop(wait.row, None)
            if expected_at is not None and wait.outcome is Outcome.CONNECTED and wait.ended_at is not None:
                self._journal.estimate_missed((wait.ended_at - expected_at) / 1000)

    async def turn(self) -> bool:
        """Tell some of those whose place has changed; whether there are more."""
        waiting = {stream.row: stream for stream in self._hub.followers() if stream.waits}
        if not waiting:
            self._left = None
            self._estimates.clear()
            return False
        try:
            if self._left is None:
                self._left, self._found = await self._line.standing(), {}
        except StoreUnavailableError:
            self._journal.store_away("line")
            return False
        more = self._tell(waiting, self._left)
        if more:
            await _others()
        return more

    def _tell(self, waiting: Mapping[int, Follower], left: Iterator[tuple[int, Place]]) -> bool:
        now = self._clock.now_ms()
        told = 0
        for row, place in left:
            stream = waiting.get(row)
            if row in self._estimates:
                self._found[row] = self._estimates[row]
            elif stream is not None and place.estimated_ms is not None:
                self._found[row] = now + place.estimated_ms
            if stream is not None and stream.placed(place):
                told += 1
                if told == _AT_ONCE:
                    return True
        self._estimates, self._left = self._found, None
        return False


async def _others() -> None:
    """Let the event loop do whatever else is due."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    loop.call_soon(done.set_result, None)
    await done
