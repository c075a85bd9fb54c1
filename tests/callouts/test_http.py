"""What the HTTP client knows about a request that has no usable answer, and what it never does."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from diyalog.callouts.http import ANSWER_LIMIT, HttpClient
from diyalog.callouts.replies import Answered, Fault, Reply, Unanswered, Unsent

from .raw_company import RawCompany, Talk, http, listening, read_request, saying


@asynccontextmanager
async def client(base: str, *, auth_token: str | None = None, slots: int = 8) -> AsyncIterator[HttpClient]:
    made = HttpClient([base], auth_token=auth_token, slots=slots)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def post(made: HttpClient, base: str, *, timeout_s: float = 5.0, slot_s: float = 5.0) -> Reply:
    return await made.send("POST", f"{base}/CreateInteraction", body=b"{}", timeout_s=timeout_s, slot_s=slot_s)


async def reply_to(talk: Talk, company: RawCompany, *, timeout_s: float = 5.0) -> Reply:
    async with listening(company, talk), client(company.base) as made:
        return await post(made, company.base, timeout_s=timeout_s)


async def test_an_answer_is_handed_over_as_it_is() -> None:
    company = RawCompany()
    reply = await reply_to(saying(company, http(418, b"\x00\xff")), company)
    assert isinstance(reply, Answered)
    assert (reply.status, reply.body) == (418, b"\x00\xff")


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (b"", Fault.CUT),
        (b"HTTP/1.1 200", Fault.CUT),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345", Fault.CUT),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Fault.CUT),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n", Fault.CUT),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345", Fault.CUT),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", Fault.CUT),
        (b"HTTP/9.9 ??? nonsense\r\n\r\n", Fault.CUT),
        (b"\x16\x03\x01\x02\x00 this is no HTTP", Fault.CUT),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", Fault.CUT),
        (b"HTTP/1.1 200 OK\r\n" + b"X: a\r\n" * 100_000, Fault.CUT),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * (ANSWER_LIMIT + 1), Fault.TOO_LARGE),
        (http(200, b"a" * (ANSWER_LIMIT + 1)), Fault.TOO_LARGE),
    ],
)
async def test_an_answer_that_is_none_may_follow_a_request_that_arrived(answer: bytes, fault: Fault) -> None:
    company = RawCompany()
    reply = await reply_to(saying(company, answer), company)
    assert isinstance(reply, Unanswered)
    assert reply.fault is fault
    assert len(company.requests) == 1


async def test_an_answer_at_the_limit_is_read() -> None:
    company = RawCompany()
    reply = await reply_to(saying(company, http(200, b"a" * ANSWER_LIMIT)), company)
    assert isinstance(reply, Answered)
    assert len(reply.body) == ANSWER_LIMIT


async def test_an_endless_answer_is_dropped_at_the_limit() -> None:
    company = RawCompany()
    sent = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await read_request(reader, company)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while sent < 1_000_000_000:
            writer.write(b"a" * 65_536)
            sent += 65_536
            await writer.drain()

    reply = await reply_to(talk, company)
    assert isinstance(reply, Unanswered)
    assert (reply.fault, reply.status) == (Fault.TOO_LARGE, 200)
    assert sent < 1_000_000_000


async def test_a_compressed_bomb_is_not_unpacked() -> None:
    packed = gzip.compress(b"a" * 50_000_000)
    company = RawCompany()
    reply = await reply_to(saying(company, http(200, packed, "Content-Encoding: gzip")), company)
    assert isinstance(reply, Answered)
    assert reply.body == packed
    assert "accept-encoding: identity" in company.requests[0][0].lower()


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1"])
async def test_silence_after_the_request_is_in_doubt(begun: bytes) -> None:
    company = RawCompany()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader, company)
        writer.write(begun)
        await reader.read()  # until the other side gives up

    reply = await reply_to(talk, company, timeout_s=0.2)
    assert isinstance(reply, Unanswered)
    assert reply.fault is Fault.TIMEOUT
    assert len(company.requests) == 1


async def test_a_refused_connection_was_not_sent() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port meanwhile
        base = f"http://127.0.0.1:{taken.getsockname()[1]}"
        async with client(base) as made:
            reply = await post(made, base)
    assert isinstance(reply, Unsent)
    assert reply.fault is Fault.CONNECT


async def test_an_unknown_name_was_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def no_such_name(host: object, *_: object, **__: object) -> None:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "planned")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    base = "http://queue.example"
    async with client(base) as made:
        reply = await post(made, base)
    assert isinstance(reply, Unsent)
    assert reply.fault is Fault.CONNECT
    assert asked == ["queue.example"]


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 200 OK\r\n\r\n", b""])
async def test_a_failed_handshake_was_not_sent(greeting: bytes) -> None:
    company = RawCompany()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(greeting)

    async with listening(company, talk):
        base = company.base.replace("http:", "https:")
        async with client(base) as made:
            reply = await post(made, base)
    assert isinstance(reply, Unsent)
    assert reply.fault in {Fault.TLS, Fault.CONNECT}
    assert company.connections == 1


async def test_a_handshake_that_hangs_was_not_sent() -> None:
    company = RawCompany()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # the greeting, then nothing until the other side gives up
        writer.close()

    async with listening(company, talk):
        base = company.base.replace("http:", "https:")
        async with client(base) as made:
            reply = await post(made, base, timeout_s=0.4)
    assert isinstance(reply, Unsent)
    assert reply.fault is Fault.CONNECT_TIMEOUT


async def test_a_request_that_got_no_slot_was_not_sent() -> None:
    company = RawCompany()
    release = asyncio.Event()
    arrived = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader, company)
        arrived.set()
        await release.wait()
        writer.write(http(200, b"late"))

    async with listening(company, talk), client(company.base, slots=1) as made:
        first = asyncio.ensure_future(post(made, company.base))
        await asyncio.wait_for(arrived.wait(), 5)
        reply = await post(made, company.base, slot_s=0.05)
        assert isinstance(reply, Unsent)
        assert reply.fault is Fault.NO_SLOT
        waiting = asyncio.ensure_future(post(made, company.base))
        release.set()
        assert isinstance(await first, Answered)
        assert isinstance(await waiting, Answered)
    assert len(company.requests) == 2


async def test_a_cancelled_request_gives_its_slot_back() -> None:
    company = RawCompany()
    arrived = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader, company)
        if len(company.requests) == 1:
            arrived.set()
            await reader.read()
        writer.write(http(200, b""))

    async with listening(company, talk), client(company.base, slots=1) as made:
        first = asyncio.ensure_future(post(made, company.base))
        await asyncio.wait_for(arrived.wait(), 5)
        first.cancel()
        assert isinstance(await post(made, company.base), Answered)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    company = RawCompany()
    other = RawCompany()
    async with listening(other, saying(other, http(200, b"caught"))):
        answer = http(status, b"", f"Location: {other.base}/CreateInteraction")
        reply = await reply_to(saying(company, answer), company)
    assert isinstance(reply, Answered)
    assert reply.status == status
    assert other.connections == 0


async def test_only_configured_origins_are_called() -> None:
    async with client("https://queue.example:8443/base") as made:
        for url in ("http://queue.example:8443/x", "https://queue.example/x", "https://queue.example.evil:8443/x"):
            with pytest.raises(ValueError, match="configured origin"):
                await made.send("POST", url, timeout_s=1, slot_s=1)


async def test_cookies_are_not_kept_and_nothing_of_the_environment_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    company = RawCompany()
    passwords = tmp_path / "netrc"
    passwords.write_text("default login core password secret\n")
    monkeypatch.setenv("NETRC", str(passwords))
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    answer = http(200, b"", "Set-Cookie: a=b; Path=/", 'Set-Cookie: "\x01;;=')
    talk = saying(company, answer, then_close=False)
    async with listening(company, talk), client(company.base, auth_token="t-1") as made:
        assert isinstance(await post(made, company.base), Answered)
        assert isinstance(await post(made, company.base), Answered)
    heads = [head.lower() for head, _ in company.requests]
    assert len(heads) == 2
    assert all("cookie:" not in head and "authorization:" not in head for head in heads)
    assert all("auth-token: t-1\r\n" in head for head in heads)
    assert company.connections == 1, "the connection is kept for the next request"
