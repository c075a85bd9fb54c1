"""What a check of `diyalog doctor` says: one line."""

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """OK: as it should be. WARN: works, and should be looked at. FAIL: does not work, or is unsafe."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: which check, how it went, what was found, and what to do next (empty when nothing is)."""

    check: str
    status: Status
    found: str
    next: str = ""


def ok(check: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(check, Status.OK, found)


def warn(check: str, found: str, then: str) -> Finding:
    """It works, and should be looked at."""
    return Finding(check, Status.WARN, found, then)


def fail(check: str, found: str, then: str) -> Finding:
    """It does not work, or is unsafe."""
    return Finding(check, Status.FAIL, found, then)
