"""Nodes that were kept from the database together do not give each other up when it is back."""

from contracts.conftest import OpenStore
from diyalog.domain.ids import NodeId
from diyalog.storage.lifetimes import SILENT_MS
from diyalog.storage.store import DatabaseStore
from kit import stores
from kit.clock import SettableClock

OTHER = NodeId("node-b")


async def test_a_database_that_was_away_for_all_takes_no_node_for_dead(
    store: DatabaseStore, open_store: OpenStore, clock: SettableClock
) -> None:
    wait = await stores.waiting(store, await stores.customer(store, "1"), clock)
    async with open_store(OTHER) as other:
        await store.heartbeat(stores.NODE)
        await other.heartbeat(OTHER)
        await other.present(wait.row, connected=True)
        clock.at += stores.ABANDON_MS + 1
        assert (await store.heartbeat(stores.NODE)).known
        assert await stores.due(store) == []
        assert (await other.heartbeat(OTHER)).known
        clock.at += 5_000
        await store.heartbeat(stores.NODE)
        assert await stores.due(store) == []


async def test_a_node_that_does_not_come_back_with_the_database_is_given_up_at_the_next_beat(
    store: DatabaseStore, open_store: OpenStore, clock: SettableClock
) -> None:
    wait = await stores.waiting(store, await stores.customer(store, "1"), clock)
    async with open_store(OTHER) as other:
        await store.heartbeat(stores.NODE)
        await other.heartbeat(OTHER)
        await other.present(wait.row, connected=True)
        clock.at += stores.ABANDON_MS + 1
        await store.heartbeat(stores.NODE)
        clock.at += 5_000
        await store.heartbeat(stores.NODE)
        assert await stores.due(store) == [(wait.row, False)]


async def test_a_node_that_serves_a_desk_before_its_beat_is_missed_when_it_is_gone(
    store: DatabaseStore, open_store: OpenStore, clock: SettableClock
) -> None:
    """It stood still so long that it was given up, a desk came back to it first of all, and then it died."""
    who = await stores.agent(store)
    async with open_store(OTHER) as other:
        await other.heartbeat(OTHER)
        await store.leave(stores.NODE)
        await store.conversations.staff_present(who, connected=True)
        for _ in range(4):
            clock.at += SILENT_MS // 3
            await other.heartbeat(OTHER)
        assert (await other.conversations.staff_heads([who]))[who].node is None
