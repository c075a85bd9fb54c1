"""Seven parties at five nodes on one PostgreSQL database race each wait: one wins, and all others are told who."""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import asyncpg
import pytest

from diyalog.domain.commands import AcceptWait, EndWait, Idempotency, QueueTook
from diyalog.domain.ids import CustomerRef, InteractionId, NodeId, StaffRef
from diyalog.domain.results import ConversationResult, Delivery, EndResult, QueueResult, StartResult, Verdict
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
    """One wait whose time is up, whose request is with the queue, and whom seven parties ask about at once, two of them
    agents.
    """

    def __init__(
        self,
        customer: CustomerRef,
        wait: Wait,
        delivery: Delivery,
        agents: Sequence[StaffRef],
        luck: random.Random,
    ) -> None:
        self.wait = wait
        self.interaction = InteractionId(f"Q-{wait.session_id}")
        self._delivery = delivery
        self._start = stores.start(customer, SettableClock())
        self._cancel = luck.choice((Event.CANCEL, Event.ADMINISTRATOR_CANCEL))
        self._timer = luck.choice((Event.EXPIRE, Event.ABANDON))
        self._by_id = luck.random() < 0.3
        self._key = Idempotency(luck.randbytes(16), b"body") if luck.random() < 0.3 else None
        self._agents = agents
        self.told: dict[Event, EndResult | StartResult] = {}
        self.accepts: dict[StaffRef, ConversationResult] = {}
        self.answered: QueueResult | None = None

    def parties(self, nodes: Sequence[PostgresStore]) -> list[asyncio.Task[None]]:
        """All seven: the agents beside the other five, each of whom is at a node of its own."""
        cancel, timer, not_delivered, start, queue = nodes
        asked = (
            self._end(cancel, self._command(self._cancel)),
            self._end(timer, self._command(self._timer)),
            self._end(not_delivered, self._not_delivered()),
            self._replace(start),
            self._take(queue),
            *(self._accept(node, agent) for node, agent in zip(nodes, self._agents, strict=False)),
        )
        return [asyncio.ensure_future(one) for one in asked]

    def winners(self) -> list[Event]:
        """Whose call ended the wait."""
        taken = [Event.ACCEPT for result in self.accepts.values() if result.verdict is Verdict.WON]
        return [event for event, result in self.told.items() if self._won(result)] + taken

    def check(self, stored: Wait) -> None:
        """What everybody was told is what is stored."""
        [winner] = self.winners()
        _, outcome, reason, _ = ENDS[winner.value]
        state = State.CONNECTED if winner is Event.ACCEPT else State.ENDED
        assert (stored.state, stored.outcome, stored.reason) == (state, outcome, reason)
        self._check_accepts(stored)
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
                talking = winner is Event.ACCEPT
                assert result.verdict is (Verdict.LOST if talking else Verdict.WON), "only a conversation refuses it"
                assert result.wait is not None, "a start is told of its wait, or of the conversation"
                assert (result.wait.session_id == stored.session_id) == talking
        assert self.answered is not None
        assert not self.answered.stale
        ended = 2 if winner is Event.ACCEPT else 1
        assert self.answered.changed == (stored.seq == 1 + ended), "it stood in the queue before it ended"
        assert stored.interaction_id == self.interaction

    def _check_accepts(self, stored: Wait) -> None:
        """Both agents were told the same, and who has the customer if one of them does."""
        for agent, result in self.accepts.items():
            assert result.wait is not None, "an agent is told who won"
            named = (result.wait.outcome, result.wait.reason, result.wait.conversation)
            assert named == (stored.outcome, stored.reason, stored.conversation)
            mine = stored.conversation is not None and stored.conversation.staff == agent
            assert (result.verdict is Verdict.WON) == mine

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

    async def _accept(self, store: PostgresStore, agent: StaffRef) -> None:
        command = AcceptWait(stores.command_id(), agent, session_id=self.wait.session_id)
        self.accepts[agent] = await store.conversations.accept(command)

    async def _take(self, store: PostgresStore) -> None:
        fence = (self._delivery.row, self._delivery.attempt)
        self.answered = await store.queue_took(QueueTook(stores.command_id(), *fence, self.interaction))


async def begin_race(store: PostgresStore, number: str, agents: Sequence[StaffRef], luck: random.Random) -> Race:
    who = await stores.customer(store, number)
    result = await store.start_wait(stores.start(who, SettableClock())._replace(limit_ms=-1000))
    assert result.wait is not None
    assert result.delivery is not None
    return Race(who, result.wait, result.delivery, agents, luck)


async def test_of_seven_parties_at_five_nodes_one_ends_each_wait_and_the_others_are_told_so(
    nodes: Sequence[PostgresStore], postgres: PostgresServer, database_url: str
) -> None:
    luck, told, won = random.Random(SEED), Told(), Counter[Event]()
    agents = [await stores.agent(nodes[0], str(number), f"Agent {number}") for number in range(2)]
    queued, deadlocks = 0, postgres.log.count(DEADLOCK)
    for first in range(0, WAITS, TOGETHER):
        numbers = range(first, min(first + TOGETHER, WAITS))
        races = await asyncio.gather(*[begin_race(nodes[n % 5], f"{SEED}-{n}", agents, luck) for n in numbers])
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
            queued += race.answered is not None and race.answered.changed
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
