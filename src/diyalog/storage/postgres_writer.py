"""The writer of PostgreSQL: a few connections that take turns, each committing together whatever arrived meanwhile.

Idle, a command is committed at once; under load a connection takes all commands of one kind that came while the others
were busy, so that durability costs one commit a group and not one a command.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import asyncpg

from diyalog.ports import StoreUnavailableError
from diyalog.storage.postgres_connection import AWAY, RACED, Connection, Plans, Statement, open_postgres
from diyalog.storage.postgres_transaction import PostgresTransaction
from diyalog.storage.transaction import Operation

_A = TypeVar("_A")
_R = TypeVar("_R")
_TOGETHER: Final = 1000
_ONE_AFTER_THE_OTHER: Final = 100
"""Most commands of a group: where one statement does all, and where each takes some, which other lanes then share."""
_RACES: Final = 20
"""How often a group that met another transaction is run again before each of its commands is run alone."""
_RESOLVE_S: Final = 5.0
"""How long it is tried to find out what became of a commit whose answer was lost."""
_PAUSE_S: Final = 0.05

_Pending = tuple[Any, "asyncio.Future[Any]"]
Begin = Callable[[Connection, int, int | None, bool], PostgresTransaction]
"""Makes the transaction of a connection, for a lane's number, the time, and whether it is run again."""


class _AwayError(Exception):
    """The database went away while a transaction was under way. `sent`: it may have been carried out."""

    def __init__(self, error: BaseException, *, sent: bool) -> None:
        super().__init__(type(error).__name__)
        self.sent = sent


