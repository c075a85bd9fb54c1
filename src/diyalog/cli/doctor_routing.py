"""`diyalog doctor`: the rules of the built-in queue."""

from collections.abc import Callable
from typing import Final

from diyalog.cli.doctor_finding import Finding, fail, ok, warn
from diyalog.domain.routing_rules import RoutingRules
from diyalog.protocol.times import rfc3339
from diyalog.routing_file import RoutingFileError, read_routing_rules
from diyalog.settings import Settings

ROUTING: Final = "routing"


def check_routing(settings: Settings, now_ms: Callable[[], int]) -> list[Finding]:
    """Look at the file of `DIYALOG_ROUTING_FILE`; nothing without one. `now_ms`: the time in ms since 1970."""
    if settings.routing_file is None:
        return []
    try:
        rules = read_routing_rules(settings.routing_file)
    except RoutingFileError as wrong:
        return [fail(ROUTING, str(wrong), "correct the file; the server does not start with it")]
    return [_opening(rules, now_ms()), ok(ROUTING, _agents(rules)), *_skills_of_nobody(rules)]


def _opening(rules: RoutingRules, now: int) -> Finding:
    if rules.hours is None:
        return ok(ROUTING, "always open")
    opens_at = rules.hours.opens_at(now)
    if opens_at is None:
        return warn(ROUTING, "closed for the next month", "see hours and dates in the file")
    if rules.open_at(now):
        return ok(ROUTING, f"open now, by the clock of {rules.hours.zone.key}")
    return ok(ROUTING, f"closed, opens at {rfc3339(opens_at)} ({rules.hours.zone.key})")


def _agents(rules: RoutingRules) -> str:
    asked = dict.fromkeys(rule.skill for rule in rules.skills)
    counts = [f"{skill} {sum(skill in agent.skills for agent in rules.agents.values())}" for skill in asked]
    named = f"{len(rules.agents)} agents named, everybody else takes {rules.everybody.capacity} at once"
    return f"{named}; agents by skill: {', '.join(counts)}" if counts else named


def _skills_of_nobody(rules: RoutingRules) -> list[Finding]:
    known = frozenset[str]().union(*(agent.skills for agent in rules.agents.values()))
    asked = dict.fromkeys(rule.skill for rule in rules.skills)
    then = "give it to an agent, or set give_up.widen_after or give_up.nobody_after"
    give_up = rules.widen_after_ms is not None or rules.nobody_after_ms is not None or rules.end_after_ms is not None
    return [
        warn(
            ROUTING,
            f"requests may need the skill {skill!r}, and no agent has it",
            "give it to an agent" if give_up else then,
        )
        for skill in asked
        if skill not in known
    ]
