"""A write transaction on the embedded database, and the group of endings in it: statement by statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import apsw
import msgspec

from diyalog.domain.ids import CustomerRef, NodeId, SessionId, StaffRef
from diyalog.domain.transitions import ENDINGS
from diyalog.storage.sealing import Sealer
from diyalog.storage.transaction import Ended, Endings, Row, Value

_decode: Final = msgspec.json.Decoder(list[list[object]]).decode


def prepare(connection: apsw.Connection, sql: dict[str, str]) -> None:
    """Make the staging tables on a connection: the commands of a group, and the domain's table of endings."""
    connection.execute(sql["create_staging"])
    for ending in ENDINGS.values():
        rule = {
            "event": ending.event,
            "sources": " ".join(ending.sources),
            "outcome": ending.outcome,
            "reason": ending.reason,
            "deletes": ending.deletes_interaction,
            "timed": ending.timed,
            "state": ending.state,
        }
        connection.execute(sql["write_ending_rule"], rule)


@dataclass(frozen=True, slots=True)
class SqliteTransaction:
    """One open transaction. `now` is read once for all of it (ms since 1970); `sql` holds the named statements.

    A COMMIT that fails here has not happened for anyone who reads, so nothing is ever run `again`.
    """

    connection: apsw.Connection
    sql: dict[str, str]
    sealer: Sealer
    node: NodeId
    now: int
    again: bool = False

    async def run(self, statement: str, **values: Value) -> None:
        """Carry out a named statement."""
        self._execute(statement, values)

    async def row(self, statement: str, **values: Value) -> Row | None:
        """The first row of a named statement, None without one."""
        rows = self._execute(statement, values)
        return rows[0] if rows else None

    async def rows(self, statement: str, **values: Value) -> list[Row]:
        """All rows of a named statement."""
        return self._execute(statement, values)

    async def changed(self, statement: str, **values: Value) -> int:
        """Carry out a named statement, and say how many rows it wrote or deleted."""
        self._execute(statement, values)
        return self.connection.changes()

    async def many(self, statement: str, values: Sequence[Mapping[str, Value]]) -> list[Row]:
        """Carry out a named statement for each of the values, in order, and return the rows of all."""
        return [row for each in values for row in self._execute(statement, each)]

    async def hold_customers(self, customers: Sequence[CustomerRef]) -> None:
        """Nothing: one transaction writes at a time."""

    async def hold_deliveries(self, deliveries: Sequence[int]) -> None:
        """Nothing: one transaction writes at a time."""

    async def hold_conversations(self, waits: Sequence[int], staff: Sequence[StaffRef]) -> None:
        """Nothing: one transaction writes at a time."""

    async def hold_routing(self) -> bool:
        """Nothing: one transaction writes at a time."""
        return True

    async def wake(self, node: NodeId, wait: int) -> None:
        """Nothing: there is no other node."""

    def _execute(self, statement: str, values: Mapping[str, Value]) -> list[Row]:
        return fetch(self.connection, self.sql[statement], **{"now": self.now, "node": self.node, **values})

    async def end_waits(self, endings: Endings) -> Ended:
        """Carry out a group of endings by the guarded statement, with all that is written along with them."""
        execute, sql, now = self.connection.execute, self.sql, {"now": self.now, "node": self.node}
        execute(sql["clear_endings"])
        execute(sql["stage_endings"], {"commands": endings.commands, "sealed": endings.sealed})
        execute(sql["end_waits"], now)
        execute(sql["write_ended_audit"], now)
        if endings.deletes:
            execute(sql["write_deletes"], now)
        execute(sql["count_ended"])
        rows = _decode(fetch(self.connection, sql["read_ended"])[0][0])
        if endings.holds and any(row[0] is None for row in rows):
            sessions = fetch(self.connection, sql["outstanding_sessions"], now=self.now)
            return Ended(rows, [SessionId(session) for (session,) in sessions])
        return Ended(rows)


def fetch(connection: apsw.Connection, statement: str, **values: Value) -> list[Row]:
    """All rows of a statement."""
    rows: list[Any] = connection.execute(statement, values).fetchall()
    return rows
