"""What people in conversation do without a word: their apps receive, they read, they are writing.

It goes through the store, so that it reaches whichever node the other side is at; all of a moment goes there together,
behind the sockets' backs. What is lost on the way is made good by the next of its kind.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from itertools import islice
from typing import Any, Final, TypeAlias

from diyalog.domain.commands import Mark
from diyalog.domain.results import Marked
from diyalog.domain.wait import Marks, Party
from diyalog.ports import StoreUnavailableError
from diyalog.realtime.journal import StreamJournal

TYPING_MS: Final = 3000
"""Who was writing so long ago counts as still writing."""
_GATHER_S: Final = 0.1
_LATE_MS: Final = 250
"""So long after a message it may still be stored that its writer was writing."""
_RETRY_S: Final = 2.0
_PAGE: Final = 500


class Shown:
    """What a client was told of how far the other side of a conversation is, `marks`."""

    __slots__ = ("_marks",)

    def __init__(self, marks: Marks) -> None:
        self._marks = marks._replace(typing_at=None)

    def news(self, marks: Marks, now_ms: int) -> tuple[bool, Marks | None]:
        """Whether the other side is writing, and how far it is, as far as the client was not told of it.

        `marks` may be older than what it was told, also in part.
        """
        told = self._marks
        typing_at = max(told.typing_at or 0, marks.typing_at or 0)
        received, read = max(told.received, marks.received), max(told.read, marks.read)
        self._marks = Marks(received, read, typing_at)
        writes = typing_at > (told.typing_at or 0) and now_ms - typing_at < TYPING_MS
        return writes, self._marks if (received, read) != (told.received, told.read) else None

    def wrote(self, at_ms: int) -> None:
        """A message of the other side came: that they were writing was of that one, though it may be stored later."""
        self._marks = self._marks._replace(typing_at=max(self._marks.typing_at or 0, at_ms + _LATE_MS))


Store: TypeAlias = Callable[[Sequence[Mark]], Awaitable[Sequence[Marked]]]
"""Stores marks; those of which somebody at this node is to be told. Raises StoreUnavailableError."""


class Marking:
    """Gathers what is said for a moment, stores it, and tells the other sides at this node.

    `tell` is called with each; `start` runs a coroutine, as `Places.start` does.
    """

    def __init__(
        self,
        store: Store,
        tell: Callable[[Marked], None],
        journal: StreamJournal,
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._store = store
        self._tell = tell
        self._journal = journal
        self._start = start
        self._news: dict[tuple[int, Party], Mark] = {}
        self._timer: asyncio.TimerHandle | None = None
        """Runs, or has begun what is being stored: one after the other."""
        self._finished = False

    def note(self, mark: Mark) -> None:
        """Store a mark soon, together with what is said of the same side until then."""
        self._merge(mark)
        self._go(_GATHER_S)

    async def finish(self) -> None:
        """Store what was said, and nothing that is said from now on."""
        self._finished = True
        if self._timer is not None:
            self._timer.cancel()
        while self._news and await self._store_page():
            pass

    def _merge(self, mark: Mark) -> None:
        key = (mark.row, mark.side)
        known = self._news.get(key, mark)
        self._news[key] = mark._replace(
            received=max(known.received, mark.received),
            read=max(known.read, mark.read),
            typing=known.typing or mark.typing,
        )

    def _go(self, seconds: float) -> None:
        if self._timer is None and not self._finished:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._begin)

    def _begin(self) -> None:
        self._start(self._store_soon())

    async def _store_soon(self) -> None:
        pause = _RETRY_S
        try:
            if await self._store_page():
                pause = _GATHER_S
        finally:
            self._timer = None
            if self._news:
                self._go(pause)

    async def _store_page(self) -> bool:
        """Store some of what was said; false if the store did not take it."""
        page = dict(islice(self._news.items(), _PAGE))
        for key in page:
            del self._news[key]
        try:
            for marked in await self._store(list(page.values())):
                self._tell(marked)
        except StoreUnavailableError:
            self._journal.store_away("marks")
            for mark in page.values():
                self._merge(mark._replace(typing=False))
            return False
        return True
