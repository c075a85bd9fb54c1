"""Diyalog on PostgreSQL beside the other servers, two nodes beside one, and the way from one node to the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from contestants import EXPRESS, FASTIFY, Contestant, Limit, Running
from figures import Goal, Result, median, number, share
from generator import Report, Spread, run
from measurements import PACE, Bench, Medians, ended, in_turn, note, ratio_of, remarks_on, throughput
from nodes import BUSES, POSTGRES, Bus, Nodes

_SLOWER: Final = (PACE, PACE // 2, PACE // 4)
"""Requests a second that are tried for the way between nodes, until one is held."""
_HELD_MS: Final = 10.0
"""A pace is held when 99 of 100 requests were sent no later than this."""


def postgres(bench: Bench) -> Result:
    """The hot job with PostgreSQL as the store, synchronous; then its latency at a fixed rate."""
    beside = replace(bench, contestants=[Nodes(bench.diyalog), *bench.contestants])
    result, reports = throughput(beside, "Not delivered on PostgreSQL, full load", "--ack-after")
    paced, failed = ended(beside, "--rate", str(PACE))
    columns = [*result.columns, "at a full server core", f"p50 at {PACE:,}/s, ms", "p99, ms"]
    rows: list[Sequence[str]] = [
        (*row, *_alone(reports[row[0]]), *_times(paced.get(row[0], []))) for row in result.rows
    ]
    result = replace(result, columns=columns, rows=rows, remarks=[*result.remarks, *failed])
    result.remarks.append(
        "*At a full server core*: requests/s divided by the share of its core that the server used. It says what the "
        "server can do where PostgreSQL and generator have a core each, and is no measured rate."
    )
    return result.holding([*_rate_goals(bench, reports), *_latency_goals(paced)])


def _alone(reports: Sequence[Report]) -> tuple[str]:
    return (number(Medians(reports).of(lambda report: report.rate / report.server_cpu)),)


def _times(reports: Sequence[Report]) -> tuple[str, str]:
    if not reports:
        return "-", "-"
    spread = Medians(reports).spread(lambda report: report.end_to_end)
    return f"{spread.p50:.2f}", f"{spread.p99:.2f}"


def _rate_goals(bench: Bench, reports: Mapping[str, Sequence[Report]]) -> list[Goal]:
    mine = reports.get(POSTGRES)
    if mine is None:
        return []
    goals = [
        Goal("not delivered, PostgreSQL synchronous, one server core", Medians(mine).rate, "requests/s", 12e3, None)
    ]
    limits = [(one.name, None, 0.40) for one in bench.contestants if isinstance(one, Limit)]
    for other, milestone, goal in ((EXPRESS.name, 3.0, None), (FASTIFY.name, None, None), *limits):
        if other in reports:
            ratio = ratio_of(mine, reports[other])
            goals.append(Goal(f"not delivered on PostgreSQL, over {other}", ratio, "x", milestone, goal))
    return goals


def _latency_goals(paced: Mapping[str, Sequence[Report]]) -> list[Goal]:
    if POSTGRES not in paced:
        return []
    spread = Medians(paced[POSTGRES]).spread(lambda report: report.end_to_end)
    what = f"at {PACE:,}/s on PostgreSQL"
    return [
        Goal(f"end-to-end p50 {what}", spread.p50, "ms", 0.6, 0.4, higher_is_better=False),
        Goal(f"end-to-end p99 {what}", spread.p99, "ms", 10, 3, higher_is_better=False),
    ]


def _pair(bench: Bench, bus: Bus) -> tuple[Nodes, Nodes]:
    """One node, and two."""
    one = Nodes(bench.diyalog, f"one node, {bus}", bus=bus)
    return one, replace(one, name=f"two nodes, {bus}", count=2)


def _pairs(bench: Bench) -> list[tuple[Nodes, Nodes]]:
    return [_pair(bench, bus) for bus in BUSES]


def nodes(bench: Bench) -> Result:
    """Two nodes against one by the CPU time of a request: every second one comes to the node without the customer."""
    pairs = _pairs(bench)

    def once(_: Contestant, server: Running) -> Report:
        connections = str(bench.scale.connections * len(server.nodes))
        options = bench.scale.options("--ack-after", "--connections", connections, *_sent_to(server.nodes))
        return run(bench.programs.load, server, "end", options)

    reports, failed = in_turn([node for pair in pairs for node in pair], bench.scale.rounds, once)
    columns = (
        "nodes",
        "CPU each, us",
        "store's CPU each, us",
        "requests/s",
        "rounds, us",
        "server",
        "generator",
        "store",
    )
    result = Result("Two nodes against one, full load", columns, remarks=remarks_on(reports, failed))
    for name, one in reports.items():
        medians = Medians(one)
        store = medians.of(lambda report: report.store_cpu / report.rate * 1e6)
        rounds = " / ".join(f"{_cost(report):.0f}" for report in one)
        figures = (f"{medians.cost:.0f}", f"{store:.0f}", number(medians.rate), rounds)
        result.rows.append((name, *figures, *medians.shares, share(medians.store)))
    for alone, both in pairs:
        if alone.name in reports and both.name in reports:
            found = zip(reports[alone.name], reports[both.name], strict=True)
            gain = median(2 * _cost(one) / _cost(two) for one, two in found)
            result.goals.append(
                Goal(f"two nodes against one, by CPU for each request, {both.bus}", gain, "x", 1.8, 1.95)
            )
    result.remarks.append(
        "Both nodes share the server's core here, so requests/s cannot double. Server CPU for a request on one node, "
        "over that of both nodes for a request, times two, is what two nodes do when each has a core of its own and "
        "the store keeps up: the store's CPU for a request says how far."
    )
    return result


def _cost(report: Report) -> float:
    """Microseconds of all nodes' CPU time for one request."""
    return report.server_cpu / report.rate * 1e6


