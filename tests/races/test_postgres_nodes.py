"""Several nodes on one PostgreSQL database do the same thing at once: it happens once, and all are told the same."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack

import pytest

from diyalog.domain.commands import Activate, Idempotency, QueueTook
from diyalog.domain.ids import CustomerRef, InteractionId, NodeId
from diyalog.domain.results import Delivery, StartResult, Verdict
from diyalog.domain.transitions import Event
from diyalog.domain.wait import Reason, State
from diyalog.storage.lifetimes import SILENT_MS
from diyalog.storage.postgres import PostgresStore
from diyalog.storage.postgres_connection import open_postgres
from kit import stores
from kit.checker import Told
from kit.clock import SettableClock
from kit.postgres import PostgresServer
from kit.postgres_checker import check_postgres

NODES = [NodeId(f"node-{letter}") for letter in "abcde"]
TIMES = 30
"""How often each race is run, at once."""
LEASE_MS = 60_000
LIMIT_S = 30
CLOCK = SettableClock()


@pytest.fixture
async def nodes(postgres: PostgresServer, database_url: str) -> AsyncIterator[Sequence[PostgresStore]]:
    """What they stored is checked at the end."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(stores.postgres_store(database_url, node)) for node in NODES]
    check_postgres(postgres, database_url, Told())


async def customers(store: PostgresStore, number: int) -> list[CustomerRef]:
    return list(await asyncio.gather(*[stores.customer(store, str(n)) for n in range(number)]))


def key(number: int, body: bytes = b"body") -> Idempotency:
    return Idempotency(b"scope-%d" % number, body)


async def test_ends_with_one_key_happen_once(nodes: Sequence[PostgresStore]) -> None:
    waits = [await stores.waiting(nodes[0], who, CLOCK) for who in await customers(nodes[0], TIMES)]
    asked = [
        stores.not_delivered(node, session=wait.session_id, idempotency=key(number))
        for number, wait in enumerate(waits)
        for node in nodes
    ]
    results = await asyncio.gather(*asked)
    for number in range(TIMES):
        same = results[number * 5 : number * 5 + 5]
        assert [result.verdict for result in same] == [Verdict.WON] * 5
        assert sorted(result.replayed for result in same) == [False, True, True, True, True]


async def test_one_key_with_another_body_is_refused_at_whichever_node_it_comes_second(
    nodes: Sequence[PostgresStore],
) -> None:
    waits = [await stores.waiting(nodes[0], who, CLOCK) for who in await customers(nodes[0], TIMES)]
    asked = [
        stores.not_delivered(node, session=wait.session_id, idempotency=key(number, body))
        for number, wait in enumerate(waits)
        for node, body in ((nodes[1], b"one"), (nodes[2], b"other"))
    ]
    results = await asyncio.gather(*asked)
    for number in range(TIMES):
        pair = results[2 * number : 2 * number + 2]
        assert {result.verdict for result in pair} == {Verdict.WON, Verdict.MISMATCH}


async def test_starts_with_one_key_begin_one_wait(nodes: Sequence[PostgresStore]) -> None:
    crowd = await customers(nodes[0], TIMES)
    asked = [
        node.start_wait(stores.start(who, CLOCK, idempotency=key(number)))
        for number, who in enumerate(crowd)
        for node in nodes
    ]
    results = await asyncio.gather(*asked)
    for number in range(TIMES):
        same = results[number * 5 : number * 5 + 5]
        assert {result.verdict for result in same} == {Verdict.WON}
        assert len({result.wait.session_id for result in same if result.wait}) == 1
        assert sum(result.delivery is not None for result in same) == 1, "the queue is asked once"
    assert (await nodes[0].tally()).created == TIMES


async def test_starts_of_a_customer_on_five_devices_replace_one_another(nodes: Sequence[PostgresStore]) -> None:
    crowd = await customers(nodes[0], TIMES)
    results: list[StartResult] = await asyncio.gather(
        *[node.start_wait(stores.start(who, CLOCK)) for who in crowd for node in nodes]
    )
    for number in range(TIMES):
        begun = [result.wait for result in results[number * 5 : number * 5 + 5] if result.wait is not None]
        stored = await nodes[1].waits([wait.row for wait in begun])
        assert sorted(wait.state for wait in stored) == ["ENDED"] * 4 + ["REQUESTED"]
        assert [wait.reason for wait in stored if wait.outcome is not None] == [Reason.REPLACED] * 4
        replaced = [result.replaced for result in results[number * 5 : number * 5 + 5]]
        told = {wait.session_id for wait in replaced if wait is not None}
        assert told == {wait.session_id for wait in stored if wait.outcome is not None}, "each end is told of once"


