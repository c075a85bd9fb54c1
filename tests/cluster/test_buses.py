"""The bus dies, hangs or is cut: customers are told later, never wrongly, and operators can see it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from cluster.nodes import Cluster, alike, cluster
from e2e.world import eventually
from kit import nats
from kit.nats import nats_server

AT_ONCE_S = 1.0
WITHOUT_A_BUS_S = 2.5
NOTICED_S = 15.0
LISTENING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'diyalog bus'"


class Stories:
    """Customers connected to one node whose waits are ended by requests to the others."""

    def __init__(self, nodes: Cluster) -> None:
        self.nodes = nodes
        self._told = 0

    async def told_s(self) -> float:
        """How long after the company's request the customer's app had it; the longest of all pairs of nodes."""
        return max(await asyncio.gather(*(self._one(own, other) for own, other in self._pairs())))

    def _pairs(self) -> list[tuple[int, int]]:
        numbers = range(len(self.nodes.servers))
        return [(own, other) for own in numbers for other in numbers if own != other]

    async def _one(self, own: int, other: int) -> float:
        self._told += 1
        customer = await self.nodes.customer(own, f"customer-{self._told}")
        begun = (await customer.start()).json
        async with customer.follow(begun["sessionId"], after=begun["seq"], epoch=begun["epoch"]) as stream:
            await self.nodes.present(begun["sessionId"])
            asked = time.monotonic()
            answer = await self.nodes.companies[other].not_delivered(sessionId=begun["sessionId"], message="Yok.")
            assert answer.json["isSuccess"] is True
            event = await stream.event("wait.ended")
            told = time.monotonic() - asked
            assert (event["data"]["outcome"], event["data"]["message"]) == ("NOT_DELIVERED", "Yok.")
            await stream.ack(event["seq"])
            assert await stream.closed() == 1000
        return told

    async def behind(self) -> float:
        """How many streams were found by the poll so far."""
        numbers = range(len(self.nodes.servers))
        return sum([await self.nodes.metric(number, "diyalog_streams_behind_total") for number in numbers])

    async def bus(self, state: str) -> None:
        """Wait until every node says this of its bus, and see that it is ready all the same."""
        up = 1.0 if state == "ok" else 0.0
        for number in range(len(self.nodes.servers)):
            await self.nodes.says(number, "bus", state, NOTICED_S)
            ready = await self.nodes.ready(number)
            assert (ready.status, ready.json["ready"]) == (200, True)
            assert await self.nodes.metric(number, "diyalog_bus_up") == up


@asynccontextmanager
async def stories(folder: Path, url: str, **settings: str) -> AsyncIterator[Stories]:
    async with cluster(folder, url, 3, make=alike, limit_starts="0", **settings) as nodes:
        made = Stories(nodes)
        await made.bus("ok")
        assert await made.told_s() < AT_ONCE_S
        assert await made.behind() == 0, "told, not found by the poll"
        yield made


async def test_nats_dies_and_hangs(tmp_path: Path, database_url: str) -> None:
    with nats_server(nats.WITH_PASSWORD) as server:
        url = f"nats://{nats.USER}:{nats.PASSWORD}@{server.address}"
        async with stories(tmp_path, database_url, bus_url=url) as made:
            server.pause()
            assert await made.told_s() < WITHOUT_A_BUS_S, "before anybody has noticed"
            found = await made.behind()
            assert found > 0, "nothing was said over the bus"
            await made.bus("unavailable")
            assert await made.told_s() < WITHOUT_A_BUS_S
            server.resume()
            await made.bus("ok")

            server.kill()
            await made.bus("unavailable")
            assert await made.told_s() < WITHOUT_A_BUS_S
            found = await made.behind()
            server.start()
            await made.bus("ok")
            assert await made.told_s() < AT_ONCE_S
            assert await made.behind() == found, "told over the bus again"
            for number in range(3):
                assert await made.nodes.metric(number, 'diyalog_alarms_total{alarm="bus_lost"}') >= 2


async def test_listening_connections_are_cut(tmp_path: Path, database_url: str) -> None:
    async with stories(tmp_path, database_url) as made:
        operator = await asyncpg.connect(database_url)
        try:
            before = {row[0] for row in await operator.fetch(LISTENING)}
            assert len(before) == 3
            await operator.fetch(
                "SELECT pg_terminate_backend(pid, 5000) FROM unnest(CAST($1 AS int[])) AS p (pid)", before
            )
            assert await made.told_s() < WITHOUT_A_BUS_S

            async def listening_again() -> bool:
                now = {row[0] for row in await operator.fetch(LISTENING)}
                return len(now) == 3 and not now & before

            await eventually(listening_again, 10, "all nodes listen again")
        finally:
            await operator.close()
        await made.bus("ok")
        found = await made.behind()
        assert await made.told_s() < AT_ONCE_S
        assert await made.behind() == found
        for number in range(3):
            assert await made.nodes.metric(number, 'diyalog_alarms_total{alarm="bus_lost"}') == 1
