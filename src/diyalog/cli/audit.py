"""`diyalog audit`: verify the record of who asked and which outcome it had, keep its head, export it, cut it."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

from diyalog.bootstrap import AuditTools, opened_audit
from diyalog.cli.audit_lines import batch_entries, csv_head, csv_line, json_line, start_entry
from diyalog.cli.settings_flags import add_settings_flags, settings_from
from diyalog.clock import SystemClock
from diyalog.domain.audit_chain import AuditHead, head_of
from diyalog.domain.audit_report import AuditReport, CutRefusedError
from diyalog.opening import OpeningError
from diyalog.ports import StoreUnavailableError
from diyalog.protocol.times import rfc3339

_DONE: Final = 0
_FOUND: Final = 1
_WRONG_USE: Final = 2
_ALWAYS: Final = 2**63 - 1

Act = Callable[[AuditTools, argparse.Namespace], Awaitable[int]]


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `audit` with its four actions."""
    parser = subparsers.add_parser("audit", help="verify, export and cut the audit trail")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    verify = _action(
        actions, "verify", "look for anything that was changed, removed or put in; 0 intact, 1 not", _verify
    )
    verify.add_argument(
        "--head", action="append", type=_head, default=[], help="a head that was kept; may be given several times"
    )
    verify.add_argument("--json", action="store_true", help="print JSON")
    _action(actions, "head", "print the newest link, to be kept where the database's owners cannot change it", _head_of)
    export = _action(actions, "export", "print rows and links, which others can verify", _export)
    export.add_argument("--from", dest="since", type=_time, default=0, metavar="TIME", help="2026-11-22 or RFC 3339")
    export.add_argument("--to", dest="before", type=_time, default=_ALWAYS, metavar="TIME", help="before this time")
    export.add_argument("--format", choices=("jsonl", "csv"), default="jsonl", help="default: jsonl")
    export.add_argument("--requesters", action="store_true", help="also who asked, in clear: personal data")
    cut = _action(actions, "cut", "remove the oldest rows for good, leaving their links", _cut)
    cut.add_argument("--before", type=_time, required=True, metavar="TIME", help="2026-11-22 or RFC 3339")


def _action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, line: str, act: Act
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=line, description=line)
    add_settings_flags(parser)
    parser.set_defaults(run=lambda arguments: _run(arguments, act))
    return parser


def _head(text: str) -> AuditHead:
    try:
        return head_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _time(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError("write 2026-11-22 or 2026-11-22T16:00:00Z") from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _run(arguments: argparse.Namespace, act: Act) -> int:
    settings = settings_from(arguments, os.environ)

    async def opened() -> int:
        async with opened_audit(settings, SystemClock()) as tools:
            return await act(tools, arguments)

    try:
        return asyncio.run(opened())
    except OpeningError as error:
        sys.stderr.write(f"diyalog: {error}\n")
    except StoreUnavailableError as error:
        sys.stderr.write(f"diyalog: the database cannot be used now ({error}); try again, or see `diyalog doctor`\n")
    return _WRONG_USE


async def _verify(tools: AuditTools, arguments: argparse.Namespace) -> int:
    report = await tools.verification.verify(arguments.head)
    print(json.dumps(_as_json(report)) if arguments.json else _as_text(report))
    return _DONE if report.intact else _FOUND


def _as_json(report: AuditReport) -> dict[str, object]:
    return {
        "intact": report.intact,
        "findings": [
            {
                "fault": finding.fault.name.lower(),
                "firstId": finding.first_id,
                "lastId": finding.last_id,
                "waits": list(finding.waits),
            }
            for finding in report.findings
        ],
        "more": report.more,
        "linkedRows": report.linked,
        "unlinkedRows": report.unlinked,
        "linkedLate": [list(ids) for ids in report.late],
        "removedUntil": None if report.cut is None else report.cut.last_id,
        "head": None if report.head is None else str(report.head),
    }


def _as_text(report: AuditReport) -> str:
    lines = [
        f"{_ids(finding.first_id, finding.last_id)}: {finding.fault}{_waits(finding.waits)}"
        for finding in report.findings
    ]
    if report.more:
        lines.append("There is more.")
    if report.cut is not None:
        lines.append(f"{_ids(1, report.cut.last_id)}: removed on purpose at {rfc3339(report.cut.cut_at)}.")
    lines += [
        f"{_ids(*late)}: linked an hour or more after they were written. The server was away, or their first links "
        "were removed; compare with a head kept elsewhere."
        for late in report.late
    ]
    lines.append(f"{report.linked} rows in the chain, {report.unlinked} not yet. Head: {report.head or 'none yet'}")
    lines.append("The record is intact." if report.intact else "The record is NOT intact.")
    return "\n".join(lines)


def _ids(first_id: int, last_id: int) -> str:
    return f"Row {first_id}" if first_id == last_id else f"Rows {first_id} to {last_id}"


def _waits(waits: tuple[int, ...]) -> str:
    return f" (waits {', '.join(map(str, waits))})" if waits else ""


async def _head_of(tools: AuditTools, arguments: argparse.Namespace) -> int:
    newest = await tools.store.newest_links(1)
    if not newest:
        sys.stderr.write("diyalog: nothing is linked yet; a running server links within seconds\n")
        return _FOUND
    print(AuditHead(newest[0].last_id, newest[0].link))
    return _DONE


async def _export(tools: AuditTools, arguments: argparse.Namespace) -> int:
    line = json_line if arguments.format == "jsonl" else csv_line
    if arguments.format == "csv":
        sys.stdout.write(csv_head())
    after = -1
    async for batch in tools.export.batches(arguments.since, arguments.before, requesters=arguments.requesters):
        if batch.previous_id != after:
            sys.stdout.write(line(start_entry(batch)))
        for entry in batch_entries(batch, requesters=arguments.requesters):
            sys.stdout.write(line(entry))
        after = batch.link.last_id
    ends = await tools.store.ends()
    if ends.last_id > ends.linked_id:
        sys.stderr.write(f"diyalog: rows after {ends.linked_id} are not linked yet and not exported\n")
    return _DONE


async def _cut(tools: AuditTools, arguments: argparse.Namespace) -> int:
    try:
        removed = await tools.cutting.cut(arguments.before)
    except CutRefusedError as error:
        sys.stderr.write(f"diyalog: {error} are not as they were chained and stay; run `diyalog audit verify`\n")
        return _FOUND
    print(f"{removed} rows removed.")
    return _DONE
