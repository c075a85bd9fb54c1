"""Reads of the embedded database, on a thread of their own so that the event loop never waits on disk.

Reads that were asked for in one turn of the event loop, or while the thread was busy, share a transaction: waking the
thread, beginning and ending a transaction cost more than most reads, and each time the interpreter lock changes hands.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import apsw

from diyalog.ports import StoreUnavailableError
from diyalog.storage.connection import UNAVAILABLE

_R = TypeVar("_R")
_Pending = tuple[Callable[[apsw.Connection], Any], "asyncio.Future[Any]"]
_Settled = tuple["asyncio.Future[Any]", Any, Exception | None]


class Reader:
    """Runs reads one after the other: what each returns was true at one moment after it was asked for."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._asked: list[_Pending] = []
        self._pending: queue.SimpleQueue[_Pending | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="diyalog-reader", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Start the thread; results are handed to the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def stop(self) -> None:
        """Finish what was asked, then end the thread."""
        self._hand_over()
        self._pending.put(None)
        await asyncio.to_thread(self._thread.join)

    async def read(self, query: Callable[[apsw.Connection], _R]) -> _R:
        """Run `query` on the reading thread; raises StoreUnavailableError."""
        assert self._loop is not None, "started"
        future: asyncio.Future[_R] = self._loop.create_future()
        self._asked.append((query, future))
        if len(self._asked) == 1:
            self._loop.call_soon(self._hand_over)
        return await future

    def _hand_over(self) -> None:
        """Give the thread what one turn of the event loop has asked for."""
        asked, self._asked = self._asked, []
        for item in asked:
            self._pending.put(item)

    def _work(self) -> None:
        assert self._loop is not None, "started"
        while (item := self._pending.get()) is not None:
            group = [item]
            ended = False
            with suppress(queue.Empty):
                while (more := self._pending.get_nowait()) is not None:
                    group.append(more)
                ended = True
            settled = self._carry_out(group)
            with suppress(RuntimeError):  # the loop is gone: nobody waits for these any more
                self._loop.call_soon_threadsafe(_settle, settled)
            if ended:
                return

    def _carry_out(self, group: Sequence[_Pending]) -> list[_Settled]:
        connection = self._connection
        try:
            connection.execute("BEGIN")
            try:
                return [self._one(query, future) for query, future in group]
            finally:
                connection.execute("COMMIT")
        except UNAVAILABLE as unavailable:
            error = StoreUnavailableError(type(unavailable).__name__)
            return [(future, None, error) for _, future in group]

    def _one(self, query: Callable[[apsw.Connection], Any], future: "asyncio.Future[Any]") -> _Settled:
        try:
            return future, query(self._connection), None
        except UNAVAILABLE as unavailable:
            return future, None, StoreUnavailableError(type(unavailable).__name__)
        except Exception as mistake:  # noqa: BLE001  raised again where the read was asked for
            return future, None, mistake


def _settle(settled: Sequence[_Settled]) -> None:
    for future, result, error in settled:
        if future.done():  # whoever waited has gone
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)
