"""The measurements of Diyalog that need no server beside it, or only the limit."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from contestants import OTHER_CORE, Contestant, Running, process
from figures import Goal, Result, median, number
from generator import Report, WrongServerError, family, memory_bytes, read_report, run, started
from measurements import ROUND_ERRORS, Bench, Medians, in_turn, note
from nodes import Nodes
from seed_history import seed
from toolchain import CACHE

_KIB: Final = 1024
_SETTLE_SECONDS: Final = 2.0
_SYNC_REQUESTS: Final = 300


def idle(bench: Bench) -> Result:
    """Memory of the whole server process for each customer who just waits."""
    columns = (
        "server",
        "process at 0, MiB",
        "resident each, KiB",
        "anonymous each, KiB",
        "last half each, KiB",
        "100,000, MiB",
    )
    result = Result(f"Idle waiters, {bench.scale.customers:,}", columns)
    for contestant in bench.contestants:
        try:
            with contestant.start() as server:
                none, half, full = _held(bench, contestant, server)
        except ROUND_ERRORS as error:
            result.remarks.append(f"**{contestant.name} has no figure**: {type(error).__name__}: {error}")
            continue
        customers, rest = bench.scale.customers, bench.scale.customers - bench.scale.customers // 2
        resident, anonymous = ((after - before) / customers / _KIB for before, after in zip(none, full, strict=True))
        marginal = (full[0] - half[0]) / rest / _KIB
        total = none[0] / _KIB + marginal * 100_000
        sizes = (none[0] / _KIB / _KIB, resident, anonymous, marginal, total / _KIB)
        result.rows.append((contestant.name, *(f"{size:,.2f}" for size in sizes)))
        note(f"  {contestant.name}: {resident:.2f} KiB a waiter")
        if contestant.name == bench.diyalog.name:
            result.goals.append(Goal("idle waiter, whole process", resident, "KiB", 8, 4, higher_is_better=False))
    result.remarks.append(
        "Kernel socket buffers are outside these figures. 100,000 is extrapolated from the last half, not measured."
    )
    return result


def _held(bench: Bench, contestant: Contestant, server: Running) -> list[tuple[int, int]]:
    """Resident and anonymous memory with nobody, half and all of the customers waiting."""
    first = bench.scale.customers // 2
    found = [memory_bytes(server.pid)]
    with contextlib.ExitStack() as stack:
        for start, count in ((0, first), (first, bench.scale.customers - first)):
            options = ["--customers", str(count), "--first", str(start), *contestant.generator_options]
            load = stack.enter_context(started(bench.programs.load, server, "idle", options))
            load.wait_for("ready")
            time.sleep(_SETTLE_SECONDS)  # what starting left over is freed, or is part of the figure
            found.append(memory_bytes(server.pid))
    return found


@contextlib.contextmanager
def _company(bench: Bench) -> Iterator[str]:
    with process([str(bench.programs.company)], {}, OTHER_CORE) as (_, port, _seconds):
        yield f"http://127.0.0.1:{port}"


def starts(bench: Bench) -> Result:
    """Starting waits: request, durable row, CreateInteraction over HTTP, answer."""
    options = ["--customers", str(bench.scale.customers), "--connections", str(bench.scale.connections)]
    with _company(bench) as url:
        asking = replace(bench.diyalog, settings={"DIYALOG_QUEUE": "http", "DIYALOG_QUEUE_URL": url})
        reports, failed = in_turn(
            [asking], bench.scale.rounds, lambda _, server: run(bench.programs.load, server, "starts", options)
        )
    result = Result(
        "Starting a wait", ("server", "starts/s", "p50, ms", "p99, ms", "server", "generator"), remarks=failed
    )
    for name, one in reports.items():
        medians = Medians(one)
        spread = medians.spread(lambda report: report.answers)
        result.rows.append((name, number(medians.rate), f"{spread.p50:.2f}", f"{spread.p99:.2f}", *medians.shares))
        result.goals.append(Goal("starting a wait, company's queue over HTTP", medians.rate, "starts/s", 3000, 6000))
    return result


def history(bench: Bench) -> Result:
    """Requests a second with many past waits in the database, and with none, in turn."""
    past = bench.scale.history
    with tempfile.TemporaryDirectory(prefix="history-", dir=CACHE) as folder:
        full = replace(bench.diyalog, name=f"{past:,} past waits", data=Path(folder))
        full.key(Path(folder))
        note(f"  writing {past:,} past waits")
        seed(Path(folder) / "diyalog.sqlite3", past)
        empty = replace(bench.diyalog, name="empty database")
        options = bench.scale.options("--ack-after")
        reports, failed = in_turn(
            [empty, full], bench.scale.rounds, lambda _, server: run(bench.programs.load, server, "end", options)
        )
    rates = {name: median(report.rate for report in one) for name, one in reports.items()}
    rows = [
        (name, number(rate), ", ".join(number(report.rate) for report in reports[name])) for name, rate in rates.items()
    ]
    result = Result("Cost growth", ("database", "requests/s", "rounds, requests/s"), list(rows), failed)
    if len(rates) == 2:
        kept = rates[full.name] / rates[empty.name] * 100
        result.goals.append(Goal(f"requests/s kept with {past:,} past waits", kept, "%", 90, 97))
    return result


def startup(bench: Bench) -> Result:
    """From the start of the process to the line with its address, on a fresh and on a used data folder."""
    turns = max(5, bench.scale.rounds)
    with tempfile.TemporaryDirectory(prefix="startup-", dir=CACHE) as folder:
        used = replace(bench.diyalog, data=Path(folder))
        times: dict[str, list[float]] = {"fresh data folder": [], "used data folder": []}
        for _ in range(turns):
            for name, server in zip(times, (bench.diyalog, used), strict=True):
                with server.start() as running:
                    times[name].append(running.ready_seconds)
    rows = [(name, f"{median(one):.3f}", ", ".join(f"{value:.3f}" for value in one)) for name, one in times.items()]
    slowest = max(median(one) for one in times.values())
    goal = Goal("start of the process to ready", slowest, "s", 1.0, 0.5, higher_is_better=False)
    return Result("Start to ready", ("data folder", "median, s", "each, s"), list(rows), goals=[goal])


def durability(bench: Bench) -> Result:
    """How often files are synced: at least once before each answer, less often in all when many arrive."""
    columns = (
        "server",
        "requests at once",
        "requests",
        "fdatasync and fsync calls",
        "a request",
    )
    result = Result("Syncs counted with strace (its own run: tracing slows the server)", columns)
    if shutil.which("strace") is None:
        result.remarks.append("**Not counted**: strace is not installed (Debian: apt-get install strace).")
        return result
    servers: Sequence[Contestant] = (bench.diyalog, Nodes(bench.diyalog))
    for contestant, connections in itertools.product(servers, (1, bench.scale.connections)):
        with contestant.start() as server:
            report, syncs = _traced(bench, server, connections)
        if report.faults:
            raise WrongServerError(str(report.faults))
        each = syncs / _SYNC_REQUESTS
        result.rows.append((contestant.name, str(connections), str(_SYNC_REQUESTS), str(syncs), f"{each:.2f}"))
        if connections == 1:
            what = f"syncs for each answer, one request at a time, {contestant.name}"
            result.goals.append(Goal(what, each, "", 1, 1))
    return result


def _traced(bench: Bench, server: Running, connections: int) -> tuple[Report, int]:
    options = ["--customers", str(_SYNC_REQUESTS), "--connections", str(connections), "--ack-after", "--hold"]
    with started(bench.programs.load, server, "end", options) as load, tempfile.NamedTemporaryFile() as trace:
        load.wait_for("ready")
        writers = [member for pid in server.store_pids for member in family(pid)] or [server.pid]
        tracer = subprocess.Popen(
            [
                "strace",
                "-f",
                "-e",
                "trace=fsync,fdatasync",
                "-e",
                "signal=none",
                "-o",
                trace.name,
                *(part for writer in writers for part in ("-p", str(writer))),
            ],
            stderr=subprocess.PIPE,
        )
        try:
            assert tracer.stderr is not None
            if not all(b"attached" in tracer.stderr.readline() for _ in writers):
                raise WrongServerError("strace cannot attach to the server here")
            load.go_on()
            load.wait_for("measured")
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.communicate(timeout=10)
        load.go_on()
        report = read_report(load.wait_for("report"), checked=False)
        lines = Path(trace.name).read_text().splitlines()
    return report, sum("sync(" in line for line in lines)
