"""The streams of this node's customers: who follows which session, and whom a change reaches.

A committed change arrives here as `changed` and goes straight to the session's stream. That is only the fast way: a
change that was missed, from whatever cause, is found by the upkeep (`upkeep.py`) in the store.
"""

from collections.abc import Callable
from typing import Final, Protocol

from diyalog.domain.ids import CustomerRef, SessionId
from diyalog.domain.results import Marked, StaffEvent, StreamEvent
from diyalog.domain.wait import Marks, Party, Place, Wait
from diyalog.protocol.codes import CloseCode
from diyalog.realtime.deadlines import Deadlines
from diyalog.realtime.journal import StreamJournal
from diyalog.realtime.places import Newest, Places

LINGER_SECONDS: Final = 2.0
"""A session that is over and was acknowledged elsewhere is left this long to the client, which may still be sending."""


class Follower(Newest, Protocol):
    """A customer's stream, as the hub sees it. `seq` is the newest event sent."""

    session_id: SessionId
    row: int
    customer: CustomerRef
    seq: int

    @property
    def over(self) -> bool:
        """The session is over: no event will follow."""
        ...

    @property
    def owes(self) -> bool:
        """The client's acknowledgement is still to be stored."""
        ...

    @property
    def waits(self) -> bool:
        """The client has been told nothing but that its wait goes on."""
        ...

    @property
    def position(self) -> int | None:
        """The place in the line that the client was told."""
        ...

    def changed(self, wait: Wait) -> None:
        """Take note of a committed change of the session's wait."""
        ...

    def written(self, wait: Wait, event: StreamEvent) -> None:
        """Take note of a committed message of the session."""
        ...

    def marked(self, marks: Marks) -> None:
        """Tell the client how far the agent is, as far as that is new."""
        ...

    def placed(self, place: Place) -> None:
        """Tell the client its place in the line, unless it knows."""
        ...

    async def catch_up(self, head: int) -> None:
        """Send from the store what is missing up to the event `head`, and store what is owed."""
        ...


class Hub(Places[SessionId, Follower]):
    """Knows every customer's stream of this node by its session.

    `now` is the event loop's clock in seconds. `sockets_per_customer` limits the streams that follow sessions of one
    customer, 0 for no limit.
    """

    def __init__(self, journal: StreamJournal, now: Callable[[], float], sockets_per_customer: int) -> None:
        self._lingering = Deadlines(LINGER_SECONDS)
        super().__init__(journal, now, lambda stream: stream.session_id, self._lingering)
        self._sockets_per_customer = sockets_per_customer
        self._customers: dict[CustomerRef, int] = {}

    def changed(self, wait: Wait) -> None:
        """Deliver a committed change of a wait; the WaitListener of this node."""
        for stream in self.at(wait.session_id):
            stream.changed(wait)

    def written(self, told: StaffEvent) -> None:
        """Deliver a message."""
        for stream in self.at(told.wait.session_id):
            stream.written(told.wait, told.event)

    def marked(self, marked: Marked) -> None:
        """Deliver how far an agent is."""
        if marked.side is Party.AGENT:
            for stream in self.at(marked.session_id):
                stream.marked(marked.marks)

    def follow(self, stream: Follower) -> CloseCode | None:
        """Make a joining stream the one of its session, in place of an older one, which is closed.

        Or else the code to close it with: a newer hello has overtaken it, or its customer has too many streams.
        """
        self.unjoin(stream)
        if self.overtaken(stream):
            return CloseCode.CONTINUED_ELSEWHERE
        if stream.session_id not in self._streams:
            streams = self._customers.get(stream.customer, 0)
            if 0 < self._sockets_per_customer <= streams:
                return CloseCode.TRY_AGAIN
            self._customers[stream.customer] = streams + 1
        self.take(stream)
        return None

    def leave(self, stream: Follower) -> bool:
        """Forget a stream that closes. False if another has taken its session over."""
        self._lingering.drop(stream)
        if not super().leave(stream):
            return False
        streams = self._customers[stream.customer] - 1
        if streams:
            self._customers[stream.customer] = streams
        else:
            del self._customers[stream.customer]
        return True

    def linger(self, stream: Follower) -> None:
        """Close a stream whose session is over and acknowledged, when the client has had time for its own word."""
        self._lingering.add(self._now(), stream, lambda: stream.close(CloseCode.SESSION_OVER))
