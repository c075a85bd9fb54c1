"""The measurements that put servers side by side: each round starts every server once, in turn."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from contestants import EXPRESS, FASTIFY, Contestant, Diyalog, Limit, Running, StartError
from figures import Goal, Result, median, number, share
from generator import GeneratorError, Report, Spread, WrongServerError, run
from toolchain import MissingToolError, Programs

PACE: Final = 2000
"""Requests a second where latency is measured."""
SATURATED: Final = 0.90
"""From this share of its own core the generator may be what limits a figure."""
RESTLESS: Final = 0.10
"""From this share of a core in other hands a figure is marked as disturbed."""


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


@dataclass(frozen=True)
class Medians:
    """What one server did, as medians over its rounds. Latencies in milliseconds, shares of one core."""

    reports: Sequence[Report]

    def of(self, value: Callable[[Report], float]) -> float:
        """The median of any part of the reports."""
        return median(value(report) for report in self.reports)

    def spread(self, part: Callable[[Report], Spread | None]) -> Spread:
        """The medians of a distribution's figures."""
        spreads = [spread for report in self.reports if (spread := part(report)) is not None]
        return Spread(*(median(getattr(one, name) for one in spreads) for name in ("p50", "p99", "longest")))

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.of(lambda report: report.rate)

    @property
    def cost(self) -> float:
        """The server's own CPU time for one request, in microseconds; other processes disturb it least."""
        return self.of(lambda report: report.server_cpu / report.rate * 1e6)

    @property
    def store(self) -> float:
        """CPU of the store, as a share of the other core: Redis, or PostgreSQL and NATS."""
        return self.of(lambda report: report.store_cpu)

    @property
    def shares(self) -> tuple[str, str]:
        """CPU of the server and of the generator, for a table."""
        return share(self.of(lambda report: report.server_cpu)), share(self.of(lambda report: report.generator_cpu))


def remarks_on(reports: dict[str, list[Report]], failed: Sequence[str]) -> list[str]:
    """Who failed, and what else than the server may have held a figure back."""
    busiest = max((report.generator_cpu for one in reports.values() for report in one), default=0.0)
    held_back = [name for name, one in reports.items() if Medians(one).of(lambda r: r.generator_cpu) > SATURATED]
    verdict = f": **it may be the bottleneck beside {', '.join(held_back)}**." if held_back else "."
    disturbed = [name for name, one in reports.items() if Medians(one).of(_strange) > RESTLESS]
    remarks = [*failed, f"Generator at most {share(busiest)} of its core{verdict}"]
    crowded = [name for name, one in reports.items() if Medians(one).of(_beside) > SATURATED]
    if set(crowded) - set(held_back):
        remarks.append(
            f"**The other core was full**, generator and store together, beside {', '.join(crowded)}: there the server "
            "was not the bottleneck; with cores of their own it is."
        )
    if disturbed:
        remarks.append(f"**Disturbed** by other processes: {', '.join(disturbed)}.")
    return remarks


def _beside(report: Report) -> float:
    return report.generator_cpu + report.store_cpu


def _strange(report: Report) -> float:
    """The share of the one core or the other, whichever is larger, that went to processes with no part in this."""
    return max(report.others_cpu, report.other_core - _beside(report))


def ended(bench: Bench, *options: str) -> tuple[dict[str, list[Report]], list[str]]:
    """All waits ended by every contestant in turn."""

    def once(contestant: Contestant, server: Running) -> Report:
        every = bench.scale.options(*options, *contestant.generator_options)
        return run(bench.programs.load, server, "end", every)

    return in_turn(bench.contestants, bench.scale.rounds, once)


def ratio_of(mine: Sequence[Report], other: Sequence[Report]) -> float:
    """The median of the ratios within each round."""
    return median(a.rate / b.rate for a, b in zip(mine, other, strict=True))


