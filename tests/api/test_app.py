"""The way of a request through the API: identities, faults, outages, the lifespan, operators' questions."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from diyalog.api.app import Application
from diyalog.api.exchange import TEXT, Answer, Exchange, Message
from diyalog.api.origins import Origins
from diyalog.api.pages import Pages
from diyalog.api.routing import Route, RouteTable
from diyalog.ports import StoreUnavailableError
from diyalog.server.body import ClientGone
from diyalog.server.sockets import Handshake, Refusal

from .driver import KEY_ID, NOT_DELIVERED, Client, signature
from .node import Node, Noted, running_node


def failing(error: Exception) -> Callable[[Exchange], Awaitable[Answer]]:
    async def handle(_: Exchange) -> Answer:
        raise error

    return handle


class NoSockets:
    """Refuses every WebSocket."""

    def admit(self, handshake: Handshake) -> Refusal:
        return Refusal(404)


def bare(node: Node, tmp_path: Path, table: RouteTable, journal: Noted) -> Application:
    """The node's callable with other operations."""
    company = node.application._company
    return Application(table, company, Origins(()), Pages(tmp_path, "1", ()), journal=journal, sockets=NoSockets())


PATHS = ("/somewhere", "/v1/client/somewhere", NOT_DELIVERED)


@pytest.mark.parametrize("path", PATHS)
async def test_a_fault_is_500_with_fixed_text_and_an_alarm(node: Node, tmp_path: Path, path: str) -> None:
    journal, error = Noted(), KeyError("customer 880214")
    table = RouteTable([Route("POST", path, failing(error))])
    client = Client(bare(node, tmp_path, table, journal))
    reply = await client.signed(node.clock.at, path, b"{}")
    assert reply.status == 500
    assert "The server met an unexpected error." in reply.text
    assert journal.request_ids[0] in reply.text
    assert "880214" not in reply.text
    assert journal.failures == [(path, error)]
    assert journal.requests[0][2] == 500


@pytest.mark.parametrize("path", PATHS)
async def test_without_a_store_it_is_503(node: Node, tmp_path: Path, path: str) -> None:
    journal = Noted()
    table = RouteTable([Route("POST", path, failing(StoreUnavailableError()))])
    reply = await Client(bare(node, tmp_path, table, journal)).signed(node.clock.at, path, b"{}")
    assert (reply.status, reply.header("retry-after")) == (503, "1")
    assert journal.request_ids[0] in reply.text
    assert journal.failures == []


async def test_a_store_that_is_away(node: Node) -> None:
    token = await node.activated()
    node.store.away = True
    company = await node.signed(NOT_DELIVERED, b'{"interactionId":"1"}')
    assert (company.status, company.header("content-type")) == (503, "text/plain; charset=utf-8")
    for reply in (
        await node.start(token),
        await node.client.json("POST", "/v1/client/activations", {"customerId": "1"}),
    ):
        assert (reply.status, reply.json["code"], reply.json["retryable"]) == (503, "UNAVAILABLE", True)


async def test_nobody_is_answered_who_has_gone(node: Node, tmp_path: Path) -> None:
    journal = Noted()
    application = bare(node, tmp_path, RouteTable([Route("GET", "/x", failing(ClientGone()))]), journal)
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Message = {"type": "http", "method": "GET", "path": "/x", "headers": []}
    await application(scope, receive, send)
    assert sent == []
    assert journal.failures == []


@pytest.mark.parametrize("path", [NOT_DELIVERED, "/v1/client/activations"])
async def test_a_body_that_does_not_come(node: Node, path: str) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(k.encode(), v.encode()) for k, v in signature(node.clock.at, "POST", path, b"{}").items()]
    scope: Message = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
        "client": ("192.0.2.1", 1),
    }
    async with asyncio.timeout(5):
        await node.application(scope, receive, send)
    assert sent[0]["status"] == 408


