"""deploy/nginx.conf in a real nginx before real servers."""

import asyncio
import os
import re
import signal
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from cluster.nodes import cluster
from diyalog.client import sign
from diyalog.server.options import ServerOptions
from diyalog.settings import Settings
from e2e.world import eventually
from kit.certificates import Authority
from kit.server import NOT_DELIVERED, Company, Customer, Key, StreamClosedError, running

from .nginx import CONF, NGINX, Proxy, proxy, trusting

pytestmark = pytest.mark.skipif(NGINX is None and not os.environ.get("CI"), reason="no nginx on this machine")

GOING_AWAY = 1012
CUSTOMERS = 12
ANSWER_S = 30.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class OverTls(Customer):
    """A customer's app that reaches the servers through nginx."""

    def __init__(self, way: Proxy, tls: ssl.SSLContext, customer_id: str) -> None:
        super().__init__(way.url, customer_id)
        self._tls = tls

    async def __aenter__(self) -> "OverTls":
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self._tls, limit=0))
        return self


async def exchange(way: Proxy, tls: ssl.SSLContext, request: bytes, own_address: str = "127.0.0.1") -> bytes:
    """Send bytes and read the answer to its end; the request must ask for the connection to be closed."""
    async with asyncio.timeout(ANSWER_S):
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", way.port, ssl=tls, server_hostname="localhost", local_addr=(own_address, 0)
        )
        writer.write(request)
        answer = await reader.read()
        writer.close()
        return answer


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def request(method: str, target: str, body: bytes = b"", /, **headers: str) -> bytes:
    """A request as bytes; `_` in names of headers stands for `-`."""
    lines = [f"{method} {target} HTTP/1.1", "Host: help.example.com", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*lines, "", ""]).encode() + body


def signed(key: Key, target: str, body: bytes) -> bytes:
    headers = sign(
        "POST",
        target,
        body,
        access_key_id=key.access_key_id,
        access_key_secret=key.secret,
        requester_user_id="31007",
    )
    return request("POST", target, body, **headers)


@dataclass
class Recorder:
    """A node that answers 200 to all and keeps what it was sent."""

    address: str
    requests: list[bytes] = field(default_factory=list)

    def header(self, name: str) -> list[str]:
        head = self.requests[-1].partition(b"\r\n\r\n")[0].decode("latin-1")
        return re.findall(rf"(?mi)^{name}: (.*?)\r?$", head)


