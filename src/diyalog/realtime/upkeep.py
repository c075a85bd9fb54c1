"""What is done for all streams from time to time: deadlines, and finding what the fast way has missed."""

import asyncio
from collections.abc import Hashable, Sequence
from typing import Final, Generic, Protocol, TypeVar

from diyalog.domain.results import Head
from diyalog.ports import StoreUnavailableError
from diyalog.realtime.journal import StreamJournal
from diyalog.realtime.places import Newest, Places
from diyalog.realtime.presence import Connections, Presence

SWEEP_SECONDS: Final = 0.5
"""How often deadlines are looked at, and so how late one may be noticed."""

POLL_SECONDS: Final = 2.0
"""How often the store is asked, and so how long a change may go unnoticed that no other way has brought."""

_SLICE: Final = 500
_GONE: Final = Head(0, away=False)
"""Of a stream that is not stored any more."""


class Following(Newest, Protocol):
    """A stream that can be compared with the store."""

    @property
    def row(self) -> int:
        """What the store knows it by: the row of a wait or of a member of the staff."""
        ...

    @property
    def seq(self) -> int:
        """The newest event that was sent."""
        ...

    @property
    def owes(self) -> bool:
        """An acknowledgement of its client is still to be stored."""
        ...

    async def catch_up(self, head: int) -> None:
        """Send from the store what is missing up to the event `head`, and store what is owed."""
        ...


P = TypeVar("P", bound=Hashable)
S = TypeVar("S", bound=Following)


class Upkeep(Generic[P, S]):
    """Looks after the streams of `hub`: two turns, each to be taken periodically."""

    def __init__(self, hub: Places[P, S], following: Connections, presence: Presence, journal: StreamJournal) -> None:
        self._hub = hub
        self._following = following
        self._presence = presence
        self._journal = journal

    async def sweep(self) -> bool:
        """Act on the streams' deadlines. Never more to do at once."""
        self._hub.sweep()
        return False

    async def poll(self) -> bool:
        """Let the streams catch up that have sent less than the store holds, and retry what the store did not take.

        Slice by slice, so that ten thousand streams neither stop the event loop nor rush at the store. Never more to
        do at once.
        """
        streams = self._hub.followers()
        behind = 0
        for start in range(0, len(streams), _SLICE):
            part = streams[start : start + _SLICE]
            try:
                heads = await self._following.heads([stream.row for stream in part])
            except StoreUnavailableError:
                self._journal.store_away("heads")
                break
            behind += await self._catch_up(part, heads)
        if behind:
            self._journal.fell_behind(behind)
        self._presence.retry()
        return False

    async def _catch_up(self, part: Sequence[S], heads: dict[int, Head]) -> int:
        behind = 0
        work = []
        for stream in part:
            head = heads.get(stream.row, _GONE)
            if head.seq > stream.seq or stream.owes:
                behind += head.seq > stream.seq
                work.append(self._hub.start(stream.catch_up(head.seq), stream))
        # Another node may have had the app for a while, and said that it went away from there.
        self._presence.tell_again(
            stream.row for stream in part if heads.get(stream.row, _GONE).away and self._hub.follows(stream)
        )
        if work:
            await asyncio.wait(work)
        return behind
