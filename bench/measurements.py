"""The measurements that put servers side by side: each round starts every server once, in turn."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from contestants import EXPRESS, FASTIFY, Contestant, Diyalog, Limit, Running, StartError
from figures import Goal, Result, median, number, ratio_goals, share
from generator import GeneratorError, Report, Spread, WrongServerError, run
from toolchain import MissingToolError, Programs

PACE: Final = 2000
"""Requests a second where latency is measured."""
RESTLESS: Final = 0.10
"""From this share of the server's core in other hands a figure is marked as disturbed."""


@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    customers: int = 10_000
    rounds: int = 3
    batches: int = 3
    warmup: int = 1
    connections: int = 64
    history: int = 1_000_000

    def options(self, *more: str) -> list[str]:
        """The generator's options for ending waits."""
        return [
            "--customers", str(self.customers), "--connections", str(self.connections),
            "--batches", str(self.batches), "--warmup", str(self.warmup), "--check", *more,
        ]  # fmt: skip


QUICK: Final = Scale(customers=1000, rounds=3, batches=2, warmup=1, history=100_000)


@dataclass(frozen=True)
class Bench:
    """What a measurement needs."""

    programs: Programs
    diyalog: Diyalog
    contestants: Sequence[Contestant]
    scale: Scale


ROUND_ERRORS: Final = (StartError, GeneratorError, WrongServerError, MissingToolError)


def note(text: str) -> None:
    """Tell whoever waits what goes on."""
    print(text, file=sys.stderr, flush=True)


def in_turn(
    contestants: Sequence[Contestant], rounds: int, once: Callable[[Contestant, Running], Report]
) -> tuple[dict[str, list[Report]], list[str]]:
    """A B A B: every round starts every contestant once. One that fails is left out from then on, and named."""
    reports: dict[str, list[Report]] = {}
    failed: dict[str, str] = {}
    for turn in range(rounds):
        for contestant in contestants:
            if contestant.name in failed:
                continue
            try:
                with contestant.start() as server:
                    report = once(contestant, server)
            except ROUND_ERRORS as error:
                failed[contestant.name] = f"**{contestant.name} has no figure**: {type(error).__name__}: {error}"
                reports.pop(contestant.name, None)
                note(failed[contestant.name])
                continue
            reports.setdefault(contestant.name, []).append(report)
            note(f"  round {turn + 1}: {contestant.name}: {_brief(report)}")
    return reports, list(failed.values())


def _brief(report: Report) -> str:
    spread = report.end_to_end or report.answers
    times = f", p50 {spread.p50:.2f} ms, p99 {spread.p99:.2f} ms" if spread else ""
    return f"{report.rate:,.0f}/s{times}, generator {share(report.generator_cpu)}, others {share(report.others_cpu)}"


def _column(reports: Sequence[Report], value: Callable[[Report], float]) -> float:
    return median(value(report) for report in reports)


def _p50(spread: Spread | None) -> float:
    return spread.p50 if spread else 0.0


def _p99(spread: Spread | None) -> float:
    return spread.p99 if spread else 0.0


def _remarks(reports: dict[str, list[Report]], failed: Sequence[str]) -> list[str]:
    remarks = list(failed)
    every = [report for one in reports.values() for report in one]
    busiest = max((report.generator_cpu for report in every), default=0.0)
    remarks.append(
        f"Generator at most {share(busiest)} of its core"
        + (": **it may be the bottleneck**." if busiest > 0.9 else ".")
    )
    disturbed = [name for name, one in reports.items() if _column(one, lambda report: report.others_cpu) > RESTLESS]
    if disturbed:
        remarks.append(f"**Disturbed** by other processes on the server's core: {', '.join(disturbed)}.")
    return remarks


