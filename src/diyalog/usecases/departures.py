"""Tells those who wait for it that a session has left REQUESTED: the customer's own start call, and a call of the
company's that named an interaction before its CreateInteraction was answered.

A hint for waking up only. What really happened is read from the store afterwards.
"""

import asyncio
from collections.abc import Iterable

from diyalog.domain.ids import SessionId
from diyalog.domain.wait import State, Wait


class Departures:
    """Wakes whoever waits for one of some sessions to leave REQUESTED."""

    def __init__(self) -> None:
        self._waiting: dict[SessionId, set[asyncio.Event]] = {}

    def changed(self, wait: Wait) -> None:
        """A change of this wait was committed."""
        if wait.state is not State.REQUESTED and self._waiting:
            for event in self._waiting.get(wait.session_id, ()):
                event.set()

    def watch(self, sessions: Iterable[SessionId]) -> "Watch":
        """Watch `sessions` from now on, so that nothing is missed between reading and waiting."""
        return Watch(self._waiting, tuple(sessions))


class Watch:
    """A context in which departures of some sessions are noticed."""

    def __init__(self, waiting: dict[SessionId, set[asyncio.Event]], sessions: tuple[SessionId, ...]) -> None:
        self._waiting = waiting
        self._sessions = sessions
        self._event = asyncio.Event()

    def __enter__(self) -> "Watch":
        """Begin to watch."""
        for session in self._sessions:
            self._waiting.setdefault(session, set()).add(self._event)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop watching."""
        for session in self._sessions:
            watchers = self._waiting[session]
            watchers.discard(self._event)
            if not watchers:
                del self._waiting[session]

    async def departed(self, seconds: float) -> None:
        """Return when one of the sessions has left since the last call, at the latest after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return
        self._event.clear()
