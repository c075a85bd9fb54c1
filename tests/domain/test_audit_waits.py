"""Comparing audit rows with waits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diyalog.domain.audit_chain import AuditRow, Value
from diyalog.domain.audit_waits import WaitChanges, WaitLedger


def row(wait: Value, event: Value, outcome: Value = None) -> AuditRow:
    return AuditRow(1, 1000, wait, event, outcome, None, "n")


def test_each_change_is_told_once() -> None:
    ledger = WaitLedger()
    ledger.expect(WaitChanges(7, 1000, 2000, 3000))
    assert list(ledger.untold()) == [7, 7, 7]
    assert ledger.fits(row(7, "start"), 7)
    assert ledger.fits(row(7, "queue_took"), 7)
    assert ledger.fits(row(7, "expire", "EXPIRED"), 7)
    assert list(ledger.untold()) == []
    assert not ledger.fits(row(7, "start"), 7)
    assert not ledger.fits(row(7, "cancel", "CANCELLED"), 7), "a wait ends once"


def test_looking_at_a_customers_numbers_changes_nothing_and_may_happen_again() -> None:
    ledger = WaitLedger()
    ledger.expect(WaitChanges(7, 1000, None, None))
    assert ledger.fits(row(7, "profile_shown"), 7)
    assert ledger.fits(row(7, "profile_shown"), 7)
    assert not ledger.fits(row(7, "profile_shown", "CONNECTED"), 7)
    assert list(ledger.untold()) == [7], "its start is still missing"


@pytest.mark.parametrize(
    "wrong",
    [
        row(8, "start"),
        row(0, "start"),
        row(None, "start"),
        row("1", "start"),
        row(1, "begin"),
        row(1, b"start"),
        row(1, "start", "CANCELLED"),
        row(1, "cancel"),
    ],
)
def test_what_the_server_does_not_write(wrong: AuditRow) -> None:
    assert not WaitLedger().fits(wrong, 7)


def test_changes_before_a_cut_need_no_rows() -> None:
    ledger = WaitLedger(since_at=2000)
    ledger.expect(WaitChanges(1, 1000, None, 1999))
    ledger.expect(WaitChanges(2, 1999, None, 2000))
    assert list(ledger.untold()) == [2]


@given(st.sets(st.integers(1, 200_000)), st.sets(st.integers(1, 200_000)))
def test_missing_waits_are_named_in_order(stored: set[int], told: set[int]) -> None:
    ledger = WaitLedger()
    for wait in stored:
        ledger.expect(WaitChanges(wait, 1, None, None))
    for wait in told:
        assert ledger.fits(row(wait, "start"), 200_000)
    assert list(ledger.untold()) == sorted(stored - told)


def test_a_huge_number_takes_little_room() -> None:
    ledger = WaitLedger()
    assert ledger.fits(row(2**62, "start"), 2**62)
    ledger.expect(WaitChanges(2**62, 1, None, 5))
    assert list(ledger.untold()) == [2**62]
