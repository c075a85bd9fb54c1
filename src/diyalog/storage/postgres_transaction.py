"""A write transaction on PostgreSQL, and the group of endings in it: one statement for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from diyalog.domain.ids import CustomerRef, NodeId, SessionId, StaffRef
from diyalog.domain.transitions import ENDINGS
from diyalog.storage.postgres_connection import Connection, Statement
from diyalog.storage.sealing import Sealer
from diyalog.storage.transaction import Ended, Endings, Row, Value

_COMMAND: Final = 13
_MOVED: Final = 16
_INTERACTION: Final = 3
_decode: Final = msgspec.json.Decoder(list[list[Any]]).decode
_decode_names: Final = msgspec.json.Decoder(list[SessionId]).decode
_RULES: Final = msgspec.json.encode(
    [
        {
            "event": ending.event,
            "sources": " ".join(ending.sources),
            "outcome": ending.outcome,
            "reason": ending.reason,
            "deletes": ending.deletes_interaction,
            "timed": ending.timed,
            "state": ending.state,
        }
        for ending in ENDINGS.values()
    ]
).decode()


class PostgresTransaction:
    """One open transaction, or one statement that commits itself: then its time is not known (`now` is None there).

    `part`: the rows of the tally that this connection counts in. `notify`: nodes whose customers are concerned are
    told by NOTIFY, with the commit. `committed`: the one statement has taken place, what follows only reads.
    """

    def __init__(
        self,
        connection: Connection,
        sql: Mapping[str, Statement],
        sealer: Sealer,
        node: NodeId,
        *,
        part: int,
        notify: bool,
        now: int | None,
        again: bool,
    ) -> None:
        self.sealer = sealer
        self.node = node
        self.again = again
        self.committed = False
        self._connection = connection
        self._sql = sql
        self._now = now
        self._always: dict[str, Any] = {"now": now, "node": node, "part": part, "notify": notify, "again": again}

    @property
    def now(self) -> int:
        """The time of all of it, by the database's clock (ms since 1970)."""
        assert self._now is not None, "a statement that commits itself reads the time itself"
        return self._now

    async def run(self, statement: str, **values: Value) -> None:
        """Carry out a named statement."""
        await self._connection.execute(*self._filled(statement, values))

    async def row(self, statement: str, **values: Value) -> Row | None:
        """The first row of a named statement, None without one."""
        return await self._connection.fetchrow(*self._filled(statement, values))

    async def rows(self, statement: str, **values: Value) -> Sequence[Row]:
        """All rows of a named statement."""
        return await self._connection.fetch(*self._filled(statement, values))

    async def changed(self, statement: str, **values: Value) -> int:
        """Carry out a named statement, and say how many rows it wrote or deleted."""
        status = await self._connection.execute(*self._filled(statement, values))
        return int(status.rpartition(" ")[2])

    async def many(self, statement: str, values: Sequence[Mapping[str, Value]]) -> Sequence[Row]:
        """Carry out a named statement for each of the values, in order, and return the rows of all."""
        if not values:
            return []
        text, names = self._sql[statement]
        always = self._always
        return await self._connection.fetchmany(text, [[{**always, **one}[name] for name in names] for one in values])

    async def hold_customers(self, customers: Sequence[CustomerRef]) -> None:
        """Lock the customers' rows, and then those of their waits: all in order, as the endings lock them."""
        await self._hold("hold_customers", customers)
        if len(customers) > 1:  # one wait alone has no order
            await self._hold("hold_waits", customers)

    async def hold_deliveries(self, deliveries: Sequence[int]) -> None:
        """Lock these rows of the outbox with their waits, in the order of the waits."""
        if len(deliveries) > 1:
            await self._hold("hold_deliveries", deliveries)

    async def hold_conversations(self, waits: Sequence[int], staff: Sequence[StaffRef]) -> None:
        """Lock these waits, and then the members of the staff, all in order."""
        await self._hold("hold_named_waits", waits)
        text, _ = self._sql["hold_staff"]
        await self._connection.execute(text, sorted(set(staff)), sorted(set(waits)))

    async def hold_routing(self) -> bool:
        """Take the advisory lock of whoever routes, unless it is taken."""
        found = await self.row("hold_routing")
        return bool(found is not None and found[0])

    async def wake(self, node: NodeId, wait: int) -> None:
        """Notify the node, if it is NOTIFY that tells nodes."""
        if self._always["notify"]:
            await self.row("wake", gone=node, wait=wait)

    async def _hold(self, statement: str, rows: Sequence[int]) -> None:
        text, _ = self._sql[statement]
        await self._connection.execute(text, sorted(set(rows)))

    async def end_waits(self, endings: Endings) -> Ended:
        """Carry out a group of endings by the guarded statement, with all that is written along with them."""
        ended = await self._end_waits(endings)
        if not any(len(fields) > _MOVED and fields[_MOVED] for fields in ended.rows):
            return ended
        commands = _decode(endings.commands)
        # An interaction may have gone from the wait that it named to another one meanwhile, in one step: it was open
        # all the time, and that one is meant.
        moved = [
            place
            for place, (command, fields) in enumerate(zip(commands, ended.rows, strict=True))
            if command[_INTERACTION] is not None
            and len(fields) > _MOVED
            and fields[_MOVED]
            and fields[_COMMAND] != command[0]
        ]
        rest = msgspec.json.encode([commands[place] for place in moved]).decode()
        rows, repeated = list(ended.rows), await self._end_waits(endings._replace(commands=rest))
        for place, fields in zip(moved, repeated.rows, strict=True):
            rows[place] = fields
        return ended._replace(rows=rows)

    async def _end_waits(self, endings: Endings) -> Ended:
        found = await self._connection.fetchrow(*self._filled("end_waits", {**endings._asdict(), "rules": _RULES}))
        assert found is not None, "a SELECT of values has one row"
        self.committed = self._now is None
        rows = _decode(found[1])
        if any(fields[0] is not None and fields[_COMMAND] is None for fields in rows):
            rows = await self._with_lost(rows)
        return Ended(rows, () if found[2] is None else _decode_names(found[2]))

    async def _with_lost(self, rows: list[list[Any]]) -> list[list[Any]]:
        """Add what is stored of the waits that were not ended: read anew, as their winners may just have committed."""
        lost = sorted({fields[0] for fields in rows if fields[0] is not None and fields[_COMMAND] is None})
        text, _ = self._sql["read_lost"]
        found = await self._connection.fetchval(text, lost)
        stored = {fields[0]: fields for fields in _decode(found)}
        gone = [None] * 16
        return [
            fields if fields[0] is None or fields[_COMMAND] is not None else list(stored.get(fields[0], gone))
            for fields in rows
        ]

    def _filled(self, statement: str, values: Mapping[str, Any]) -> list[Any]:
        """The statement's text and its arguments."""
        text, names = self._sql[statement]
        always = self._always
        return [text, *(values[name] if name in values else always[name] for name in names)]
