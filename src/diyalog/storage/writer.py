"""The one writer of the embedded database: a thread that commits together whatever arrived meanwhile.

Idle, a command is committed at once; under load each commit carries everything that came during the one before, so
that durability costs one fsync a group and not one a command.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

import apsw

from diyalog.ports import StoreUnavailableError
from diyalog.storage.connection import UNAVAILABLE
from diyalog.storage.sqlite_transaction import SqliteTransaction
from diyalog.storage.transaction import Operation, through

_A = TypeVar("_A")
_R = TypeVar("_R")
_GROUP_LIMIT: Final = 2000

_Pending = tuple[Operation[Any, Any], Any, "asyncio.Future[Any]"]
_Settled = tuple["asyncio.Future[Any]", Any, BaseException | None]


class Writer:
    """Runs operations in group transactions on a thread of its own."""

    def __init__(self, connection: apsw.Connection, begin: Callable[[apsw.Connection], SqliteTransaction]) -> None:
        self._connection = connection
        self._begin = begin
        self._submitted: list[_Pending] = []
        self._pending: queue.SimpleQueue[list[_Pending] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="diyalog-writer", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Start the thread; results are handed to the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    async def stop(self) -> None:
        """Commit what was submitted, then end the thread."""
        self._hand_over()
        self._pending.put(None)
        await asyncio.to_thread(self._thread.join)

    def submit(self, operation: Operation[_A, _R], command: _A) -> "asyncio.Future[_R]":
        """Carry out one command; the future has its result once it is durable.

        Or StoreUnavailableError when it could not be committed; nothing of it is then acknowledged.
        """
        assert self._loop is not None, "started"
        future: asyncio.Future[_R] = self._loop.create_future()
        self._submitted.append((operation, command, future))
        if len(self._submitted) == 1:
            self._loop.call_soon(self._hand_over)
        return future

    def _hand_over(self) -> None:
        """Give the thread what one turn of the event loop has submitted.

        All at once: woken by the first command, it would take the interpreter lock in the middle of the turn, and
        commit that one alone.
        """
        if self._submitted:
            submitted, self._submitted = self._submitted, []
            self._pending.put(submitted)

    def _work(self) -> None:
        stopping = False
        while not stopping:
            group = self._pending.get()
            if group is None:
                return
            with suppress(queue.Empty):
                while len(group) < _GROUP_LIMIT:
                    more = self._pending.get_nowait()
                    if more is None:
                        stopping = True
                        break
                    group.extend(more)
            settled = self._carry_out(group)
            assert self._loop is not None, "started"
            with suppress(RuntimeError):  # the loop is gone: nobody waits for these results any more
                self._loop.call_soon_threadsafe(_settle, settled)

    def _carry_out(self, group: Sequence[_Pending]) -> list[_Settled]:
        try:
            results = self._commit(group)
        except UNAVAILABLE as error:
            unavailable = StoreUnavailableError(type(error).__name__)
            return [(future, None, unavailable) for _, _, future in group]
        except Exception as error:  # noqa: BLE001  one bad command must not take the others with it
            if len(group) == 1:
                return [(group[0][2], None, error)]
            return [one for item in group for one in self._carry_out([item])]
        return [(item[2], result, None) for item, result in zip(group, results, strict=True)]

    def _commit(self, group: Sequence[_Pending]) -> list[Any]:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            transaction = self._begin(connection)
            results: list[Any] = [None] * len(group)
            for operation, places in _by_operation(group).items():
                outcome = through(operation(transaction, [group[place][1] for place in places]))
                for place, result in zip(places, outcome, strict=True):
                    results[place] = result
            connection.execute("COMMIT")
        except BaseException:
            # A COMMIT that fails here has not happened for anyone who reads: it is reported as unavailable, and
            # whoever tries again meets the guard of the transition, so that nothing is carried out twice.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return results


def _by_operation(group: Sequence[_Pending]) -> dict[Operation[Any, Any], list[int]]:
    """Places in the group by operation: commands of one kind are carried out together."""
    places: dict[Operation[Any, Any], list[int]] = {}
    for place, (operation, _, _) in enumerate(group):
        places.setdefault(operation, []).append(place)
    return places


def _settle(settled: Sequence[_Settled]) -> None:
    for future, result, error in settled:
        if future.done():  # whoever waited has gone
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)
