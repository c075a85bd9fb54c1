"""What is told about the audit trail: the findings of a verification, and rows on their way out."""

from dataclasses import dataclass, field
from typing import Final

from diyalog.domain.audit_chain import AuditCut, AuditHead, AuditLink, AuditRow, Fault, Finding

_MOST_FINDINGS: Final = 1000


@dataclass(slots=True)
class AuditReport:
    """What verifying found. `late`: ranges of rows that were linked long after they were written. `head` is the newest
    link. `more`: there are more findings than are listed. `places`: where the last finding of each kind stands.
    """

    findings: list[Finding] = field(default_factory=list)
    late: list[tuple[int, int]] = field(default_factory=list)
    linked: int = 0
    unlinked: int = 0
    head: AuditHead | None = None
    cut: AuditCut | None = None
    more: bool = False
    places: dict[Fault, int] = field(default_factory=dict)

    @property
    def intact(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def add(self, fault: Fault, first_id: int, last_id: int, waits: tuple[int, ...] = ()) -> None:
        """Note a fault; one that goes on where the last one of its kind stopped is the same."""
        place = self.places.get(fault)
        last = None if place is None else self.findings[place]
        if place is not None and last is not None and last.last_id + 1 == first_id and last.waits == waits:
            self.findings[place] = Finding(fault, last.first_id, last_id, waits)
        elif len(self.findings) < _MOST_FINDINGS:
            self.places[fault] = len(self.findings)
            self.findings.append(Finding(fault, first_id, last_id, waits))
        else:
            self.more = True

    def add_late(self, first_id: int, last_id: int) -> None:
        """Note rows that were linked late."""
        if self.late and self.late[-1][1] + 1 == first_id:
            self.late[-1] = (self.late[-1][0], last_id)
        elif len(self.late) < _MOST_FINDINGS:
            self.late.append((first_id, last_id))


@dataclass(frozen=True, slots=True)
class AuditNames:
    """What an audit row leads to: the session of its wait, while that is kept, and its requester, if it was opened."""

    session_id: str | None
    requester: str | None


@dataclass(frozen=True, slots=True)
class ExportedRow:
    """A row, the digest of its requester that is in the chain, and what it leads to."""

    row: AuditRow
    requester_digest: bytes
    names: AuditNames | None


@dataclass(frozen=True, slots=True)
class ExportedBatch:
    """The rows under one link, and the link before it (32 zeros before the first)."""

    previous: bytes
    previous_id: int
    rows: list[ExportedRow]
    link: AuditLink


class CutRefusedError(Exception):
    """The oldest rows are not what was chained, so they must not be removed; `verify` says more."""
