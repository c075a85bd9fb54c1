"""Tells those who wait for it that a session has left REQUESTED: the customer's own start call, and a call of the
company's that named an interaction before its CreateInteraction was answered.

What is passed on is committed. Who is woken by the time alone must ask the store.
"""

import asyncio
from collections.abc import Iterable

from diyalog.domain.ids import SessionId
from diyalog.domain.wait import State, Wait


class Departures:
    """Wakes whoever waits for one of some sessions to leave REQUESTED."""

    def __init__(self) -> None:
        # In order of arrival, so that they are woken in it: nobody overtakes who came first.
        self._watches: dict[SessionId, dict[Watch, None]] = {}

    def changed(self, wait: Wait) -> None:
        """A change of this wait was committed."""
        if wait.state is not State.REQUESTED and self._watches:
            for watch in self._watches.get(wait.session_id, ()):
                watch.left(wait)

    def watch(self, sessions: Iterable[SessionId]) -> "Watch":
        """Watch `sessions` from now on, so that nothing is missed between reading and waiting."""
        return Watch(self._watches, tuple(sessions))


class Watch:
    """A context in which departures of some sessions are noticed."""

    def __init__(self, watches: dict[SessionId, dict["Watch", None]], sessions: tuple[SessionId, ...]) -> None:
        self._watches = watches
        self._sessions = sessions
        self._left: Wait | None = None
        self._waiting: asyncio.Future[None] | None = None

    def __enter__(self) -> "Watch":
        """Begin to watch."""
        for session in self._sessions:
            self._watches.setdefault(session, {})[self] = None
        return self

    def __exit__(self, *_: object) -> None:
        """Stop watching."""
        for session in self._sessions:
            watches = self._watches[session]
            del watches[self]
            if not watches:
                del self._watches[session]

    def left(self, wait: Wait) -> None:
        """One of the sessions has left REQUESTED: `wait`, as it was committed."""
        self._left = wait
        self._wake()

    async def departed(self, seconds: float) -> Wait | None:
        """Return the newest wait that has left since the last call, None when none has after `seconds`."""
        if self._left is None:
            loop = asyncio.get_running_loop()
            self._waiting = loop.create_future()
            timer = loop.call_later(seconds, self._wake)
            try:
                await self._waiting
            finally:
                timer.cancel()
                self._waiting = None
        left, self._left = self._left, None
        return left

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
