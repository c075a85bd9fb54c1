"""What a simulated world is like, as its seed has it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random

from diyalog.domain.routing_rules import AgentRules, RoutingRules, SkillRule
from world.faults import USUAL, Fault
from world.node import Times


@dataclass(frozen=True)
class Plan:
    """What a world is like. `statements` replace the program's own, for planted bugs.

    With `rules` the built-in queue routes, and `absent` of its agents never react to what they are offered.
    """

    rates: Mapping[Fault, float] = field(default_factory=lambda: USUAL)
    times: Times = field(default_factory=Times)
    customers: int = 2
    devices: int = 2
    desks: int = 0
    acts: int = 4
    trouble_s: float = 5.0
    statements: Mapping[str, str] = field(default_factory=dict)
    rules: RoutingRules | None = None
    absent: int = 0


def plan_of(seed: int) -> Plan:
    """The world of a seed: mostly a queue that answers repeats with the same id, sometimes one that does not.

    Every third has agents; the others play as they would without any. An eighth of these have the built-in queue.
    """
    draw = Random(seed ^ 0x5EED)
    plan = Plan(
        times=Times(repeatable=seed % 16 != 0),
        customers=draw.choice((1, 1, 2)),
        devices=draw.choice((1, 1, 2)),
        acts=draw.choice((2, 3, 4)),
        trouble_s=draw.choice((1.5, 3.0)),
    )
    if seed % 3 != 0:
        return plan
    times = replace(plan.times, abandon=draw.choice((2_000, 6_000, 20_000)))
    manned = replace(plan, times=times, desks=draw.choice((1, 2)), trouble_s=draw.choice((3.0, 6.0)))
    return manned if seed % 24 != 3 else routed(manned, draw)


def routed(plan: Plan, draw: Random) -> Plan:
    """The same world with the built-in queue, by some rules."""
    skilled = plan.desks > 1 and draw.random() < 0.4
    rules = RoutingRules(
        offer_ms=draw.choice((1_500, 3_000)),
        widen_after_ms=2_000 if skilled else None,
        end_after_ms=draw.choice((None, None, 6_000)),
        nobody_after_ms=draw.choice((None, None, 4_000)),
        skills=(SkillRule("cards"),) if skilled else (),
        everybody=AgentRules(capacity=draw.choice((1, 1, 2))),
        agents={"31007": AgentRules(frozenset({"cards"}), 1)} if skilled else {},
    )
    absent = 1 if plan.desks > 1 and draw.random() < 0.5 else 0
    return replace(plan, times=replace(plan.times, limit=8_000), trouble_s=3.0, rules=rules, absent=absent)
