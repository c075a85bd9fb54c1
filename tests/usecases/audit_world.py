"""A small store with a linked audit trail, and a stranger who has the database but not the key."""

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from diyalog.domain.audit_chain import AuditHead, Fault
from diyalog.domain.audit_report import AuditReport
from diyalog.domain.commands import QueueTook
from diyalog.domain.ids import InteractionId
from diyalog.domain.transitions import Event
from diyalog.storage.auditing import SqliteAudit
from diyalog.storage.sqlite import DATABASE_NAME, SqliteStore
from diyalog.usecases.audit_verification import Verification
from diyalog.usecases.auditing import Chaining
from kit import stores
from kit.clock import SettableClock

SECRET = b"k" * 32
"""The key that kit.stores opens its store with."""
DAY_MS = 86_400_000
KEEP_MS = 30 * DAY_MS


@dataclass
class AuditWorld:
    """`alarms` counts how often the chaining found the record broken."""

    folder: Path
    clock: SettableClock
    store: SqliteStore
    audit: SqliteAudit
    stranger: apsw.Connection
    alarms: list[str] = field(default_factory=list)

    def chaining(self, audit: SqliteAudit | None = None) -> Chaining:
        """A worker's part, as after a start of the server."""
        used = audit or self.audit
        return Chaining(
            used, used.keys, clock=self.clock, keep_ms=KEEP_MS, on_broken=lambda: self.alarms.append("broken")
        )

    async def link(self) -> None:
        """Link all that is new."""
        chaining = self.chaining()
        while await chaining.link_next():
            pass

    async def verify(self, *heads: AuditHead) -> AuditReport:
        return await Verification(self.audit, self.audit.keys, self.clock, KEEP_MS).verify(heads)

    async def head(self) -> AuditHead:
        [newest] = await self.audit.newest_links(1)
        return AuditHead(newest.last_id, newest.link)

    async def finds(self, fault: Fault, first_id: int, last_id: int, *heads: AuditHead) -> None:
        """Verifying finds this fault, in these rows or some around them."""
        report = await self.verify(*heads)
        assert not report.intact
        found = [(one.fault, one.first_id, one.last_id) for one in report.findings]
        assert any(one[0] is fault and one[1] <= first_id and one[2] >= last_id for one in found), found

    # What happens in a company's day

    async def not_delivered(self, customer: str) -> None:
        """Two rows, the second with a requester."""
        wait = await stores.waiting(self.store, await stores.customer(self.store, customer), self.clock)
        self.clock.advance(500)
        await stores.not_delivered(self.store, session=wait.session_id)
        self.clock.advance(500)

    async def queued_and_cancelled(self, customer: str) -> None:
        """Three rows."""
        begun = await stores.started(self.store, await stores.customer(self.store, customer), self.clock)
        assert begun.delivery is not None
        assert begun.wait is not None
        self.clock.advance(300)
        interaction = InteractionId(f"77{customer}")
        await self.store.queue_took(QueueTook(stores.command_id(), begun.delivery.row, 1, interaction))
        self.clock.advance(300)
        await stores.end(self.store, Event.CANCEL, begun.wait.row)
        self.clock.advance(300)

    async def history(self) -> None:
        """Twelve rows under three links."""
        await self.not_delivered("1")
        await self.queued_and_cancelled("2")
        await self.link()  # rows 1 to 5
        await self.not_delivered("3")
        await self.not_delivered("4")
        await self.link()  # rows 6 to 9
        await self.queued_and_cancelled("5")
        await self.link()  # rows 10 to 12

    # What a stranger does

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:  # noqa: ANN401  values of any column
        return self.stranger.execute(statement, values).fetchall()

    def table(self, name: str) -> list[tuple[Any, ...]]:
        return self.sql(f"SELECT * FROM {name} ORDER BY 1")

    def put(self, name: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Make a table hold exactly these rows."""
        self.sql("BEGIN")
        self.sql(f"DELETE FROM {name}")
        for row in rows:
            self.sql(f"INSERT INTO {name} VALUES ({', '.join('?' * len(row))})", *row)
        self.sql("COMMIT")

    async def restart_on(self, copy: Path) -> None:
        """Stop everything, put an older database file in place, and start."""
        await self.audit.close()
        await self.store.stop()
        self.stranger.close()
        for end in ("-wal", "-shm"):
            (self.folder / (DATABASE_NAME + end)).unlink(missing_ok=True)
        shutil.copy(copy, self.folder / DATABASE_NAME)
        await self._open()

    async def _open(self) -> None:
        self.store = SqliteStore(self.folder, self.store._sealer, self.clock, stores.NODE)
        await self.store.start()
        self.audit = SqliteAudit(self.folder, SECRET)
        self.stranger = apsw.Connection(str(self.folder / DATABASE_NAME))


@asynccontextmanager
async def audit_world(folder: Path) -> AsyncIterator[AuditWorld]:
    clock = SettableClock()
    async with stores.sqlite_store(folder, clock) as store:
        audit = SqliteAudit(folder, SECRET)
        made = AuditWorld(folder, clock, store, audit, apsw.Connection(str(folder / DATABASE_NAME)))
        try:
            yield made
        finally:
            made.stranger.close()
            await made.audit.close()
            if made.store is not store:
                await made.store.stop()
