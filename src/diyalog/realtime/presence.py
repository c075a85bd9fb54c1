"""Stores who is connected to this node: so that waits are not abandoned, others tell this node, and people see it."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from itertools import islice
from typing import Any, Final, Protocol

from diyalog.domain.results import Head
from diyalog.ports import StoreUnavailableError
from diyalog.realtime.journal import StreamJournal

_BATCH: Final = 256


class Connections(Protocol):
    """Where it is stored. A row is a customer's wait or, with desks, a member of the staff."""

    async def present(self, row: int, connected: bool) -> None:  # noqa: FBT001  the word itself
        """The app of this row is connected to this node, or went away just now. Raises StoreUnavailableError."""
        ...

    async def heads(self, rows: Sequence[int]) -> dict[int, Head]:
        """The heads of these rows' streams. Raises StoreUnavailableError."""
        ...


class Presence:
    """Keeps the store's picture of this node's connections, behind the sockets' backs.

    Nobody waits for it. The newest word on a row counts: words are stored in batches that overlap nowhere, and a
    word that the store did not take is tried again at `retry` unless a newer one came. `start` runs a coroutine, as
    `Hub.start` does.

    Other nodes tell this one of a change only once they can see that the app is connected here. So after that is stored
    the stream is looked at once more: what was changed since its stream read it has reached nobody.
    """

    def __init__(
        self, following: Connections, journal: StreamJournal, start: Callable[[Coroutine[Any, Any, None]], object]
    ) -> None:
        self._following = following
        self._journal = journal
        self._start = start
        self._news: dict[int, bool] = {}
        self._looking: dict[int, Callable[[int], None]] = {}
        self._failed: dict[int, bool] = {}
        self._storing = False

    def connected(self, row: int, newest: Callable[[int], None]) -> None:
        """Have it stored that the app of `row` is connected; then `newest` is told its newest event."""
        self._looking[row] = newest
        self.set(row, connected=True)

    def set(self, row: int, *, connected: bool) -> None:
        """Have it stored that the app of `row` is connected, or went away just now."""
        self._news[row] = connected
        self._failed.pop(row, None)
        if not connected:
            self._looking.pop(row, None)
        self._go()

    def tell_again(self, rows: Iterable[int]) -> None:
        """Store once more that the apps of these rows are connected: the store was told that they were gone."""
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
