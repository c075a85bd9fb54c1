"""Telling everybody on this node of a committed change of a wait."""

from diyalog.domain.wait import Wait
from diyalog.ports import WaitListener


class Changes:
    """Passes each committed change on to those who subscribed; a WaitListener itself."""

    def __init__(self) -> None:
        self._listeners: tuple[WaitListener, ...] = ()

    def subscribe(self, listener: WaitListener) -> None:
        """Tell `listener` of every change from now on; once it is told, the change is durable."""
        self._listeners = (*self._listeners, listener)

    def changed(self, wait: Wait) -> None:
        """`wait` was changed and committed."""
        for listener in self._listeners:
            listener.changed(wait)
