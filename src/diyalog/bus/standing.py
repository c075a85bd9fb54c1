"""Keeps one connection to the bus for as long as the node lives."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from diyalog.domain.retry import delay
from diyalog.ports_bus import BusFault, BusJournal

BASE_S: Final = 0.1
CAP_S: Final = 2.0
"""Longest pause before another try, in seconds: the streams are read that often anyway."""
_HEALTHY_S: Final = 5.0
"""A connection that lived so long was a success; a shorter one counts as one more failure."""
_CANCEL_S: Final = 3.0
_CANCELS: Final = 5


class SessionEndedError(Exception):
    """A session with the bus could not begin, or is over."""

    def __init__(self, fault: BusFault) -> None:
        super().__init__(fault)
        self.fault = fault


Session: TypeAlias = Callable[[Callable[[], None]], Awaitable[None]]
"""Connects, calls what it is given once messages arrive, and serves until it raises SessionEndedError."""


class Standing:
    """Runs a session after the other, with full jitter between them; `random` draws evenly from 0 to 1 (1 excluded)."""

    def __init__(self, session: Session, journal: BusJournal, random: Callable[[], float]) -> None:
        self._session = session
        self._journal = journal
        self._random = random
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._told: BusFault | None = None
        self._up_at = 0.0
        self.connected = False

    def start(self) -> None:
        """Begin with the first session."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """End the session and return when nothing of it is left."""
        self._stopping.set()
        if self._task is not None:
            for _ in range(_CANCELS):  # a library below may swallow a cancellation
                self._task.cancel()
                if (await asyncio.wait({self._task}, timeout=_CANCEL_S))[0]:
                    break
        self.connected = False

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        failures = 0
        while not self._stopping.is_set():
            fault = await self._one_session()
            if self.connected and clock() - self._up_at >= _HEALTHY_S:
                failures = 0
            self.connected = False
            if fault is not self._told and not self._stopping.is_set():
                self._told = fault
                self._journal.bus_lost(fault)
            await passed(delay(failures, self._random(), base=BASE_S, cap=CAP_S), self._stopping)
            failures += 1

    async def _one_session(self) -> BusFault:
        try:
            await self._session(self._up)
        except SessionEndedError as ended:
            return ended.fault
        except Exception as error:  # noqa: BLE001  one session's failure must not end all that would follow
            self._journal.failed("bus", error)
            return BusFault.BROKEN
        return BusFault.LOST

    def _up(self) -> None:
        self._up_at = asyncio.get_running_loop().time()
        self.connected = True
        self._told = None
        self._journal.bus_connected()


async def passed(seconds: float, event: asyncio.Event) -> None:
    """Wait for so many seconds, or less when the event is set."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
