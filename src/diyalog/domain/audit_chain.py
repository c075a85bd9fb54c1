"""The chain over the audit trail: what a link covers, how it is made, and what is wrong with one.

A link covers all audit rows after the link before it up to its own `last_id`. It is a SHA-256 over the link before it
and digests of these rows, so that anybody can follow the chain, and it is sealed with a key outside the database, so
that nobody with the database alone can make another one. What people's deletion takes from a row, its requester, enters
as a keyed digest that stays. docs/audit.md states the bytes.
"""

import hashlib
import hmac
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

GENESIS: Final = bytes(32)
"""Stands for the link before the first one."""
BEFORE_FIRST: Final = 0
"""Row ids start after this one."""
REQUESTER_BYTES: Final = 16
NO_REQUESTER: Final = bytes(REQUESTER_BYTES)
_LINK_HEAD: Final = b"diyalog audit link 1\n"
_CUT_HEAD: Final = b"diyalog audit cut 1\n"
_ROW_HEAD: Final = ord("1")
_FIELDS: Final = 7

Value: TypeAlias = int | float | str | bytes | None
"""What a column can hold, whatever it should hold."""


@dataclass(frozen=True, slots=True, repr=False)
class AuditKeys:
    """Keys that are not in the database: `seal` for links, `requester` for digests of requesters; 32 bytes each."""

    seal: bytes
    requester: bytes


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One audit row as stored, without its requester. `at` in ms since 1970; `wait` is the row of a wait."""

    id: Value
    at: Value
    wait: Value
    event: Value
    outcome: Value
    access_key: Value
    node: Value


@dataclass(frozen=True, slots=True)
class AuditRows:
    """Audit rows that follow each other. `last_id` is that of the newest, `from_at` and `to_at` their oldest and newest
    time (ms since 1970), `content` their canonical bytes, `requesters` a digest for each row. Without rows all but
    `count` is empty.
    """

    count: int
    last_id: int
    from_at: int
    to_at: int
    content: bytes
    requesters: bytes


@dataclass(frozen=True, slots=True)
class AuditLink:
    """One link of the chain as stored. `content` is the SHA-256 of the rows' canonical bytes; times in ms since 1970.

    `erased_until`: when the link was made, requesters of rows up to this time were due for deletion.
    """

    last_id: int
    count: int
    from_at: int
    to_at: int
    linked_at: int
    erased_until: int
    content: bytes
    requesters: bytes
    link: bytes
    seal: bytes


@dataclass(frozen=True, slots=True)
class AuditCut:
    """The word of the server that rows up to `last_id`, all older than `before_at`, were removed at `cut_at`."""

    last_id: int
    before_at: int
    cut_at: int
    seal: bytes


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The newest link at some moment; who keeps it elsewhere can tell later whether the chain still holds it."""

    last_id: int
    link: bytes

    def __str__(self) -> str:
        """Write it as `head` prints it."""
        return f"{self.last_id}:{self.link.hex()}"


class Fault(StrEnum):
    """What can be wrong; each is a sentence about a range of row ids."""

    LINK_CHANGED = "the link over these rows was changed, removed or put in"
    ROWS_CHANGED = "rows were changed, exchanged or replaced"
    ROWS_MISSING = "rows were removed"
    ROWS_INSERTED = "rows were put in"
    REQUESTER_CHANGED = "a requester was changed or put in"
    REQUESTER_MISSING = "a requester was deleted before its time"
    HEAD_MISSING = "the record ends before the head that was kept: its end was cut off, or an older copy put back"
    HEAD_DIFFERS = "the chain up to here is not the one whose head was kept"
    HEAD_FORGED = "the kept head was not written by this server, or with another secret key"
    CUT_FORGED = "the note that older rows were removed was not written by this server"
    WAIT_DISAGREES = "a row does not say what its wait says"
    WAIT_UNTOLD = "rows of waits that are stored are missing here or later"
    SCHEMA_CHANGED = "the database has triggers or views that can change what is written here"
    NOT_OURS = "a row says what the server does not write"


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault and the ids of the first and last audit row that it concerns; `waits`: rows of waits, if known."""

    fault: Fault
    first_id: int
    last_id: int
    waits: tuple[int, ...] = ()


def head_of(text: str) -> AuditHead:
    """Read a head as `AuditHead` writes it; raises ValueError."""
    number, colon, link = text.strip().partition(":")
    if not (colon and number.isascii() and number.isdecimal() and len(link) == 2 * len(GENESIS)):
        raise ValueError("not a head: it looks like 1234:5f…, a row number and 64 hex digits")
    return AuditHead(int(number), bytes.fromhex(link))


def requester_digest(keys: AuditKeys, row_id: int, sealed: bytes) -> bytes:
    """Digest a requester as stored. Bound to the row, so that equal ones do not show; it says nothing once the sealed
    value, which is random, is deleted.
    """
    return hashlib.blake2b(struct.pack(">q", row_id) + sealed, key=keys.requester, digest_size=REQUESTER_BYTES).digest()


def make_link(
    previous: AuditLink | None, rows: AuditRows, *, linked_at: int, keep_ms: int, keys: AuditKeys
) -> AuditLink:
    """Make the link over `rows`, the next ones after those of `previous`; requesters stay `keep_ms`."""
    content = hashlib.sha256(rows.content).digest()
    numbers = (rows.last_id, rows.count, rows.from_at, rows.to_at, linked_at, linked_at - keep_ms)
    link = _digest(GENESIS if previous is None else previous.link, numbers, content, rows.requesters)
    return AuditLink(*numbers, content, rows.requesters, link, _seal(keys, link))


def _digest(previous: bytes, numbers: Sequence[int], content: bytes, requesters: bytes) -> bytes:
    fields = struct.pack(">6q", *numbers)
    return hashlib.sha256(_LINK_HEAD + previous + fields + content + hashlib.sha256(requesters).digest()).digest()


def _seal(keys: AuditKeys, text: bytes) -> bytes:
    return hmac.digest(keys.seal, text, "sha256")


def link_holds(previous: AuditLink | None, link: AuditLink, keys: AuditKeys) -> bool:
    """Whether a link was made by this server, as it stands, to follow `previous`."""
    numbers = (link.last_id, link.count, link.from_at, link.to_at, link.linked_at, link.erased_until)
    expected = _digest(GENESIS if previous is None else previous.link, numbers, link.content, link.requesters)
    follows = link.last_id > (BEFORE_FIRST if previous is None else previous.last_id)
    return follows and expected == link.link and is_sealed(link.link, link.seal, keys)


def is_sealed(link: bytes, seal: bytes, keys: AuditKeys) -> bool:
    """Whether `seal` was made for `link` with the server's key."""
    return hmac.compare_digest(_seal(keys, link), seal)