@asynccontextmanager
async def recorder() -> AsyncIterator[Recorder]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        made.requests.append(head + await reader.readexactly(int(length[1]) if length else 0))
        writer.write(OK)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=2**18)
    made = Recorder(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        yield made


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def tls(authority: Authority) -> ssl.SSLContext:
    return trusting(authority)


def address(url: str) -> str:
    return url.rpartition("/")[2]


async def test_the_story_and_a_restart_of_the_node(tmp_path: Path, authority: Authority, tls: ssl.SSLContext) -> None:
    async with (
        running(tmp_path, trusted_proxies="127.0.0.1", drain_seconds="1") as server,
        proxy(tmp_path / "nginx", authority, address(server.url)) as way,
        Company(server.url, await server.new_key()) as company,
        OverTls(way, tls, "880214") as customer,
    ):
        begun = (await customer.start()).json
        async with customer.follow(begun["sessionId"], after=begun["seq"], epoch=begun["epoch"]) as stream:
            assert stream.welcome["recovered"] is True
            await stream.socket.send_json({"type": "ping"})
            assert await stream.next() == {"type": "pong"}
            server.signal(signal.SIGTERM)
            with pytest.raises(StreamClosedError) as closed:
                await stream.next()
        assert await server.exited() == 0
        assert closed.value.code == GOING_AWAY
        assert re.fullmatch(r"\d+\.\d+", closed.value.reason)

        assert (await customer.current()).status == 502, "nobody is there"
        await server.start()
        async with customer.follow(begun["sessionId"], after=begun["seq"], epoch=begun["epoch"]) as stream:
            assert stream.welcome["recovered"] is True
            assert (await company.not_delivered(sessionId=begun["sessionId"], message="Kimse yok.")).status == 200
            ended = await stream.event("wait.ended")
            assert ended["data"]["message"] == "Kimse yok."
            await stream.ack(ended["seq"])
            assert await stream.closed() == 1000


async def followed(customer: Customer, begun: dict[str, Any]) -> int:
    """Follow a wait until it has ended, coming back at once each time that a node goes away; how often that was."""
    moved = 0
    while True:
        try:  # a stream may be closed before its welcome too
            async with customer.follow(begun["sessionId"], after=begun["seq"], epoch=begun["epoch"]) as stream:
                assert stream.welcome["recovered"] is True
                await stream.event("wait.ended")
                return moved
        except StreamClosedError as closed:
            if closed.code != GOING_AWAY:
                raise
            moved += 1


async def test_another_node_takes_over_the_customers_of_one_that_goes_away(
    tmp_path: Path, authority: Authority, tls: ssl.SSLContext, database_url: str
) -> None:
    """Also while it is still going away, and whatever node nginx asks first."""
    async with cluster(tmp_path, database_url, 2, trusted_proxies="127.0.0.1", drain_seconds="2") as nodes:
        ways = (address(server.url) for server in nodes.servers)
        way = await nodes.stack.enter_async_context(proxy(tmp_path / "nginx", authority, *ways))
        customers = [await nodes.stack.enter_async_context(OverTls(way, tls, f"c-{n}")) for n in range(CUSTOMERS)]
        waits = [(await customer.start()).json for customer in customers]
        following = [asyncio.create_task(followed(*pair)) for pair in zip(customers, waits, strict=True)]

        async def streams(node: int) -> float:
            return await nodes.metric(node, "diyalog_streams")

        async def all_are_there() -> bool:
            return await streams(0) + await streams(1) == CUSTOMERS

        async def all_have_moved() -> bool:
            assert [task.exception() for task in following if task.done()] == []
            return await streams(1) == CUSTOMERS

        await eventually(all_are_there, 20, "all follow")
        to_move = await streams(0)
        assert 1 < to_move < CUSTOMERS, "nginx spreads them"
        assert await nodes.servers[0].stop() == 0
        await eventually(all_have_moved, 20, "all follow at the other node")
        for wait in waits:
            assert (await nodes.companies[1].not_delivered(sessionId=wait["sessionId"])).json["isSuccess"] is True
        assert sum(await asyncio.gather(*following)) == to_move


TARGETS = {
    NOT_DELIVERED: 200,
    "/v1/application/%69nteractionisnotdelivered": 200,
    "/v1/application/interactionisnotdelivered?a=%20%2f+b&&c": 200,
    "/v1/application//interactionisnotdelivered": 404,
    "/v1/application/./interactionisnotdelivered": 404,
    "/v1/application/x/../interactionisnotdelivered": 404,
    "/v1/application/interactionisnotdelivered%2F": 404,
    "/v1/application/%C5%9Ey%c5%9f?x=[]|'~": 404,
}
"""What the node answers to a request for this target that is signed rightly."""


async def test_signatures_hold_because_target_and_body_go_on_byte_by_byte(
    tmp_path: Path, authority: Authority, tls: ssl.SSLContext
) -> None:
    body = '{ "sessionId" : "\\u0031", "message": "Şu an\\n" }\n'.encode()
    async with (
        running(tmp_path, trusted_proxies="127.0.0.1") as server,
        recorder() as recorded,
        proxy(tmp_path / "nginx", authority, address(server.url)) as way,
        proxy(tmp_path / "before-recorder", authority, recorded.address) as to_recorder,
    ):
        key = await server.new_key()
        for target, answered in TARGETS.items():
            assert status(await exchange(way, tls, signed(key, target, body))) == answered, target
            tampered = signed(key, target, body).replace(b"u an", b"U an")
            assert status(await exchange(way, tls, tampered)) == 401, target
        for target in (*TARGETS, "//v1//application/interactionisnotdelivered"):
            await exchange(to_recorder, tls, signed(key, target, body))
            head, _, received = recorded.requests[-1].partition(b"\r\n\r\n")
            assert head.split(b"\r\n")[0] == f"POST {target} HTTP/1.1".encode()
            assert received == body


async def test_the_node_is_told_who_asks_by_nginx_alone(
    tmp_path: Path, authority: Authority, tls: ssl.SSLContext
) -> None:
    claims = {
        "Forwarded": "for=192.0.2.9",
        "X_Forwarded_For": "192.0.2.9",
        "X_Forwarded_Proto": "http",
        "X_Forwarded_Host": "evil.example",
        "X_Real_IP": "192.0.2.9",
        "Upgrade": "h2c",
    }
    async with recorder() as recorded, proxy(tmp_path / "nginx", authority, recorded.address) as way:
        await exchange(way, tls, request("GET", "/v1/client/help", **claims), "127.0.0.3")
        assert recorded.header("Forwarded") == ["for=127.0.0.3;proto=https"]
        assert recorded.header("Host") == ["help.example.com"]
        assert recorded.header("X-[A-Za-z-]*") == []
        assert b"192.0.2.9" not in recorded.requests[-1]


async def test_failures_are_counted_for_each_address_whatever_it_claims(
    tmp_path: Path, authority: Authority, tls: ssl.SSLContext
) -> None:
    async with (
        running(tmp_path, trusted_proxies="127.0.0.1", limit_auth_failures="3") as server,
        proxy(tmp_path / "nginx", authority, address(server.url)) as way,
    ):
        wrong = signed(Key("DLGAnobody", "secret"), NOT_DELIVERED, b"{}")
        for number in range(3):
            claim = f"Forwarded: for=192.0.2.{number}\r\nX-Forwarded-For: 192.0.2.{number}\r\n\r\n".encode()
            claiming = wrong.replace(b"\r\n\r\n", b"\r\n" + claim, 1)
            assert status(await exchange(way, tls, claiming, "127.0.0.2")) == 401
        assert status(await exchange(way, tls, wrong, "127.0.0.2")) == 429
        assert status(await exchange(way, tls, wrong, "127.0.0.3")) == 401, "somebody else"


@pytest.mark.parametrize(("length", "answered"), [(65_536, 401), (65_537, 413)])
async def test_the_limit_on_bodies_is_the_nodes_own(
    tmp_path: Path, authority: Authority, tls: ssl.SSLContext, length: int, answered: int
) -> None:
    async with (
        running(tmp_path, trusted_proxies="127.0.0.1") as server,
        proxy(tmp_path / "nginx", authority, address(server.url)) as way,
    ):
        answer = await exchange(
            way, tls, signed(Key("DLGAnobody", "secret"), NOT_DELIVERED, b"{" + b" " * (length - 1))
        )
        assert status(answer) == answered
        assert b"<center>nginx" not in answer, "the node's answer"


@pytest.mark.parametrize(("length", "answered"), [(32_000, 200), (33_000, 431)])
async def test_the_limit_on_heads_is_the_nodes_own(
    tmp_path: Path, authority: Authority, tls: ssl.SSLContext, length: int, answered: int
) -> None:
    async with (
        running(tmp_path, trusted_proxies="127.0.0.1") as server,
        proxy(tmp_path / "nginx", authority, address(server.url)) as way,
    ):
        answer = await exchange(way, tls, request("GET", "/app/help.html", X_Long="x" * length))
        assert status(answer) == answered
        assert b"<center>nginx" not in answer, "the node's answer"


async def test_only_what_is_for_the_outside_can_be_reached(
    tmp_path: Path, authority: Authority, tls: ssl.SSLContext
) -> None:
    inside = ("/metrics", "/livez", "/readyz")
    spelt = [f"{path}{more}" for path in inside for more in ("", "?x", "/")]
    spelt += ["//metrics", "/%6detrics", "/v1/../metrics", "/v1/..%2fmetrics", "/app/%2e%2e/metrics", "/METRICS"]
    spelt += ["https://help.example.com/metrics", "/", "/.git/config"]
    async with (
        running(tmp_path, trusted_proxies="127.0.0.1") as server,
        recorder() as recorded,
        proxy(tmp_path / "nginx", authority, address(server.url)) as way,
        proxy(tmp_path / "before-recorder", authority, recorded.address) as to_recorder,
    ):
        for target in spelt:
            assert status(await exchange(to_recorder, tls, request("GET", target))) == 404, target
        assert recorded.requests == []
        for target in ("/app/help.html", "/sdk/diyalog.js", "/docs", "/docs.css", "/openapi.json", "/asyncapi.json"):
            assert status(await exchange(way, tls, request("GET", target))) == 200, target


async def test_plain_http_is_sent_to_https_and_the_log_has_no_queries(
    tmp_path: Path, authority: Authority, tls: ssl.SSLContext
) -> None:
    async with recorder() as recorded, proxy(tmp_path / "nginx", authority, recorded.address) as way:
        async with aiohttp.ClientSession() as http:
            url = f"http://127.0.0.1:{way.plain_port}/app/help.html?customerId=880214"
            async with http.get(url, headers={"Host": "evil.example"}, allow_redirects=False) as reply:
                assert reply.status == 308
                assert reply.headers["Location"] == "https://localhost/app/help.html?customerId=880214"
        await exchange(way, tls, request("GET", "/app/help.html?customerId=880214", Referer="https://x/880214"))
    logged = way.log.read_text("utf-8")
    assert "GET /app/help.html 200" in logged
    assert "880214" not in logged


def test_the_times_fit_the_servers() -> None:
    text = CONF.read_text("utf-8")
    times = {name: float(value) for name, value in re.findall(r"^ +(\w+timeout) (\d+)s;", text, re.MULTILINE)}
    node = ServerOptions()
    assert times["proxy_read_timeout"] >= 3 * node.ping_seconds
    assert times["proxy_read_timeout"] > Settings().queue_timeout + node.finish_seconds
    assert times["keepalive_timeout"] < node.keep_alive_seconds