async def test_an_interaction_of_their_own_goes_to_one_of_two_customers(nodes: Sequence[PostgresStore]) -> None:
    asked = []
    for number in range(TIMES):
        own = InteractionId(f"own-{number}")
        for node, name in zip(nodes[:2], "ab", strict=True):
            token, who = os.urandom(32), f"{name}-{number}"
            assert await node.issue_hash(who, "device", f"hash-{who}", own, LEASE_MS)
            record = await node.activate(Activate(who, {}, token, "device", f"hash-{who}"))
            assert record is not None
            asked.append(node.start_wait(stores.start(record.customer, CLOCK, token=token)))
    results = await asyncio.gather(*asked)
    for number in range(TIMES):
        pair = [result.wait for result in results[2 * number : 2 * number + 2] if result.wait is not None]
        assert sorted((wait.state, wait.interaction_id or "") for wait in pair) == [
            (State.REQUESTED, ""),
            (State.WAITING, f"own-{number}"),
        ], "the other one is queued as usual"


LOCKED_OUT = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


async def test_an_interaction_that_goes_from_wait_to_wait_is_never_without_one(
    nodes: Sequence[PostgresStore], database_url: str
) -> None:
    """The customer starts anew under the same id while the queue says that it is not delivered."""
    tokens = (b"1" * 32, b"2" * 32)
    begun = []
    for token in tokens:
        assert await nodes[0].issue_hash("880214", "device", str(token), InteractionId("X"), LEASE_MS)
        record = await nodes[0].activate(Activate("880214", {}, token, "device", str(token)))
        assert record is not None
        begun.append(stores.start(record.customer, CLOCK, token=token))
    older = (await nodes[0].start_wait(begun[0])).wait
    assert older is not None
    holder, watcher = await open_postgres(database_url), await open_postgres(database_url)
    try:
        async with asyncio.timeout(LIMIT_S):
            async with holder.transaction():
                await holder.execute("SELECT 1 FROM wait WHERE id = $1 FOR UPDATE", older.row)
                starting = asyncio.ensure_future(nodes[1].start_wait(begun[1]))
                while await watcher.fetchval(LOCKED_OUT) < 1:
                    pass
                ending = asyncio.ensure_future(stores.not_delivered(nodes[2], interaction="X"))
                while await watcher.fetchval(LOCKED_OUT) < 2:
                    pass
            started, ended = await starting, await ending
    finally:
        await holder.close()
        await watcher.close()
    assert started.replaced is not None
    assert started.wait is not None
    assert started.wait.interaction_id == "X"
    assert ended.verdict is Verdict.WON
    assert ended.wait is not None
    assert ended.wait.session_id == started.wait.session_id


async def test_one_id_that_the_queue_gave_twice_is_kept_by_one_wait(nodes: Sequence[PostgresStore]) -> None:
    crowd = await customers(nodes[0], 2 * TIMES)
    begun = await asyncio.gather(*[nodes[0].start_wait(stores.start(who, CLOCK)) for who in crowd])
    deliveries = [result.delivery for result in begun if result.delivery is not None]
    asked = [
        nodes[1 + place % 2].queue_took(
            QueueTook(stores.command_id(), delivery.row, 1, InteractionId(f"Q-{place // 2}"))
        )
        for place, delivery in enumerate(deliveries)
    ]
    results = await asyncio.gather(*asked)
    for number in range(TIMES):
        pair = results[2 * number : 2 * number + 2]
        assert sorted((result.changed, result.conflict) for result in pair) == [(False, True), (True, False)]
    assert (await nodes[3].tally()).open == {"REQUESTED": TIMES, "WAITING": TIMES}


