"""Who has which place: one stream for each session or member of the staff, that of the newest hello.

Also what all of a node's streams need besides: the deadline of their hello, and short pieces of work.
"""

import asyncio
import math
from collections.abc import Callable, Coroutine, Hashable
from itertools import count
from typing import Any, Final, Generic, Protocol, TypeVar

from diyalog.protocol.codes import CloseCode
from diyalog.realtime.deadlines import Deadlines
from diyalog.realtime.journal import StreamJournal

HELLO_SECONDS: Final = 10.0
"""A client says hello within this time of its handshake."""

STANDSTILL_SECONDS: Final = 5.0
"""Between two sweeps: then this node stood still, and what clients said meanwhile is still to be read."""


class Closing(Protocol):
    """A stream that can be closed."""

    def close(self, code: CloseCode, reason: str = "") -> None:
        """Say goodbye; harmless when that was said before."""
        ...


class Newest(Closing, Protocol):
    """A stream that may be continued by a newer one; `ticket` is the order of the hellos."""

    ticket: int


P = TypeVar("P", bound=Hashable)
S = TypeVar("S", bound=Newest)


class Places(Generic[P, S]):
    """The streams of this node by their place, and those that are about to take one.

    `place` tells which place a stream is for; `now` is the event loop's clock in seconds; `more` are further deadlines
    to sweep. Everything runs on the event loop's thread.
    """

    def __init__(
        self, journal: StreamJournal, now: Callable[[], float], place: Callable[[S], P], *more: Deadlines
    ) -> None:
        self._journal = journal
        self._now = now
        self._place = place
        self._tickets = count(1)
        self._joining: dict[P, list[S]] = {}
        self._joins = 0
        self._streams: dict[P, S] = {}
        self._hellos = Deadlines(HELLO_SECONDS)
        self._deadlines = (self._hellos, *more)
        self._swept_at = math.inf
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def joining(self) -> int:
        """How many streams have said hello and are being looked up."""
        return self._joins

    @property
    def count(self) -> int:
        """How many streams have a place now."""
        return len(self._streams)

    def followers(self) -> list[S]:
        """The streams that have a place now."""
        return list(self._streams.values())

    def follows(self, stream: S) -> bool:
        """Whether the stream is still the one of its place."""
        return self._streams.get(self._place(stream)) is stream

    def at(self, place: P) -> list[S]:
        """The stream of a place, and those that are about to take it: whoever is to hear of its news."""
        joining = self._joining.get(place, ()) if self._joining else ()
        stream = self._streams.get(place)
        return [*joining] if stream is None else [stream, *joining]

    # -- the life of a stream

    def expect_hello(self, stream: object, late: Callable[[], None]) -> None:
        """Have `late` called once the time for a hello is over."""
        self._hellos.add(self._now(), stream, late)

    def expect_no_hello(self, stream: object) -> None:
        """The stream has said hello, or is gone."""
        self._hellos.drop(stream)

    def ticket(self) -> int:
        """A number for a hello; later hellos get higher ones."""
        return next(self._tickets)

    def join(self, stream: S) -> None:
        """Tell a stream of changes from now on, before anything is read for it."""
        self._joining.setdefault(self._place(stream), []).append(stream)
        self._joins += 1

    def unjoin(self, stream: S) -> None:
        """Forget a stream that was joining."""
        place = self._place(stream)
        joining = self._joining.get(place, [])
        if stream in joining:
            joining.remove(stream)
            self._joins -= 1
        if not joining:
            self._joining.pop(place, None)

    def overtaken(self, stream: S) -> bool:
        """Whether a newer hello has taken the stream's place."""
        holder = self._streams.get(self._place(stream))
        return holder is not None and holder.ticket > stream.ticket

    def take(self, stream: S) -> None:
        """Give a stream its place, from an older one if need be, which is closed."""
        place = self._place(stream)
        older = self._streams.get(place)
        self._streams[place] = stream
        if older is not None:
            older.close(CloseCode.CONTINUED_ELSEWHERE, "continued by a newer hello")

    def leave(self, stream: S) -> bool:
        """Forget a stream that closes. False if another has taken its place over."""
        if not self.follows(stream):
            return False
        del self._streams[self._place(stream)]
        return True

    def sweep(self) -> None:
        """Act on the deadlines that have passed; the next time, when this node has stood still until now."""
        now = self._now()
        stood_still, self._swept_at = now - self._swept_at >= STANDSTILL_SECONDS, now
        if not stood_still:
            for deadlines in self._deadlines:
                deadlines.sweep(now)

    # -- work

    def start(self, work: Coroutine[Any, Any, None], stream: Closing | None = None) -> asyncio.Task[None]:
        """Run a short piece of work, for a stream or for all; a stream whose work fails unexpectedly is closed 1011."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)

        def done(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            error = None if task.cancelled() else task.exception()
            if error is not None:
                self._journal.stream_failed(error)
                if stream is not None:
                    stream.close(CloseCode.SERVER_FAULT, "internal error")

        task.add_done_callback(done)
        return task

    async def finish(self, seconds: float) -> None:
        """Wait for the work that was begun (acknowledgements, presence), at most so long."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds)
