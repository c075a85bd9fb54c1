"""Limits on rates and sizes, over real sockets against a real server."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from diyalog.client import sign
from kit.server import NOT_DELIVERED, Company, Customer, Key, Reply, Server, running

CLOSED_S = 15.0
"""The server gives a head and a body ten seconds each."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with running(tmp_path) as one:
        yield one


async def raw(server: Server, *pieces: bytes) -> bytes:
    """Send bytes and keep the connection open; everything that comes back until the server closes it."""
    host, _, port = server.url.removeprefix("http://").partition(":")
    async with asyncio.timeout(CLOSED_S):
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            for piece in pieces:
                writer.write(piece)
            return await reader.read()
        finally:
            writer.close()


def company_head(*lines: str) -> bytes:
    """A head that passes every check which comes before the body."""
    given = (
        f"POST {NOT_DELIVERED} HTTP/1.1",
        "Host: h",
        "Content-Type: application/json",
        "x-dlg-date: Wed, 18 Nov 2026 11:06:40 GMT",
        "x-dlg-requester-userid: 31007",
        f"x-dlg-authorization: DLGA key:{'A' * 43}=",
        *lines,
    )
    return "\r\n".join((*given, "", "")).encode()


async def test_failed_authentications_of_one_address(server: Server) -> None:
    key = await server.new_key()
    forger = Company(server.url, Key(key.access_key_id, "guessed"))
    async with Company(server.url, key) as company, forger, Customer(server.url, "1") as customer:

        async def fail(number: int) -> Reply:
            """In turn without headers, with a wrong signature, and a hash nobody issued."""
            if number % 3 == 0:
                return await forger.send("POST", NOT_DELIVERED, headers={})
            if number % 3 == 1:
                return await forger.not_delivered(sessionId="x")
            return await customer.activate(deviceHash="d", transactionHash="0" * 40)

        first = [await fail(number) for number in range(300)]
        assert Counter(reply.status for reply in first) == {400: 100, 401: 200}
        later = [await fail(number) for number in range(6)]
        for reply in later:
            assert reply.status == 429
            assert 1 <= int(reply.headers["Retry-After"]) <= 60
        types = [reply.headers["Content-Type"] for reply in later[:3]]
        assert types == ["text/plain; charset=utf-8", "text/plain; charset=utf-8", "application/problem+json"]
        too_late = sign(
            "POST",
            NOT_DELIVERED,
            b"{}",
            access_key_id=key.access_key_id,
            access_key_secret=key.secret,
            requester_user_id="1",
            date="Wed, 18 Nov 2020 11:06:40 GMT",
        )
        assert (await company.send("POST", NOT_DELIVERED, headers=too_late, body=b"{}")).status == 429, "not 403"
        signed = [await company.not_delivered(sessionId="unknown") for _ in range(20)]
        assert {reply.status for reply in signed} == {200}
        started = await customer.start()
        assert started.status == 201, "a customer who is let in is not held up"


async def test_starts_of_one_customer(server: Server) -> None:
    async with Customer(server.url, "1") as customer, Customer(server.url, "2") as other:
        first = await customer.start(idempotency_key="k")
        replies = [await customer.start() for _ in range(29)]
        assert {first.status, *(reply.status for reply in replies)} == {201}
        refused = await customer.start()
        assert (refused.status, refused.json["code"], refused.json["retryable"]) == (429, "TOO_MANY_REQUESTS", True)
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert (await customer.cancel(replies[-1].json["sessionId"])).status == 200, "ending is never limited"
        assert (await other.start()).status == 201


async def test_sockets_of_one_customer(server: Server) -> None:
    async with Customer(server.url, "1") as customer, Customer(server.url, "2") as other, AsyncExitStack() as open_ones:
        sessions = [(await customer.start()).json["sessionId"] for _ in range(11)]
        for session in sessions[1:]:
            await open_ones.enter_async_context(customer.follow(session))
        async with customer.http.ws_connect(f"{server.url}/v1/client/events") as socket:
            hello = {"type": "hello", "token": customer.token, "sessionId": sessions[0], "after": 0}
            await socket.send_json(hello)
            assert (await socket.receive(timeout=10)).type is aiohttp.WSMsgType.CLOSE
            assert socket.close_code == 1013
        async with other.follow((await other.start()).json["sessionId"]) as stream:
            assert stream.welcome["type"] == "welcome"


