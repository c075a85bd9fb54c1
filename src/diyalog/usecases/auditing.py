"""Chaining the audit trail: new rows are linked, and the newest part is looked at before it is built upon."""

from collections.abc import Callable
from typing import Final

from diyalog.clock import Clock
from diyalog.domain.audit_chain import (
    AuditHead,
    AuditKeys,
    AuditLink,
    head_of,
    is_sealed,
    link_holds,
    make_link,
    rows_fault,
)
from diyalog.ports_audit import AuditStore

BATCH: Final = 1000
"""Rows under one link; a fault is found to within so many rows."""
_CHECKED: Final = 5
"""Links that are verified when the server starts."""
LAST_ID: Final = 2**63 - 1


def kept_text(link: AuditLink) -> str:
    """What is kept outside the database of the newest link: the head, and the seal that tells who wrote it."""
    return f"{AuditHead(link.last_id, link.link)} {link.seal.hex()}\n"


def read_kept(text: str, keys: AuditKeys) -> AuditHead | None:
    """The head that was kept, None when the text was not written by this server."""
    head_text, _, seal = text.strip().partition(" ")
    try:
        head = head_of(head_text)
        return head if is_sealed(head.link, bytes.fromhex(seal), keys) else None
    except ValueError:
        return None


class Chaining:
    """Links audit rows, in batches and in order of their ids.

    `keep_ms`: how long requesters are kept in rows. `on_broken` is called, once in a run, when the record is found
    changed; what was kept outside the database is then left as it is, for whoever looks into it.
    """

    def __init__(
        self, store: AuditStore, keys: AuditKeys, *, clock: Clock, keep_ms: int, on_broken: Callable[[], None]
    ) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._keep_ms = keep_ms
        self._on_broken = on_broken
        self._broken = False
        self._known: AuditLink | None = None
        self._kept: AuditLink | None = None

    async def check(self) -> None:
        """Verify the newest links, their rows, and that the chain holds the head that was kept."""
        erased_before = await self._store.erased_until()
        links = await self._store.newest_links(_CHECKED + 1)
        previous = links[0] if len(links) > _CHECKED else None
        for link in links[0 if previous is None else 1 :]:
            rows = await self._store.rows(0 if previous is None else previous.last_id, link.last_id, BATCH + 1)
            cut = await self._store.cut()
            removed = cut is not None and link.last_id <= cut.last_id
            erased_until = max(erased_before, self._clock.now_ms() - self._keep_ms)
            fault = None if removed else rows_fault(link, rows, erased_until)
            if fault is not None or not link_holds(previous, link, self._keys):
                self._found_broken()
            previous = link
        kept = await self._store.kept_head()
        if kept is not None:
            head = read_kept(kept, self._keys)
            if head is None or not await self._holds(head):
                self._found_broken()

    async def link_next(self) -> bool:
        """Link the rows that are new; whether there may be more at once."""
        newest = await self._store.newest_links(1)
        previous = newest[0] if newest else None
        await self._watch(previous)
        after = 0 if previous is None else previous.last_id
        rows = await self._store.rows(after, LAST_ID, BATCH)
        if rows.count == 0:
            await self._keep(previous)
            return False
        link = make_link(previous, rows, linked_at=self._clock.now_ms(), keep_ms=self._keep_ms, keys=self._keys)
        if not await self._store.append(previous, link):
            return False
        self._known = link
        if rows.count == BATCH:
            return True
        await self._keep(link)
        return False

    async def _watch(self, newest: AuditLink | None) -> None:
        """Whether what this process last saw of the chain is still there, and the rows that it covers."""
        known = self._known
        ends = await self._store.ends()
        if known is not None and not await self._holds(AuditHead(known.last_id, known.link)):
            self._found_broken()
        if ends.last_id < ends.linked_id:
            self._found_broken()
        self._known = newest

    async def _holds(self, head: AuditHead) -> bool:
        found = await self._store.links(head.last_id - 1, 1)
        return bool(found) and (found[0].last_id, found[0].link) == (head.last_id, head.link)

    async def _keep(self, newest: AuditLink | None) -> None:
        if newest is None or self._broken or newest == self._kept:
            return
        await self._store.keep_head(kept_text(newest))
        self._kept = newest

    def _found_broken(self) -> None:
        if not self._broken:
            self._broken = True
            self._on_broken()
