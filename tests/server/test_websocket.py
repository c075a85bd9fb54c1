"""Open WebSockets against a real server: by hand where the bytes matter, else with the websockets library."""

import asyncio
import socket

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from .world import LIMIT, Clock, EchoHandler, Served, Wire, handshake, masked, serving


async def test_library_client_speaks_with_the_server(served: Served) -> None:
    async with connect(served.url + "/echo", max_size=None) as client:
        for text in ("çok teşekkürler", "", "a" * 125, "a" * 126, "é" * 30_000):
            await client.send(text)
            assert await client.recv() == text
        await client.send(["frag", "men", "", "ted"])
        assert await client.recv() == "fragmented"
        await (await client.ping(b"there?"))
        assert client.protocol.extensions == []  # permessage-deflate was offered and not taken
    handler = await served.handler()
    async with asyncio.timeout(LIMIT):
        await handler.gone.wait()
    assert handler.closed_calls == 1
    assert client.close_code == 1000


async def test_utf8_split_inside_a_character(served: Served) -> None:
    wire = await served.handshaken()
    text = "günaydın 😀".encode()
    for cut in range(1, len(text)):
        wire.send(masked(0x01, text[:cut]) + masked(0x80, text[cut:]))
        assert await wire.frame() == (0x81, text)


async def test_ping_is_answered_inside_a_fragmented_message(served: Served) -> None:
    wire = await served.handshaken()
    wire.send(masked(0x01, b"frag") + masked(0x89, b"now") + masked(0x80, b"ment"))
    assert await wire.frame() == (0x8A, b"now")
    assert await wire.frame() == (0x81, b"fragment")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(masked(0x82, b"binary"), 1003, id="binary"),
        pytest.param(masked(0x81, b"\xc3\x28"), 1007, id="not UTF-8"),
        pytest.param(masked(0x81, b"a" * 65_537), 1009, id="too long"),
        pytest.param(masked(0x81, b"", announced=1 << 30), 1009, id="announced too long"),
        pytest.param(b"\x81\x05hello", 1002, id="not masked"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 1002, id="no frame at all"),
    ],
)
async def test_violations_are_closed_with_their_code(served: Served, data: bytes, code: int) -> None:
    wire = await served.handshaken(behind=masked(0x81, b"first"))
    wire.send(data + masked(0x81, b"behind") * 1000)
    assert await wire.frame() == (0x81, b"first")
    assert await wire.close_code() == code
    assert await wire.rest() == b""  # an end, not a reset: the code has been read
    handler = await served.handler()
    wire.close()
    async with asyncio.timeout(LIMIT):
        await handler.gone.wait()
    assert handler.texts.qsize() == 1


async def test_longest_message_passes(served: Served) -> None:
    wire = await served.handshaken()
    wire.send(masked(0x81, b"a" * 65_536))
    assert await wire.frame() == (0x81, b"a" * 65_536)


@pytest.mark.parametrize(("payload", "code"), [(b"\x0f\xa0bye", 4000), (b"\x03\xe9", 1001), (b"", 0)])
async def test_peers_close_is_echoed(served: Served, payload: bytes, code: int) -> None:
    wire = await served.handshaken()
    wire.send(masked(0x88, payload))
    assert await wire.close_code() == code
    assert await wire.rest() == b""


async def test_application_closes(served: Served) -> None:
    async with connect(served.url + "/echo") as client:
        handler = await served.handler()
        assert handler.socket is not None
        handler.socket.send(b"last")
        handler.socket.close(4409, "continued elsewhere")
        handler.socket.close(1000)
        handler.socket.send(b"too late")
        assert await client.recv() == "last"
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert (client.close_code, client.close_reason) == (4409, "continued elsewhere")
    async with asyncio.timeout(LIMIT):
        await handler.gone.wait()
    handler.socket.send(b"into the void")
    handler.socket.close(1000)
    handler.socket.pause()
    handler.socket.resume()
    assert handler.closed_calls == 1


async def test_application_that_raises_closes_1011() -> None:
    async with serving() as served, connect(served.url + "/echo") as client:
        await client.send("raise")
        with pytest.raises(ConnectionClosed):
            await client.recv()
        assert client.close_code == 1011
        assert [type(error) for error in served.errors] == [ValueError]


async def test_paused_socket_reads_nothing_until_resumed(served: Served) -> None:
    wire = await served.connect()
    wire.send(handshake())
    await wire.head()
    handler = await served.handler()
    handler.pause_at = "two"
    wire.send(b"".join(masked(0x81, text) for text in (b"one", b"two", b"three")))
    assert [await wire.frame() for _ in range(2)] == [(0x81, b"one"), (0x81, b"two")]
    wire.send(masked(0x81, b"four"))
    await served.exchange(b"GET /marker HTTP/1.0\r\n\r\n")
    assert [handler.texts.get_nowait() for _ in range(2)] == ["one", "two"]
    assert handler.texts.empty()
    assert handler.socket is not None
    handler.socket.resume()
    assert [await wire.frame() for _ in range(2)] == [(0x81, b"three"), (0x81, b"four")]