def _sent_to(nodes: Sequence[Running]) -> list[str]:
    """The generator's options for sending the company's requests to these nodes in turn."""
    return [part for node in nodes for part in ("--post-port", str(node.port))]


def across(bench: Bench) -> Result:
    """From a request to one node until the frame on a customer's socket at another, beside the same on one node."""
    pairs = _pairs(bench)
    pace = _held_pace(bench, [both for _, both in pairs])
    reports, failed = _crossed(bench, [node for pair in pairs for node in pair], pace)
    columns = (
        "way",
        "end-to-end p50, ms",
        "p99, ms",
        "longest, ms",
        "rounds, p50",
        "sent late p99, ms",
        "server",
        "store",
    )
    result = Result(f"From node to node at {pace:,} requests/s", columns, remarks=remarks_on(reports, failed))
    for name, one in reports.items():
        medians = Medians(one)
        spread, lag = medians.spread(lambda report: report.end_to_end), medians.spread(lambda report: report.send_lag)
        rounds = " / ".join(f"{_p50(report):.2f}" for report in one)
        times = (f"{spread.p50:.2f}", f"{spread.p99:.2f}", f"{spread.longest:.2f}", rounds, f"{lag.p99:.2f}")
        result.rows.append((name, *times, medians.shares[0], share(medians.store)))
    for alone, both in pairs:
        if alone.name in reports and both.name in reports:
            found = zip(reports[alone.name], reports[both.name], strict=True)
            more = median(_p50(two) - _p50(one) for one, two in found)
            milestone, goal = (1.0, 0.4) if both.bus == "NATS" else (None, None)
            what = f"p50 more across nodes over {both.bus}, at {pace:,}/s"
            result.goals.append(Goal(what, more, "ms", milestone, goal, higher_is_better=False))
    if pace < PACE:
        result.remarks.append(f"**{PACE:,} requests/s were not held** on this machine; all were measured at {pace:,}.")
    return result


def _held_pace(bench: Bench, crossing: Sequence[Nodes]) -> int:
    """The quickest pace at which requests go out in time on every way between nodes; the slowest when none is held."""
    look = replace(bench, scale=replace(bench.scale, rounds=1, batches=1))
    for pace in _SLOWER[:-1]:
        reports, _ = _crossed(look, crossing, pace)
        if all(_lag(report) <= _HELD_MS for one in reports.values() for report in one):
            return pace
        note(f"  {pace:,}/s are not held here")
    return _SLOWER[-1]


def _crossed(bench: Bench, contestants: Sequence[Nodes], pace: int) -> tuple[dict[str, list[Report]], list[str]]:
    """Customers on the first node, all requests to the last: the same one where there is one."""

    def once(_: Contestant, server: Running) -> Report:
        options = bench.scale.options("--rate", str(pace), *_sent_to(server.nodes[-1:]))
        return run(bench.programs.load, server, "end", options)

    return in_turn(contestants, bench.scale.rounds, once)


def _p50(report: Report) -> float:
    return (report.end_to_end or _NOTHING).p50


def _lag(report: Report) -> float:
    return (report.send_lag or _NOTHING).p99


_NOTHING: Final = Spread(0.0, 0.0, 0.0)