def rows_fault(link: AuditLink, rows: AuditRows, erased_until: int) -> Fault | None:
    """What is wrong with the rows under a link that holds; requesters up to `erased_until` may have been deleted."""
    if rows.count < link.count:
        return Fault.ROWS_MISSING
    if rows.count > link.count:
        return Fault.ROWS_INSERTED
    if hashlib.sha256(rows.content).digest() != link.content:
        return Fault.ROWS_CHANGED
    if rows.requesters == link.requesters:
        return None
    return _requester_fault(link, rows, erased_until)


def _requester_fault(link: AuditLink, rows: AuditRows, erased_until: int) -> Fault | None:
    fault = None
    for place, row in enumerate(read_rows(rows.content)):
        here = slice(place * REQUESTER_BYTES, (place + 1) * REQUESTER_BYTES)
        if rows.requesters[here] == link.requesters[here]:
            continue
        if rows.requesters[here] != NO_REQUESTER:
            return Fault.REQUESTER_CHANGED
        if not isinstance(row.at, int) or row.at > erased_until:
            fault = Fault.REQUESTER_MISSING
    return fault


def make_cut(link: AuditLink, *, before_at: int, cut_at: int, keys: AuditKeys) -> AuditCut:
    """Note that the rows up to and under `link` are removed."""
    return AuditCut(link.last_id, before_at, cut_at, _seal(keys, _cut_text(link.last_id, before_at, cut_at, link.link)))


def cut_holds(cut: AuditCut, link: AuditLink, keys: AuditKeys) -> bool:
    """Whether a cut was made by this server at this link."""
    text = _cut_text(cut.last_id, cut.before_at, cut.cut_at, link.link)
    return cut.last_id == link.last_id and is_sealed(text, cut.seal, keys)


def _cut_text(last_id: int, before_at: int, cut_at: int, link: bytes) -> bytes:
    return _CUT_HEAD + struct.pack(">3q", last_id, before_at, cut_at) + link


def read_rows(content: bytes) -> Iterator[AuditRow]:
    """Read canonical bytes back. A row is `1` and seven fields; a field is `n` for nothing, or a letter for its type
    (`i`, `t`, `b`, `r`), the number of its bytes, a colon and the bytes. Raises ValueError.
    """
    place = 0
    while place < len(content):
        if content[place] != _ROW_HEAD:
            raise ValueError("not the bytes of an audit row")
        place += 1
        values: list[Value] = []
        for _ in range(_FIELDS):
            value, place = _read_field(content, place)
            values.append(value)
        yield AuditRow(*values)


def _read_field(content: bytes, place: int) -> tuple[Value, int]:
    kind = content[place : place + 1]
    if kind == b"n":
        return None, place + 1
    colon = content.index(b":", place)
    start = colon + 1
    end = start + int(content[place + 1 : colon])
    raw = content[start:end]
    if kind == b"i":
        return int(raw), end
    if kind == b"t":
        return raw.decode("utf-8", "replace"), end
    return (float(raw) if kind == b"r" else raw), end
