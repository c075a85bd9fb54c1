"""Verifying the audit trail, beside a running server and page by page, so that its size does not matter."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from typing import Final

from diyalog.clock import Clock
from diyalog.domain.audit_chain import (
    BEFORE_FIRST,
    AuditCut,
    AuditHead,
    AuditKeys,
    AuditLink,
    AuditRow,
    AuditRows,
    Fault,
    cut_holds,
    link_holds,
    read_rows,
    rows_fault,
)
from diyalog.domain.audit_report import AuditReport
from diyalog.domain.audit_waits import WaitLedger
from diyalog.ports_audit import AuditStore
from diyalog.usecases.auditing import BATCH, LAST_ID, read_kept

_LINKS: Final = 200
_WAITS: Final = 5000
_NAMED_WAITS: Final = 20
_MOST_DISAGREEING: Final = 100
_LOOKS: Final = 3
_LARGEST_BATCH: Final = 100_000
_LATE_MS: Final = 3_600_000
"""Rows are linked within seconds; later is worth a word, because whoever removes links has them made anew."""


class Verification:
    """One look at the whole record. `keep_ms`: how long requesters are kept in rows."""

    def __init__(self, store: AuditStore, keys: AuditKeys, clock: Clock, keep_ms: int) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._keep_ms = keep_ms
        self._report = AuditReport()
        self._erased_until = 0
        self._ledger = WaitLedger()
        self._heads: defaultdict[int, list[bytes]] = defaultdict(list)

    async def verify(self, heads: Sequence[AuditHead] = ()) -> AuditReport:
        """Compare rows, links, waits, the head kept beside the database and those given.

        Looks again when rows were cut meanwhile: what was seen before and after does not fit then.
        """
        for _ in range(_LOOKS):
            cut = await self._store.cut()
            report = await self._look(heads)
            if await self._store.cut() == cut:
                break
        return report

    async def _look(self, heads: Sequence[AuditHead]) -> AuditReport:
        self._report = AuditReport()
        self._heads.clear()
        for head in heads:
            self._heads[head.last_id].append(head.link)
        await self._prepare()
        newest = await self._verify_links()
        await self._verify_unlinked(newest)
        self._judge_heads(newest)
        ends = await self._store.ends()
        untold = tuple(islice(self._ledger.untold(), _NAMED_WAITS))
        if untold:
            self._report.add(Fault.WAIT_UNTOLD, 1, max(1, ends.last_id), untold)
        return self._report

    async def _prepare(self) -> None:
        report, store = self._report, self._store
        kept = await store.kept_head()
        if kept is not None:
            head = read_kept(kept, self._keys)
            if head is None:
                report.add(Fault.HEAD_FORGED, 1, max(1, (await store.ends()).linked_id))
            else:
                self._heads[head.last_id].append(head.link)
        if not await store.is_ours():
            report.add(Fault.SCHEMA_CHANGED, 1, max(1, (await store.ends()).last_id))
        self._erased_until = await store.erased_until()
        report.cut = await self._read_cut()
        first_id = (await store.ends()).first_id
        if report.cut is not None and first_id <= report.cut.last_id:
            report.add(Fault.ROWS_INSERTED, first_id, report.cut.last_id)
        elif first_id <= BEFORE_FIRST:
            report.add(Fault.ROWS_INSERTED, first_id, BEFORE_FIRST)
        below = await store.links(-LAST_ID, 1)
        if below and below[0].last_id <= BEFORE_FIRST:
            report.add(Fault.LINK_CHANGED, below[0].last_id, BEFORE_FIRST)
        self._ledger = WaitLedger(None if report.cut is None else report.cut.before_at)
        after = 0
        while waits := await store.waits(after, _WAITS):
            for wait in waits:
                self._ledger.expect(wait)
            after = waits[-1].row

    async def _read_cut(self) -> AuditCut | None:
        cut = await self._store.cut()
        if cut is None:
            return None
        found = await self._store.links(cut.last_id - 1, 1)
        if found and cut_holds(cut, found[0], self._keys):
            return cut
        self._report.add(Fault.CUT_FORGED, 1, max(1, cut.last_id))
        return None

    async def _verify_links(self) -> AuditLink | None:
        """Follow the chain from its beginning; the newest link."""
        previous: AuditLink | None = None
        while links := await self._store.links(_id_of(previous), _LINKS):
            for link in links:
                await self._verify_link(previous, link)
                previous = link
        if previous is not None:
            self._report.head = AuditHead(previous.last_id, previous.link)
        return previous

    async def _verify_link(self, previous: AuditLink | None, link: AuditLink) -> None:
        after, report = _id_of(previous), self._report
        for kept in self._heads.pop(link.last_id, ()):
            if kept != link.link:
                report.add(Fault.HEAD_DIFFERS, 1, link.last_id)
        holds = link_holds(previous, link, self._keys)
        if not holds:
            report.add(Fault.LINK_CHANGED, after + 1, link.last_id)
        if report.cut is not None and link.last_id <= report.cut.last_id:
            return
        limit = min(max(link.count, BATCH), _LARGEST_BATCH) + 1
        rows = await self._store.rows(after, link.last_id, limit)
        # What is due for deletion by now: retention goes on beside us.
        erased_until = max(self._erased_until, self._clock.now_ms() - self._keep_ms)
        fault = rows_fault(link, rows, erased_until) if holds else None
        if fault is not None:
            report.add(fault, after + 1, link.last_id)
        if link.linked_at - link.from_at > _LATE_MS:
            report.add_late(after + 1, link.last_id)
        report.linked += await self._compare(after, rows, link.last_id, limit)

    async def _verify_unlinked(self, newest: AuditLink | None) -> None:
        after, until = _id_of(newest), (await self._store.ends()).last_id
        rows = await self._store.rows(after, until, BATCH)
        self._report.unlinked = await self._compare(after, rows, until, BATCH)

    async def _compare(self, after: int, rows: AuditRows, until: int, limit: int) -> int:
        """Compare rows from `after` to `until`, of which `rows` are the first, with the waits; how many they are."""
        total = 0
        while rows.count:
            total += rows.count
            highest = await self._store.highest_wait()
            for row in read_rows(rows.content):
                if not self._ledger.fits(row, highest):
                    self._add_row(Fault.NOT_OURS, row)
            for row_id in await self._store.disagreeing(after, rows.last_id, _MOST_DISAGREEING):
                self._report.add(Fault.WAIT_DISAGREES, row_id, row_id)
            if rows.count < limit:
                break
            after = rows.last_id
            rows = await self._store.rows(after, until, limit)
        return total

    def _add_row(self, fault: Fault, row: AuditRow) -> None:
        assert isinstance(row.id, int), "the database gives every row a number"
        self._report.add(fault, row.id, row.id)

    def _judge_heads(self, newest: AuditLink | None) -> None:
        """What is left of the heads is not in the chain."""
        end = _id_of(newest)
        for last_id in self._heads:
            if last_id > end:
                self._report.add(Fault.HEAD_MISSING, end + 1, last_id)
            else:
                self._report.add(Fault.HEAD_DIFFERS, 1, last_id)


def _id_of(link: AuditLink | None) -> int:
    return BEFORE_FIRST if link is None else link.last_id
