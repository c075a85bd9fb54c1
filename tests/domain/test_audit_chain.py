"""The chain's pure half: texts that are read back, links that hold and links that do not."""

import hashlib
import hmac
import struct
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diyalog.domain.audit_chain import (
    NO_REQUESTER,
    AuditHead,
    AuditKeys,
    AuditLink,
    AuditRow,
    AuditRows,
    Fault,
    cut_holds,
    head_of,
    link_holds,
    make_cut,
    make_link,
    read_rows,
    requester_digest,
    rows_fault,
)

KEYS = AuditKeys(b"s" * 32, b"r" * 32)
CONTENT = b"1i1:1i4:1000i1:1t5:startnnt1:n1i1:2i4:2000i1:1t6:cancelt9:CANCELLEDnt1:n"
ROWS = AuditRows(2, 2, 1000, 2000, CONTENT, NO_REQUESTER * 2)
KEEP_MS = 500


def link(previous: AuditLink | None = None, rows: AuditRows = ROWS) -> AuditLink:
    return make_link(previous, rows, linked_at=3000, keep_ms=KEEP_MS, keys=KEYS)


def test_a_link_is_the_documented_digest_and_seal() -> None:
    made = link()
    numbers = struct.pack(">6q", 2, 2, 1000, 2000, 3000, 2500)
    content, requesters = hashlib.sha256(CONTENT).digest(), hashlib.sha256(bytes(32)).digest()
    digest = hashlib.sha256(b"diyalog audit link 1\n" + bytes(32) + numbers + content + requesters).digest()
    assert made.link == digest
    assert made.seal == hmac.new(KEYS.seal, digest, "sha256").digest()
    assert link_holds(None, made, KEYS)


def test_rows_are_read_back() -> None:
    assert list(read_rows(CONTENT)) == [
        AuditRow(1, 1000, 1, "start", None, None, "n"),
        AuditRow(2, 2000, 1, "cancel", "CANCELLED", None, "n"),
    ]
    assert list(read_rows(b"1i1:1r3:0.5b2:\x00\xffnnnn")) == [AuditRow(1, 0.5, b"\x00\xff", None, None, None, None)]


@pytest.mark.parametrize("content", [b"2i1:1", b"1i1", b"nnnnnnn", b"1ix:1"])
def test_other_bytes_are_no_rows(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        list(read_rows(content))


def test_no_field_of_a_link_can_change() -> None:
    first = link()
    made = link(first, AuditRows(1, 3, 2500, 2500, b"1i1:3nnnnnn", NO_REQUESTER))
    assert link_holds(first, made, KEYS)
    for field in fields(AuditLink):
        value = getattr(made, field.name)
        other: Any = value + 1 if isinstance(value, int) else value[:-1] + bytes([value[-1] ^ 1])
        changed: dict[str, Any] = {field.name: other}
        assert not link_holds(first, replace(made, **changed), KEYS), field.name
    assert not link_holds(None, made, KEYS)
    assert not link_holds(replace(first, link=b"x" * 32), made, KEYS)
    assert not link_holds(made, made, KEYS)
    assert not link_holds(first, made, AuditKeys(b"t" * 32, b"r" * 32))


def test_rows_under_a_link() -> None:
    made = link()
    assert rows_fault(made, ROWS, 0) is None
    assert rows_fault(made, replace(ROWS, count=1), 0) is Fault.ROWS_MISSING
    assert rows_fault(made, replace(ROWS, count=3), 0) is Fault.ROWS_INSERTED
    assert rows_fault(made, replace(ROWS, content=CONTENT.replace(b"start", b"stare")), 0) is Fault.ROWS_CHANGED


def test_a_requester_may_go_when_its_time_has_come_and_only_go() -> None:
    held = NO_REQUESTER + requester_digest(KEYS, 2, b"bsealed")
    made = link(None, replace(ROWS, requesters=held))
    assert rows_fault(made, replace(ROWS, requesters=held), 0) is None
    assert rows_fault(made, ROWS, 1999) is Fault.REQUESTER_MISSING
    assert rows_fault(made, ROWS, 2000) is None
    for other in (requester_digest(KEYS, 1, b"bsealed"), requester_digest(KEYS, 2, b"tsealed")):
        assert rows_fault(made, replace(ROWS, requesters=NO_REQUESTER + other), 9000) is Fault.REQUESTER_CHANGED
    assert rows_fault(made, replace(ROWS, requesters=held[16:] * 2), 9000) is Fault.REQUESTER_CHANGED


def test_equal_requesters_do_not_show() -> None:
    digests = {requester_digest(KEYS, row, b"bsame") for row in range(100)}
    assert len(digests) == 100
    assert requester_digest(AuditKeys(KEYS.seal, b"q" * 32), 1, b"bsame") not in digests


def test_a_cut_holds_at_its_link_only() -> None:
    made = link()
    cut = make_cut(made, before_at=5000, cut_at=6000, keys=KEYS)
    assert cut_holds(cut, made, KEYS)
    for other in (replace(cut, before_at=5001), replace(cut, cut_at=6001), replace(cut, last_id=3)):
        assert not cut_holds(other, made, KEYS)
    assert not cut_holds(replace(cut, seal=made.seal), made, KEYS), "a link's seal is none of a cut"
    assert not cut_holds(cut, link(made), KEYS)


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_a_head_is_read_back(last_id: int, digest: bytes) -> None:
    assert head_of(f" {AuditHead(last_id, digest)}\n") == AuditHead(last_id, digest)


@pytest.mark.parametrize(
    "text", ["", ":", "1", "1:", "x:" + "0" * 64, "1:" + "0" * 63, "1:" + "g" * 64, "-1:" + "0" * 64]
)
def test_other_texts_are_no_heads(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        head_of(text)
