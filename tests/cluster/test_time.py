"""Deadlines and retention while three nodes look after them, and nodes whose clocks are wrong."""

import asyncio
import os
import time
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path

import asyncpg

from cluster.nodes import Cluster, alike, cluster
from cluster.party import party
from e2e.world import eventually, metric
from kit.postgres import PostgresServer
from kit.server import Customer, Server, Stream

CUSTOMERS = int(os.environ.get("CUSTOMERS", "6"))
"""How many customers of each node stay connected, and how many go away."""
LIMIT_S, AWAY_S = 8, 4
LATE_MS = 2000
SKEWS_S = {0: 3600, 1: -3600}
SKEWED = """\
import time

def shifted(clock, by):
    return lambda: clock() + by

time.time, time.time_ns = shifted(time.time, {0}), shifted(time.time_ns, {0} * 1_000_000_000)
"""
OLD = 1500
FORTY_DAYS_MS = 40 * 86_400_000


class SkewedServer(Server):
    """A server whose machine's clock is wrong: Python imports `sitecustomize` before anything else."""

    @property
    def environ(self) -> dict[str, str]:
        return {**super().environ, "PYTHONPATH": str(self.folder / "clock")}


def with_wrong_clocks(number: int, folder: Path, settings: dict[str, str]) -> Server:
    """The first nodes' clocks are an hour off, the others' are right."""
    if number not in SKEWS_S:
        return alike(number, folder, settings)
    (folder / "clock").mkdir()
    (folder / "clock" / "sitecustomize.py").write_text(SKEWED.format(SKEWS_S[number]), encoding="ascii")
    return SkewedServer(folder, **settings)


async def clocks_are_seen(nodes: Cluster) -> None:
    """Those with wrong clocks want no more requests, and say why."""
    for number in range(3):
        skewed = number in SKEWS_S
        await nodes.says(number, "clock", "skewed" if skewed else "ok", 10)
        ready = await nodes.ready(number)
        assert (ready.status, ready.json["ready"]) == ((503, False) if skewed else (200, True))
        alarms = await metric(nodes.servers[number].url, "diyalog_alarms_total", alarm="clock_skewed")
        assert alarms == skewed
        ahead = await nodes.metric(number, "diyalog_clock_ahead_seconds")
        assert abs(ahead + SKEWS_S.get(number, 0)) < 2


async def expires(customer: Customer, stack: AsyncExitStack, all_connected: asyncio.Barrier) -> None:
    """A customer who stays connected until the time is over, and is told once."""
    begun = (await customer.start()).json
    assert begun["state"] == "WAITING"
    assert abs(datetime.fromisoformat(begun["startedAt"]).timestamp() - time.time()) < 60, "by the database's clock"
    follow = customer.follow(begun["sessionId"], after=begun["seq"], epoch=begun["epoch"])
    stream: Stream = await stack.enter_async_context(follow)
    await all_connected.wait()
    event = await stream.event("wait.ended")
    assert event["seq"] == begun["seq"] + 1
    assert (event["data"]["outcome"], event["data"]["reason"]) == ("EXPIRED", "time_limit")
    await stream.ack(event["seq"])
    assert await stream.closed() == 1000


async def leaves(customer: Customer, all_connected: asyncio.Barrier) -> None:
    """A customer who asks for help and is not seen again."""
    assert (await customer.start()).json["state"] == "WAITING"
    await all_connected.wait()


async def test_deadlines_fire_once_and_by_the_database_clock(
    tmp_path: Path, postgres: PostgresServer, database_url: str
) -> None:
    limits = {"wait_limit": str(LIMIT_S), "abandon_after": str(AWAY_S)}
    async with (
        party(tmp_path, postgres, database_url, make=with_wrong_clocks, **limits) as here,
        AsyncExitStack() as stack,
    ):
        await clocks_are_seen(here.nodes)
        connected = asyncio.Barrier(3 * 2 * CUSTOMERS)
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for node in range(3):
                for number in range(CUSTOMERS):
                    staying = await here.nodes.customer(node, f"staying-{node}-{number}")
                    group.create_task(expires(staying, stack, connected))
                    leaving = await here.nodes.customer(node, f"leaving-{node}-{number}")
                    group.create_task(leaves(leaving, connected))
        await here.settle()
        connection = await asyncpg.connect(database_url)
        try:
            rows = await connection.fetch(
                """SELECT w.outcome, w.reason, w.ended_at - w.due_at AS late, w.due_at = w.limit_at AS at_the_limit,
                          w.limit_at - w.started_at AS limit_ms,
                          (SELECT count(*) FROM audit AS a WHERE a.wait = w.id AND a.outcome IS NOT NULL) AS ends
                   FROM wait AS w"""
            )
        finally:
            await connection.close()
        assert len(rows) == 3 * 2 * CUSTOMERS
        for row in rows:
            assert (row["outcome"], row["ends"], row["limit_ms"]) == ("EXPIRED", 1, LIMIT_S * 1000)
            assert row["at_the_limit"] == (row["reason"] == "time_limit")
            assert 0 <= row["late"] <= LATE_MS, row
        reasons = [row["reason"] for row in rows]
        assert reasons.count("time_limit") == reasons.count("abandoned") == 3 * CUSTOMERS


OLD_ROWS = """
WITH person AS (
  INSERT INTO customer (lookup, sealed_profile, seen_at)
  SELECT decode(md5('old' || n), 'hex'), '', $2 FROM generate_series(1, $1) AS n RETURNING id
), token AS (
  INSERT INTO client_token (digest, customer, issued_at) SELECT decode(md5('old' || id), 'hex'), id, $2 FROM person
)
INSERT INTO wait (session_id, customer, queue, help_type, state, outcome, command, seq, started_at, queued_at, ended_at,
                  acknowledged_at, limit_at, abandon_ms, answer_by, due_at, seen_at)
SELECT 'old-' || id, id, 'builtin', 'chat', 'ENDED', 'CANCELLED', 'old-' || id, 2, $2, $2, $2, $2, $2, 1, $2, $2, $2
FROM person
"""
LEFT = """
SELECT (SELECT count(*) FROM wait), (SELECT count(*) FROM client_token), (SELECT count(*) FROM customer)
"""


async def test_three_nodes_forget_the_same_old_waits(tmp_path: Path, database_url: str) -> None:
    async with cluster(tmp_path, database_url, 3, make=alike, drain_seconds="0") as nodes:
        waiting, ended = [await nodes.customer(number, f"customer-{number}") for number in range(2)]
        open_wait = (await waiting.start()).json["sessionId"]
        kept = (await ended.start()).json["sessionId"]
        assert (await ended.cancel(kept)).status == 200
        await asyncio.gather(*(server.stop() for server in nodes.servers))
        connection = await asyncpg.connect(database_url)
        try:
            await connection.fetch(OLD_ROWS, OLD, round(time.time() * 1000) - FORTY_DAYS_MS)
        finally:
            await connection.close()
        assert tuple(await nodes.row(LEFT)) == (OLD + 2,) * 3
        await asyncio.gather(*(server.start() for server in nodes.servers))  # each begins with a turn

        async def forgotten() -> bool:
            return tuple(await nodes.row(LEFT)) == (2, 2, 2)

        await eventually(forgotten, 30, "what is old is gone, and nothing else")
        assert (await waiting.read(open_wait)).json["state"] == "WAITING"
        assert (await ended.read(kept)).json["outcome"] == "CANCELLED"
        for server in nodes.servers:
            assert await metric(server.url, "diyalog_unhandled_errors_total") == 0
            assert await metric(server.url, "diyalog_alarms_total") == 0
