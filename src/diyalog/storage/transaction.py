"""What one write transaction works with, and the shape of the operations in it.

Operations are written once for every database, as coroutines. The embedded database never lets one of them wait: there
an operation runs through at once, on the writing thread (`through`).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

from diyalog.domain.ids import CustomerRef, NodeId, SessionId, StaffRef
from diyalog.storage.sealing import Sealer

_A = TypeVar("_A")
_R = TypeVar("_R")


class Row(Protocol):
    """One row as the database gave it; what its columns are stands in the statement."""

    def __getitem__(self, column: int, /) -> Any:  # noqa: ANN401  a column may hold anything
        """The value of a column, counted from 0."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """The values in order."""
        ...


Value: TypeAlias = str | bytes | int | float | None
"""What a column may hold."""


class Endings(NamedTuple):
    """A group of endings, laid out for set-based statements.

    `commands`: a JSON array with an array for each command: its id, the wait it names (row, session id, interaction
    id), event, customer, where its sealed message stands in `sealed` (from 1, and its length), told, access key, and
    where its sealed requester stands. `deletes`: one of them may make a DeleteInteraction due. `holds`: one of them may
    be held for answers of the queue that are outstanding.
    """

    commands: str
    sealed: bytes
    deletes: bool
    holds: bool


class Ended(NamedTuple):
    """What became of a group: for each command the columns of the wait that it named, and the sessions whose
    CreateInteraction answer was outstanding when a command that may be held named no wait.

    Columns are those of statement `read_ended`; the first is None without a wait.
    """

    rows: Sequence[list[Any]]
    outstanding: Sequence[SessionId] = ()


class Transaction(Protocol):
    """One open transaction."""

    @property
    def sealer(self) -> Sealer:
        """Opens and seals what is stored."""
        ...

    @property
    def node(self) -> NodeId:
        """Who writes."""
        ...

    @property
    def now(self) -> int:
        """The time of all of it, by the database's clock (ms since 1970)."""
        ...

    @property
    def again(self) -> bool:
        """An earlier run of these very commands may have been committed, its answer lost."""
        ...

    async def run(self, statement: str, **values: Value) -> None:
        """Carry out a named statement. Every statement may name `now` and `node` besides the `values`."""
        ...

    async def row(self, statement: str, **values: Value) -> Row | None:
        """The first row of a named statement, None without one."""
        ...

    async def rows(self, statement: str, **values: Value) -> Sequence[Row]:
        """All rows of a named statement."""
        ...

    async def changed(self, statement: str, **values: Value) -> int:
        """Carry out a named statement, and say how many rows it wrote or deleted."""
        ...

    async def many(self, statement: str, values: Sequence[Mapping[str, Value]]) -> Sequence[Row]:
        """Carry out a named statement for each of the values, in order, and return the rows of all."""
        ...

    async def hold_customers(self, customers: Sequence[CustomerRef]) -> None:
        """Let no other transaction start waits for these customers, or end theirs, until this one is over."""
        ...

    async def hold_deliveries(self, deliveries: Sequence[int]) -> None:
        """Let no other transaction change these rows of the outbox, or end their waits, until this one is over."""
        ...

    async def hold_conversations(self, waits: Sequence[int], staff: Sequence[StaffRef]) -> None:
        """Let no other transaction change these waits, nor the streams of these and of their own members of the staff,
        until this one is over.
        """
        ...

    async def hold_routing(self) -> bool:
        """Let no other transaction route until this one is over; False if another one does so now."""
        ...

    async def wake(self, node: NodeId, wait: int) -> None:
        """Have another node told, with the commit, that this wait changed, where the database is what tells nodes."""
        ...

    async def end_waits(self, endings: Endings) -> Ended:
        """Carry out a group of endings by the guarded statement, with all that is written along with them."""
        ...


Operation: TypeAlias = Callable[[Transaction, Sequence[_A]], Coroutine[Any, Any, Sequence[_R]]]
"""Carries out all commands of one kind that arrived together; one result for each, in order."""


def each(
    one: Callable[[Transaction, _A], Coroutine[Any, Any, _R]], in_order_of: Callable[[_A], Any] = lambda _: 0
) -> Operation[_A, _R]:
    """Make an operation of a function that carries out one command.

    `in_order_of`: what of a command tells which rows it writes, so that no two transactions wait for each other.
    """

    async def operation(transaction: Transaction, commands: Sequence[_A]) -> Sequence[_R]:
        places = sorted(range(len(commands)), key=lambda place: in_order_of(commands[place]))
        results = {place: await one(transaction, commands[place]) for place in places}
        return [results[place] for place in range(len(commands))]

    return operation


def through(work: Coroutine[Any, Any, _R]) -> _R:
    """Run a coroutine that never waits, and return its result."""
    try:
        work.send(None)
    except StopIteration as done:
        result: _R = done.value
        return result
    raise AssertionError("an operation on the embedded database waited for something")