def throughput(bench: Bench, title: str, *options: str) -> tuple[Result, dict[str, list[Report]]]:
    """All waits ended as fast as answers come: the table without goals, and what it is made of."""
    reports, failed = ended(bench, *options)
    limit = next((reports.get(one.name) for one in bench.contestants if isinstance(one, Limit)), None)
    columns = (
        "server",
        "requests/s",
        "of the limit",
        "end-to-end p50, ms",
        "p99, ms",
        "CPU each, us",
        "rounds",
        "server",
        "generator",
        "store",
    )
    result = Result(title, columns, remarks=remarks_on(reports, failed))
    for name, one in reports.items():
        medians = Medians(one)
        spread = medians.spread(lambda report: report.end_to_end)
        of_limit = f"{ratio_of(one, limit):.2f}" if limit else "-"
        rounds = " / ".join(number(report.rate) for report in one)
        times = (f"{spread.p50:.2f}", f"{spread.p99:.2f}", f"{medians.cost:.0f}")
        result.rows.append(
            (name, number(medians.rate), of_limit, *times, rounds, *medians.shares, share(medians.store))
        )
    return result, reports


def _rate_goals(bench: Bench, reports: dict[str, list[Report]]) -> list[Goal]:
    mine = reports.get(bench.diyalog.name)
    if mine is None:
        return []
    goals = [Goal("not delivered, SQLite FULL, one core", Medians(mine).rate, "requests/s", 10_000, None)]
    limits = [one.name for one in bench.contestants if isinstance(one, Limit)]
    for other, milestone, goal in (
        (EXPRESS.name, 2.5, None),
        (FASTIFY.name, None, 1.0),
        *((x, 0.15, 0.30) for x in limits),
    ):
        if other in reports:
            ratio = ratio_of(mine, reports[other])
            goals.append(Goal(f"not delivered, over {other}", ratio, "x", milestone, goal))
    return goals


def not_delivered(bench: Bench) -> Result:
    """The hot job at full load: signed request, durable outcome, frame on the right socket."""
    result, reports = throughput(bench, "Not delivered, full load", "--ack-after")
    return result.holding(_rate_goals(bench, reports))


def acknowledged(bench: Bench) -> Result:
    """The same with the app's acknowledgement and the close of its socket inside the measured time.

    Its figures are held against no goal: the numbers to reach are those of the hot job alone.
    """
    title = "Not delivered, full load, each acknowledged and its socket closed meanwhile"
    return throughput(bench, title)[0]


def latency(bench: Bench) -> Result:
    """From the moment a request was due until its frame arrived, at a fixed rate."""
    reports, failed = ended(bench, "--rate", str(PACE))
    columns = ("server", "end-to-end p50, ms", "p99, ms", "longest, ms", "sent late p99, ms", "server", "generator")
    result = Result(f"End-to-end at {PACE:,} requests/s", columns, remarks=remarks_on(reports, failed))
    for name, one in reports.items():
        medians = Medians(one)
        spread, lag = medians.spread(lambda report: report.end_to_end), medians.spread(lambda report: report.send_lag)
        times = (f"{value:.2f}" for value in (spread.p50, spread.p99, spread.longest, lag.p99))
        result.rows.append((name, *times, *medians.shares))
        if name == bench.diyalog.name:
            result.goals += [
                Goal(f"end-to-end p50 at {PACE:,}/s", spread.p50, "ms", 0.6, 0.4, higher_is_better=False),
                Goal(f"end-to-end p99 at {PACE:,}/s", spread.p99, "ms", 10, 3, higher_is_better=False),
            ]
    return result


def pause(bench: Bench) -> Result:
    """How long the server leaves everybody unanswered while all waits are ended, seen by a probe every millisecond."""
    reports, failed = ended(bench, "--probe", "--ack-after")
    title = f"Longest pause with {bench.scale.customers:,} waiters, full load"
    columns = ("server", "longest silence, ms", "slowest probe, ms", "probe p99, ms", "generator's longest turn, ms")
    result = Result(title, columns, remarks=remarks_on(reports, failed))
    for name, one in reports.items():
        medians = Medians(one)
        probe, silence = (
            medians.spread(lambda report: report.probes),
            medians.of(lambda report: report.longest_silence_ms),
        )
        turn = medians.of(lambda report: report.longest_turn_ms)
        result.rows.append((name, *(f"{value:.2f}" for value in (silence, probe.longest, probe.p99, turn))))
        if name == bench.diyalog.name:
            result.goals.append(Goal("longest pause of the event loop", silence, "ms", 20, 5, higher_is_better=False))
    result.remarks.append(
        "Silence: the server sent nothing to anybody although a probe (GET /livez) was waiting. A slow probe may also "
        "have stood behind the requests before it. The limit's line shows what this machine adds by itself."
    )
    return result
