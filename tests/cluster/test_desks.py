"""A desk at real servers: told at once by the other node, taken over, and not lost with its node."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cluster.nodes import Cluster, cluster
from e2e.world import eventually
from kit.server import Caller, Reply, Stream


class Desk(Caller):
    """An agent's desk that speaks to one node."""

    def __init__(self, url: str, token: str = "") -> None:
        super().__init__(url)
        self.token = token

    async def ask(self, path: str, fields: dict[str, object]) -> Reply:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        return await self.send("POST", f"/v1/staff/{path}", headers=headers, body=json.dumps(fields).encode())

    async def sign_in(self) -> None:
        reply = await self.ask("sessions", {"userId": "31007", "userName": "Selin Aksoy"})
        self.token = reply.json["staffToken"]

    async def say(self, conversation: str, text: str) -> None:
        reply = await self.ask(f"conversations/{conversation}/messages", {"id": text, "text": text})
        assert reply.status == 201, reply.text

    @asynccontextmanager
    async def follow(self, after: int = 0, epoch: str | None = None) -> AsyncIterator[Stream]:
        """The desk's event stream, after its welcome."""
        async with self.http.ws_connect(f"{self.url}/v1/staff/events") as socket:
            await socket.send_json({"type": "hello", "token": self.token, "after": after, "epoch": epoch})
            stream = Stream(socket)
            stream.welcome = await stream.next()
            yield stream


async def _desk(nodes: Cluster, node: int, token: str = "") -> Desk:
    return await nodes.stack.enter_async_context(Desk(nodes.servers[node].url, token))


async def _connected(nodes: Cluster) -> None:
    """Wait until the database knows where the desk is."""

    async def stored() -> bool:
        return (await nodes.row("SELECT present FROM staff"))["present"] is not None

    await eventually(stored, 10, "the desk is present")


async def test_a_desk_is_told_by_the_other_node_and_goes_on_there_when_its_own_dies(
    tmp_path: Path, database_url: str
) -> None:
    async with cluster(tmp_path, database_url, 2) as nodes:
        customer = await nodes.customer(1, "880214")
        session = (await customer.start()).json["sessionId"]
        desk, other = await _desk(nodes, 0), await _desk(nodes, 1)
        await desk.sign_in()
        other.token = desk.token
        async with desk.follow() as stream:
            await _connected(nodes)
            taken = await other.ask("conversations", {"customerId": "880214"})
            assert taken.status == 201, taken.text
            began = await stream.event("chat.state")
            assert (began["seq"], began["data"]["conversationId"]) == (1, session)
            assert began["data"]["state"] == "CHAT_INPROGRESS"
            reply = await customer.ask("POST", f"/v1/client/help/{session}/messages", {"id": "1", "text": "Merhaba"})
            assert reply.status == 201, reply.text
            assert (await stream.event("chat.message"))["data"]["text"] == "Merhaba"
            await stream.ack(2)
            assert await nodes.metric(0, "diyalog_staff_streams") == 1
            assert await nodes.metric(0, "diyalog_streams") == 0
            assert await nodes.metric(0, "diyalog_streams_behind_total") == 0, "it was told, not found by the poll"
            await nodes.servers[0].kill()
        await other.say(session, "Buyrun")
        async with other.follow(2, stream.welcome["epoch"]) as stream:
            assert stream.welcome["recovered"] is True
            assert [one["conversationId"] for one in stream.welcome["snapshot"]["conversations"]] == [session]
            assert (await stream.event("chat.message"))["seq"] == 3
            await other.say(session, "Alo")
            assert (await stream.event("chat.message"))["data"]["text"] == "Alo"


async def test_one_desk_at_a_server_and_only_with_a_staff_token(tmp_path: Path, database_url: str) -> None:
    async with cluster(tmp_path, database_url, 1) as nodes:
        desk = await _desk(nodes, 0)
        await desk.sign_in()
        customer = await nodes.customer(0, "880214")
        await customer.activate()
        async with desk.follow() as older, desk.follow():
            assert await older.closed() == 4409
        for token in (customer.token, "guessed"):
            async with desk.http.ws_connect(f"{desk.url}/v1/staff/events") as socket:
                await socket.send_json({"type": "hello", "token": token, "after": 0})
                assert await Stream(socket).closed() == 4401
        assert await nodes.servers[0].stop() == 0
        lines = [json.loads(line) for line in nodes.servers[0].log.splitlines() if line.startswith("{")]
        streams = [(line["code"], line.get("caller")) for line in lines if line["event"] == "stream"]
        staff = (await nodes.row("SELECT id FROM staff"))["id"]
        assert sorted(code for code, caller in streams if caller is None) == [4401, 4401]
        assert (4409, f"staff-{staff}") in streams
