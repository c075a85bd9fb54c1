"""Reads of the embedded database, on a thread of their own so that the event loop never waits on disk."""

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import apsw

from diyalog.ports import StoreUnavailableError
from diyalog.storage.connection import UNAVAILABLE

_R = TypeVar("_R")
_Pending = tuple[Callable[[apsw.Connection], Any], "asyncio.Future[Any]"]


class Reader:
    """Runs reads one after the other, each in a transaction of its own: what it returns was true at one moment."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._pending: queue.SimpleQueue[_Pending | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="diyalog-reader", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Start the thread; results are handed to the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def stop(self) -> None:
        """Finish what was asked, then end the thread."""
        self._pending.put(None)
        await asyncio.to_thread(self._thread.join)

    async def read(self, query: Callable[[apsw.Connection], _R]) -> _R:
        """Run `query` on the reading thread; raises StoreUnavailableError."""
        assert self._loop is not None, "started"
        future: asyncio.Future[_R] = self._loop.create_future()
        self._pending.put((query, future))
        return await future

    def _work(self) -> None:
        assert self._loop is not None, "started"
        while (item := self._pending.get()) is not None:
            query, future = item
            result: Any = None
            error: Exception | None = None
            try:
                self._connection.execute("BEGIN")
                try:
                    result = query(self._connection)
                finally:
                    self._connection.execute("COMMIT")
            except UNAVAILABLE as unavailable:
                error = StoreUnavailableError(type(unavailable).__name__)
            except Exception as mistake:  # noqa: BLE001  raised again where the read was asked for
                error = mistake
            with suppress(RuntimeError):  # the loop is gone: nobody waits for this any more
                self._loop.call_soon_threadsafe(_settle, future, result, error)


def _settle(future: "asyncio.Future[Any]", result: object, error: Exception | None) -> None:
    if future.done():  # whoever waited has gone
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
