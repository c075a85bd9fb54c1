"""The streams of this node: who follows which session, and whom a change reaches.

A committed change arrives here as `changed` and goes straight to the session's stream. That is only the fast way: a
change that was missed, from whatever cause, is found by the upkeep (`upkeep.py`) in the store.
"""

import asyncio
import math
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any, Final, Protocol

from diyalog.domain.ids import CustomerRef, SessionId
from diyalog.domain.wait import Wait
from diyalog.protocol.codes import CloseCode
from diyalog.realtime.deadlines import Deadlines
from diyalog.realtime.journal import StreamJournal

HELLO_SECONDS: Final = 10.0
"""A client says hello within this time of its handshake."""

LINGER_SECONDS: Final = 2.0
"""A session that is over and was acknowledged elsewhere is left this long to the client, which may still be sending."""

STANDSTILL_SECONDS: Final = 5.0
"""Between two sweeps: then this node stood still, and what clients said meanwhile is still to be read."""


class Follower(Protocol):
    """A customer's stream, as the hub sees it. `seq` is the newest event sent, `ticket` the order of the hellos."""

    session_id: SessionId
    row: int
    customer: CustomerRef
    ticket: int
    seq: int

    @property
    def over(self) -> bool:
        """The session is over: no event will follow."""
        ...

    @property
    def owes(self) -> bool:
        """The client's acknowledgement is still to be stored."""
        ...

    def changed(self, wait: Wait) -> None:
        """Take note of a committed change of the session's wait."""
        ...

    async def catch_up(self, head: int) -> None:
        """Send from the store what is missing up to the event `head`, and store what is owed."""
        ...

    def close(self, code: CloseCode, reason: str = "") -> None:
        """Say goodbye; harmless when that was said before."""
        ...


class Hub:
    """Knows every stream of this node by its session; a session has one stream, that of its newest hello.

    `now` is the event loop's clock in seconds. `sockets_per_customer` limits the streams that follow sessions of one
    customer, 0 for no limit. Everything runs on the event loop's thread.
    """

    def __init__(self, journal: StreamJournal, now: Callable[[], float], sockets_per_customer: int) -> None:
        self._journal = journal
        self._now = now
        self._sockets_per_customer = sockets_per_customer
        self._tickets = count(1)
        self._joining: dict[SessionId, list[Follower]] = {}
        self._joins = 0
        self._streams: dict[SessionId, Follower] = {}
        self._customers: dict[CustomerRef, int] = {}
        self._hellos = Deadlines(HELLO_SECONDS)
        self._lingering = Deadlines(LINGER_SECONDS)
        self._swept_at = math.inf
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def joining(self) -> int:
        """How many streams have said hello and are being looked up."""
        return self._joins

    @property
    def count(self) -> int:
        """How many streams follow a session now."""
        return len(self._streams)

    def followers(self) -> list[Follower]:
        """The streams that follow a session now."""
        return list(self._streams.values())

    def follows(self, stream: Follower) -> bool:
        """Whether the stream is still the one of its session."""
        return self._streams.get(stream.session_id) is stream

    def changed(self, wait: Wait) -> None:
        """Deliver a committed change of a wait; the WaitListener of this node."""
        stream = self._streams.get(wait.session_id)
        if stream is not None:
            stream.changed(wait)
        if self._joining:
            for joining in self._joining.get(wait.session_id, ()):
                joining.changed(wait)

    # -- the life of a stream

    def expect_hello(self, late: Callable[[], None]) -> None:
        """Have `late` called once the time for a hello is over."""
        self._hellos.add(self._now(), late)

    def join(self, stream: Follower) -> int:
        """Tell a stream of changes from now on, before anything is read for it; its ticket: later hellos are higher."""
        self._joining.setdefault(stream.session_id, []).append(stream)
        self._joins += 1
        return next(self._tickets)

    def unjoin(self, stream: Follower) -> None:
        """Forget a stream that was joining."""
        joining = self._joining.get(stream.session_id, [])
        if stream in joining:
            joining.remove(stream)
            self._joins -= 1
        if not joining:
            self._joining.pop(stream.session_id, None)

    def follow(self, stream: Follower) -> CloseCode | None:
        """Make a joining stream the one of its session, in place of an older one, which is closed.

        Or else the code to close it with: a newer hello has overtaken it, or its customer has too many streams.
        """
        self.unjoin(stream)
        older = self._streams.get(stream.session_id)
        if older is not None and older.ticket > stream.ticket:
            return CloseCode.CONTINUED_ELSEWHERE
        if older is None:
            streams = self._customers.get(stream.customer, 0)
            if 0 < self._sockets_per_customer <= streams:
                return CloseCode.TRY_AGAIN
            self._customers[stream.customer] = streams + 1
        self._streams[stream.session_id] = stream
        if older is not None:
            older.close(CloseCode.CONTINUED_ELSEWHERE, "continued by a newer hello")
        return None

    def leave(self, stream: Follower) -> bool:
        """Forget a stream that closes. False if another has taken its session over."""
        if self._streams.get(stream.session_id) is not stream:
            return False
        del self._streams[stream.session_id]
        streams = self._customers[stream.customer] - 1
        if streams:
            self._customers[stream.customer] = streams
        else:
            del self._customers[stream.customer]
        return True

    def linger(self, stream: Follower) -> None:
        """Close a stream whose session is over and acknowledged, when the client has had time for its own word."""
        self._lingering.add(self._now(), lambda: stream.close(CloseCode.SESSION_OVER))

    def sweep(self) -> None:
        """Act on the deadlines that have passed; the next time, when this node has stood still until now."""
        now = self._now()
        stood_still, self._swept_at = now - self._swept_at >= STANDSTILL_SECONDS, now
        if not stood_still:
            self._hellos.sweep(now)
            self._lingering.sweep(now)

    # -- work

    def start(self, work: Coroutine[Any, Any, None], stream: Follower | None = None) -> asyncio.Task[None]:
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