async def test_closing_a_paused_socket_still_hears_the_peers_close(served: Served) -> None:
    async with connect(served.url + "/echo") as client:
        handler = await served.handler()
        assert handler.socket is not None
        handler.socket.pause()
        handler.socket.close(1000)
        await client.wait_closed()
    async with asyncio.timeout(LIMIT):
        await handler.gone.wait()
    assert client.close_code == 1000


async def test_slow_reader_is_closed_1013_while_the_others_get_theirs() -> None:
    clock = Clock()
    async with serving(clock, send_bytes=64 * 1024, kernel_send_bytes=8 * 1024) as served:
        slow = await _slow_reader(served)
        slow_handler = await served.handler()
        async with connect(served.url + "/echo") as quick:
            quick_handler = await served.handler()
            for _ in range(200):
                for handler in (slow_handler, quick_handler):
                    assert handler.socket is not None
                    handler.socket.send(b"x" * 2048)
                assert await quick.recv() == "x" * 2048
            # It reads at last, within the time it has: what was accepted, then why it is closed.
            frames = [await slow.frame()]
            while frames[-1][0] != 0x88:
                frames.append(await slow.frame())
            assert frames[-1][1][:2] == (1013).to_bytes(2, "big")
            assert 0 < len(frames) - 1 < 200
            assert set(frames[:-1]) == {(0x81, b"x" * 2048)}


async def test_reader_that_never_reads_is_cut() -> None:
    clock = Clock()
    async with serving(clock, send_bytes=64 * 1024, kernel_send_bytes=8 * 1024) as served:
        await _slow_reader(served)
        handler = await served.handler()
        assert handler.socket is not None
        for _ in range(200):
            handler.socket.send(b"x" * 2048)
            await asyncio.sleep(0)
        clock.now += 9.9
        await served.server.sweep.once()
        assert not handler.gone.is_set()
        clock.now += 0.2
        await served.server.sweep.once()
        async with asyncio.timeout(LIMIT):
            await handler.gone.wait()


async def _slow_reader(served: Served) -> Wire:
    """A client whose kernel takes little and whose program reads only when asked."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", served.port))
    reader, writer = await asyncio.open_connection(sock=raw, limit=1024)
    wire = Wire(reader, writer)
    served.wires.append(wire)
    wire.send(handshake())
    await wire.head()
    return wire


# -- time


async def _open(served: Served) -> tuple[Wire, EchoHandler]:
    wire = await served.handshaken()
    return wire, await served.handler()


async def _sweep_after(served: Served, clock: Clock, seconds: float) -> None:
    clock.now += seconds
    await served.server.sweep.once()


async def test_sweep_pings_every_interval_and_drops_the_silent() -> None:
    clock = Clock()
    async with serving(clock) as served:
        silent, silent_handler = await _open(served)
        alive, alive_handler = await _open(served)
        await _sweep_after(served, clock, 24.9)
        await _sweep_after(served, clock, 0.2)
        assert await silent.frame() == (0x89, b"")
        assert await alive.frame() == (0x89, b"")
        alive.send(masked(0x8A, b"") + masked(0x81, b"heard"))
        assert await alive.frame() == (0x81, b"heard")
        assert alive_handler.socket is not None
        assert alive_handler.socket.last_heard == clock.now
        await _sweep_after(served, clock, 24.8)
        assert not silent_handler.gone.is_set()
        await _sweep_after(served, clock, 0.2)
        await silent.ended()
        async with asyncio.timeout(LIMIT):
            await silent_handler.gone.wait()
        assert not alive_handler.gone.is_set()
        await _sweep_after(served, clock, 0.1)
        assert await alive.frame() == (0x89, b"")


async def test_sweep_cuts_a_close_handshake_that_hangs() -> None:
    clock = Clock()
    async with serving(clock) as served:
        wire, handler = await _open(served)
        assert handler.socket is not None
        handler.socket.close(1000)
        assert await wire.close_code() == 1000
        wire.send(masked(0x81, b"not a close frame"))
        await _sweep_after(served, clock, 9.9)
        assert not handler.gone.is_set()
        await _sweep_after(served, clock, 0.2)
        async with asyncio.timeout(LIMIT):
            await handler.gone.wait()
        assert handler.texts.empty()


async def test_paused_socket_is_not_called_silent() -> None:
    clock = Clock()
    async with serving(clock) as served:
        wire, handler = await _open(served)
        assert handler.socket is not None
        handler.socket.pause()
        await _sweep_after(served, clock, 60)
        handler.socket.resume()
        await _sweep_after(served, clock, 1)
        wire.send(masked(0x81, b"here"))
        assert await wire.frame() == (0x89, b"")
        assert await wire.frame() == (0x81, b"here")
