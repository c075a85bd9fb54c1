"""`diyalog doctor`: looks at everything a server needs, and says what to do. `doctor signature`: at one request."""

import argparse
import json
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Final

from diyalog.cli import doctor_bus, doctor_machine, doctor_network, doctor_routing, doctor_signature
from diyalog.cli.doctor_finding import Finding, Status, fail
from diyalog.cli.doctor_settings import CHECK as SETTINGS
from diyalog.cli.doctor_settings import check_settings
from diyalog.cli.settings_flags import add_settings_flags, settings_from
from diyalog.cli.sign import visible
from diyalog.clock import SystemClock
from diyalog.settings import Settings, SettingsError, every_setting

WHOLE_S: Final = 20.0
"""Longest time of all checks together; each also bounds its own steps."""

Check = tuple[str, Callable[[], list[Finding]]]


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `doctor` and `doctor signature`."""
    parser = subparsers.add_parser(
        "doctor",
        help="check this server's surroundings; `doctor signature`: why a request is refused",
        description="Check settings, data, bus, clock, the company's services, port and pages. Changes nothing, and "
        "works beside a running server. Exit status: 0 without a `fail`, 1 with one.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_settings_flags(parser)
    parser.set_defaults(run=_run)
    doctor_signature.add_parser(parser.add_subparsers(metavar="signature", required=False))


def _run(arguments: argparse.Namespace) -> int:
    before = doctor_machine.now_both()
    try:
        settings = settings_from(arguments, os.environ)
    except SettingsError as error:
        line = " ".join(str(error).split())
        findings = [fail(SETTINGS, line, "correct this setting; all other checks need it")]
    else:
        flags = [
            setting.name for setting in every_setting() if getattr(arguments, f"setting_{setting.name}") is not None
        ]
        static = Path(str(resources.files("diyalog"))) / "static"
        findings = carry_out(_checks(settings, flags, arguments.config, static), WHOLE_S)
        findings += doctor_machine.check_clock(before, doctor_machine.now_both())
    failed = any(finding.status is Status.FAIL for finding in findings)
    print(_as_json(findings, failed=failed) if arguments.json else "\n".join(map(_line, findings)))
    return 1 if failed else 0


def _checks(settings: Settings, flags: Sequence[str], config: Path | None, static: Path) -> list[Check]:
    return [
        (SETTINGS, lambda: check_settings(settings, flags, config)),
        (doctor_machine.FOLDER, lambda: doctor_machine.check_folder(settings)),
        (doctor_machine.DATABASE, lambda: doctor_machine.check_database(settings)),
        (doctor_bus.BUS, lambda: doctor_bus.check_bus(settings)),
        (doctor_routing.ROUTING, lambda: doctor_routing.check_routing(settings, SystemClock().now_ms)),
        ("queue", lambda: doctor_network.check_queue(settings)),
        ("token check", lambda: doctor_network.check_customer_tokens(settings)),
        ("staff token check", lambda: doctor_network.check_staff_tokens(settings)),
        (doctor_network.PORT, lambda: doctor_network.check_port(settings)),
        (doctor_machine.DESCRIPTORS, lambda: doctor_machine.check_descriptors(settings)),
        (doctor_machine.PAGES, lambda: doctor_machine.check_pages(static)),
    ]


def carry_out(checks: Sequence[Check], limit_s: float) -> list[Finding]:
    """Carry out all checks at the same time and return their findings in order, after `limit_s` seconds at the latest.

    A check that is not done by then, or breaks off, is a `fail` of its own: disks and name services can hang.
    """
    done: queue.SimpleQueue[tuple[int, list[Finding]]] = queue.SimpleQueue()

    def carry(number: int, check: Check) -> None:
        name, look = check
        try:
            done.put((number, look()))
        except Exception as error:  # noqa: BLE001 - whatever a broken machine makes a check do, the others go on
            why = f"the check broke off ({type(error).__name__})"
            done.put((number, [fail(name, why, "see that this user may read what it looks at")]))

    for number, check in enumerate(checks):
        threading.Thread(target=carry, args=(number, check), daemon=True).start()
    late = {
        number: [fail(name, f"no result after {limit_s:g} s", "see whether the disk or the name service hangs")]
        for number, (name, _) in enumerate(checks)
    }
    results: dict[int, list[Finding]] = {}
    ends_at = time.perf_counter() + limit_s
    while len(results) < len(checks):
        try:
            number, findings = done.get(timeout=max(ends_at - time.perf_counter(), 0.001))
        except queue.Empty:
            break
        results[number] = findings
    return [finding for number in range(len(checks)) for finding in results.get(number, late[number])]


def _line(finding: Finding) -> str:
    then = f"  ->  {_plain(finding.next)}" if finding.next else ""
    return f"{finding.status:4}  {finding.check + ':':19} {_plain(finding.found)}{then}"


def _plain(text: str) -> str:
    """One line that any terminal shows as it is, whatever names of files or servers stand in it."""
    return visible(" ".join(text.split()).encode("utf-8", "surrogateescape"))


def _as_json(findings: Sequence[Finding], *, failed: bool) -> str:
    checks = [
        {"check": finding.check, "status": finding.status, "found": finding.found, "next": finding.next}
        for finding in findings
    ]
    return json.dumps({"ok": not failed, "checks": checks})
