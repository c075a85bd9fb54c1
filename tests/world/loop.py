"""An event loop without threads, sockets or real time: a seed decides who goes on next, and time jumps.

Every callback belongs to a process, by its context. A process can be killed, after which nothing of it runs any more,
or frozen for a while.
"""

import asyncio
import heapq
import zlib
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any, TypeVar

_T = TypeVar("_T")
_STEPS = 400_000


class Process:
    """Something that lives and dies as one: a server, the company, a customer's device.

    `steps_left`: after so many steps `died` is called, None for never.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self.frozen = False
        self.steps_left: int | None = None
        self.died: Callable[[], None] | None = None
        self.context = copy_context()
        self.context.run(PROCESS.set, self)


PROCESS: ContextVar[Process] = ContextVar("process")


class Handle:
    """A callback that is to run, at `when` seconds."""

    __slots__ = ("arguments", "call", "context", "off", "when")

    def __init__(self, when: float, call: Callable[..., Any], arguments: tuple[Any, ...], context: Context) -> None:
        self.when = when
        self.call = call
        self.arguments = arguments
        self.context = context
        self.off = False

    def cancel(self) -> None:
        self.off = True

    def cancelled(self) -> bool:
        return self.off


class Numbered:
    """Hashed by its number, so that sets of such things have the same order in every run."""

    number: int

    def __hash__(self) -> int:
        return self.number

    def __eq__(self, other: object) -> bool:
        return self is other


class NumberedFuture(Numbered, asyncio.Future[Any]):
    """A future with a number."""


class NumberedTask(Numbered, asyncio.Task[Any]):
    """A task with a number."""

    def __init__(self, work: Coroutine[Any, Any, Any], loop: "SimulatedLoop", number: int, name: str | None) -> None:
        self.number = number  # needed before the task is registered
        super().__init__(work, loop=loop, name=name or f"task-{number}")


class StuckError(Exception):
    """The simulated world did not come to its end within the steps or the time allowed."""


class SimulatedLoop(asyncio.BaseEventLoop):
    """Runs what is ready in an order drawn from `random`; time stands still until nothing is ready."""

    def __init__(self, random: Random) -> None:
        self.steps = 0
        self.trace = 0
        self.failures: list[dict[str, Any]] = []
        self._random = random
        self._seconds = 0.0
        self._runnable: list[Handle] = []
        self._timers: list[tuple[float, int, Handle]] = []
        self._parked: list[Handle] = []
        self._number = 0
        self._tasks: list[NumberedTask] = []
        super().__init__()

    # What asyncio asks of a loop

    def time(self) -> float:
        return self._seconds

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return True  # there is nothing to close

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.failures.append(context)

    def create_future(self) -> asyncio.Future[Any]:
        future = NumberedFuture(loop=self)
        future.number = self._next()
        return future

    def create_task(  # type: ignore[override]  # the context's argument differs from version to version
        self, work: Coroutine[Any, Any, _T], *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[_T]:
        if context is not None:
            return context.run(self._create_task, work, name)
        return self._create_task(work, name)

    def _create_task(self, work: Coroutine[Any, Any, _T], name: str | None) -> asyncio.Task[_T]:
        number = self._next()
        task = NumberedTask(work, self, number, name)
        self._tasks.append(task)
        return task

    def call_soon(  # type: ignore[override]  # a lighter handle
        self, callback: Callable[..., Any], *args: object, context: Context | None = None
    ) -> Handle:
        handle = Handle(self._seconds, callback, args, context or copy_context())
        self._runnable.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]  # there is one thread

    def call_later(  # type: ignore[override]  # a lighter handle
        self, delay: float, callback: Callable[..., Any], *args: object, context: Context | None = None
    ) -> Handle:
        return self.call_at(self._seconds + max(0.0, delay), callback, *args, context=context)

    def call_at(  # type: ignore[override]  # a lighter handle
        self, when: float, callback: Callable[..., Any], *args: object, context: Context | None = None
    ) -> Handle:
        handle = Handle(when, callback, args, context or copy_context())
        heapq.heappush(self._timers, (when, self._next(), handle))
        return handle

    def _next(self) -> int:
        self._number += 1
        return self._number

    # The world's side

    def note(self, text: str) -> None:
        """Make something part of the trace."""
        self.trace = zlib.crc32(f"{self._seconds:.6f} {text}".encode(), self.trace)

    def run(self, main: Coroutine[Any, Any, None], limit_s: float) -> None:
        """Run until `main` is done, then end all that is left; raises what `main` raised, StuckError."""
        asyncio._set_running_loop(self)
        try:
            task = self.create_task(main)
            while not task.done():
                if self._seconds > limit_s or self.steps > _STEPS:
                    raise StuckError(f"not over after {self._seconds:.0f} s and {self.steps} steps")
                if not self._step():
                    raise StuckError("nothing is left to happen")
            task.result()
        finally:
            try:
                self._reap()
            finally:
                asyncio._set_running_loop(None)

    def thaw(self, process: Process) -> None:
        """Let a frozen process go on."""
        process.frozen = False
        mine = [handle for handle in self._parked if handle.context[PROCESS] is process]
        self._parked = [handle for handle in self._parked if handle.context[PROCESS] is not process]
        self._runnable.extend(mine)

    def _step(self) -> bool:
        """Run one callback; False when there is none, now or later."""
        ready = self._runnable
        if not ready:
            if not self._timers:
                return False
            self._seconds = max(self._seconds, self._timers[0][0])
        while self._timers and self._timers[0][0] <= self._seconds:
            ready.append(heapq.heappop(self._timers)[2])
        place = int(self._random.random() * len(ready))
        handle = ready[place]
        ready[place] = ready[-1]
        ready.pop()
        if not handle.off:
            self._run(handle, place)
        return True

    def _run(self, handle: Handle, place: int) -> None:
        process = handle.context.get(PROCESS)
        if process is not None:
            if process.dead or process.frozen:
                self._parked.append(handle)
                return
            if process.steps_left is not None:
                process.steps_left -= 1
                if process.steps_left <= 0 and process.died is not None:
                    process.steps_left = None
                    process.died()
                    self._parked.append(handle)
                    return
        self.steps += 1
        self.trace = (self.trace * 31 + place * 7 + len(self._runnable)) & 0xFFFFFFFF
        try:
            handle.context.run(handle.call, *handle.arguments)
        except Exception as error:  # noqa: BLE001  as every event loop does
            self.call_exception_handler({"message": "a callback raised", "exception": error})

    def _reap(self) -> None:
        """Cancel every task, the dead ones' too, so that none is destroyed while it waits."""
        failures = list(self.failures)
        for _ in range(20):
            self._runnable, ready = [], [*self._runnable, *self._parked]
            self._parked = []
            for handle in ready:
                if not handle.off and handle.when <= self._seconds:
                    self._quietly(handle)
            self._tasks = [task for task in self._tasks if not task.done()]
            for task in self._tasks:
                task.cancel()
            if not self._tasks and not self._runnable:
                break
        for task in self._tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        self.failures = failures

    @staticmethod
    def _quietly(handle: Handle) -> None:
        try:
            handle.context.run(handle.call, *handle.arguments)
        except Exception:  # noqa: BLE001  nothing that happens after the end counts
            return
