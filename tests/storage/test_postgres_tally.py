"""Nodes count in rows of their own, so that none waits for another's commit."""

from contextlib import AsyncExitStack

from diyalog.domain.ids import NodeId
from kit import stores
from kit.clock import SettableClock
from kit.postgres import PostgresServer

NAMES = ("0a8f31c1", "5be20f71", "77c0d4e1", "93d1aa01", "c4470be1", "e90f6d51")


async def test_nodes_whose_names_end_alike_count_apart_and_all_is_counted(
    postgres: PostgresServer, database_url: str
) -> None:
    async with AsyncExitStack() as stack:
        for name in NAMES:
            store = await stack.enter_async_context(stores.postgres_store(database_url, NodeId(name)))
            for number in range(3):
                await stores.waiting(store, await stores.customer(store, f"{name}-{number}"), SettableClock())
        assert (await store.tally()).created == 3 * len(NAMES)
    parts = postgres.execute("SELECT DISTINCT part / 3 FROM tally", database_url.rpartition("/")[2]).split()
    assert len(parts) > len(NAMES) // 2, "few share one by chance"
