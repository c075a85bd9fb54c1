"""Many conversations at once: how long a message takes from one side to the other."""

from __future__ import annotations

import json
import subprocess
from typing import Any, Final

from contestants import FASTIFY_CHATS, OTHER_CORE, SERVER_CORE, Contestant, Running, clean_environment, pinned
from figures import Result, median, share
from generator import GeneratorError, WrongServerError
from measurements import RESTLESS, ROUND_ERRORS, SATURATED, Bench, note
from toolchain import BENCH, install_peer

CHATS: Final = 2000
CHATS_EACH: Final = 4
PACE: Final = 400.0
"""Messages a second over all: each conversation one in 5 s."""
_SECONDS: Final = 20.0
_WARMUP_SECONDS: Final = 3.0
_LIMIT_SECONDS: Final = 180.0


def chats(bench: Bench) -> Result:
    """2,000 conversations, 500 desks: the time from the moment at which a message is due to the other side's socket."""
    columns = ("server", "p50, ms", "p99, ms", "longest, ms", "CPU each, us", "generator", "sent late, ms", "others")
    result = Result(f"Conversations, {CHATS:,} at once, {PACE:.0f} messages a second", columns)
    reports: dict[str, list[dict[str, Any]]] = {}
    contestants: list[Contestant] = [bench.diyalog]
    if any(one.name == FASTIFY_CHATS.name for one in bench.contestants):
        install_peer(FASTIFY_CHATS.folder)
        contestants.append(FASTIFY_CHATS)
    for _ in range(bench.scale.rounds):
        for contestant in list(contestants):
            try:
                with contestant.start() as server:
                    reports.setdefault(contestant.name, []).append(_once(bench, server))
            except ROUND_ERRORS as error:
                contestants.remove(contestant)
                reports.pop(contestant.name, None)
                result.remarks.append(f"**{contestant.name} has no figure**: {type(error).__name__}: {error}")
                continue
            note(f"  {contestant.name}: {reports[contestant.name][-1]}")
    for name, rounds in reports.items():
        result.rows.append((name, *_figures(rounds)))
    if any(one["generator_cpu"] >= SATURATED for rounds in reports.values() for one in rounds):
        result.remarks.append("**The generator was full**: these times are rather its own than the servers'.")
    if any(one["others_cpu"] >= RESTLESS for rounds in reports.values() for one in rounds):
        result.remarks.append("**Disturbed**: other processes used the server's core.")
    _compare(result, reports, bench.diyalog.name)
    result.remarks.append(
        "Both sides acknowledge each message, agents also that they have read it, and the other side is told. Every "
        "message was looked at: it came to both sides once, in the same order, with its text."
    )
    return result


def _compare(result: Result, reports: dict[str, list[dict[str, Any]]], own: str) -> None:
    """The ratios to the reference, round by round."""
    ours, theirs = reports.get(own, []), reports.get(FASTIFY_CHATS.name, [])
    if len(ours) == len(theirs) and ours:
        for part in ("p50_ms", "p99_ms"):
            ratio = median(a[part] / b[part] for a, b in zip(ours, theirs, strict=True))
            result.remarks.append(f"{part.removesuffix('_ms')}: {ratio:.2f} of {FASTIFY_CHATS.name}'s.")


def _figures(rounds: list[dict[str, Any]]) -> list[str]:
    def of(name: str) -> float:
        return median(one[name] for one in rounds)

    return [
        f"{of('p50_ms'):.2f}",
        f"{of('p99_ms'):.2f}",
        f"{of('longest_ms'):.1f}",
        f"{of('server_cpu') / PACE * 1e6:,.0f}",
        share(of("generator_cpu")),
        f"{of('send_lag_ms'):.1f}",
        share(of("others_cpu")),
    ]


def _once(bench: Bench, server: Running) -> dict[str, Any]:
    options = {
        "port": server.port, "pid": server.pid, "core": SERVER_CORE, "chats": CHATS, "chats-each": CHATS_EACH,
        "pace": PACE, "seconds": _SECONDS, "warmup": _WARMUP_SECONDS,
    }  # fmt: skip
    command = [str(bench.diyalog.environment / "bin" / "python"), str(BENCH / "chat_load.py")]
    command += [part for name, value in options.items() for part in (f"--{name}", str(value))]
    with pinned(OTHER_CORE):
        try:
            done = subprocess.run(
                command, env=clean_environment(), capture_output=True, text=True, check=False, timeout=_LIMIT_SECONDS
            )
        except subprocess.TimeoutExpired as late:
            raise GeneratorError(f"the conversations did not end in {_LIMIT_SECONDS:.0f} s") from late
    if done.returncode != 0:
        raise GeneratorError(done.stderr[-1500:])
    report: dict[str, Any] = json.loads(done.stdout)
    if report["faults"]:
        raise WrongServerError(str(report["faults"]))
    return report
