"""The embedded store on simulated time: the threads' own code, run by the scheduler instead of by threads.

Only when a thread's turn comes is decided here; what it does then is the program's. A turn of the writer may fail, die
in the middle of its transaction, die after the commit, or lose the commit's answer.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import apsw

from diyalog.clock import Clock
from diyalog.domain.ids import NodeId
from diyalog.ports import StoreUnavailableError
from diyalog.storage.reader import Reader
from diyalog.storage.sealing import Sealer
from diyalog.storage.sqlite import SqliteStore
from diyalog.storage.sqlite_transaction import SqliteTransaction
from diyalog.storage.writer import Writer, _Pending, _Settled
from world.database import Lease
from world.faults import Fault, Faults
from world.loop import Handle, SimulatedLoop

_R = TypeVar("_R")
_TURN_S = 0.004


class DyingError(BaseException):
    """The process ends in the middle of a statement."""


class Lane:
    """The loop as a thread sees it: what one thread hands back arrives in the order in which it was handed back."""

    def __init__(self, loop: SimulatedLoop, faults: Faults) -> None:
        self._loop = loop
        self._faults = faults
        self._arrived_at = 0.0
        self.create_future = loop.create_future
        self.call_soon = loop.call_soon

    def call_soon_threadsafe(self, call: Callable[..., Any], *arguments: object) -> Handle:
        at = self._loop.time() + self._faults.random.random() * _TURN_S
        self._arrived_at = max(self._arrived_at + 1e-6, at)
        return self._loop.call_at(self._arrived_at, call, *arguments)

    def turn(self, call: Callable[[], None]) -> Handle:
        return self._loop.call_later(self._faults.random.random() * _TURN_S, call)


class SimulatedWriter(Writer):
    """The group commit, a turn of the scheduler for each group."""

    def __init__(
        self,
        connection: apsw.Connection,
        begin: Callable[[apsw.Connection], SqliteTransaction],
        lane: Lane,
        faults: Faults,
        die: Callable[[], None],
        doom: Callable[[], None],
        committed: Callable[[], None],
    ) -> None:
        super().__init__(connection, begin)
        self._lane = lane
        self._faults = faults
        self._die = die
        self._doom = doom
        self._committed = committed
        self._due = False
        self._statements_left = 0

    def start(self) -> None:
        self._loop = self._lane  # type: ignore[assignment]  # the few calls that a writer makes

    async def stop(self) -> None:
        self._hand_over()
        self._turn()

    def _hand_over(self) -> None:
        super()._hand_over()
        if not self._due:
            self._due = True
            self._lane.turn(self._turn)

    def _turn(self) -> None:
        self._due = False
        self._pending.put(None)
        try:
            self._work()
        except DyingError:
            self._die()

    def _carry_out(self, group: Sequence[_Pending]) -> list[_Settled]:
        faults = self._faults
        if faults.strikes(Fault.STORE_AWAY):
            unavailable = StoreUnavailableError("planned")
            return [(future, None, unavailable) for _, _, future in group]
        if faults.strikes(Fault.CRASH_BEFORE_COMMIT):
            return self._die_inside(group)
        settled = super()._carry_out(group)
        self._committed()
        if faults.strikes(Fault.CRASH_AFTER_COMMIT):
            raise DyingError
        if faults.strikes(Fault.COMMIT_ANSWER_LOST):
            self._doom()  # a commit that fails and is found after all: only a later start of the process reads it so
            unavailable = StoreUnavailableError("planned")
            return [(future, None, unavailable) for future, _, _ in settled]
        return settled

    def _die_inside(self, group: Sequence[_Pending]) -> list[_Settled]:
        """Die at one of the first statements: what they wrote is rolled back, as it is after a kill."""
        self._statements_left = self._faults.random.randrange(1, 12)

        def trace(*_: object) -> bool:
            self._statements_left -= 1
            if self._statements_left < 0 and self._connection.in_transaction:
                lease.trace(None)
                raise DyingError
            return True

        lease = cast("Lease", self._connection)
        lease.trace(trace)
        try:
            super()._carry_out(group)
            self._committed()
        finally:
            lease.trace(None)
        raise DyingError  # it had fewer statements: then after the commit


class SimulatedReader(Reader):
    """The reading thread, a turn of the scheduler for what was asked meanwhile."""

    def __init__(self, connection: apsw.Connection, lane: Lane, faults: Faults) -> None:
        super().__init__(connection)
        self._lane = lane
        self._faults = faults
        self._due = False

    def start(self) -> None:
        self._loop = self._lane  # type: ignore[assignment]  # the few calls that a reader makes

    async def stop(self) -> None:
        self._hand_over()
        self._turn()

    async def read(self, query: Callable[[apsw.Connection], _R]) -> _R:
        result = await super().read(query)
        if self._faults.strikes(Fault.READ_FAILS):
            raise StoreUnavailableError("planned")
        return result

    def _hand_over(self) -> None:
        super()._hand_over()
        if not self._due:
            self._due = True
            self._lane.turn(self._turn)

    def _turn(self) -> None:
        self._due = False
        self._pending.put(None)
        self._work()


class SimulatedStore(SqliteStore):
    """The embedded store of one simulated process; `die` kills that process, `doom` does soon.

    `committed` is told of each commit.
    """

    def __init__(
        self,
        opened: SqliteStore,
        sealer: Sealer,
        clock: Clock,
        node: NodeId,
        *,
        loop: SimulatedLoop,
        faults: Faults,
        die: Callable[[], None],
        doom: Callable[[], None],
        committed: Callable[[], None] = lambda: None,
    ) -> None:
        self.__dict__.update(opened.__dict__)  # what opening has made is taken over, with a new owner
        self._sealer = sealer
        self._clock = clock
        self._node = node
        self._writing, self._reading = _leased(opened._writing), _leased(opened._reading)
        self._writer = SimulatedWriter(self._writing, self._begin, Lane(loop, faults), faults, die, doom, committed)
        self._reader = SimulatedReader(self._reading, Lane(loop, faults), faults)

    def close(self) -> None:
        """Close the files as the end of a process does: an open transaction is rolled back."""
        self._writing.close()
        self._reading.close()


def _leased(connection: apsw.Connection) -> apsw.Connection:
    return cast("apsw.Connection", Lease(connection))
