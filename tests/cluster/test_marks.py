"""Typing, received and read at real servers: the customer's app at one node, the desk at the other."""

import asyncio
from pathlib import Path
from typing import Any

from cluster.nodes import cluster
from kit.server import Stream

from .test_desks import _connected, _desk

LIMIT_S = 15


async def told(stream: Stream, event: str, **data: object) -> dict[str, Any]:
    """The next event of this name with this data; others pass by."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            frame = await stream.next()
            if frame.get("event") == event and data.items() <= frame["data"].items():
                return frame


async def test_each_side_learns_at_its_own_node_how_far_the_other_is(tmp_path: Path, database_url: str) -> None:
    async with cluster(tmp_path, database_url, 2) as nodes:
        customer = await nodes.customer(1, "880214")
        session = (await customer.start()).json["sessionId"]
        desk = await _desk(nodes, 0)
        await desk.sign_in()
        async with customer.follow(session) as app, desk.follow() as watching:
            await _connected(nodes)
            assert (await desk.ask("conversations", {"sessionId": session})).status == 201
            await told(app, "chat.state", state="CHAT_INPROGRESS")
            await desk.say(session, "Buyrun")
            message = await told(app, "chat.message", text="Buyrun")
            await told(watching, "chat.message", text="Buyrun")

            await app.socket.send_json({"type": "typing"})
            seen = await told(watching, "chat.typing")
            assert seen["data"] == {"conversationId": session, "author": "customer"}
            await app.ack(message["seq"])
            await told(watching, "chat.read", author="customer", received=message["seq"], read=0)
            await app.socket.send_json({"type": "read", "seq": message["seq"]})
            await told(watching, "chat.read", author="customer", received=message["seq"], read=message["seq"])

            await watching.socket.send_json({"type": "typing", "conversationId": session})
            assert (await told(app, "chat.typing"))["data"] == {"author": "agent"}
            await watching.socket.send_json({"type": "read", "conversationId": session, "seq": 3})
            await told(app, "chat.read", author="agent", received=3, read=3)
        found = (await customer.read(session)).json["conversation"]
        assert (found["agentReceived"], found["agentRead"]) == (3, 3)
