"""Taking rows out of the audit trail: exporting them with their links, and removing the oldest for good."""

from collections.abc import AsyncIterator
from typing import Final

from diyalog.clock import Clock
from diyalog.domain.audit_chain import (
    BEFORE_FIRST,
    GENESIS,
    REQUESTER_BYTES,
    AuditKeys,
    AuditLink,
    cut_holds,
    link_holds,
    make_cut,
    read_rows,
    rows_fault,
)
from diyalog.domain.audit_report import CutRefusedError, ExportedBatch, ExportedRow
from diyalog.ports_audit import AuditStore
from diyalog.usecases.auditing import BATCH
from diyalog.usecases.pausing import Sleep

_LINKS: Final = 200
_CUT_PAUSE_S: Final = 0.02


class Export:
    """Reads whole batches, as only these can be verified."""

    def __init__(self, store: AuditStore) -> None:
        self._store = store

    async def batches(self, since: int, before: int, *, requesters: bool) -> AsyncIterator[ExportedBatch]:
        """The batches with rows from `since` to before `before` (ms since 1970), in order; requesters in clear if asked
        for. Removed rows are left out with their batches.
        """
        after = 0
        cut = await self._store.cut()
        if cut is not None:
            after = cut.last_id
        while links := await self._store.links_of_time(since, before, after, _LINKS):
            for link in links:
                yield await self._batch(link, requesters=requesters)
            after = links[-1].last_id

    async def _batch(self, link: AuditLink, *, requesters: bool) -> ExportedBatch:
        previous = await self._store.link_before(link.last_id)
        first = BEFORE_FIRST if previous is None else previous.last_id
        limit = max(link.count, BATCH) + 1
        rows = await self._store.rows(first, link.last_id, limit)
        names = await self._store.names(first, link.last_id, limit, requesters=requesters)
        exported = [
            ExportedRow(
                row,
                link.requesters[place * REQUESTER_BYTES : (place + 1) * REQUESTER_BYTES],
                names.get(row.id) if isinstance(row.id, int) else None,
            )
            for place, row in enumerate(read_rows(rows.content))
        ]
        return ExportedBatch(GENESIS if previous is None else previous.link, first, exported, link)


class Cutting:
    """Removes the oldest rows; their links stay, so that the chain holds from its beginning."""

    def __init__(self, store: AuditStore, keys: AuditKeys, clock: Clock, keep_ms: int, sleep: Sleep) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._keep_ms = keep_ms
        self._sleep = sleep

    async def cut(self, before_at: int) -> int:
        """Remove rows older than `before_at` (ms since 1970), in whole batches and never the newest; how many went.

        Raises CutRefusedError, with what was removed until then.
        """
        removed = 0
        done = await self._store.cut()
        previous = None
        if done is not None:
            found = await self._store.links(done.last_id - 1, 1)
            if not found or not cut_holds(done, found[0], self._keys):
                raise CutRefusedError(f"rows 1 to {done.last_id}")
            previous = found[0]
        newest = await self._store.newest_links(1)
        while links := await self._store.links(BEFORE_FIRST if previous is None else previous.last_id, _LINKS):
            for link in links:
                if link.to_at >= before_at or link.last_id >= newest[0].last_id:
                    return removed
                removed += await self._cut_batch(previous, link, before_at)
                previous = link
                await self._sleep(_CUT_PAUSE_S)
        return removed

    async def _cut_batch(self, previous: AuditLink | None, link: AuditLink, before_at: int) -> int:
        after = BEFORE_FIRST if previous is None else previous.last_id
        rows = await self._store.rows(after, link.last_id, max(link.count, BATCH) + 1)
        now = self._clock.now_ms()
        erased_until = max(now - self._keep_ms, await self._store.erased_until())
        if not link_holds(previous, link, self._keys) or rows_fault(link, rows, erased_until) is not None:
            raise CutRefusedError(f"rows {after + 1} to {link.last_id}")
        cut = make_cut(link, before_at=before_at, cut_at=now, keys=self._keys)
        await self._store.make_cut(cut)
        return rows.count