async def test_sockets_in_all(tmp_path: Path) -> None:
    async with running(tmp_path, limit_sockets="2") as server, Customer(server.url, "1") as customer:
        address = f"{server.url}/v1/client/events"
        async with customer.http.ws_connect(address), customer.http.ws_connect(address):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await customer.http.ws_connect(address)
            assert refused.value.status == 503
            assert refused.value.headers is not None
            assert int(refused.value.headers["Retry-After"]) >= 1


async def test_the_header_block(server: Server) -> None:
    head = company_head("Content-Length: 2", "X-Filling: @")
    filling = 32_768 - len(head) + 1
    behind = b"{}no request\r\n\r\n"  # ends the connection
    within = await raw(server, head.replace(b"@", b"x" * filling), behind)
    assert within.startswith(b"HTTP/1.1 401 "), within
    over = await raw(server, head.replace(b"@", b"x" * (filling + 1)), b"{}")
    assert over.startswith(b"HTTP/1.1 431 "), over
    assert (await raw(server, b"GET /livez HTTP/1.1\r\n" + b"X: y\r\n" * 60_000)).startswith(b"HTTP/1.1 431 ")
    assert (await raw(server, b"GET /" + b"y" * 200_000)).startswith(b"HTTP/1.1 431 ")


async def test_heads_and_bodies_that_do_not_come(server: Server) -> None:
    heads = (b"POST /v1/appl", company_head("Content-Length: 9")[:-2])
    begun = company_head("Content-Length: 9")
    chunked = company_head("Transfer-Encoding: chunked")
    answers = await asyncio.gather(
        *(raw(server, head) for head in heads), raw(server, begun, b"{"), raw(server, chunked, b"1\r\n{\r\n")
    )
    assert [answer[:13] for answer in answers] == [b"HTTP/1.1 408 "] * 4
    assert all(b"\r\n\r\nThe request" in answer and b"Request id: " in answer for answer in answers)


async def test_bodies_that_are_too_large(server: Server) -> None:
    announced = await raw(server, company_head("Content-Length: 65537"), b"x" * 65_537)
    assert announced.startswith(b"HTTP/1.1 413 "), announced
    endless = await raw(
        server, company_head("Transfer-Encoding: chunked"), *(b"ffff\r\n%b\r\n" % (b"x" * 0xFFFF),) * 20
    )
    assert endless.startswith(b"HTTP/1.1 413 "), endless
    async with Company(server.url, await server.new_key()) as company:
        whole = b'{"sessionId":"x","message":"%b"}'
        fits = await company.call(NOT_DELIVERED, whole % (b"m" * (65_536 - len(whole) + 2)))
        assert fits.json["errorCode"] == 402
        large = await company.call(NOT_DELIVERED, whole % (b"m" * (65_536 - len(whole) + 3)))
        assert (large.status, large.headers["Content-Type"]) == (413, "text/plain; charset=utf-8")
        assert "Request id: " in large.text


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (["x" * 65_537], 1009),
        (["x" * 65_536], 4400),
        ([b"binary"], 1003),
        (['{"type":"ping"}'] * 601, 4400),
        (['{"type":"ping"}'] * 3 + ['{"type":"ping"'], 4400),
    ],
    ids=["too long", "long, but no message", "binary", "too many", "cut short"],
)
async def test_frames(server: Server, frames: list[str | bytes], code: int) -> None:
    async with Customer(server.url, "1") as customer:
        await customer.start()
        async with customer.http.ws_connect(f"{server.url}/v1/client/events", max_msg_size=0) as socket:
            for frame in frames:
                await (socket.send_bytes(frame) if isinstance(frame, bytes) else socket.send_str(frame))
            pongs = 0
            while (message := await socket.receive(timeout=10)).type is aiohttp.WSMsgType.TEXT:
                assert message.json() == {"type": "pong"}
                pongs += 1
            assert (socket.close_code, pongs) == (code, len(frames) - 1)
