"""Planted bugs in the built-in queue: each is the program with one mistake in it, and the simulated world notices."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from random import Random

import pytest

from diyalog.domain.ids import StaffRef
from diyalog.domain.routing import FreeAgent, Unoffered, match
from diyalog.protocol.conversation import WaitingObject
from diyalog.protocol.staff_stream import OfferObject
from diyalog.realtime.line import LineView
from diyalog.storage import routing
from world.faults import Fault
from world.plan import Plan, plan_of, routed
from world.planting import STATEMENTS, caught_in, without

WITHOUT_EXPIRY = without("clear_offers", "expires_at <= :now OR ")
COUNTED = "+ (SELECT count(*) FROM offer AS o WHERE o.staff = s.id)"
NOBODY = "SELECT id FROM staff WHERE false"


def queue(**statements: str) -> Callable[[int], Plan]:
    """Worlds with the built-in queue, two agents and these statements."""
    assert statements.keys() <= STATEMENTS.keys()

    def plan(seed: int) -> Plan:
        manned = replace(plan_of(3 * seed), desks=2, customers=2, statements=statements)
        return routed(manned, Random(seed))

    return plan


def test_offer_given_twice() -> None:
    unoffered = without("unoffered_waits", "AND NOT EXISTS (SELECT 1 FROM offer AS o WHERE o.wait = w.id)")
    due = without("routing_is_due", "AND NOT EXISTS (SELECT 1 FROM offer AS o WHERE o.wait = w.id)")
    instead = without("write_offer", "INSERT INTO", "INSERT OR REPLACE INTO")
    plan = queue(unoffered_waits=unoffered, routing_is_due=due, write_offer=instead)
    caught_in(plan, "was taken out of the hands of agent")


def test_capacity_ignored() -> None:
    caught_in(queue(free_agents=without("free_agents", "s.capacity", "9")), "beyond the capacity")


def test_offers_not_counted() -> None:
    caught_in(queue(free_agents=without("free_agents", COUNTED)), "beyond the capacity")


def test_expired_offer_that_blocks_the_line() -> None:
    plan = queue(clear_offers=WITHOUT_EXPIRY, missed_offers=NOBODY)
    caught_in(plan, "is held by an offer whose time is up|is not offered to agent")


def test_agent_who_does_not_answer_and_is_asked_on() -> None:
    caught_in(queue(missed_offers=NOBODY), "let the offer of .* run out and is asked on")


def test_passed_wait_that_is_offered_to_the_same_agent_at_once() -> None:
    at_once = without("write_pass", ":until)", ":until - 60000)")
    caught_in(queue(write_pass=at_once), "who has let it pass")


def test_desk_that_is_gone_and_counts_as_there() -> None:
    everywhere = without("free_agents", "AND s.present IS NOT NULL")
    caught_in(queue(lapsed_staff=NOBODY, free_agents=everywhere), "is gone and counts as there")


def test_offer_to_who_is_away() -> None:
    anybody = without("free_agents", "s.available = 1 AND ")
    caught_in(queue(free_agents=anybody), "who is away")


def test_newest_customer_offered_first() -> None:
    backwards = without("unoffered_waits", "ORDER BY since, id", "ORDER BY since DESC, id DESC")
    caught_in(queue(unoffered_waits=backwards), "who waits longer")


def test_offer_that_is_shown_after_its_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    offers = LineView._offers
    kept: dict[tuple[LineView, StaffRef], dict[str, OfferObject]] = {}

    async def keep(
        self: LineView, staff: set[StaffRef], waiting: dict[int, WaitingObject], rows: Sequence[int]
    ) -> dict[StaffRef, list[OfferObject]]:
        for number, found in (await offers(self, staff, waiting, rows)).items():
            kept.setdefault((self, number), {}).update({offer.session_id: offer for offer in found})
        return {number: list(kept.get((self, number), {}).values()) for number in staff}

    monkeypatch.setattr(LineView, "_offers", keep)
    caught_in(queue(), "is over for long and still offered")


def test_one_whom_nobody_may_take_stops_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def strictly(agents: Iterable[FreeAgent], waits: Sequence[Unoffered]) -> list[tuple[int, StaffRef]]:
        agents = list(agents)
        return match(agents, waits) if match(agents, waits[:1]) else []

    def patient(seed: int) -> Plan:
        usual = queue()(seed)
        times = replace(usual.times, limit=20_000, abandon=20_000)
        return replace(usual, desks=1, absent=0, acts=8, times=times, rates={Fault.REPLY_LOST: 0.01})

    monkeypatch.setattr(routing, "match", strictly)
    caught_in(patient, "is not offered to agent")
