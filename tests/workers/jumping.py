"""Time that jumps when a test says so, and the notes on which tests wait."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from diyalog.domain.wait import Wait
from diyalog.ports_callouts import Alarm


class Notes:
    """What was told to listeners and the journal; `until` waits for a note that makes something true."""

    def __init__(self) -> None:
        self.waits: list[Wait] = []
        self.calls: list[tuple[str, str, int | None]] = []
        self.alarms: list[tuple[Alarm, str | None]] = []
        self.failures: list[tuple[str, str]] = []
        self._news = asyncio.Event()

    def tell(self) -> None:
        """Wake whoever waits."""
        self._news.set()
        self._news = asyncio.Event()

    def on_change(self, wait: Wait) -> None:
        self.waits.append(wait)
        self.tell()

    def called(self, service: str, result: str, status: int | None, seconds: float, session_id: str | None) -> None:
        assert seconds >= 0
        self.calls.append((service, result, status))
        self.tell()

    def alarmed(self, alarm: Alarm, session_id: str | None = None, interaction_id: str | None = None) -> None:
        self.alarms.append((alarm, session_id))
        self.tell()

    def failed(self, where: str, error: BaseException) -> None:
        self.failures.append((where, repr(error)))
        self.tell()

    def alarm_count(self, alarm: Alarm) -> int:
        return sum(noted is alarm for noted, _ in self.alarms)

    async def until(self, true: Callable[[], bool], limit: float = 10.0) -> None:
        """Return when `true()`, looked at after every note. Raises TimeoutError after `limit` seconds."""
        async with asyncio.timeout(limit):
            while not true():
                await self._news.wait()


@dataclass
class JumpingTime:
    """A clock and a way to sleep that stand still until `jump`. `set_by` (ms): how far somebody has set the clock."""

    notes: Notes
    at: int = 1_795_000_000_000
    set_by: int = 0
    sleepers: list[tuple[int, asyncio.Future[None]]] = field(default_factory=list)

    def now_ms(self) -> int:
        return self.at + self.set_by

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        sleeper = (self.at + round(seconds * 1000), asyncio.get_running_loop().create_future())
        self.sleepers.append(sleeper)
        self.notes.tell()
        try:
            await sleeper[1]
        finally:
            self.sleepers.remove(sleeper)

    def later(self, seconds: float, call: Callable[[], None]) -> asyncio.Future[None]:
        """Call a function once time has jumped so far; the timer is the future, which may be cancelled."""
        timer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sleeper = (self.at + round(seconds * 1000), timer)
        self.sleepers.append(sleeper)
        self.notes.tell()

        def over(timer: asyncio.Future[None]) -> None:
            self.sleepers.remove(sleeper)
            if not timer.cancelled():
                call()

        timer.add_done_callback(over)
        if seconds <= 0:
            timer.set_result(None)
        return timer

    def jump(self, seconds: float) -> None:
        """Let time pass and wake whoever has slept enough."""
        self.at += round(seconds * 1000)
        for due, future in sorted(self.sleepers, key=lambda sleeper: sleeper[0]):
            if due <= self.at and not future.done():
                future.set_result(None)

    def sleeps_until(self, moment: int) -> bool:
        """Whether somebody sleeps until exactly this moment (ms since 1970)."""
        return any(due == moment and not future.done() for due, future in self.sleepers)
