"""A client that never reads is cut, costs little memory until then, and delays nobody."""

import asyncio
import base64
import json
import os
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from e2e.world import STOPPED, World, eventually, world
from kit.server import Customer, Stream

STUCK = 30
READING = 10
MESSAGE = "Ş" * 30_000
"""60,000 bytes: as much as fits into a body."""
TOO_MUCH = 1008
TRY_AGAIN = 1013
PING = 9
CUT_S = 25.0
"""Ten seconds for the close frame to get out, and the sweeps."""
RECEIVE_BYTES = 4096
SEND_BUFFER = 256 * 1024
"""What may lie unsent in the server for one reader."""
HEARD_S = 1.0
"""P3 says 300 ms; this machine runs other tests too."""


class Stuck:
    """A WebSocket client, byte by byte: it opens a stream, then only writes."""

    def __init__(self, here: World, customer: Customer, session: str) -> None:
        host, _, port = here.server.url.removeprefix("http://").partition(":")
        self.customer = customer
        self.address = (host, int(port))
        self.hello = {"type": "hello", "token": customer.token, "sessionId": session, "after": 0, "epoch": None}
        self.socket = socket.socket()

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        self.socket.setblocking(False)
        await loop.sock_connect(self.socket, self.address)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ["GET /v1/client/events HTTP/1.1", f"Host: {self.address[0]}", "Connection: Upgrade"]
        lines += ["Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", "", ""]
        await loop.sock_sendall(self.socket, "\r\n".join(lines).encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += await loop.sock_recv(self.socket, 1)
        assert answer.startswith(b"HTTP/1.1 101"), answer
        await loop.sock_sendall(self.socket, frame(1, json.dumps(self.hello).encode()))

    async def ask(self, one: bytes, times: int) -> None:
        """Ask again and again for something that is never read."""
        many = one * 1000
        for _ in range(times // 1000):
            await asyncio.get_running_loop().sock_sendall(self.socket, many)

    async def close_code(self) -> int | None:
        """Read at last what is there; the code of the close frame, None where the connection was cut before it."""
        received, loop = bytearray(), asyncio.get_running_loop()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        try:
            while data := await asyncio.wait_for(loop.sock_recv(self.socket, 1 << 20), CUT_S):
                received += data
        except ConnectionResetError:
            pass
        return last_close(received)


def frame(opcode: int, payload: bytes) -> bytes:
    """One masked frame; the mask is zero, so that the payload stays as it is."""
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
    return bytes([0x80 | opcode]) + size + bytes(4) + payload


def last_close(received: bytearray) -> int | None:
    """Go through the server's frames to a close frame."""
    place = 0
    while place + 2 <= len(received):
        opcode, size = received[place] & 0x0F, received[place + 1]
        place += 2
        if size >= 126:
            width = 2 if size == 126 else 8
            size = int.from_bytes(received[place : place + width], "big")
            place += width
        if opcode == 8:
            return int.from_bytes(received[place : place + 2], "big")
        place += size
    return None


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path, limit_starts="0") as made:
        yield made


async def waits(here: World, stack: AsyncExitStack, name: str, number: int) -> list[tuple[Customer, dict[str, Any]]]:
    made = []
    for place in range(number):
        customer = await stack.enter_async_context(Customer(here.server.url, f"{name}-{place}"))
        made.append((customer, (await customer.start()).json))
    return made


async def reading_streams(here: World, stack: AsyncExitStack) -> list[tuple[str, Stream]]:
    made = []
    for customer, begun in await waits(here, stack, "reading", READING):
        following = customer.follow(begun["sessionId"], after=begun["seq"], epoch=begun["epoch"])
        made.append((begun["sessionId"], await stack.enter_async_context(following)))
    return made


async def stuck_streams(here: World, stack: AsyncExitStack) -> list[tuple[dict[str, Any], Stuck]]:
    made = []
    for customer, begun in await waits(here, stack, "stuck", STUCK):
        stuck = Stuck(here, customer, begun["sessionId"])
        stack.callback(stuck.socket.close)
        await stuck.open()
        made.append((begun, stuck))
    return made


async def end(here: World, session: str) -> None:
    reply = await here.company.not_delivered(sessionId=session, message=MESSAGE)
    assert reply.json == STOPPED
    here.told.note(session, "NOT_DELIVERED")


async def all_hear_in_time(here: World, reading: list[tuple[str, Stream]]) -> None:
    for session, stream in reading:
        asked_at = time.monotonic()
        await end(here, session)
        assert (await stream.event("wait.ended"))["data"]["message"] == MESSAGE
        assert time.monotonic() - asked_at < HEARD_S


async def has_seen_it_all(here: World) -> None:
    """Wait until the server has nothing to do any more."""
    spent = 0.0

    async def idle() -> bool:
        nonlocal spent
        before, spent = spent, await here.metric("process_cpu_seconds_total")
        return spent - before < 0.03

    await eventually(idle, 9, "the server is idle")


async def test_those_who_ask_and_never_read_are_cut_and_delay_nobody(here: World) -> None:
    async with AsyncExitStack() as stack:
        reading = await reading_streams(here, stack)
        stuck = [one for _, one in await stuck_streams(here, stack)]
        assert await here.metric("diyalog_streams") == STUCK + READING
        before = await here.metric("process_resident_memory_bytes")
        flooding = [asyncio.create_task(one.ask(frame(PING, b"p" * 125), 10_000)) for one in stuck]
        await all_hear_in_time(here, reading)
        assert await here.metric("process_resident_memory_bytes") - before < STUCK * SEND_BUFFER + 16_000_000
        await asyncio.wait_for(asyncio.gather(*flooding), 20)
        assert {await one.close_code() for one in stuck[:3]} == {TOO_MUCH}

        async def cut() -> bool:
            return await here.metric("diyalog_streams") == READING

        await eventually(cut, CUT_S, "all who never read are cut")
        assert await here.metric("diyalog_unhandled_errors_total") == 0


@pytest.mark.parametrize(
    "asking", [frame(1, b"no message"), frame(0x0A, b""), frame(PING, b"")], ids=["text", "pongs", "pings"]
)
async def test_floods_are_closed(here: World, asking: bytes) -> None:
    async with AsyncExitStack() as stack:
        [(_, stuck), *_] = await stuck_streams(here, stack)
        flooding = asyncio.create_task(stuck.ask(asking, 100_000))
        assert await stuck.close_code() in {TOO_MUCH, 4400}
        await asyncio.wait({flooding}, timeout=CUT_S)


async def test_a_reader_too_slow_that_wakes_up_is_told_to_come_back(tmp_path: Path) -> None:
    async with world(tmp_path, limit_messages="0") as here, Customer(here.server.url, "880214") as customer:
        begun = (await customer.start()).json
        stuck = Stuck(here, customer, begun["sessionId"])
        try:
            await stuck.open()
            await stuck.ask(frame(1, b'{"type":"ping"}'), 250_000)
            await has_seen_it_all(here)
            assert await stuck.close_code() == TRY_AGAIN
        finally:
            stuck.socket.close()
        async with customer.follow(begun["sessionId"], after=begun["seq"], epoch=begun["epoch"]) as stream:
            assert stream.welcome["recovered"] is True
            assert stream.welcome["snapshot"]["state"] == "WAITING", "the wait goes on"


async def test_large_messages_to_those_who_never_read(here: World) -> None:
    async with AsyncExitStack() as stack:
        reading = await reading_streams(here, stack)
        before = await here.metric("process_resident_memory_bytes")
        waiting = await stuck_streams(here, stack)
        for begun, _ in waiting:
            await end(here, begun["sessionId"])
        await all_hear_in_time(here, reading)
        assert await here.metric("process_resident_memory_bytes") - before < STUCK * SEND_BUFFER + 16_000_000
        for begun, stuck in waiting:
            stuck.socket.close()
            async with stuck.customer.follow(begun["sessionId"]) as stream:
                assert stream.welcome["snapshot"]["message"] == MESSAGE
                await stream.event("wait.started")
                assert (await stream.event("wait.ended"))["data"]["message"] == MESSAGE
                await stream.ack(2)
                assert await stream.closed() == 1000
