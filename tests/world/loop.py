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
from typing import Any, TypeVar, cast

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
    """Hashed by its number, drawn when it is needed first, so that sets of such things have one order in every run."""

    number = 0
    get_loop: Callable[[], Any]

    def __hash__(self) -> int:
        if not self.number:
            self.number = self.get_loop().next_number()
        return self.number

    def __eq__(self, other: object) -> bool:
        return self is other


class NumberedFuture(Numbered, asyncio.Future[Any]):
    """A future with a number."""


class NumberedTask(Numbered, asyncio.Task[Any]):
    """A task with a number."""


class Nap(NumberedFuture):
    """Done at its time: what asyncio.sleep gives, without a task and its steps for each."""

    timer: Handle

    def cancel(self, msg: object = None) -> bool:
        self.timer.cancel()
        return super().cancel(msg)


def _wake(nap: Nap) -> None:
    if not nap.done():
        nap.set_result(None)


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
        return NumberedFuture(loop=self)

    def create_task(  # type: ignore[override]  # the context's argument differs from version to version
        self, work: Coroutine[Any, Any, _T], *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[_T]:
        if context is not None:
            return context.run(self._create_task, work, name)
        return self._create_task(work, name)

    def _create_task(self, work: Coroutine[Any, Any, _T], name: str | None) -> asyncio.Task[_T]:
        task = NumberedTask(work, loop=self, name=name)
        self._tasks.append(task)
        return task

    def call_soon(  # type: ignore[override]  # a lighter handle
        self, callback: Callable[..., Any], *args: object, context: Context | None = None
    ) -> Handle:
        handle = Handle(self._seconds, callback, args, copy_context() if context is None else context)
        self._runnable.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]  # there is one thread

    def call_later(  # type: ignore[override]  # a lighter handle
        self, delay: float, callback: Callable[..., Any], *args: object, context: Context | None = None
    ) -> Handle:
        when = self._seconds + delay if delay > 0.0 else self._seconds
        handle = Handle(when, callback, args, copy_context() if context is None else context)
        self._number = number = self._number + 1
        heapq.heappush(self._timers, (when, number, handle))
        return handle

    def call_at(  # type: ignore[override]  # a lighter handle
        self, when: float, callback: Callable[..., Any], *args: object, context: Context | None = None
    ) -> Handle:
        handle = Handle(when, callback, args, copy_context() if context is None else context)
        self._number = number = self._number + 1
        heapq.heappush(self._timers, (when, number, handle))
        return handle

    # The world's side

    def next_number(self) -> int:
        """A number that nothing else in this loop has."""
        self._number += 1
        return self._number

    def sleep(self, seconds: float) -> Coroutine[Any, Any, None]:
        """Wait, as asyncio.sleep does."""
        nap = Nap(loop=self)
        nap.timer = self.call_later(seconds, _wake, nap)
        return cast("Coroutine[Any, Any, None]", nap)  # used as one: awaited, or made a task of

    def note(self, text: str) -> None:
        """Make something part of the trace."""
        self.trace = zlib.crc32(f"{self._seconds:.6f} {text}".encode(), self.trace)

    def run(self, main: Coroutine[Any, Any, None], limit_s: float) -> None:
        """Run until `main` is done, then end all that is left; raises what `main` raised, StuckError."""
        asyncio._set_running_loop(self)
        try:
            task = self.create_task(main)
            self._go_on(task, limit_s)
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

    def _go_on(self, task: asyncio.Task[None], limit_s: float) -> None:
        """Run one callback after the other until `task` is done: the one function that must be fast."""
        ready, timers, draw, next_timer = self._runnable, self._timers, self._random.random, heapq.heappop
        while not task.done():
            if not ready:
                if not timers:
                    raise StuckError("nothing is left to happen")
                self._seconds = max(self._seconds, timers[0][0])
            if self._seconds > limit_s or self.steps > _STEPS:
                raise StuckError(f"not over after {self._seconds:.0f} s and {self.steps} steps")
            while timers and timers[0][0] <= self._seconds:
                ready.append(next_timer(timers)[2])
            place = int(draw() * len(ready))
            handle = ready[place]
            ready[place] = ready[-1]
            ready.pop()
            if handle.off:
                continue
            context = handle.context
            process = context.get(PROCESS)
            if process is not None:
                limited = process.dead or process.frozen or process.steps_left is not None
                if limited and self._is_held_back(handle, process):
                    continue
            self.steps += 1
            self.trace = (self.trace * 31 + place * 7 + len(ready)) & 0xFFFFFFFF
            try:
                context.run(handle.call, *handle.arguments)
            except Exception as error:  # noqa: BLE001  as every event loop does
                self.call_exception_handler({"message": "a callback raised", "exception": error})

    def _is_held_back(self, handle: Handle, process: Process) -> bool:
        """Park what belongs to a process that does not run, or that dies at this step."""
        if process.dead or process.frozen:
            self._parked.append(handle)
            return True
        if process.steps_left is not None:
            process.steps_left -= 1
            if process.steps_left <= 0 and process.died is not None:
                process.steps_left = None
                process.died()
                self._parked.append(handle)
                return True
        return False

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
