"""Whatever a NATS server says, the bus comes back without a word on the terminal, and no secret leaves too early."""

import asyncio
from random import Random

import pytest

from diyalog.bus.nats_address import nats_address
from diyalog.bus.nats_check import check
from diyalog.ports_bus import BusUnusableError
from kit.buses import Node, nats_bus

from .raw_nats import HELLO, RawNats, raw_nats

pytestmark = pytest.mark.usefixtures("nothing_unseen")

NOT_BY_SILENCE_S = 3.5
"""A session that is broken ends at once, and not when an answer has been missing for 4 s."""
GREETINGS = {
    "ends": b"",
    "http": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    "blank": b"\r\n",
    "half": b"INFO {",
    "no json": b"INFO {\r\n",
    "list": b"INFO []\r\n",
    "null": b"INFO null\r\n",
    "text": b'INFO "x"\r\n',
    "not UTF-8": b"INFO \xff\xfe\r\n",
    "strange sizes": b'INFO {"max_payload":"x","client_id":{},"version":[]}\r\n',
    "strange servers": b'INFO {"connect_urls":7}\r\n',
    "broken servers": b'INFO {"connect_urls":["[","nats://[:1"]}\r\n',
    "endless": b"INFO {" + b" " * 100_000 + b"}\r\n",
    "deep": b"INFO " + b"[" * 60_000 + b"\r\n",
    "binary": bytes(range(256)) * 20 + b"\r\n",
    "TLS that is none": b'INFO {"tls_required":true}\r\nnothing of the kind\r\n',
}
ANSWERS = {
    "other": b"HELLO\r\n",
    "refusal": b"-ERR 'Authorization Violation'\r\n",
    "not UTF-8": b"-ERR \xff\r\n",
    "no reason": b"-ERR\r\n",
    "news first": HELLO + b"PONG\r\n",
    "binary": b"\x00\xff\r\n",
}
LATER = {
    "short message": b"MSG\r\n",
    "strange message": b"MSG a b c d e\r\n",
    "message for nobody": b"MSG x 999 2\r\nhi\r\n",
    "message not UTF-8": b"MSG \xff 1 1\r\n1\r\n",
    "strange headers": b"HMSG x 1 5 6\r\nabcde1\r\n",
    "broken headers": b"HMSG x 1 99 9\r\nNATS/1.0x\r\n",
    "error": b"-ERR 'Slow Consumer'\r\n",
    "bare error": b"-ERR\r\n",
    "error not UTF-8": b"-ERR '\xff'\r\n",
    "no rights": b"-ERR 'Permissions Violation for Subscription to \"diyalog.node.x\"'\r\n",
    "stale": b"-ERR 'Stale Connection'\r\n",
    "news": b'INFO {"connect_urls":["10.255.255.1:4222"],"ldm":true}\r\n',
    "strange news": b'INFO {"connect_urls":7}\r\n',
    "broken news": b"INFO {\r\n",
    "list of news": b"INFO []\r\n",
    "pongs": b"PONG\r\n" * 1000,
    "pings": b"PING\r\n" * 1000,
    "binary": bytes(range(256)) * 10 + b"\r\n",
    "rows for nobody": b"MSG diyalog.node.x 1 3\r\n1,x\r\n",
}


async def joins(server: RawNats) -> Node:
    """A node's bus connects to it in the end, hears its message, and stops."""
    node = Node()
    bus = nats_bus(node, f"nats://127.0.0.1:{server.port}")
    await bus.start()
    try:
        await node.hears(77)
    finally:
        await bus.stop()
    assert set(node.heard) == {77}
    assert node.reports.errors == []
    return node


@pytest.mark.parametrize("greeting", GREETINGS.values(), ids=GREETINGS.keys())
async def test_a_hostile_greeting(greeting: bytes) -> None:
    async with raw_nats(RawNats(greeting=greeting)) as server:
        await joins(server)
        assert server.connections in {1, 2}, "the first one is hostile; some greetings can be lived with"


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
async def test_a_hostile_answer(answer: bytes) -> None:
    async with raw_nats(RawNats(answer=answer)) as server:
        node = await joins(server)
        assert server.connections in {1, 2}
    if answer == ANSWERS["refusal"]:
        assert node.reports.said == ["refused", "connected"]


@pytest.mark.parametrize("later", LATER.values(), ids=LATER.keys())
async def test_hostile_words_later(later: bytes) -> None:
    async with raw_nats(RawNats(later=later)) as server:
        async with asyncio.timeout(NOT_BY_SILENCE_S):
            await joins(server)
        assert server.said_later == 1, "the fault"
        assert server.connections in {1, 2}


PIECES = [
    *(b"MSG ", b"HMSG ", b"INFO ", b"-ERR ", b"+OK", b"PING", b"PONG", b"NATS/1.0", b"diyalog.node.x"),
    *(b"1", b"5", b"77", b"-1", b"9" * 12, b"\r\n", b"\n", b" ", b"\x00", b"\xff", b"'x'", b"{}", b"{", b"]"),
    b'{"connect_urls":["a:1"]}',
]
"""What hostile words are made of by chance."""


@pytest.mark.parametrize("place", ["greeting", "answer", "later"])
async def test_hostile_words_by_chance(place: str) -> None:
    chance = Random(place)

    async def survives() -> None:
        words = b"".join(chance.choices(PIECES, k=chance.randrange(1, 30)))
        server = RawNats()
        match place:
            case "greeting":
                server.greeting = chance.choice([b"", b"INFO "]) + words + b"\r\n"
            case "answer":
                server.answer = words
            case _:
                server.later = words
        async with raw_nats(server):
            await joins(server)

    await asyncio.gather(*(survives() for _ in range(30)))


async def test_silence_is_noticed() -> None:
    node = Node()
    async with raw_nats(RawNats(greeting=None)) as server:
        bus = nats_bus(node, f"nats://127.0.0.1:{server.port}")
        await bus.start()
        assert await node.reports.lost() == "silent"
        await node.reports.connected()
        await bus.stop()


async def test_credentials_are_never_said_in_clear_where_the_url_wants_tls() -> None:
    async with raw_nats(RawNats(bad=99)) as server:
        address = nats_address(f"tls://diyalog:much-too-secret@127.0.0.1:{server.port}")
        with pytest.raises(BusUnusableError, match=r"no TLS with 127\.0\.0\.1"):
            await check(address, Node().id)
        assert server.connections == 1
        assert bytes(server.received) == b""
