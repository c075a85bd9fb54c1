"""Running the C load generator, and what it reports."""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from contestants import OTHER_CORE, SERVER_CORE, Running, clean_environment, pinned

_FAULTS: Final = ("failures", "mismatches", "duplicates", "missing", "bad_closes")
_RUN_SECONDS: Final = 300.0


class GeneratorError(Exception):
    """The generator could not set up its customers, or ran out of time."""


class WrongServerError(Exception):
    """A server lost, changed, misdirected or repeated an event, or took a forged or repeated request for good."""


@dataclass(frozen=True)
class Spread:
    """Latencies in milliseconds."""

    p50: float
    p99: float
    longest: float


@dataclass(frozen=True)
class Report:
    """One run of the generator. Shares are of one core, 0 to 1."""

    rates: tuple[float, ...]
    generator_cpu: float
    server_cpu: float
    others_cpu: float
    """Other processes on the server's core; on a quiet machine near zero."""
    store_cpu: float
    """The store that the server asks, on the generator's core: Redis, or PostgreSQL and NATS."""
    other_core: float
    """All that ran on the generator's core."""
    end_to_end: Spread | None
    answers: Spread | None
    probes: Spread | None
    send_lag: Spread | None
    longest_silence_ms: float
    longest_turn_ms: float
    other_events: int
    faults: dict[str, int]

    @property
    def rate(self) -> float:
        """Requests a second over all batches."""
        return len(self.rates) / sum(1 / rate for rate in self.rates)


def _spread(found: dict[str, Any], name: str) -> Spread | None:
    part = found.get(name)
    return None if part is None else Spread(part["p50_us"] / 1e3, part["p99_us"] / 1e3, part["max_us"] / 1e3)


def read_report(found: dict[str, Any], *, checked: bool) -> Report:
    """Take a report in; `checked` says that a forged and a repeated request were tried."""
    faults = {name: int(found[name]) for name in _FAULTS if found[name]}
    if checked and found["forged_status"] != 401:
        faults["forgery accepted, HTTP status"] = found["forged_status"]
    if checked and found["repeat_code"] != 402:
        faults["repeat accepted, errorCode"] = found["repeat_code"]
    return Report(
        tuple(found["batch_rates"]), found["generator_cpu"], found["server_cpu"], found["others_on_server_core"],
        found["store_cpu"], found["other_core"],
        _spread(found, "end_to_end"), _spread(found, "answers"), _spread(found, "probes"), _spread(found, "send_lag"),
        found["longest_silence_us"] / 1e3, found["longest_turn_us"] / 1e3, found["other_events"], faults,
    )  # fmt: skip


class Load:
    """One started generator process; JSON lines come out, an empty line lets it go on from where it holds."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stdout is not None
        assert child.stdin is not None
        self._child = child
        self._out: IO[bytes] = child.stdout
        self._in: IO[bytes] = child.stdin
        self._deadline = time.monotonic() + _RUN_SECONDS

    def wait_for(self, at: str) -> dict[str, Any]:
        """Read until the line of this place; raises GeneratorError when it does not come in time."""
        line = b""
        while time.monotonic() < self._deadline:
            if not select.select([self._out], [], [], 1.0)[0]:
                continue
            line = self._out.readline()
            found: dict[str, Any] = json.loads(line) if line else {}
            if not line or found["at"] == at:
                break
        if not line:
            raise GeneratorError(
                f"the generator ended before '{at}' (exit status {self._child.wait(10)}), see its line above"
            )
        if time.monotonic() >= self._deadline:
            raise GeneratorError(f"the generator did not reach '{at}' in {_RUN_SECONDS:.0f} s")
        return found

    def go_on(self) -> None:
        """Release it from where it holds."""
        self._in.write(b"\n")
        self._in.flush()


@contextlib.contextmanager
def started(program: Path, server: Running, mode: str, options: Sequence[str]) -> Iterator[Load]:
    """Run a generator against a server, on the other core."""
    command = [
        str(program),
        mode,
        "--port",
        str(server.port),
        *(part for node in server.nodes for part in ("--pid", str(node.pid))),
        *(part for pid in server.store_pids for part in ("--store-pid", str(pid))),
        "--core",
        str(SERVER_CORE),
        "--other-core",
        str(OTHER_CORE),
        *options,
    ]
    with pinned(OTHER_CORE):
        child = subprocess.Popen(
            command,
            bufsize=0,
            env=clean_environment() | server.key.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
    try:
        yield Load(child)
    finally:
        assert child.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        assert child.stdout is not None
        child.stdout.close()


def run(program: Path, server: Running, mode: str, options: Sequence[str]) -> Report:
    """Run a generator to its end. Raises GeneratorError, and WrongServerError when an event or answer was wrong."""
    with started(program, server, mode, options) as load:
        report = read_report(load.wait_for("report"), checked="--check" in options)
    if report.faults:
        raise WrongServerError(", ".join(f"{name}: {count}" for name, count in report.faults.items()))
    return report


def memory_bytes(pid: int) -> tuple[int, int]:
    """Resident memory of a process and its children, and the anonymous part of it.

    Not PSS: that moves with whatever other processes map the same libraries meanwhile.
    """
    rss = anonymous = 0
    for member in family(pid):
        for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "Rss":
                rss += int(value.split()[0]) * 1024
            elif name == "Anonymous":
                anonymous += int(value.split()[0]) * 1024
    return rss, anonymous


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    own = [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
    return [pid, *(member for child in own for member in family(child))]
