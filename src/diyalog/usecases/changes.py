"""Telling everybody on this node of a committed change of a wait, made here or on another node."""

from diyalog.domain.results import StaffEvent
from diyalog.domain.wait import Wait
from diyalog.ports import MessageListener, WaitListener


class Changes:
    """Passes each committed change on to those who subscribed; a WaitListener itself."""

    def __init__(self) -> None:
        self._listeners: tuple[WaitListener, ...] = ()
        self._anywhere: tuple[WaitListener, ...] = ()
        self._readers: tuple[MessageListener, ...] = ()

    def subscribe(self, listener: WaitListener) -> None:
        """Tell `listener` of every change from now on, wherever it was made; once it is told, the change is durable."""
        self._anywhere = (*self._anywhere, listener)
        self.subscribe_own(listener)

    def subscribe_own(self, listener: WaitListener) -> None:
        """Tell `listener` of the changes that this node makes, of which nobody else tells."""
        self._listeners = (*self._listeners, listener)

    def subscribe_messages(self, listener: MessageListener) -> None:
        """Tell `listener` of the messages that this node writes."""
        self._readers = (*self._readers, listener)

    def written(self, told: StaffEvent) -> None:
        """A message was written and committed."""
        for listener in self._readers:
            listener.written(told)

    def heard(self, wait: Wait) -> None:
        """`wait` was changed by another node, and committed."""
        for listener in self._anywhere:
            listener.changed(wait)

    def changed(self, wait: Wait) -> None:
        """`wait` was changed and committed."""
        for listener in self._listeners:
            listener.changed(wait)
