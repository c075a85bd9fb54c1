"""The built-in queue at real servers: two nodes, desks at each, customers who are offered to them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from cluster.nodes import Cluster, cluster
from kit.server import Customer, Reply, Stream

from .test_desks import Desk

LIMIT_S = 15


class RoutedDesk(Desk):
    """A desk that takes offers."""

    async def enter(self, user_id: str) -> None:
        reply = await self.ask("sessions", {"userId": user_id, "userName": f"Agent {user_id}"})
        self.token = reply.json["staffToken"]

    async def available(self, *, yes: bool) -> Reply:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        body = json.dumps({"available": yes}).encode()
        return await self.send("PUT", "/v1/staff/availability", headers=headers, body=body)

    @asynccontextmanager
    async def watch(self) -> AsyncIterator["Watched"]:
        async with self.http.ws_connect(f"{self.url}/v1/staff/events") as socket:
            await socket.send_json({"type": "hello", "token": self.token, "after": 0, "line": True})
            stream = Stream(socket)
            assert (await stream.next())["type"] == "welcome"
            yield Watched(stream)


class Watched:
    """A desk's stream: the newest of each of its momentary messages."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.newest: dict[str, Any] = {"line": None, "desk": None}

    async def until(self, kind: str, **expected: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
        """Wait for a message of this kind of which this is true."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                newest = self.newest[kind]
                if newest is not None and all(_said(newest, name) == value for name, value in expected.items()):
                    return dict(newest)
                frame = await self.stream.next()
                self.newest[frame["type"]] = frame


def _said(message: dict[str, Any], name: str) -> object:
    if name in {"offered", "waiting"}:
        return [one["sessionId"] for one in message["offers" if name == "offered" else "waiting"]]
    return message["availability"][name]


async def _desk(nodes: Cluster, node: int, user_id: str) -> RoutedDesk:
    desk = await nodes.stack.enter_async_context(RoutedDesk(nodes.servers[node].url))
    await desk.enter(user_id)
    return desk


async def _waiting(nodes: Cluster, node: int, number: str) -> tuple[Customer, str]:
    customer = await nodes.customer(node, number)
    return customer, (await customer.start()).json["sessionId"]


async def test_an_offer_goes_from_hand_to_hand_across_nodes_until_somebody_takes_it(
    tmp_path: Path, database_url: str
) -> None:
    async with cluster(tmp_path, database_url, 2, queue="builtin") as nodes:
        customer, first = await _waiting(nodes, 0, "1")
        _, second = await _waiting(nodes, 1, "2")
        selin, mert = await _desk(nodes, 0, "31007"), await _desk(nodes, 1, "31008")
        async with selin.watch() as one, mert.watch() as two:
            await one.until("line", waiting=[first, second])
            await two.until("line", waiting=[first, second])
            assert (await one.until("desk"))["routing"] is True
            said = (await selin.available(yes=True)).json
            assert (said["available"], said["capacity"], said["skills"]) == (True, 3, [])
            offers = (await one.until("desk", offered=[first, second]))["offers"]
            assert offers[0]["customerId"] == "1"
            assert offers[0]["position"] == 1
            assert (await two.until("line", waiting=[first, second]))["waiting"][0]["offered"] in {True, False}

            declined = await selin.ask(f"offers/{first}/decline", {})
            assert (declined.status, declined.json) == (200, {})
            assert (await selin.ask(f"offers/{first}/decline", {})).status == 404
            await one.until("desk", offered=[second])
            await mert.available(yes=True)
            await two.until("desk", offered=[first])

            async with customer.follow(first) as stream:
                assert stream.welcome["snapshot"]["position"] == 1
                taken = await mert.ask("conversations", {"sessionId": first})
                assert taken.status == 201
                await stream.event("wait.started")
                assert (await stream.event("wait.ended"))["data"]["agentName"] == "Agent 31008"
            await two.until("desk", offered=[])
            await one.until("line", waiting=[second])

            assert (await selin.available(yes=False)).json["reason"] == "agent"
            await one.until("desk", offered=[], available=False)
            await two.until("desk", offered=[second])


async def test_who_is_behind_is_told_the_new_place(tmp_path: Path, database_url: str) -> None:
    async with cluster(tmp_path, database_url, 2, queue="builtin") as nodes:
        first, session = await _waiting(nodes, 0, "1")
        second, behind = await _waiting(nodes, 1, "2")
        async with second.follow(behind) as stream:
            assert stream.welcome["snapshot"]["position"] == 2
            await stream.event("wait.started")
            assert (await first.cancel(session)).status == 200
            told = await stream.event("wait.updated")
            assert told["data"] == {"position": 1, "estimatedWaitSeconds": None}
            assert "seq" not in told
            assert told["sessionId"] == behind


async def test_a_desk_that_dies_with_its_node_loses_its_offer_to_the_next(tmp_path: Path, database_url: str) -> None:
    async with cluster(tmp_path, database_url, 2, queue="builtin") as nodes:
        selin, mert = await _desk(nodes, 0, "31007"), await _desk(nodes, 1, "31008")
        async with selin.watch() as one:
            await one.until("desk")
            await selin.available(yes=True)
            _, session = await _waiting(nodes, 1, "1")
            await one.until("desk", offered=[session])
            async with mert.watch() as two:
                await mert.available(yes=True)
                await two.until("desk", available=True)
                await nodes.servers[0].kill()
                async with asyncio.timeout(45):
                    while not (await two.until("desk"))["offers"]:
                        frame = await two.stream.next()
                        two.newest[frame["type"]] = frame
                assert [offer["sessionId"] for offer in two.newest["desk"]["offers"]] == [session]
