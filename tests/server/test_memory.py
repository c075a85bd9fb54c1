"""What an idle waiter costs, printed (`pytest -rP`), and that nothing of its handshake is left."""

import asyncio
import gc
import sys
from pathlib import Path

from diyalog.server.http_protocol import HttpProtocol

from .world import LIMIT, Served, handshake, masked, process, serving

WAITERS = 50
MANY = 1000
PAGE_BYTES = 4096


async def test_idle_waiter_keeps_neither_handshake_nor_parser() -> None:
    async with serving() as served:
        gc.collect()
        gc.disable()  # what is gone below, reference counting alone has freed
        try:
            await _greet(served)
            sockets = list(served.server.server_state.sockets)
            assert len(sockets) == WAITERS
            assert not [thing for thing in gc.get_objects() if isinstance(thing, HttpProtocol)]
            assert not [socket for socket in sockets if socket._reader is not None or hasattr(socket, "__dict__")]
        finally:
            gc.enable()


async def _greet(served: Served) -> None:
    for _ in range(WAITERS):
        wire = await served.handshaken(behind=masked(0x81, b"hello"))
        assert await wire.frame() == (0x81, b"hello")


async def test_print_memory_of_an_idle_waiter() -> None:
    """The echo application's own part, its handler with a queue and an event, is in the figure."""
    async with process(0.0) as (child, port):
        writers = [await _wait_at(port) for _ in range(MANY // 4)]
        before = _resident(child.pid)
        writers += [await _wait_at(port) for _ in range(MANY)]
        each = (_resident(child.pid) - before) / MANY
        for writer in writers:
            writer.close()
            await writer.wait_closed()
    sys.stdout.write(f"an idle waiter: {each:.0f} bytes of the server process\n")
    assert each > 0


async def _wait_at(port: int) -> asyncio.StreamWriter:
    async with asyncio.timeout(LIMIT):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(handshake() + masked(0x81, b"hello"))
        assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 101 ")
    return writer


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
