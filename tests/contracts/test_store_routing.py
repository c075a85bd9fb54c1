"""What every store must do for the built-in queue: offers, availability, the order of the line."""

import asyncio
import itertools

import pytest

from diyalog.domain.commands import AcceptWait, EndConversation
from diyalog.domain.ids import NodeId, StaffRef
from diyalog.domain.results import Verdict
from diyalog.domain.routing import AwayReason, TakeOffers, TakeTurn
from diyalog.domain.transitions import Event
from diyalog.domain.wait import Party, Wait
from diyalog.storage.store import DatabaseStore
from kit import stores
from kit.clock import SettableClock

from .conftest import OpenStore, RunSql

OFFER_MS = 20_000
LEASE_MS = 30_000
TURN = TakeTurn(OFFER_MS, LEASE_MS, None)
_numbers = itertools.count()


async def waiting(store: DatabaseStore, clock: SettableClock, *needs: str, name: str | None = None) -> Wait:
    """A customer who waits in the built-in queue; a millisecond after the one before."""
    clock.advance(1)
    who = await stores.customer(store, name or f"customer {next(_numbers)}")
    began = await store.start_wait(stores.start(who, clock, builtin=True)._replace(needs=needs))
    assert began.wait is not None
    return began.wait


async def ready(store: DatabaseStore, user_id: str, *skills: str, capacity: int = 1) -> StaffRef:
    """A member of the staff at a desk, who takes offers."""
    staff = await stores.agent(store, user_id, f"Agent {user_id}")
    await store.conversations.staff_present(staff, connected=True)
    await store.routing.set_availability(TakeOffers(staff, True, frozenset(skills), capacity))
    return staff


async def offered(store: DatabaseStore, clock: SettableClock) -> dict[int, StaffRef]:
    return {offer.row: offer.staff for offer in await store.routing.offers(clock.at)}


async def test_who_waits_longest_is_offered_first(store: DatabaseStore, clock: SettableClock) -> None:
    first, second = await waiting(store, clock), await waiting(store, clock)
    selin = await ready(store, "1")
    routed = await store.routing.route(TURN)
    assert [(offer.row, offer.staff) for offer in routed.offers] == [(first.row, selin)]
    assert routed.offers[0].expires_at - routed.offers[0].offered_at == OFFER_MS
    assert await offered(store, clock) == {first.row: selin}
    assert not (await store.routing.route(TURN)).changed
    assert await offered(store, clock) == {first.row: selin}, f"{second.row} waits until somebody is free"


async def test_offers_and_conversations_together_never_exceed_the_capacity(
    store: DatabaseStore, clock: SettableClock
) -> None:
    waits = [await waiting(store, clock) for _ in range(5)]
    selin = await ready(store, "1", capacity=3)
    await stores.accepted(store, waits[4], selin)
    await store.routing.route(TURN)
    assert await offered(store, clock) == {waits[0].row: selin, waits[1].row: selin}


async def test_the_fewest_customers_first_and_then_the_longest_idle(store: DatabaseStore, clock: SettableClock) -> None:
    early = await ready(store, "1", capacity=2)
    clock.advance(10)
    late = await ready(store, "2", capacity=2)
    waits = [await waiting(store, clock) for _ in range(4)]
    await store.routing.route(TURN)
    assert await offered(store, clock) == dict(
        zip([wait.row for wait in waits], [early, late, early, late], strict=True)
    )


async def test_skills_that_are_needed_decide_and_nobody_behind_waits_for_them(
    store: DatabaseStore, clock: SettableClock
) -> None:
    cards = await waiting(store, clock, "cards")
    both = await waiting(store, clock, "cards", "english")
    plain = await waiting(store, clock)
    anybody = await ready(store, "1", "loans", capacity=3)
    await store.routing.route(TURN)
    assert await offered(store, clock) == {plain.row: anybody}
    expert = await ready(store, "2", "cards", "english", capacity=3)
    await store.routing.route(TURN)
    assert await offered(store, clock) == {plain.row: anybody, cards.row: expert, both.row: expert}


async def test_skills_stop_to_matter_when_the_rules_say_so(store: DatabaseStore, clock: SettableClock) -> None:
    cards = await waiting(store, clock, "cards")
    anybody = await ready(store, "1")
    await store.routing.route(TURN._replace(widen_ms=60_000))
    assert await offered(store, clock) == {}
    clock.advance(60_000)
    await store.conversations.staff_present(anybody, connected=True)
    await store.routing.route(TURN._replace(widen_ms=60_000))
    assert await offered(store, clock) == {cards.row: anybody}


async def test_who_misses_an_offer_is_away_and_the_customer_is_offered_on(
    store: DatabaseStore, clock: SettableClock
) -> None:
    wait = await waiting(store, clock)
    selin = await ready(store, "1")
    await store.routing.route(TURN)
    mert = await ready(store, "2")
    clock.advance(OFFER_MS)
    assert await store.routing.is_due(clock.at, LEASE_MS)
    routed = await store.routing.route(TURN)
    assert [(offer.row, offer.staff) for offer in routed.offers] == [(wait.row, mert)]
    away = (await store.routing.availability([selin]))[selin]
    assert (away.available, away.reason) == (False, AwayReason.MISSED)


