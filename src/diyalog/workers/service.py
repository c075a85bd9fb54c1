"""The contract of background loops, and the supervisor that keeps them running.

A loop runs until it is told to stop and then returns soon, having finished what it had begun. One that raises instead
is started again after a pause. All run in one task group, and stop in the reverse of the order in which they started:
what others lean on is named first.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Final, Protocol

from diyalog.clock import Clock
from diyalog.domain.retry import delay
from diyalog.ports import StoreUnavailableError
from diyalog.ports_callouts import Alarm, Journal
from diyalog.usecases.pausing import Sleep, pause, until

_BASE_S: Final = 0.2
_CAP_S: Final = 5.0
_AWAY_CAP_S: Final = 0.8
"""While the store is away, however long: when it is back, deadlines (2 s) and revoked keys (1 s) are in time again."""
_HEALTHY_MS: Final = 30_000
"""A loop that ran so long before it raised is started again without the pause having grown."""


class Worker(Protocol):
    """One background loop."""

    @property
    def name(self) -> str:
        """Its word in the log and the metrics."""
        ...

    async def run(self) -> None:
        """Work until told to stop. Called again after it raised."""
        ...

    def stop(self) -> None:
        """Ask `run` to finish what it has begun and return; before `run` it makes `run` return at once."""
        ...


class Periodic:
    """A worker that takes a turn every `every_s` seconds, the first at once.

    A turn returns whether there is more to do right away.
    """

    def __init__(self, name: str, every_s: float, turn: Callable[[], Awaitable[bool]], sleep: Sleep) -> None:
        self.name = name
        self._every_s = every_s
        self._turn = turn
        self._sleep = sleep
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Take turns until told to stop."""
        while not self._stopping.is_set():
            if not await self._turn():
                await pause(self._sleep, self._every_s, self._stopping)

    def stop(self) -> None:
        """Return after the turn that is being taken."""
        self._stopping.set()


class Supervisor:
    """Runs workers for the length of an `async with` block.

    On leaving it each worker has `stop_s` seconds to return, then it is cancelled.
    """

    def __init__(
        self,
        workers: Sequence[Worker],
        *,
        clock: Clock,
        sleep: Sleep,
        random: Callable[[], float],
        journal: Journal,
        stop_s: float,
    ) -> None:
        self._workers = workers
        self._clock = clock
        self._sleep = sleep
        self._random = random
        self._journal = journal
        self._stop_s = stop_s
        self._group = asyncio.TaskGroup()
        self._running: list[tuple[Worker, asyncio.Task[None]]] = []
        self._stopping = asyncio.Event()

    async def __aenter__(self) -> "Supervisor":
        """Start the workers, in order."""
        await self._group.__aenter__()
        for worker in self._workers:
            self._running.append((worker, self._group.create_task(self._keep_running(worker))))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the workers one after the other, the last one first."""
        self._stopping.set()
        try:
            for worker, task in reversed(self._running):
                worker.stop()
                await until(self._sleep, self._stop_s, {task})
                task.cancel()
        finally:
            for _, task in self._running:
                task.cancel()
            # Not told of the block's own failure, which would come out of it wrapped.
            await self._group.__aexit__(None, None, None)

    async def _keep_running(self, worker: Worker) -> None:
        failures = 0
        while True:
            begun_at = self._clock.now_ms()
            try:
                await worker.run()
            except Exception as error:  # noqa: BLE001  one loop's failure must not stop the server
                self._note(worker, error)
                cap = _AWAY_CAP_S if isinstance(error, StoreUnavailableError) else _CAP_S
            else:
                return
            if self._clock.now_ms() - begun_at >= _HEALTHY_MS:
                failures = 0
            await pause(self._sleep, delay(failures, self._random(), base=_BASE_S, cap=cap), self._stopping)
            if self._stopping.is_set():
                return
            failures += 1

    def _note(self, worker: Worker, error: Exception) -> None:
        if isinstance(error, StoreUnavailableError):
            self._journal.alarmed(Alarm.STORE_UNAVAILABLE)
        else:
            self._journal.failed(worker.name, error)
            self._journal.alarmed(Alarm.WORKER_FAILED)
