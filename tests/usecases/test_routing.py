"""The built-in queue at work: what its rules give up ends like the company's own word, and it wakes when it must."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from diyalog.domain.commands import Request
from diyalog.domain.ids import StaffRef
from diyalog.domain.opening_hours import OpeningHours, Span
from diyalog.domain.routing import AwayReason
from diyalog.domain.routing_rules import AgentRules, RoutingRules, SkillRule
from diyalog.domain.wait import HelpType, Outcome, Reason, State, Wait
from diyalog.storage.sqlite import SqliteStore
from diyalog.usecases.changes import Changes
from diyalog.usecases.commanding import CommandIds
from diyalog.usecases.routing import Routing
from diyalog.usecases.waiting import Waiting, WaitingPolicy
from kit import stores
from kit.clock import SettableClock

LIMIT_S = 10.0
MINUTE = 60_000


class NoQueue:
    """The built-in queue calls nobody."""

    def dispatch(self, delivery: object) -> None:
        raise AssertionError(delivery)

    def kick(self) -> None:
        """Nothing is due."""


class Looks:
    """Counts how often the desks were to look again."""

    def __init__(self) -> None:
        self.count = 0
        self.told = asyncio.Event()

    def look_again(self) -> None:
        self.count += 1
        self.told.set()


class Queue:
    """A built-in queue with these rules, on a store of its own."""

    def __init__(self, store: SqliteStore, clock: SettableClock, rules: RoutingRules) -> None:
        self.store = store
        self.clock = clock
        self.rules = rules
        self.looks = Looks()
        self.changes = Changes()
        policy = WaitingPolicy(3_600_000, 3_600_000, 20_000, builtin=True, rules=rules)
        commands = CommandIds(stores.NODE)
        self.waiting = Waiting(store, NoQueue(), changes=self.changes, clock=clock, commands=commands, policy=policy)
        self.routing = Routing(
            store.routing, self.waiting, clock=clock, sleep=asyncio.sleep, rules=rules, told=self.looks
        )
        self.changes.subscribe_own(self.routing)

    async def ask(self, name: str = "880214") -> Wait:
        who = await stores.customer(self.store, name)
        began = await self.waiting.start(who, HelpType.CHAT, Request(name, "", ()), stores.digest(name), None)
        assert began.wait is not None
        return began.wait

    async def agent(self, user_id: str = "31007", *, available: bool = True) -> StaffRef:
        staff = await stores.agent(self.store, user_id, f"Agent {user_id}")
        await self.store.conversations.staff_present(staff, connected=True)
        await self.routing.set_availability(staff, user_id, available=available)
        return staff

    async def now(self, wait: Wait) -> Wait:
        found = await self.store.wait(wait.session_id)
        assert found is not None
        return found

    async def offered(self) -> dict[int, StaffRef]:
        return {offer.row: offer.staff for offer in await self.store.routing.offers(self.clock.at)}

    async def until_offered(self, expected: dict[int, StaffRef]) -> None:
        """Look each time that the desks are told to."""
        while await self.offered() != expected:
            self.looks.told.clear()
            await self.looks.told.wait()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with stores.sqlite_store(tmp_path, SettableClock()) as made:
        yield made


@pytest.fixture
def clock(store: SqliteStore) -> SettableClock:
    clock = store._clock
    assert isinstance(clock, SettableClock)
    return clock


async def test_without_rules_nothing_is_given_up(store: SqliteStore, clock: SettableClock) -> None:
    queue = Queue(store, clock, RoutingRules())
    wait = await queue.ask()
    clock.advance(59 * MINUTE)
    await queue.routing.turn()
    assert (await queue.now(wait)).outcome is None


async def test_a_wait_that_lasts_too_long_ends_with_the_message_of_the_rules(
    store: SqliteStore, clock: SettableClock
) -> None:
    queue = Queue(store, clock, RoutingRules(end_after_ms=5 * MINUTE, too_long="Bugün çok yoğunuz."))
    wait = await queue.ask()
    clock.advance(5 * MINUTE - 1)
    later = await queue.ask("2")
    await queue.routing.turn()
    assert (await queue.now(wait)).outcome is None
    clock.advance(2_000)
    await queue.routing.turn()
    ended = await queue.now(wait)
    assert (ended.state, ended.outcome, ended.reason) == (State.ENDED, Outcome.NOT_DELIVERED, Reason.QUEUE)
    assert ended.message == "Bugün çok yoğunuz."
    assert (await queue.now(later)).outcome is None


async def test_nobody_there_ends_the_waits_of_which_nobody_can_take_care(
    store: SqliteStore, clock: SettableClock
) -> None:
    queue = Queue(store, clock, RoutingRules(nobody_after_ms=MINUTE, nobody="Kimse yok."))
    await queue.agent()
    wait = await queue.ask()
    clock.advance(10 * MINUTE)
    for staff in [await queue.agent()]:
        await queue.routing.turn()
        assert (await queue.now(wait)).outcome is None, "somebody is there"
        await queue.routing.set_availability(staff, "31007", available=False)
    clock.advance(MINUTE - 1)
    await queue.routing.turn()
    assert (await queue.now(wait)).outcome is None, "they may come back"
    clock.advance(2_001)
    await queue.routing.turn()
    assert (await queue.now(wait)).message == "Kimse yok."


async def test_somebody_without_the_skills_is_hope_once_skills_do_not_matter(
    store: SqliteStore, clock: SettableClock
) -> None:
    english = SkillRule("english", frozenset({HelpType.CHAT}))
    queue = Queue(store, clock, RoutingRules(skills=[english], widen_after_ms=MINUTE, nobody_after_ms=2 * MINUTE))
    staff = await queue.agent()
    wait = await queue.ask()
    clock.advance(10 * MINUTE)
    await queue.routing.turn()
    assert (await queue.now(wait)).outcome is None
    assert await queue.offered() == {wait.row: staff}
    narrow = Queue(store, clock, replace(queue.rules, widen_after_ms=11 * MINUTE))
    await narrow.routing.turn()
    assert (await queue.now(wait)).outcome is Outcome.NOT_DELIVERED


async def test_more_waits_than_a_page_are_given_up_in_one_turn(store: SqliteStore, clock: SettableClock) -> None:
    queue = Queue(store, clock, RoutingRules(end_after_ms=MINUTE))
    waits = [await queue.ask(f"{number}") for number in range(501)]
    clock.advance(MINUTE)
    await queue.routing.turn()
    outcomes = {(await queue.now(wait)).outcome for wait in waits}
    assert outcomes == {Outcome.NOT_DELIVERED}


async def test_capacity_and_skills_are_those_of_the_rules(store: SqliteStore, clock: SettableClock) -> None:
    rules = RoutingRules(agents={"31007": AgentRules(frozenset({"cards"}), 2)})
    queue = Queue(store, clock, rules)
    selin, mert = await queue.agent("31007"), await queue.agent("31008")
    known = await store.routing.availability([selin, mert])
    assert (known[selin].skills, known[selin].capacity) == (frozenset({"cards"}), 2)
    assert (known[mert].skills, known[mert].capacity) == (frozenset(), 3)


async def test_the_loop_offers_as_soon_as_somebody_asks_or_comes(store: SqliteStore, clock: SettableClock) -> None:
    queue = Queue(store, clock, RoutingRules())
    running = asyncio.create_task(queue.routing.run())
    try:
        async with asyncio.timeout(LIMIT_S):
            selin = await queue.agent()
            wait = await queue.ask()
            await queue.until_offered({wait.row: selin})
            assert await queue.routing.decline(wait.session_id, selin)
            mert = await queue.agent("31008")
            await queue.until_offered({wait.row: mert})
    finally:
        queue.routing.stop()
        await asyncio.wait_for(running, LIMIT_S)
    assert queue.looks.count >= 4, "the desks were told of each"


async def test_who_goes_away_and_says_so_twice_stays_away_since_the_first_time(
    store: SqliteStore, clock: SettableClock
) -> None:
    queue = Queue(store, clock, RoutingRules())
    staff = await queue.agent()
    clock.advance(1000)
    away = await queue.routing.set_availability(staff, "31007", available=False)
    clock.advance(1000)
    again = await queue.routing.set_availability(staff, "31007", available=False)
    assert away == again
    assert (again.reason, again.since) == (AwayReason.AGENT, clock.at - 1000)
    assert not await queue.routing.decline((await queue.ask()).session_id, staff)


ALWAYS, NEVER = [Span(0, 1440)], list[Span]()


async def test_a_request_while_closed_ends_with_its_own_answer(store: SqliteStore, clock: SettableClock) -> None:
    hours = OpeningHours(ZoneInfo("UTC"), [NEVER] * 7)
    queue = Queue(store, clock, RoutingRules(hours=hours, closed="Kapalıyız."))
    wait = await queue.ask()
    assert (wait.state, wait.outcome, wait.reason) == (State.ENDED, Outcome.NOT_DELIVERED, Reason.QUEUE)
    assert wait.message == "Kapalıyız."
    stored = await queue.now(wait)
    assert stored.acknowledged_at is not None, "the app learned it by the answer"


async def test_a_request_whose_start_was_cut_short_while_closed_ends_by_the_next_turn(
    store: SqliteStore, clock: SettableClock
) -> None:
    hours = OpeningHours(ZoneInfo("UTC"), [NEVER] * 7)
    queue = Queue(store, clock, RoutingRules(hours=hours))
    for name in ("1", "2"):
        wait = await stores.waiting(store, await stores.customer(store, name), clock)
        clock.advance(2_000)
        await queue.routing.turn()
        assert (await queue.now(wait)).outcome is Outcome.NOT_DELIVERED


async def test_who_began_in_time_is_not_ended_by_closing(store: SqliteStore, clock: SettableClock) -> None:
    today = datetime.fromtimestamp(clock.at / 1000, UTC).date()
    hours = OpeningHours(ZoneInfo("UTC"), [NEVER] * 7, {today: ALWAYS})
    queue = Queue(store, clock, RoutingRules(hours=hours))
    wait = await queue.ask()
    clock.advance(86_400_000)
    await queue.routing.turn()
    assert (await queue.now(wait)).outcome is None
    assert (await queue.ask("2")).outcome is Outcome.NOT_DELIVERED