async def test_the_lifespan_hands_over_the_sockets(node: Node, tmp_path: Path) -> None:
    application = bare(node, tmp_path, RouteTable(()), Noted())
    said: list[str] = []
    asked = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive() -> Message:
        return asked.pop(0)

    async def send(message: Message) -> None:
        said.append(message["type"])

    state: dict[str, object] = {}
    await application({"type": "lifespan", "state": state}, receive, send)
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert isinstance(state["sockets"], NoSockets)
    with pytest.raises(ValueError, match="only HTTP"):
        await application({"type": "websocket"}, receive, send)


async def test_request_ids_differ(node: Node) -> None:
    replies = [await node.client.json("GET", "/v1/client/nothing") for _ in range(3)]
    ids = [reply.json["requestId"] for reply in replies]
    assert ids == node.journal.request_ids
    assert len(set(ids)) == 3


async def test_paths_and_methods_outside_the_apis(node: Node) -> None:
    for path in ("/", "/v1", "/v1/application", "/v2/client/help", "/livez/", "/docs/x"):
        reply = await node.client.send("GET", path)
        assert (reply.status, reply.header("content-type")) == (404, "text/plain; charset=utf-8"), path
    reply = await node.client.send("POST", "/livez")
    assert (reply.status, reply.header("allow")) == (405, "GET, HEAD")
    head = await node.client.send("HEAD", "/livez")
    assert (head.status, head.body, head.header("content-length")) == (200, b"", "2")
    assert node.journal.requests[0] == ("GET", "unmatched", 404, None, None, "NOT_FOUND")


async def test_what_operators_ask(node: Node) -> None:
    client = node.client
    assert (await client.send("GET", "/livez")).text == "ok"
    well = {"ready": True, "store": "ok", "clock": "ok", "bus": "ok", "draining": False}
    ready = await client.send("GET", "/readyz")
    assert (ready.status, ready.json) == (200, well)
    node.health["bus"] = False
    slower = await client.send("GET", "/readyz")
    assert (slower.status, slower.json) == (200, {**well, "bus": "unavailable"})
    node.health["bus"], node.health["clock"] = True, False
    skewed = await client.send("GET", "/readyz")
    assert (skewed.status, skewed.json) == (503, {**well, "ready": False, "clock": "skewed"})
    node.health["clock"], node.health["draining"] = True, True
    draining = await client.send("GET", "/readyz")
    assert (draining.status, draining.json) == (503, {**well, "ready": False, "draining": True})
    node.health["store"] = False
    away = await client.send("GET", "/readyz")
    assert (away.status, away.json) == (503, {**well, "ready": False, "store": "unavailable", "draining": True})
    metrics = await client.send("GET", "/metrics")
    assert (metrics.status, metrics.text) == (200, "diyalog_up 1\n")
    assert (metrics.header("content-type") or "").startswith("text/plain; version=0.0.4")


async def test_the_address_behind_a_proxy_is_the_one_that_is_limited(tmp_path: Path) -> None:
    async with running_node(tmp_path, auth_failures=1, trusted_proxies=("192.0.2.0/24",)) as node:
        for client, status in (("203.0.113.1", 400), ("203.0.113.2", 400), ("203.0.113.1", 429)):
            reply = await node.client.send("POST", NOT_DELIVERED, {"x-forwarded-for": client})
            assert reply.status == status


def test_an_answer_keeps_its_first_headers() -> None:
    answer = Answer(200, TEXT, b"x")
    more = answer.adding(((b"vary", b"origin"),))
    assert dict(more.headers)[b"vary"] == b"origin"
    assert b"vary" not in dict(answer.headers)
    assert answer.adding(()).headers == answer.headers


def test_routes() -> None:
    async def handle(_: Exchange) -> Answer:
        return Answer(200, TEXT, KEY_ID.encode())

    table = RouteTable([Route("GET", "/a/{id}", handle), Route("POST", "/a", handle), Route("GET", "/a", handle)])
    place, parameter = table.find("/a/7")
    assert place is not None
    assert (place.template, parameter, place.allow) == ("/a/{id}", "7", b"GET, HEAD")
    exact, _ = table.find("/a")
    assert exact is not None
    assert exact.allow == b"GET, HEAD, POST"
    for path in ("/a/", "/a/7/8", "/b", "", "/"):
        assert table.find(path) == (None, "")