class PostgresWriter:
    """Runs operations in group transactions on `lanes` connections.

    `alone`: whether a group of this kind is one statement, which needs no transaction around it.
    """

    def __init__(
        self,
        url: str,
        begin: Begin,
        sql: dict[str, Statement],
        alone: Callable[[Operation[Any, Any], Sequence[Any]], bool],
        *,
        lanes: int,
    ) -> None:
        self._url = url
        self._begin = begin
        self._read_now = sql["read_now"].text
        self._end_backend = sql["end_backend"].text
        self._alone = alone
        self._submitted: dict[Operation[Any, Any], list[_Pending]] = {}
        self._idle = list(range(lanes))
        self._connections: list[Connection | None] = [None] * lanes
        self._plans = Plans()
        self._lost: list[list[int]] = [[] for _ in range(lanes)]
        self._tasks: set[asyncio.Task[None]] = set()
        self._turning = False

    def submit(self, operation: Operation[_A, _R], command: _A) -> asyncio.Future[_R]:
        """Carry out one command; the future has its result once it is durable.

        Or StoreUnavailableError when it could not be committed, or when it stayed unknown whether it was.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_R] = loop.create_future()
        self._submitted.setdefault(operation, []).append((command, future))
        if not self._turning:
            self._turning = True
            loop.call_soon(self._hand_over)  # what this turn of the loop submits goes together
        return future

    async def stop(self) -> None:
        """Commit what was submitted and close the connections."""
        self._hand_over()
        while self._tasks:
            await asyncio.wait(set(self._tasks))
        for connection in self._connections:
            if connection is not None:
                await _close(connection)

    def _hand_over(self) -> None:
        self._turning = False
        while self._submitted and self._idle:
            operation = next(iter(self._submitted))
            group = self._submitted.pop(operation)
            most = _TOGETHER if self._alone(operation, ()) else _ONE_AFTER_THE_OTHER
            if len(group) > most:
                self._submitted[operation] = group[most:]
                del group[most:]
            task = asyncio.get_running_loop().create_task(self._work(self._idle.pop(), operation, group))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _work(self, lane: int, operation: Operation[Any, Any], group: list[_Pending]) -> None:
        try:
            await self._carry_out(lane, operation, group)
        finally:
            self._idle.append(lane)
            self._hand_over()

    async def _carry_out(
        self,
        lane: int,
        operation: Operation[Any, Any],
        group: list[_Pending],
        *,
        again: bool = False,
        give_up: float | None = None,
    ) -> None:
        """Run the group until it is known what became of it, and settle its futures.

        `again`: it may have been carried out before. `give_up`: when not to try any more, by the loop's time.
        """
        loop, races = asyncio.get_running_loop(), 0
        give_up = loop.time() + _RESOLVE_S if give_up is None else give_up
        if not again:
            self._lost[lane].clear()
        while True:
            try:
                results = await self._transact(lane, operation, [command for command, _ in group], again=again)
            except _AwayError as away:
                again = again or away.sent
                if not again or loop.time() >= give_up:
                    _refuse(group, StoreUnavailableError(str(away)))
                    return
                await _pause()
            except Exception as error:  # noqa: BLE001  one bad command must not take the others with it
                races += isinstance(error, RACED)
                if not isinstance(error, RACED) or races >= _RACES or loop.time() >= give_up:
                    await self._one_by_one(lane, operation, group, error, again=again)
                    return
            else:
                _settle(group, results)
                return

    async def _one_by_one(
        self, lane: int, operation: Operation[Any, Any], group: list[_Pending], error: Exception, *, again: bool
    ) -> None:
        if len(group) == 1:
            _refuse(group, StoreUnavailableError(type(error).__name__) if isinstance(error, RACED) else error)
            return
        loop = asyncio.get_running_loop()
        give_up = loop.time() + _RESOLVE_S  # for all of them: a database that goes away now keeps nobody hanging
        for place, one in enumerate(group):
            if loop.time() >= give_up:
                _refuse(group[place:], StoreUnavailableError(type(error).__name__))
                return
            await self._carry_out(lane, operation, [one], again=again, give_up=give_up)

    async def _transact(
        self, lane: int, operation: Operation[Any, Any], commands: list[Any], *, again: bool
    ) -> Sequence[Any]:
        connection = await self._connected(lane)
        transaction: PostgresTransaction | None = None
        try:
            await self._plans.renew(connection)
            if again:
                await self._end_earlier(lane, connection)
            if self._alone(operation, commands):
                transaction = self._begin(connection, lane, None, again)
                return await operation(transaction, commands)
            async with connection.transaction():
                now = await connection.fetchval(self._read_now)
                return await operation(self._begin(connection, lane, now, again), commands)
        except Exception as error:
            severity = error.severity_en if isinstance(error, asyncpg.PostgresError) else None
            if isinstance(error, AWAY) or severity == "FATAL" or connection.is_closed():
                self._drop(lane)
                # An ERROR, unlike the end of the connection, tells that nothing was done by this statement.
                committed = transaction is not None and transaction.committed
                raise _AwayError(error, sent=committed or severity != "ERROR") from error
            raise

    async def _end_earlier(self, lane: int, connection: Connection) -> None:
        """Wait until the lane's lost connections are over for the server too, which may still be committing."""
        if self._lost[lane]:
            await connection.execute(self._end_backend, self._lost[lane])
            self._lost[lane].clear()

    async def _connected(self, lane: int) -> Connection:
        connection = self._connections[lane]
        if connection is None or connection.is_closed():
            try:
                connection = self._connections[lane] = await open_postgres(self._url)
            except (*AWAY, ValueError) as error:
                self._refuse_waiting(error)
                raise _AwayError(error, sent=False) from error
        return connection

    def _refuse_waiting(self, error: BaseException) -> None:
        """Let nobody wait for his turn to be told the same, unless another connection works."""
        if all(connection is None or connection.is_closed() for connection in self._connections):
            waiting, self._submitted = self._submitted, {}
            for group in waiting.values():
                _refuse(group, StoreUnavailableError(type(error).__name__))

    def _drop(self, lane: int) -> None:
        """Give a connection up: it is not known what state it is in."""
        connection, self._connections[lane] = self._connections[lane], None
        if connection is not None:
            self._lost[lane].append(connection.get_server_pid())
            connection.terminate()


def _settle(group: Sequence[_Pending], results: Sequence[Any]) -> None:
    for (_, future), result in zip(group, results, strict=True):
        if not future.done():  # else whoever waited has gone
            future.set_result(result)


def _refuse(group: Sequence[_Pending], error: Exception) -> None:
    for _, future in group:
        if not future.done():
            future.set_exception(error)


async def _pause() -> None:
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    loop.call_later(_PAUSE_S, over.set_result, None)
    await over


async def _close(connection: Connection) -> None:
    with contextlib.suppress(*AWAY):
        await connection.close(timeout=2.0)
