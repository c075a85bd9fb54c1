"""What one write transaction works with, and the shape of the operations in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import apsw

from diyalog.domain.ids import NodeId
from diyalog.storage.sealing import Sealer

_A = TypeVar("_A")
_R = TypeVar("_R")

Row: TypeAlias = tuple[Any, ...]
"""One row as the database gave it; what its columns are stands in the statement."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """One open transaction. `now` is read once for all of it (ms since 1970); `sql` holds the named statements."""

    connection: apsw.Connection
    sql: dict[str, str]
    sealer: Sealer
    node: NodeId
    now: int

    def run(self, statement: str, **values: apsw.SQLiteValue) -> None:
        """Carry out a named statement."""
        self.connection.execute(self.sql[statement], values)

    def row(self, statement: str, **values: apsw.SQLiteValue) -> Row | None:
        """The first row of a named statement, None without one."""
        rows = self.rows(statement, **values)
        return rows[0] if rows else None

    def rows(self, statement: str, **values: apsw.SQLiteValue) -> list[Row]:
        """All rows of a named statement."""
        return fetch(self.connection, self.sql[statement], **values)


def fetch(connection: apsw.Connection, statement: str, **values: apsw.SQLiteValue) -> list[Row]:
    """All rows of a statement."""
    return connection.execute(statement, values).fetchall()


Operation: TypeAlias = Callable[[Transaction, Sequence[_A]], Sequence[_R]]
"""Carries out all commands of one kind that arrived together; one result for each, in order."""


def each(one: Callable[[Transaction, _A], _R]) -> Operation[_A, _R]:
    """Make an operation of a function that carries out one command."""

    def operation(transaction: Transaction, commands: Sequence[_A]) -> Sequence[_R]:
        return [one(transaction, command) for command in commands]

    return operation
