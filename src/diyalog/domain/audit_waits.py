"""Comparing the audit trail with the waits: every change of a wait has one row, written in the same transaction.

This finds what the chain alone cannot: rows that were removed or put in before they were linked. One bit for each wait
and kind of change is kept, so that millions of waits fit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from diyalog.domain.audit_chain import AuditRow
from diyalog.domain.transitions import PROFILE_SHOWN, Event

_START: Final = 0
_TOOK: Final = 1
_END: Final = 2
_OVER: Final = 3
_KINDS: Final = 4
_EVENTS: Final = frozenset(Event)


@dataclass(frozen=True, slots=True)
class WaitChanges:
    """What a stored wait says of itself: when it began, when the company's queue took it, when it ended, and
    when the conversation was over that it led to.

    Times are ms since 1970; `taken_at` is None when no row was due for it.
    """

    row: int
    started_at: int
    taken_at: int | None
    ended_at: int | None
    over_at: int | None = None


_PAGE_BITS: Final = 1 << 15


class _Bits:
    """A set of numbers, one bit each, in pages, so that a single huge number costs one page only."""

    def __init__(self) -> None:
        self.pages: dict[int, bytearray] = {}

    def add(self, number: int) -> bool:
        """Put a number in; whether it was new."""
        page, rest = divmod(number, _PAGE_BITS)
        place, bit = rest >> 3, 1 << (rest & 7)
        bits = self.pages.setdefault(page, bytearray(_PAGE_BITS // 8))
        if bits[place] & bit:
            return False
        bits[place] |= bit
        return True

    def without(self, other: "_Bits") -> Iterator[int]:
        """The numbers that are not in the other set, in order."""
        for page, bits in sorted(self.pages.items()):
            theirs = other.pages.get(page, bytes(len(bits)))
            for place, (mine, its) in enumerate(zip(bits, theirs, strict=True)):
                left = mine & ~its
                if left:
                    yield from (page * _PAGE_BITS + place * 8 + bit for bit in range(8) if left >> bit & 1)


class WaitLedger:
    """Is first told of every stored wait, then of every audit row in order.

    `since_at`: changes before this time (ms since 1970) have no rows any more.
    """

    def __init__(self, since_at: int | None = None) -> None:
        self._since_at = since_at
        self._told = tuple(_Bits() for _ in range(_KINDS))
        self._due = tuple(_Bits() for _ in range(_KINDS))

    def expect(self, wait: WaitChanges) -> None:
        """Rows for this wait's changes must come."""
        changes = ((_START, wait.started_at), (_TOOK, wait.taken_at), (_END, wait.ended_at), (_OVER, wait.over_at))
        for kind, at in changes:
            if at is not None and (self._since_at is None or at >= self._since_at):
                self._due[kind].add(wait.row)

    def fits(self, row: AuditRow, highest_wait: int) -> bool:
        """Whether the server may have written this row: a known event of a wait up to `highest_wait`, a change once."""
        if not isinstance(row.wait, int) or not 0 < row.wait <= highest_wait:
            return False
        if row.event == PROFILE_SHOWN:  # may happen again
            return row.outcome is None
        if row.event not in _EVENTS:
            return False
        if row.event == Event.START:
            kind = _START
        elif row.event == Event.QUEUE_TOOK:
            kind = _TOOK
        else:
            kind = _OVER if row.event == Event.CONVERSATION_ENDED else _END
        return (row.outcome is not None) == (kind == _END) and self._told[kind].add(row.wait)

    def untold(self) -> Iterator[int]:
        """Rows of the waits that lack an audit row; one that lacks several comes several times."""
        for told, due in zip(self._told, self._due, strict=True):
            yield from due.without(told)
