"""The desks at this node: whose stream is where, and whom a change of a conversation reaches."""

from collections.abc import Callable
from typing import Protocol

from diyalog.domain.ids import StaffRef
from diyalog.domain.wait import Wait
from diyalog.realtime.journal import StreamJournal
from diyalog.realtime.places import Places
from diyalog.realtime.upkeep import Following


class Desk(Following, Protocol):
    """A desk's stream, as the others see it."""

    staff: StaffRef

    def changed(self) -> None:
        """Take note of a committed event of this member of the staff."""
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
                desk.changed()
