"""What the audit trail needs of the store; adapters in storage satisfy it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from diyalog.domain.audit_chain import AuditCut, AuditLink, AuditRows
from diyalog.domain.audit_report import AuditNames
from diyalog.domain.audit_waits import WaitChanges


@dataclass(frozen=True, slots=True)
class AuditEnds:
    """Ids of the oldest and newest audit row (1 and 0 without any), and of the newest that is linked (0 if none is)."""

    first_id: int
    last_id: int
    linked_id: int


class AuditStore(Protocol):
    """The audit trail and the chain over it, read in short transactions beside everything else.

    Rows and links are named by the id before the first and the id of the last. Raises StoreUnavailableError.
    """

    async def ends(self) -> AuditEnds:
        """Where the rows and the chain begin and end."""
        ...

    async def is_ours(self) -> bool:
        """Whether the tables are those that the server makes, without anything that acts when they are written."""
        ...

    async def erased_until(self) -> int:
        """The latest time up to which any link says that requesters were due for deletion (ms since 1970)."""
        ...

    async def links(self, after: int, limit: int) -> Sequence[AuditLink]:
        """Links after the one of this id, in order."""
        ...

    async def newest_links(self, limit: int) -> Sequence[AuditLink]:
        """The newest links, in order."""
        ...

    async def links_of_time(self, since: int, before: int, after: int, limit: int) -> Sequence[AuditLink]:
        """Links after the one of this id that cover rows from `since` to before `before` (ms since 1970), in order."""
        ...

    async def link_before(self, link_id: int) -> AuditLink | None:
        """The link before the one of this id."""
        ...

    async def rows(self, after: int, until: int, limit: int) -> AuditRows:
        """Up to `limit` rows after one id up to another, as far as no row can still appear among them."""
        ...

    async def append(self, previous: AuditLink | None, link: AuditLink) -> bool:
        """Store a link. False: `previous` is not the newest link any more, or the store was too busy; read again."""
        ...

    async def waits(self, after: int, limit: int) -> Sequence[WaitChanges]:
        """Stored waits after this row, in order."""
        ...

    async def highest_wait(self) -> int:
        """The highest row that a wait has had."""
        ...

    async def disagreeing(self, after: int, until: int, limit: int) -> Sequence[int]:
        """Ids of audit rows whose time or outcome is not that of their wait, as far as that is still stored."""
        ...

    async def names(self, after: int, until: int, limit: int, *, requesters: bool) -> dict[int, AuditNames]:
        """What rows lead to, by row id; requesters are opened only if asked for."""
        ...

    async def cut(self) -> AuditCut | None:
        """What was removed on purpose."""
        ...

    async def make_cut(self, cut: AuditCut) -> None:
        """Delete the rows up to the cut and store it, in one transaction."""
        ...

    async def kept_head(self) -> str | None:
        """The text that was kept outside the database last."""
        ...

    async def keep_head(self, text: str) -> None:
        """Keep a text outside the database."""
        ...
