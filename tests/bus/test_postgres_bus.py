"""The bus over NOTIFY: what rides in a transaction, who is let in, and what the server sees of it."""

import asyncpg
import pytest

from diyalog.bus.postgres import PostgresBus
from diyalog.ports_bus import channel
from kit.buses import Node
from kit.postgres import PostgresServer

pytestmark = pytest.mark.usefixtures("nothing_unseen")


def bus_of(node: Node, url: str) -> PostgresBus:
    return PostgresBus(node.id, node.woken, url, node.reports)


async def test_a_message_comes_with_the_commit_or_not_at_all(postgres: PostgresServer) -> None:
    node = Node()
    bus = bus_of(node, postgres.url())
    await bus.start()
    await node.reports.connected()
    sender = await asyncpg.connect(postgres.url())
    try:
        undone = sender.transaction()
        await undone.start()
        await sender.execute("SELECT pg_notify($1, '1')", channel(node.id))
        await undone.rollback()
        async with sender.transaction():
            await sender.execute("SELECT pg_notify($1, '2,3')", channel(node.id))
            assert node.heard == []
        await node.hears(2, 3)
    finally:
        await sender.close()
        await bus.stop()
    assert node.heard == [2, 3]


async def test_a_connection_that_the_server_ends_is_made_again(postgres: PostgresServer, database_url: str) -> None:
    node = Node()
    bus = bus_of(node, database_url)
    await bus.start()
    await node.reports.connected()
    database = database_url.rpartition("/")[2]
    ended = postgres.execute(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        f" WHERE application_name = 'diyalog bus' AND datname = '{database}'"
    )
    assert ended == "1", "one connection a node"
    await node.reports.connected(2)
    assert node.reports.said == ["connected", "lost", "connected"]
    await bus.stop()


async def test_whoever_is_refused_goes_on_trying(postgres: PostgresServer) -> None:
    postgres.execute("CREATE ROLE listener LOGIN PASSWORD 'old'")
    node = Node()
    bus = bus_of(node, postgres.url(user="listener", password="new"))
    try:
        await bus.start()
        assert await node.reports.lost() == "refused"
        assert not bus.connected
        postgres.execute("ALTER ROLE listener PASSWORD 'new'")
        await node.reports.connected()
        assert node.reports.said == ["refused", "connected"]
    finally:
        await bus.stop()
        postgres.execute("DROP ROLE listener")


@pytest.mark.parametrize("url", ["{server}/nothing_here", "postgresql://", "{server}/postgres?sslmode=require", "x://"])
async def test_a_url_that_leads_nowhere(postgres: PostgresServer, url: str) -> None:
    node = Node()
    bus = bus_of(node, url.format(server=postgres.url().rpartition("/")[0]))
    await bus.start()
    assert await node.reports.lost() in {"refused", "unreachable"}
    await bus.stop()
    assert node.reports.errors == []
