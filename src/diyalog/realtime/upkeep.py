"""What is done for all streams from time to time: deadlines, and finding what the fast way has missed."""

import asyncio
from collections.abc import Sequence
from typing import Final

from diyalog.ports import StoreUnavailableError
from diyalog.realtime.hub import Follower, Hub
from diyalog.realtime.journal import StreamJournal
from diyalog.realtime.presence import Presence
from diyalog.usecases.following import Following

SWEEP_SECONDS: Final = 0.5
"""How late a deadline may be noticed."""

POLL_SECONDS: Final = 2.0
"""How long a change may go unnoticed that no other way has brought."""

_SLICE: Final = 500


class Upkeep:
    """Looks after the hub's streams."""

    def __init__(self, hub: Hub, following: Following, presence: Presence, journal: StreamJournal) -> None:
        self._hub = hub
        self._following = following
        self._presence = presence
        self._journal = journal

    async def run(self) -> None:
        """Sweep and poll until cancelled."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._sweep_forever())
            loops.create_task(self._poll_forever())

    async def poll(self) -> None:
        """Let the streams catch up that have sent less than the store holds, and retry what the store did not take.

        Slice by slice, so that ten thousand streams neither stop the event loop nor rush at the store.
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

    async def _catch_up(self, part: Sequence[Follower], heads: dict[int, int]) -> int:
        behind = 0
        work = []
        for stream in part:
            head = heads.get(stream.row, 0)
            if head > stream.seq or stream.owes:
                behind += head > stream.seq
                work.append(self._hub.start(stream.catch_up(head), stream))
        if work:
            await asyncio.wait(work)
        return behind

    async def _sweep_forever(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self._hub.sweep()

    async def _poll_forever(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await self.poll()
