"""The lines of an audit export: JSON Lines, which the script of docs/audit.md verifies, and the same as CSV."""

import csv
import io
from collections.abc import Iterator
from typing import Final

import msgspec

from diyalog.domain.audit_chain import NO_REQUESTER, AuditLink, Value
from diyalog.domain.audit_report import ExportedBatch, ExportedRow
from diyalog.protocol.times import rfc3339

Entry = dict[str, Value]
COLUMNS: Final = (
    "type",
    "version",
    "id",
    "time",
    "at",
    "wait",
    "sessionId",
    "event",
    "outcome",
    "accessKey",
    "requester",
    "node",
    "requesterDigest",
    "afterId",
    "lastId",
    "rows",
    "fromAt",
    "toAt",
    "linkedAt",
    "erasedUntil",
    "link",
    "seal",
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def start_entry(batch: ExportedBatch) -> Entry:
    """What the next batch builds upon."""
    return {"type": "start", "version": 1, "afterId": batch.previous_id, "link": batch.previous.hex()}


def batch_entries(batch: ExportedBatch, *, requesters: bool) -> Iterator[Entry]:
    """The rows of a batch, then its link."""
    for row in batch.rows:
        yield _row_entry(row, requesters=requesters)
    yield _link_entry(batch.link)


def _row_entry(exported: ExportedRow, *, requesters: bool) -> Entry:
    row, names = exported.row, exported.names
    entry: Entry = {
        "type": "row",
        "id": row.id,
        "at": row.at,
        "wait": row.wait,
        "event": row.event,
        "outcome": row.outcome,
        "accessKey": row.access_key,
        "node": row.node,
        "requesterDigest": exported.requester_digest.hex(),
        "time": _time(row.at),
        "sessionId": None if names is None else names.session_id,
    }
    if requesters:
        entry["requester"] = None if names is None else names.requester
    return entry


def _link_entry(link: AuditLink) -> Entry:
    return {
        "type": "link",
        "lastId": link.last_id,
        "rows": link.count,
        "fromAt": link.from_at,
        "toAt": link.to_at,
        "linkedAt": link.linked_at,
        "erasedUntil": link.erased_until,
        "link": link.link.hex(),
        "seal": link.seal.hex(),
    }


def _time(at: Value) -> str | None:
    try:
        return rfc3339(at) if isinstance(at, int) else None
    except OverflowError:
        return None


def json_line(entry: Entry) -> str:
    """One entry as JSON. Bytes, which only a stranger can have put into a row, become hexadecimal."""
    return msgspec.json.encode({name: _text(value) for name, value in entry.items()}).decode() + "\n"


def csv_line(entry: Entry) -> str:
    """One entry as CSV, in the order of COLUMNS. A requester that a spreadsheet would calculate gets a `'` in front."""
    values = {name: _text(value) for name, value in entry.items()}
    requester = values.get("requester")
    if isinstance(requester, str) and requester.startswith(_FORMULA):
        values["requester"] = f"'{requester}"
    if values.get("requesterDigest") == NO_REQUESTER.hex():
        values["requesterDigest"] = None
    return _csv([values.get(name) for name in COLUMNS])


def csv_head() -> str:
    """The names of the columns."""
    return _csv(COLUMNS)


def _csv(values: "tuple[str, ...] | list[int | float | str | None]") -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue()


def _text(value: Value) -> int | float | str | None:
    return value.hex() if isinstance(value, bytes) else value
