"""Stores which customers' apps are connected, so that their waits are not abandoned and the staff can see it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from itertools import islice
from typing import Any, Final

from diyalog.ports import StoreUnavailableError
from diyalog.realtime.journal import StreamJournal
from diyalog.usecases.following import Following

_BATCH: Final = 256


class Presence:
    """Keeps the store's picture of this node's connections, behind the sockets' backs.

    Nobody waits for it. The newest word on a wait counts: words are stored in batches that overlap nowhere, and a
    word that the store did not take is tried again at `retry` unless a newer one came. `start` runs a coroutine, as
    `Hub.start` does.

    Other nodes tell this one of a change only once they can see that the app is connected here. So after that is stored
    the wait is looked at once more: what was changed since its stream read it has reached nobody.
    """

    def __init__(
        self, following: Following, journal: StreamJournal, start: Callable[[Coroutine[Any, Any, None]], object]
    ) -> None:
        self._following = following
        self._journal = journal
        self._start = start
        self._news: dict[int, bool] = {}
        self._looking: dict[int, Callable[[int], None]] = {}
        self._failed: dict[int, bool] = {}
        self._storing = False

    def connected(self, row: int, newest: Callable[[int], None]) -> None:
        """Have it stored that the app of the wait `row` is connected; then `newest` is told its newest event."""
        self._looking[row] = newest
        self.set(row, connected=True)

    def set(self, row: int, *, connected: bool) -> None:
        """Have it stored that the app of the wait `row` is connected, or went away just now."""
        self._news[row] = connected
        self._failed.pop(row, None)
        if not connected:
            self._looking.pop(row, None)
        self._go()

    def tell_again(self, rows: Iterable[int]) -> None:
        """Store once more that the apps of these waits are connected: the store was told that they were gone."""
        self._news = {**dict.fromkeys(rows, True), **self._failed, **self._news}
        self._failed = {}
        self._go()

    def retry(self) -> None:
        """Try again what the store did not take."""
        self._news = {**self._failed, **self._news}
        self._failed = {}
        self._go()

    def _go(self) -> None:
        if self._news and not self._storing:
            self._storing = True
            self._start(self._store())

    async def _store(self) -> None:
        try:
            while self._news:
                batch = dict(islice(self._news.items(), _BATCH))
                for row in batch:
                    del self._news[row]
                stored = await asyncio.gather(*(self._store_one(row, connected=batch[row]) for row in batch))
                failed = [row for row, taken in zip(batch, stored, strict=True) if not taken]
                if failed:
                    self._journal.store_away("presence")
                self._failed |= {row: batch[row] for row in failed if row not in self._news}
                await self._look([row for row in batch if row not in self._failed])
        finally:
            self._storing = False

    async def _look(self, rows: Iterable[int]) -> None:
        looking = {row: self._looking.pop(row) for row in rows if row in self._looking}
        if not looking:
            return
        try:
            heads = await self._following.heads(list(looking))
        except StoreUnavailableError:
            self._journal.store_away("heads")  # the next poll finds it
            return
        for row, newest in looking.items():
            if row in heads:
                newest(heads[row].seq)

    async def _store_one(self, row: int, *, connected: bool) -> bool:
        try:
            await self._following.present(row, connected=connected)
        except StoreUnavailableError:
            return False
        return True