async def test_a_new_customer_who_comes_at_five_nodes_is_one_customer(nodes: Sequence[PostgresStore]) -> None:
    tokens = [os.urandom(32) for _ in range(5 * TIMES)]
    records = await asyncio.gather(
        *[nodes[place % 5].activate(Activate(str(place // 5), {}, token)) for place, token in enumerate(tokens)]
    )
    for number in range(TIMES):
        assert len({record.customer for record in records[5 * number : 5 * number + 5] if record}) == 1
    found = await asyncio.gather(*[nodes[0].token(token) for token in tokens])
    assert [one.customer_id for one in found if one is not None] == [str(place // 5) for place in range(5 * TIMES)]


async def test_a_transaction_hash_is_good_once(nodes: Sequence[PostgresStore]) -> None:
    for number in range(TIMES):
        assert await nodes[0].issue_hash(str(number), "device", f"hash-{number}", None, LEASE_MS)
    records = await asyncio.gather(
        *[
            node.activate(Activate(str(number), {}, os.urandom(32), "device", f"hash-{number}"))
            for number in range(TIMES)
            for node in nodes
        ]
    )
    for number in range(TIMES):
        assert sum(record is not None for record in records[5 * number : 5 * number + 5]) == 1


async def cancelled(nodes: Sequence[PostgresStore], number: int) -> None:
    """So many deletes that are due."""
    crowd = await customers(nodes[0], number)
    begun = await asyncio.gather(*[nodes[0].start_wait(stores.start(who, CLOCK)) for who in crowd])
    for place, result in enumerate(begun):
        assert result.delivery is not None
        assert result.wait is not None
        await nodes[0].queue_took(QueueTook(stores.command_id(), result.delivery.row, 1, InteractionId(f"Q-{place}")))
        await stores.end(nodes[0], Event.CANCEL, result.wait.row)


async def test_what_is_due_is_claimed_by_one_node_each_and_all_of_it(nodes: Sequence[PostgresStore]) -> None:
    await cancelled(nodes, 200)

    async def work(node: PostgresStore, name: NodeId) -> list[Delivery]:
        mine: list[Delivery] = []
        while page := await node.claim(name, 7, LEASE_MS):
            mine += page
        return mine

    claimed = await asyncio.gather(*[work(node, name) for node, name in zip(nodes, NODES, strict=True)])
    rows = [delivery.row for mine in claimed for delivery in mine]
    assert len(rows) == len(set(rows)) == 200, "none twice, none left"
    assert sum(len(mine) > 0 for mine in claimed) > 1, "they shared the work"
    assert {delivery.attempt for mine in claimed for delivery in mine} == {1}


async def test_what_a_silent_node_held_is_claimed_by_one_other_and_its_late_result_changes_nothing(
    nodes: Sequence[PostgresStore], postgres: PostgresServer, database_url: str
) -> None:
    paused, *others = nodes
    await cancelled(nodes, 20)
    wait = await stores.waiting(paused, await stores.customer(paused, "here"), CLOCK)
    for node, name in zip(nodes, NODES, strict=True):
        await node.heartbeat(name)
    await paused.present(wait.row, connected=True)
    held = await paused.claim(NODES[0], 100, LEASE_MS)
    assert len(held) == 20
    silent = f"UPDATE node SET beat_at = beat_at - {SILENT_MS} WHERE id = '{NODES[0]}'"
    postgres.execute(silent, database_url.rpartition("/")[2])
    await asyncio.gather(*[node.heartbeat(name) for node, name in zip(others, NODES[1:], strict=True)])
    pages = await asyncio.gather(
        *[node.claim(name, 100, LEASE_MS) for node, name in zip(others, NODES[1:], strict=True)]
    )
    taken = [(delivery.row, delivery.attempt) for page in pages for delivery in page]
    assert sorted(taken) == sorted((delivery.row, 2) for delivery in held)
    for delivery in held:  # the paused node goes on
        await paused.deleted(delivery.row, delivery.attempt)
        await paused.retry_delete(delivery.row, delivery.attempt, 0)
    assert (await paused.tally()).outbox == {"delete": 20}
    assert list(await paused.claim(NODES[0], 100, LEASE_MS)) == [], "the leases of the others stand"
    assert not (await paused.heartbeat(NODES[0])).known, "it learns that it had been given up"
    assert (await paused.heartbeat(NODES[0])).known
    for row, attempt in taken:
        await others[0].deleted(row, attempt)
    assert (await paused.tally()).outbox == {}


async def test_who_comes_back_while_the_lost_are_looked_for_is_not_lost(
    nodes: Sequence[PostgresStore], database_url: str
) -> None:
    wait = await stores.waiting(nodes[0], await stores.customer(nodes[0], "1"), CLOCK)
    await stores.accepted(nodes[0], wait, await stores.agent(nodes[0]))
    holder, watcher = await open_postgres(database_url), await open_postgres(database_url)
    try:
        await watcher.execute("UPDATE wait SET seen_at = 0 WHERE id = $1", wait.row)
        async with asyncio.timeout(LIMIT_S):
            async with holder.transaction():
                await holder.execute("UPDATE wait SET seen_at = now_ms() WHERE id = $1", wait.row)
                looking = asyncio.ensure_future(
                    nodes[1].conversations.end_lost(stores.command_id(), stores.LIMIT_MS, TIMES)
                )
                while await watcher.fetchval(LOCKED_OUT) < 1:
                    pass
            assert await looking == []
    finally:
        await holder.close()
        await watcher.close()
    found = await nodes[0].wait(wait.session_id)
    assert found is not None
    assert found.state is State.CONNECTED