def _throughput(bench: Bench, title: str, *options: str) -> Result:
    reports, failed = in_turn(
        bench.contestants,
        bench.scale.rounds,
        lambda contestant, server: run(
            bench.programs.load, server, "end", bench.scale.options(*options, *contestant.generator_options)
        ),
    )
    rates = {name: _column(one, lambda report: report.rate) for name, one in reports.items()}
    limit = next((rates[one.name] for one in bench.contestants if isinstance(one, Limit) and one.name in rates), 0.0)
    columns = (
        "server",
        "requests/s",
        "of the limit",
        "end-to-end p50 / p99, ms",
        "rounds, requests/s",
        "server CPU",
        "generator CPU",
    )
    result = Result(title, columns, remarks=_remarks(reports, failed))
    for name, one in reports.items():
        result.rows.append((
            name, number(rates[name]), f"{rates[name] / limit:.2f}" if limit else "-",
            f"{_column(one, lambda report: _p50(report.end_to_end)):.2f} / {_column(one, lambda report: _p99(report.end_to_end)):.2f}",
            ", ".join(number(report.rate) for report in one),
            share(_column(one, lambda report: report.server_cpu)), share(_column(one, lambda report: report.generator_cpu)),
        ))  # fmt: skip
    mine = bench.diyalog.name
    if mine in rates:
        result.goals.append(Goal("not delivered, SQLite FULL, one core", rates[mine], "requests/s", 10_000, 10_000))
        limits = [one.name for one in bench.contestants if isinstance(one, Limit)]
        bounds = [(EXPRESS.name, 2.5, 2.5), (FASTIFY.name, 0.0, 1.0), *((name, 0.15, 0.30) for name in limits)]
        result.goals += ratio_goals(rates, mine, bounds)
    return result


def not_delivered(bench: Bench) -> Result:
    """The hot job at full load: signed request, durable outcome, frame on the right socket."""
    return _throughput(bench, "Not delivered, full load", "--ack-after")


def acknowledged(bench: Bench) -> Result:
    """The same with the app's acknowledgement and the close of its socket inside the measured time."""
    result = _throughput(bench, "Not delivered, full load, each acknowledged and its socket closed meanwhile")
    result.goals.clear()  # the numbers to reach are those of the hot job alone
    return result


def latency(bench: Bench) -> Result:
    """From the moment a request was due until its frame arrived, at a fixed rate."""
    options = bench.scale.options("--rate", str(PACE))
    reports, failed = in_turn(
        bench.contestants,
        bench.scale.rounds,
        lambda contestant, server: run(bench.programs.load, server, "end", [*options, *contestant.generator_options]),
    )
    columns = ("server", "end-to-end p50, ms", "p99, ms", "longest, ms", "sent late p99, ms", "server CPU")
    result = Result(f"End-to-end at {PACE:,} requests/s", columns, remarks=_remarks(reports, failed))
    for name, one in reports.items():
        values = [
            _column(one, lambda report: _p50(report.end_to_end)), _column(one, lambda report: _p99(report.end_to_end)),
            _column(one, lambda report: report.end_to_end.longest if report.end_to_end else 0.0),
            _column(one, lambda report: _p99(report.send_lag)),
        ]  # fmt: skip
        result.rows.append(
            (name, *(f"{value:.2f}" for value in values), share(_column(one, lambda report: report.server_cpu)))
        )
        if name == bench.diyalog.name:
            result.goals.append(
                Goal(f"end-to-end p50 at {PACE:,}/s", values[0], "ms", 0.6, 0.4, higher_is_better=False)
            )
            result.goals.append(Goal(f"end-to-end p99 at {PACE:,}/s", values[1], "ms", 10, 3, higher_is_better=False))
    return result


def pause(bench: Bench) -> Result:
    """How long a request every millisecond that needs no store waits for its answer while all waits are ended."""
    options = bench.scale.options("--probe", "--ack-after")
    reports, failed = in_turn(
        bench.contestants,
        bench.scale.rounds,
        lambda contestant, server: run(bench.programs.load, server, "end", [*options, *contestant.generator_options]),
    )
    columns = (
        "server",
        "longest answer, ms",
        "p99, ms",
        "longest silence, ms",
        "generator's longest turn, ms",
        "requests/s",
    )
    result = Result(
        f"Longest pause with {bench.scale.customers:,} waiters, full load", columns, remarks=_remarks(reports, failed)
    )
    for name, one in reports.items():
        values = [
            _column(one, lambda report: report.probes.longest if report.probes else 0.0),
            _column(one, lambda report: _p99(report.probes)),
            _column(one, lambda report: report.longest_silence_ms),
            _column(one, lambda report: report.longest_turn_ms),
        ]  # fmt: skip
        rate = number(_column(one, lambda report: report.rate))
        result.rows.append((name, *(f"{value:.2f}" for value in values), rate))
        if name == bench.diyalog.name:
            result.goals.append(Goal("longest pause of the event loop", values[2], "ms", 20, 5, higher_is_better=False))
    result.remarks.append(
        "Silence: the server sent nothing to anybody although a probe was waiting. The longest answer also holds the "
        "queue of requests before the probe; the limit's line shows what this machine adds."
    )
    return result
