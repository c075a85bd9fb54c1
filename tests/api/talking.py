"""The two sides of a conversation, as the HTTP API meets them."""

from dataclasses import dataclass

from .driver import Reply
from .node import Node
from .test_documents import is_described

HELP = "/v1/client/help/{sessionId}"
TALKS = "/v1/staff/conversations"
TALK = TALKS + "/{conversationId}"


@dataclass
class Desk:
    """A member of the staff who has signed in."""

    node: Node
    token: str

    async def ask(self, method: str, template: str, body: object = None, *, named: str = "", query: str = "") -> Reply:
        """Send a request of the desk; the answer must be one that is described."""
        target = template.replace("{conversationId}", named) + query
        reply = await self.node.client.json(method, target, body, token=self.token)
        is_described(reply, method, template)
        return reply

    async def take(self, **named: str) -> Reply:
        return await self.ask("POST", TALKS, named)

    async def close(self, session: str) -> Reply:
        """Close a request, as supervisors may."""
        reply = await self.node.client.json("DELETE", f"/v1/staff/waits/{session}", token=self.token)
        is_described(reply, "DELETE", "/v1/staff/waits/{sessionId}")
        return reply

    async def say(self, session: str, message_id: str, text: object) -> Reply:
        return await self.ask("POST", TALK + "/messages", {"id": message_id, "text": text}, named=session)


@dataclass
class App:
    """A customer's app."""

    node: Node
    token: str

    async def start(self) -> str:
        reply = await self.node.start(self.token)
        assert reply.status == 201, reply.text
        session = reply.json["sessionId"]
        assert isinstance(session, str)
        return session

    async def ask(self, method: str, template: str, session: str, body: object = None, *, query: str = "") -> Reply:
        """Send a request of the app; the answer must be one that is described."""
        target = template.replace("{sessionId}", session) + query
        reply = await self.node.client.json(method, target, body, token=self.token)
        is_described(reply, method, template)
        return reply

    async def say(self, session: str, message_id: str, text: object) -> Reply:
        return await self.ask("POST", HELP + "/messages", session, {"id": message_id, "text": text})


async def signed_in(node: Node, user_id: str = "31007", name: str = "Selin Aksoy") -> Desk:
    reply = await node.client.json("POST", "/v1/staff/sessions", {"userId": user_id, "userName": name})
    assert reply.status == 201, reply.text
    return Desk(node, reply.json["staffToken"])


async def texts(reply: Reply) -> list[tuple[int, str, str]]:
    assert reply.status == 200, reply.text
    return [(one["seq"], one["author"], one["text"]) for one in reply.json["messages"]]
