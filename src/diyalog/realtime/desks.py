"""The desks at this node: whose stream is where, and whom a change of a conversation reaches."""

from collections.abc import Callable
from typing import Protocol

from diyalog.domain.ids import SessionId, StaffRef
from diyalog.domain.results import Marked, StaffEvent
from diyalog.domain.wait import Marks, Party, Wait
from diyalog.realtime.journal import StreamJournal
from diyalog.realtime.places import Places
from diyalog.realtime.upkeep import Following


class Desk(Following, Protocol):
    """A desk's stream, as the others see it."""

    staff: StaffRef
    shows_line: bool

    def show(self, line: bytes, own: bytes) -> None:
        """Send who waits, and what is wanted of this desk, as far as that is new."""
        ...

    def changed(self, wait: Wait) -> None:
        """Take note of a committed change of one of their conversations."""
        ...

    def written(self, told: StaffEvent) -> None:
        """Take note of a committed message in one of their conversations."""
        ...

    def marked(self, session_id: SessionId, marks: Marks) -> None:
        """Tell the desk how far a customer is, as far as that is new."""
        ...


class Desks(Places[StaffRef, Desk]):
    """Knows every desk's stream of this node by its member of the staff, who has one stream here.

    `now` is the event loop's clock in seconds.
    """

    def __init__(self, journal: StreamJournal, now: Callable[[], float]) -> None:
        super().__init__(journal, now, lambda desk: desk.staff)

    def changed(self, wait: Wait) -> None:
        """Deliver a committed change of a wait, if it is in conversation; a WaitListener of this node."""
        if wait.conversation is not None:
            for desk in self.at(wait.conversation.staff):
                desk.changed(wait)

    def written(self, told: StaffEvent) -> None:
        """Deliver a message."""
        if told.wait.conversation is not None:
            for desk in self.at(told.wait.conversation.staff):
                desk.written(told)

    def marked(self, marked: Marked) -> None:
        """Deliver how far a customer is."""
        if marked.side is Party.CUSTOMER:
            for desk in self.at(marked.staff):
                desk.marked(marked.session_id, marked.marks)
