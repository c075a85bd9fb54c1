"""When a connection may carry another request, which address it goes to, and whom it trusts."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from diyalog.callouts import http as http_module
from diyalog.callouts.http import ANSWER_LIMIT, HttpClient
from diyalog.callouts.replies import Answered, Fault, Reply, Unanswered, Unsent

from .raw_company import RawCompany, http, listening, read_request, saying

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@asynccontextmanager
async def client(*bases: str) -> AsyncIterator[HttpClient]:
    made = HttpClient(bases)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def post(made: HttpClient, base: str, *, timeout_s: float = 5.0) -> Reply:
    return await made.send("POST", f"{base}/x", body=b"{}", timeout_s=timeout_s, slot_s=5.0)


def bodies(*replies: Reply) -> list[bytes]:
    assert all(isinstance(reply, Answered) for reply in replies), replies
    return [reply.body for reply in replies if isinstance(reply, Answered)]


@pytest.mark.parametrize(
    "answer",
    [
        http(200, b"1"),
        CHUNKED + b"1\r\n1\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + http(200, b"1"),
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + http(200, b"1"),
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n1",
    ],
)
async def test_a_whole_answer_leaves_a_connection_for_the_next_request(answer: bytes) -> None:
    company = RawCompany()
    async with listening(company, saying(company, answer, then_close=False)), client(company.base) as made:
        replies = [await post(made, company.base) for _ in range(3)]
    assert bodies(*replies) == [b"1"] * 3
    assert company.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        http(200, b"1", "Connection: close"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n1",
        http(200, b"1") + http(200, b"of nobody"),
    ],
)
async def test_an_answer_that_says_so_or_is_followed_by_another_ends_its_connection(answer: bytes) -> None:
    company = RawCompany()
    async with listening(company, saying(company, answer, then_close=False)), client(company.base) as made:
        replies = [await post(made, company.base) for _ in range(2)]
    assert bodies(*replies) == [b"1"] * 2
    assert company.connections == 2


async def after_unasked(company: RawCompany, unasked: bytes, *, kept: int) -> list[Reply]:
    """Have `kept` connections open, let the company speak on each of them unasked, then send another request."""
    all_in_use, go_on = asyncio.Event(), asyncio.Event()
    other = RawCompany()
    spoiled: set[asyncio.StreamWriter] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader, company)
        if len(company.requests) == kept:
            all_in_use.set()
        await all_in_use.wait()
        writer.write(http(200, b"asked"))
        if len(company.requests) == kept:
            await go_on.wait()
            writer.write(unasked)
            await writer.drain()
            spoiled.add(writer)
            await reader.read()  # until the other side ends the connection

    async with (
        listening(company, talk),
        listening(other, saying(other, http(200, b"other"))),
        client(company.base, other.base) as made,
    ):
        replies = await asyncio.gather(*(post(made, company.base) for _ in range(kept)))
        go_on.set()
        while len(spoiled) < kept:
            await post(made, other.base)
        await post(made, other.base)  # what was sent unasked arrives before this answer
        return [*replies, await post(made, company.base)]


@pytest.mark.parametrize("kept", [1, 3])
@pytest.mark.parametrize("unasked", [http(200, b"unasked"), http(200, b"unasked")[:-3], http(200, b""), b"garbage\r\n"])
async def test_what_comes_unasked_is_not_taken_for_the_next_answer(unasked: bytes, kept: int) -> None:
    company = RawCompany()
    assert bodies(*await after_unasked(company, unasked, kept=kept)) == [b"asked"] * (kept + 1)
    assert company.connections == len(company.requests) == kept + 1


async def test_a_company_that_speaks_unasked_everywhere_is_told_nothing() -> None:
    company = RawCompany()
    *asked, last = await after_unasked(company, http(200, b"unasked"), kept=20)
    assert bodies(*asked) == [b"asked"] * 20
    assert isinstance(last, Unsent)
    assert last.fault is Fault.CONNECT
    assert len(company.requests) == 20


async def test_a_connection_that_the_company_closed_is_not_used_again() -> None:
    company, other = RawCompany(), RawCompany()
    async with (
        listening(company, saying(company, http(200, b"1"))),
        listening(other, saying(other, http(200, b"2"))),
        client(company.base, other.base) as made,
    ):
        first = await post(made, company.base)
        if company.talking:
            await asyncio.wait(company.talking, timeout=5)
        between = await post(made, other.base)  # the end of the connection arrives before this answer
        second = await post(made, company.base)
    assert bodies(first, between, second) == [b"1", b"2", b"1"]
    assert company.connections == 2


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 20", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1"])
@pytest.mark.parametrize("earlier", [0, 1])
async def test_a_request_whose_answer_was_cut_is_not_sent_again(method: str, begun: bytes, earlier: int) -> None:
    company = RawCompany()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(earlier):  # the cut connection is a new one, or one that has served before
            await read_request(reader, company)
            writer.write(http(200, b"1"))
        await read_request(reader, company)
        writer.write(begun)

    async with listening(company, talk), client(company.base) as made:
        for _ in range(earlier):
            assert bodies(await post(made, company.base)) == [b"1"]
        reply = await made.send(method, f"{company.base}/last", timeout_s=5, slot_s=5)
        assert isinstance(reply, Unanswered)
        assert reply.fault is Fault.CUT
    assert [head.split()[:2] for head, _ in company.requests] == [["POST", "/x"]] * earlier + [[method, "/last"]]
    assert company.connections == 1


@pytest.mark.parametrize(
    ("begun", "more"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X: a\r\n" * 1000),
        (b"HTTP/1.1 200 OK\r\nX: ", b"a" * 65_536),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
        (CHUNKED + b"1;", b"e" * 65_536),
        (CHUNKED, b"1\r\n1\r\n" * 1000),
        (CHUNKED + b"0\r\n", b"T: t\r\n" * 1000),
    ],
)
async def test_an_endless_answer_ends_with_its_time_at_the_latest(begun: bytes, more: bytes) -> None:
    company = RawCompany()
    ended = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader, company)
        writer.write(begun)
        try:
            for _ in range(100_000):
                writer.write(more)
                await writer.drain()
        except ConnectionError:
            ended.set()

    async with listening(company, talk), client(company.base) as made:
        reply = await post(made, company.base, timeout_s=0.5)
        await asyncio.wait_for(ended.wait(), 5)
    assert isinstance(reply, Unanswered)
    assert reply.seconds < 2.5
    assert len(company.requests) == 1


async def test_a_cancelled_request_ends_its_connection() -> None:
    company = RawCompany()
    arrived, ended = asyncio.Event(), asyncio.Event()

    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read_request(reader, company)
        arrived.set()
        assert await reader.read() == b""
        ended.set()

    async with listening(company, talk), client(company.base) as made:
        asked = asyncio.ensure_future(post(made, company.base, timeout_s=60))
        await asyncio.wait_for(arrived.wait(), 5)
        asked.cancel()
        await asyncio.wait_for(ended.wait(), 5)
    assert asked.cancelled()


async def test_a_connection_that_is_idle_too_long_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "_IDLE_S", 0.05)
    company = RawCompany()
    ended = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader, company)
        writer.write(http(200, b"1"))
        await reader.read()  # until the other side ends the connection
        ended.set()

    async with listening(company, talk), client(company.base) as made:
        assert bodies(await post(made, company.base)) == [b"1"]
        await asyncio.wait_for(ended.wait(), 5)
        assert bodies(await post(made, company.base)) == [b"1"]
    assert company.connections == 2


async def test_a_stop_ends_what_is_in_flight() -> None:
    company = RawCompany()
    arrived = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await read_request(reader, company)
        arrived.set()
        await reader.read()

    async with listening(company, talk), client(company.base) as made:
        asked = asyncio.ensure_future(post(made, company.base))
        await asyncio.wait_for(arrived.wait(), 5)
        await made.stop()
        reply = await asked
    assert isinstance(reply, Unanswered)
    assert reply.fault is Fault.CUT


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\n\r\nto the end", b"to the end"),
        (b"HTTP/1.1 200 OK\nContent-Length: 3\n\nold", b"old"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nto the end", b"to the end"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
)
async def test_an_answer_may_be_as_long_as_its_connection(answer: bytes, body: bytes) -> None:
    company = RawCompany()
    async with listening(company, saying(company, answer)), client(company.base) as made:
        assert bodies(await post(made, company.base)) == [body]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n1",
        http(200, b"1") + b"garbage",
        CHUNKED + b"1;" + b"e" * 3 * ANSWER_LIMIT,
        CHUNKED + b"1\r\n1\r\n0\r\nT: " + b"t" * 100_000 + b"\r\n\r\n",
    ],
)
async def test_what_only_begins_like_an_answer_is_none(answer: bytes) -> None:
    company = RawCompany()
    async with listening(company, saying(company, answer)), client(company.base) as made:
        reply = await post(made, company.base)
    assert isinstance(reply, Unanswered)
    assert reply.fault is Fault.CUT
    assert len(company.requests) == 1


@pytest.mark.parametrize("path", ["/a b", "/ü", "/a\r\nX: y", "/\x00"])
async def test_an_address_that_is_not_encoded_is_not_sent(path: str) -> None:
    base = "http://127.0.0.1:9"
    async with client(base) as made:
        with pytest.raises(ValueError, match="not encoded"):
            await made.send("POST", f"{base}{path}", timeout_s=1, slot_s=1)


async def test_a_header_cannot_break_out_of_its_line() -> None:
    base = "http://127.0.0.1:9"
    async with client(base) as made:
        with pytest.raises(ValueError, match="printable ASCII"):
            await made.send("POST", f"{base}/x", headers={"A": "b\r\nC: d"}, timeout_s=1, slot_s=1)
    with pytest.raises(ValueError, match="printable ASCII"):
        HttpClient([base], auth_token="a\nb")


async def test_the_request_names_host_and_credentials_of_its_base() -> None:
    company = RawCompany()
    async with listening(company, saying(company, http(200, b""))):
        host = company.base.removeprefix("http://")
        base = f"http://core:p%40ss@{host}/queue"
        async with client(base) as made:
            assert isinstance(await post(made, base), Answered)
    [(head, body)] = company.requests
    assert head.startswith("POST /queue/x HTTP/1.1\r\n")
    assert f"\r\nHost: {host}\r\n" in head
    assert "\r\nAuthorization: Basic Y29yZTpwQHNz\r\n" in head
    assert body == b"{}"


async def test_the_next_address_is_tried_and_the_name_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    company = RawCompany()
    asked: list[str] = []

    async def addresses(host: str, port: int, **_: object) -> list[Any]:
        asked.append(host)
        kind = (2, 1, 6, "")  # IPv4, a stream, TCP
        return [(*kind, ("127.0.0.2", port)), (*kind, ("127.0.0.1", port))]  # nobody listens at the first

    async with listening(company, saying(company, http(200, b"1"))):
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", addresses)
        base = f"http://queue.example:{company.base.rpartition(':')[2]}"
        async with client(base) as made:
            replies = await asyncio.gather(*(post(made, base) for _ in range(8)))
    assert bodies(*replies) == [b"1"] * 8
    assert asked == ["queue.example"]


def certificate(folder: Path, address: str) -> tuple[Path, Path]:
    """A certificate for an IP address that only vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "queue of a test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    secret = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files = (folder / "certificate.pem", folder / "key.pem")
    files[0].write_bytes(made.public_bytes(encoding))
    files[1].write_bytes(secret)
    return files


@pytest.mark.parametrize(
    ("address", "trusted", "answered"),
    [("127.0.0.1", True, True), ("127.0.0.1", False, False), ("10.9.8.7", True, False)],
)
async def test_only_a_company_that_proves_its_name_is_told_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, *, trusted: bool, answered: bool
) -> None:
    files = certificate(tmp_path, address)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(files[0]))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(*files)
    company = RawCompany()
    async with listening(company, saying(company, http(200, b"1"), then_close=False), tls=tls):
        base = company.base.replace("http:", "https:")
        async with client(base) as made:
            replies = [await post(made, base) for _ in range(2)]
    if answered:
        assert bodies(*replies) == [b"1"] * 2
        assert company.connections == 1
    else:
        assert [reply.fault for reply in replies if isinstance(reply, Unsent)] == [Fault.TLS] * 2
        assert company.requests == []
