"""Telling everybody on this node of a committed change of a wait, made here or on another node."""

from diyalog.domain.wait import Wait
from diyalog.ports import WaitListener


class Changes:
    """Passes each committed change on to those who subscribed; a WaitListener itself."""

    def __init__(self) -> None:
        self._listeners: tuple[WaitListener, ...] = ()
        self._anywhere: tuple[WaitListener, ...] = ()

    def subscribe(self, listener: WaitListener) -> None:
        """Tell `listener` of every change from now on, wherever it was made; once it is told, the change is durable."""
        self._anywhere = (*self._anywhere, listener)
        self.subscribe_own(listener)

    def subscribe_own(self, listener: WaitListener) -> None:
        """Tell `listener` of the changes that this node makes, of which nobody else tells."""
        self._listeners = (*self._listeners, listener)

    def heard(self, wait: Wait) -> None:
        """`wait` was changed by another node, and committed."""
        for listener in self._anywhere:
            listener.changed(wait)

    def changed(self, wait: Wait) -> None:
        """`wait` was changed and committed."""
        for listener in self._listeners:
            listener.changed(wait)
