"""Five nodes on one PostgreSQL database race each wait: one wins, and all others are told who."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import asyncpg
import pytest

from diyalog.domain.commands import EndWait, Idempotency, QueueTook
from diyalog.domain.ids import CustomerRef, InteractionId, NodeId
from diyalog.domain.results import Delivery, EndResult, QueueResult, StartResult, Verdict
from diyalog.domain.transitions import Event
from diyalog.domain.wait import State, Wait
from diyalog.storage.postgres import PostgresStore
from kit import stores
from kit.checker import Told
from kit.clock import SettableClock
from kit.histories import ENDS
from kit.postgres import PostgresServer
from kit.postgres_checker import check_postgres

SEED = int(os.environ.get("DIYALOG_TEST_SEED", "1"))
WAITS = int(os.environ.get("DIYALOG_TEST_RACES", "2000"))
TOGETHER = 200
LOCK = "SELECT 1 FROM wait WHERE id = $1 FOR UPDATE"
WAITS_FOR_A_LOCK = """
    SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database())"""
NODES = [NodeId(f"node-{letter}") for letter in "abcde"]
LIMIT_S = 60
DEADLOCK = "deadlock detected"


@pytest.fixture
async def nodes(database_url: str) -> AsyncIterator[Sequence[PostgresStore]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(stores.postgres_store(database_url, node)) for node in NODES]


class Race:
    """One wait whose time is up, whose request is with the queue, and whom five parties ask about at once."""

    def __init__(self, customer: CustomerRef, wait: Wait, delivery: Delivery, luck: random.Random) -> None:
        self.wait = wait
        self.interaction = InteractionId(f"Q-{wait.session_id}")
        self._delivery = delivery
        self._start = stores.start(customer, SettableClock())
        self._cancel = luck.choice((Event.CANCEL, Event.ADMINISTRATOR_CANCEL))
        self._timer = luck.choice((Event.EXPIRE, Event.ABANDON))
        self._by_id = luck.random() < 0.3
        self._key = Idempotency(luck.randbytes(16), b"body") if luck.random() < 0.3 else None
        self.told: dict[Event, EndResult | StartResult] = {}
        self.answered: QueueResult | None = None

    def parties(self, nodes: Sequence[PostgresStore]) -> list[asyncio.Task[None]]:
        """All five, each at a node of its own."""
        cancel, timer, not_delivered, start, queue = nodes
        asked = (
            self._end(cancel, self._command(self._cancel)),
            self._end(timer, self._command(self._timer)),
            self._end(not_delivered, self._not_delivered()),
            self._replace(start),
            self._take(queue),
        )
        return [asyncio.ensure_future(one) for one in asked]

    def winners(self) -> list[Event]:
        """Whose call ended the wait."""
        return [event for event, result in self.told.items() if self._won(result)]

    def check(self, stored: Wait) -> None:
        """What everybody was told is what is stored."""
        [winner] = self.winners()
        _, outcome, reason, _ = ENDS[winner.value]
        assert (stored.state, stored.outcome, stored.reason) == (State.ENDED, outcome, reason)
        for event, result in self.told.items():
            named = result.wait if isinstance(result, EndResult) else result.replaced
            if isinstance(result, EndResult) and self._by_id and result.verdict is Verdict.UNKNOWN:
                continue  # the queue's answer had not been stored yet
            if event is winner or isinstance(result, EndResult):
                assert named is not None, "a loser is told who won"
                assert (named.outcome, named.reason, named.session_id) == (outcome, reason, stored.session_id)
                assert named.message == ("Nobody is free." if winner is Event.NOT_DELIVERED else None)
            else:
                assert named is None, "nothing was replaced"
        assert self.answered is not None
        assert not self.answered.stale
        assert self.answered.changed == (stored.seq == 2), "it stood in the queue before it ended"
        assert stored.interaction_id == self.interaction

    def _won(self, result: EndResult | StartResult) -> bool:
        if isinstance(result, EndResult):
            return result.verdict is Verdict.WON
        return result.replaced is not None and result.replaced.session_id == self.wait.session_id

    def _command(self, event: Event) -> EndWait:
        return EndWait(stores.command_id(), event, row=self.wait.row, told=event is Event.CANCEL)

    def _not_delivered(self) -> EndWait:
        return EndWait(
            stores.command_id(),
            Event.NOT_DELIVERED,
            session_id=None if self._by_id else self.wait.session_id,
            interaction_id=self.interaction if self._by_id else None,
            message="Nobody is free.",
            caller=stores.CALLER,
            idempotency=self._key,
        )

    async def _end(self, store: PostgresStore, command: EndWait) -> None:
        self.told[command.event] = await store.end_wait(command)

    async def _replace(self, store: PostgresStore) -> None:
        self.told[Event.REPLACE] = await store.start_wait(self._start)

    async def _take(self, store: PostgresStore) -> None:
        fence = (self._delivery.row, self._delivery.attempt)
        self.answered = await store.queue_took(QueueTook(stores.command_id(), *fence, self.interaction))


async def begin_race(store: PostgresStore, number: str, luck: random.Random) -> Race:
    who = await stores.customer(store, number)
    result = await store.start_wait(stores.start(who, SettableClock())._replace(limit_ms=-1000))
    assert result.wait is not None
    assert result.delivery is not None
    return Race(who, result.wait, result.delivery, luck)


async def test_of_five_parties_at_five_nodes_one_ends_each_wait_and_the_others_are_told_so(
    nodes: Sequence[PostgresStore], postgres: PostgresServer, database_url: str
) -> None:
    luck, told, won = random.Random(SEED), Told(), Counter[Event]()
    queued, deadlocks = 0, postgres.log.count(DEADLOCK)
    for first in range(0, WAITS, TOGETHER):
        numbers = range(first, min(first + TOGETHER, WAITS))
        races = await asyncio.gather(*[begin_race(nodes[n % 5], f"{SEED}-{n}", luck) for n in numbers])
        async with asyncio.timeout(LIMIT_S):
            in_turn = luck.sample(races, len(races))
            parties = [party for race in in_turn for party in race.parties(luck.sample(nodes, 5))]
            await asyncio.gather(*parties)
            stored = await luck.choice(nodes).waits([race.wait.row for race in races])
        by_row = {wait.row: wait for wait in stored}
        for race in races:
            assert len(race.winners()) == 1, f"{race.wait.session_id}: won by {race.winners()}"
            race.check(by_row[race.wait.row])
            won.update(race.winners())
            queued += by_row[race.wait.row].seq == 2
            told.note(race.wait.session_id, by_row[race.wait.row].outcome)
    check_postgres(postgres, database_url, told, deletes_kept=True)
    assert won.total() == WAITS
    assert all(won[event] > 0 for event in Event if event.value in ENDS and not event.name.startswith("QUEUE")), won
    assert 0 < queued < WAITS, "the queue's answer came before and after the end"
    assert postgres.log.count(DEADLOCK) == deadlocks, "all lock the rows in one order: a deadlock costs a second"


async def test_a_group_that_is_chosen_to_break_a_deadlock_is_run_again(
    nodes: Sequence[PostgresStore], postgres: PostgresServer, database_url: str
) -> None:
    rows = [(await stores.waiting(nodes[0], await stores.customer(nodes[0], n), SettableClock())).row for n in "12"]
    deadlocks = postgres.log.count(DEADLOCK)
    other = await asyncpg.connect(database_url, server_settings={"deadlock_timeout": "60s"})
    watcher = await asyncpg.connect(database_url)
    try:
        async with other.transaction():
            await other.execute(LOCK, rows[1])
            ends = asyncio.gather(*[stores.end(nodes[0], Event.CANCEL, row) for row in rows])
            async with asyncio.timeout(LIMIT_S):
                while not await watcher.fetchval(WAITS_FOR_A_LOCK):
                    pass
                await other.execute(LOCK, rows[0])  # in the wrong order: the other side must give way
                assert postgres.log.count(DEADLOCK) == deadlocks + 1
        async with asyncio.timeout(LIMIT_S):
            assert {result.verdict for result in await ends} == {Verdict.WON}
    finally:
        await other.close()
        await watcher.close()
    check_postgres(postgres, database_url, Told())
