"""The opening handshake, against a real server."""

import asyncio

import pytest

from .world import Served, Wire, handshake, masked, serving

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


async def test_known_answer(served: Served) -> None:
    """The key and its answer are RFC 6455's own example, section 1.3."""
    wire = await served.connect()
    wire.send(handshake(headers=f"Sec-WebSocket-Key: {KEY}\r\n", without="Sec-WebSocket-Key"))
    head = await wire.head()
    assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head
    assert b"extensions" not in head


async def test_what_the_application_learns(served: Served) -> None:
    wire = await served.connect()
    wire.send(handshake("/echo?a=%41", headers="Origin: https://bank.example\r\nX-Name: \xc3\xa7\r\n"))
    handler = await served.handler()
    seen = handler.handshake
    assert (seen.path, seen.target, seen.origin, seen.client, seen.secure) == (
        "/echo",
        b"/echo?a=%41",
        "https://bank.example",
        "127.0.0.1",
        False,
    )
    assert (seen.header("host"), seen.header("x-absent")) == ("127.0.0.1", None)


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(handshake("/nowhere"), 404, id="unknown path"),
        pytest.param(handshake("/refused"), 403, id="refused by the application"),
        pytest.param(handshake(without="Sec-WebSocket-Key"), 400, id="no key"),
        pytest.param(handshake(headers=f"Sec-WebSocket-Key: {KEY}\r\n"), 400, id="two keys"),
        pytest.param(
            handshake(headers="Sec-WebSocket-Key: short\r\n", without="Sec-WebSocket-Key"), 400, id="short key"
        ),
        pytest.param(
            handshake(headers=f"Sec-WebSocket-Key: {'ç' * 24}\r\n", without="Sec-WebSocket-Key"),
            400,
            id="key not ASCII",
        ),
        pytest.param(handshake(without="Sec-WebSocket-Version"), 426, id="no version"),
        pytest.param(
            handshake(headers="Sec-WebSocket-Version: 8\r\n", without="Sec-WebSocket-Version"), 426, id="old version"
        ),
        pytest.param(handshake(headers="Content-Length: 5\r\n") + b"hello", 400, id="a body"),
        pytest.param(handshake(headers="Transfer-Encoding: chunked\r\n") + b"0\r\n\r\n", 400, id="a chunked body"),
        pytest.param(handshake(headers="Origin: a\r\nOrigin: b\r\n"), 400, id="two origins"),
        pytest.param(handshake(without="Host"), 400, id="no host"),
        # No handshake at all: the application answers an ordinary request, here with 200.
        pytest.param(handshake(without="Upgrade", headers="Connection: close\r\n"), 200, id="no upgrade"),
        pytest.param(
            handshake(without="Connection", headers="Connection: close\r\n"), 200, id="no connection: upgrade"
        ),
        pytest.param(handshake(method="PUT", headers="Connection: close\r\n"), 200, id="not GET"),
        pytest.param(handshake().replace(b"HTTP/1.1", b"HTTP/1.0"), 200, id="HTTP/1.0"),
    ],
)
async def test_no_handshake(served: Served, request_bytes: bytes, status: int) -> None:
    answer = await served.exchange(request_bytes)
    assert int(answer.split()[1]) == status
    assert b"\r\nconnection: close\r\n" in answer
    assert served.server.server_state.sockets == set()


async def test_refusals_say_what_would_do(served: Served) -> None:
    answer = await served.exchange(handshake(without="Sec-WebSocket-Version"))
    assert b"\r\nsec-websocket-version: 13\r\n" in answer
    assert b"\r\nupgrade: websocket\r\n" in answer
    answer = await served.exchange(handshake("/refused"))
    assert b"\r\nx-why: origin\r\n" in answer
    assert answer.endswith(b"\r\n\r\nNot from there.")


async def test_upgrade_after_an_ordinary_request_on_the_same_connection(served: Served) -> None:
    wire = await served.connect()
    wire.send(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (await wire.answer())[0] == 200
    wire.send(handshake())
    assert (await wire.head()).startswith(b"HTTP/1.1 101 ")
    wire.send(masked(0x81, b"hi"))
    assert await wire.frame() == (0x81, b"hi")


async def test_handshake_is_not_pipelined(served: Served) -> None:
    wire = await served.connect()
    wire.send(b"GET /gate HTTP/1.1\r\nHost: a\r\n\r\n" + handshake())
    async with asyncio.timeout(10):
        await served.application.arrived.wait()
    served.application.gate.set()
    answers = await wire.rest()
    assert [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"200", b"400"]


async def test_handshake_in_pieces(served: Served) -> None:
    wire = await served.connect()
    request = handshake() + masked(0x81, b"hi")
    for index in range(len(request)):
        wire.send(request[index : index + 1])
        await asyncio.sleep(0)
    assert (await wire.head()).startswith(b"HTTP/1.1 101 ")
    assert await wire.frame() == (0x81, b"hi")


async def test_frames_in_the_handshakes_own_segment_are_kept(served: Served) -> None:
    wire = await served.handshaken(behind=masked(0x81, b"early") + masked(0x81, b"bird")[:4])
    assert await wire.frame() == (0x81, b"early")
    wire.send(masked(0x81, b"bird")[4:])
    assert await wire.frame() == (0x81, b"bird")


async def test_application_that_raises_is_a_500() -> None:
    async with serving() as served:
        answer = await served.exchange(handshake("/broken"))
        assert answer.startswith(b"HTTP/1.1 500 ")
        assert [type(error) for error in served.errors] == [ValueError]


async def test_socket_limit_is_503_and_room_is_made_by_leaving() -> None:
    async with serving(socket_limit=2) as served:
        first = await served.handshaken()
        await served.handshaken()
        answer = await served.exchange(handshake())
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nretry-after: 5\r\n" in answer
        handler = await served.handler()
        await _leave(first)
        async with asyncio.timeout(10):
            await handler.gone.wait()
        await served.handshaken()
        assert len(served.server.server_state.sockets) == 2


async def _leave(wire: Wire) -> None:
    wire.send(masked(0x88, b"\x03\xe8"))
    assert await wire.close_code() == 1000
    await wire.ended()
