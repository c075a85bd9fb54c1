"""A small store with a linked audit trail, and a stranger who has the database but not the key."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diyalog.domain.audit_chain import AuditHead, Fault
from diyalog.domain.audit_report import AuditReport
from diyalog.domain.commands import QueueTook
from diyalog.domain.ids import InteractionId
from diyalog.domain.transitions import Event
from diyalog.storage.auditing import DatabaseAudit
from diyalog.storage.store import DatabaseStore
from diyalog.usecases.audit_verification import Verification
from diyalog.usecases.auditing import Chaining
from kit import stores
from kit.clock import SettableClock

from .audit_databases import SECRET, AuditDatabase, EmbeddedDatabase

DAY_MS = 86_400_000
KEEP_MS = 30 * DAY_MS


@dataclass
class AuditWorld:
    """`alarms` counts how often the chaining found the record broken."""

    database: AuditDatabase
    store: DatabaseStore
    audit: DatabaseAudit
    opened: AsyncExitStack
    alarms: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.database.folder

    @property
    def clock(self) -> SettableClock:
        return self.database.clock

    def open_audit(self, secret: bytes = SECRET) -> DatabaseAudit:
        """One more connection to the record, to be closed."""
        return self.database.audit_type(*self.database.audit_arguments(secret))

    def chaining(self, audit: DatabaseAudit | None = None) -> Chaining:
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
        return self.database.sql(statement, *values)

    def tries(self, statement: str, *values: Any) -> bool:  # noqa: ANN401
        """Do it, unless the database refuses such a value."""
        try:
            self.database.sql(statement, *values)
        except self.database.refusals:
            return False
        return True

    def table(self, name: str) -> list[tuple[Any, ...]]:
        return self.sql(f"SELECT * FROM {name} ORDER BY 1")

    def put(self, name: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Make a table hold exactly these rows."""
        self.sql("BEGIN")
        self.sql(f"DELETE FROM {name}")
        for row in rows:
            self.sql(f"INSERT INTO {name} VALUES ({', '.join('?' * len(row))})", *row)
        self.sql("COMMIT")

    async def save(self) -> None:
        """Keep a copy of the database; everything is stopped for it."""
        await self.close()
        self.database.save()
        await self.open()

    async def restart_on_copy(self) -> None:
        """Stop everything, put the copy in place, and start."""
        await self.close()
        self.database.put_back()
        await self.open()

    async def open(self) -> None:
        """Start everything."""
        self.store = await self.opened.enter_async_context(self.database.store())
        self.audit = self.open_audit()
        self.database.connect()

    async def close(self) -> None:
        """Stop everything."""
        self.database.disconnect()
        await self.audit.close()
        await self.opened.aclose()


@asynccontextmanager
async def audit_world(where: AuditDatabase | Path) -> AsyncIterator[AuditWorld]:
    """A world on a fresh database, the embedded one in a folder."""
    database = EmbeddedDatabase(where) if isinstance(where, Path) else where
    opened = AsyncExitStack()
    store = await opened.enter_async_context(database.store())
    audit = database.audit_type(*database.audit_arguments(SECRET))
    made = AuditWorld(database, store, audit, opened)
    database.connect()
    try:
        yield made
    finally:
        await made.close()