async def test_nobody_misses_an_offer_while_the_desk_is_gone(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await waiting(store, clock)
    selin = await ready(store, "1")
    await store.routing.route(TURN)
    await store.conversations.staff_present(selin, connected=False)  # a restart of the server, above all
    clock.advance(OFFER_MS)
    await store.routing.route(TURN)
    assert await offered(store, clock) == {}
    assert (await store.routing.availability([selin]))[selin].available, "nobody was there to be asked"
    await store.conversations.staff_present(selin, connected=True)
    await store.routing.route(TURN)
    assert await offered(store, clock) == {wait.row: selin}


async def test_a_desk_that_is_gone_takes_no_offers_and_is_away_after_its_lease(
    store: DatabaseStore, clock: SettableClock
) -> None:
    selin = await ready(store, "1")
    await store.conversations.staff_present(selin, connected=False)
    await waiting(store, clock)
    await store.routing.route(TURN)
    assert await offered(store, clock) == {}
    assert (await store.routing.availability([selin]))[selin].available, "it may come back"
    clock.advance(LEASE_MS)
    assert (await store.routing.route(TURN)).changed
    away = (await store.routing.availability([selin]))[selin]
    assert (away.available, away.reason) == (False, AwayReason.LOST)
    await store.conversations.staff_present(selin, connected=True)
    await store.routing.route(TURN)
    assert await offered(store, clock) == {}, "who comes back says so"


async def test_a_declined_wait_goes_to_the_next_and_back_after_a_minute(
    store: DatabaseStore, clock: SettableClock
) -> None:
    wait = await waiting(store, clock)
    selin = await ready(store, "1", capacity=2)
    await store.routing.route(TURN)
    assert await store.routing.decline(wait.session_id, selin)
    assert not await store.routing.decline(wait.session_id, selin), "it is not theirs any more"
    await store.routing.route(TURN)
    assert await offered(store, clock) == {}
    mert = await ready(store, "2")
    assert not await store.routing.decline(wait.session_id, mert), "never offered"
    await store.routing.route(TURN)
    assert await offered(store, clock) == {wait.row: mert}
    assert await store.routing.decline(wait.session_id, mert)
    clock.advance(60_000)
    for staff in (selin, mert):
        await store.conversations.staff_present(staff, connected=True)
    await store.routing.route(TURN)
    assert list(await offered(store, clock)) == [wait.row]


async def test_who_declines_is_offered_those_behind_at_once(store: DatabaseStore, clock: SettableClock) -> None:
    waits = [await waiting(store, clock) for _ in range(3)]
    selin = await ready(store, "1")
    for wait, behind in itertools.pairwise(waits):
        await store.routing.route(TURN)
        assert await store.routing.decline(wait.session_id, selin)
        assert await store.routing.is_due(clock.at, LEASE_MS)
        await store.routing.route(TURN)
        assert await offered(store, clock) == {behind.row: selin}


async def test_who_goes_away_has_no_offers(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await waiting(store, clock)
    selin = await ready(store, "1")
    await store.routing.route(TURN)
    away = await store.routing.set_availability(TakeOffers(selin, False, frozenset(), 1))
    assert (away.available, away.reason) == (False, AwayReason.AGENT)
    assert await offered(store, clock) == {}
    mert = await ready(store, "2")
    await store.routing.route(TURN)
    assert await offered(store, clock) == {wait.row: mert}


@pytest.mark.parametrize("event", [Event.CANCEL, Event.NOT_DELIVERED])
async def test_an_offer_of_a_wait_that_ended_means_nothing(
    store: DatabaseStore, clock: SettableClock, event: Event
) -> None:
    wait = await waiting(store, clock)
    selin = await ready(store, "1")
    await store.routing.route(TURN)
    assert (await stores.end(store, event, wait.row)).verdict is Verdict.WON
    assert await offered(store, clock) == {}
    assert not await store.routing.decline(wait.session_id, selin)
    behind = await waiting(store, clock)
    await store.routing.route(TURN)
    assert await offered(store, clock) == {behind.row: selin}
    assert (await store.routing.availability([selin]))[selin].available, "nobody missed anything"


async def test_anybody_may_take_an_offered_wait(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await waiting(store, clock)
    await ready(store, "1")
    await store.routing.route(TURN)
    other = await stores.agent(store, "2", "Mert Kaya")
    taken = await store.conversations.accept(AcceptWait(stores.command_id(), other, session_id=wait.session_id))
    assert taken.verdict is Verdict.WON
    assert await offered(store, clock) == {}


async def test_who_lost_an_agent_goes_back_to_the_place_of_before(store: DatabaseStore, clock: SettableClock) -> None:
    first = await waiting(store, clock, name="880214")
    selin = await stores.agent(store)
    await stores.accepted(store, first, selin)
    others = [await waiting(store, clock) for _ in range(3)]
    end = EndConversation(stores.command_id(), first.session_id, Party.AGENT_LOST)
    assert (await store.conversations.end(end)).verdict is Verdict.WON
    back = await waiting(store, clock, name="880214")
    assert list(await store.line()) == [back.row, *(wait.row for wait in others)]
    replaced = await waiting(store, clock, name="880214")
    assert list(await store.line()) == [replaced.row, *(wait.row for wait in others)], "a second device keeps it"
    assert [one.wait.row for one in await store.conversations.waiting(2)] == [replaced.row, others[0].row]


@pytest.mark.parametrize(("by", "after_ms"), [(Party.AGENT, 0), (Party.AGENT_LOST, 600_001)])
async def test_others_go_to_the_end_of_the_line(
    store: DatabaseStore, clock: SettableClock, by: Party, after_ms: int
) -> None:
    first = await waiting(store, clock, name="880214")
    await stores.accepted(store, first, await stores.agent(store))
    other = await waiting(store, clock)
    await store.conversations.end(EndConversation(stores.command_id(), first.session_id, by))
    clock.advance(after_ms)
    back = await waiting(store, clock, name="880214")
    assert list(await store.line()) == [other.row, back.row]


async def test_two_nodes_route_at_once_and_no_wait_is_offered_twice(
    open_store: OpenStore, backend: str, clock: SettableClock
) -> None:
    async with open_store(stores.NODE) as store:
        waits = [await waiting(store, clock) for _ in range(20)]
        staff = [await ready(store, f"{number}", capacity=3) for number in range(5)]
        if backend == "sqlite":
            routed = await asyncio.gather(*(store.routing.route(TURN) for _ in range(6)))
        else:
            async with open_store(NodeId("node-b")) as other:
                routed = await asyncio.gather(*(one.routing.route(TURN) for one in (store, other) * 3))
        made = [offer for turn in routed for offer in turn.offers]
        assert sorted(offer.row for offer in made) == [wait.row for wait in waits[:15]]
        assert sorted(offer.staff for offer in made) == sorted(staff * 3)


async def test_what_the_estimate_is_made_of(store: DatabaseStore, clock: SettableClock) -> None:
    selin = await stores.agent(store)
    began = []
    for _ in range(4):
        wait = await waiting(store, clock)
        clock.advance(1000)
        began.append(clock.at)
        await stores.accepted(store, wait, selin)
    assert list(await store.routing.accepted_lately(began[1], 20)) == [began[3], began[2]]
    assert list(await store.routing.accepted_lately(0, 3)) == began[:0:-1]
    assert not await store.routing.anybody_available()
    await ready(store, "1")
    assert await store.routing.anybody_available()


async def test_nothing_is_due_when_nothing_can_be_done(store: DatabaseStore, clock: SettableClock) -> None:
    assert not await store.routing.is_due(clock.at, LEASE_MS)
    await waiting(store, clock)
    assert not await store.routing.is_due(clock.at, LEASE_MS), "nobody takes offers"
    await ready(store, "1")
    assert await store.routing.is_due(clock.at, LEASE_MS)
    await store.routing.route(TURN)
    assert not await store.routing.is_due(clock.at, LEASE_MS), "it is offered"


async def test_what_the_rules_look_at(store: DatabaseStore, clock: SettableClock) -> None:
    waits = [await waiting(store, clock, "cards"), await waiting(store, clock)]
    assert [(one.row, one.needs) for one in await store.routing.standing(0, 10)] == [
        (waits[0].row, frozenset({"cards"})),
        (waits[1].row, frozenset()),
    ]
    assert [one.session_id for one in await store.routing.standing(waits[0].row, 10)] == [waits[1].session_id]
    await stores.agent(store, "1", "never at work")
    selin = await ready(store, "2", "cards")
    at = clock.at
    clock.advance(5)
    await store.routing.set_availability(TakeOffers(selin, False, frozenset(), 1))
    [present] = await store.routing.presence()
    assert (present.skills, present.available, present.since) == (frozenset({"cards"}), False, at + 5)


async def test_who_never_said_anything_is_away_for_no_reason(store: DatabaseStore) -> None:
    selin = await stores.agent(store)
    now = (await store.routing.availability([selin]))[selin]
    assert (now.available, now.since, now.reason) == (False, None, None)


async def test_damaged_needs_cost_one_wait_its_skills_and_nobody_the_line(
    store: DatabaseStore, clock: SettableClock, run_sql: RunSql
) -> None:
    await ready(store, "1")
    wait = await waiting(store, clock, "loans")
    run_sql("UPDATE wait SET needs = '{'")
    routed = await store.routing.route(TURN)
    assert [offer.row for offer in routed.offers] == [wait.row]


async def test_who_only_calls_does_not_stay_available_without_a_desk(
    store: DatabaseStore, clock: SettableClock
) -> None:
    selin = await ready(store, "1")
    await store.conversations.staff_present(selin, connected=False)
    for _ in range(3):
        clock.advance(LEASE_MS // 3)
        await store.touch_staff(selin)
    await store.routing.route(TURN)
    away = (await store.routing.availability([selin]))[selin]
    assert (away.available, away.reason) == (False, AwayReason.LOST)
