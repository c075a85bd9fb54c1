"""A bad network: a TCP proxy that cuts connections, holds them up, loses answers, or lets them go dead.

By itself, at chance bytes and moments, or when the test says so.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random

_READ = 4096
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER for a reset in place of an orderly end."""


@dataclass(eq=False)
class _Connection:
    """One connection through the proxy. `left`: bytes that still pass, either way; None for all."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    left: int | None
    dead: bool = False
    answer_lost: bool = False


@dataclass
class CuttingProxy:
    """`likely` is the chance that a new connection is one that will be cut after up to `most` bytes."""

    target_port: int
    chance: Random
    likely: float = 0.6
    most: int = 1200
    port: int = 0
    cuts: int = 0
    answers_lost: int = 0
    held_up: int = 0
    """How many pieces of data have been held up so far."""
    _losing: Callable[[bytes], bool] | None = None
    _open: set[_Connection] = field(default_factory=set)
    _cut_again: asyncio.Event = field(default_factory=asyncio.Event)
    _closed_again: asyncio.Event = field(default_factory=asyncio.Event)
    _flowing: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._flowing.set()

    def cut_one(self) -> None:
        """Cut a connection that is open now, if there is one."""
        if self._open:
            self._cut(self.chance.choice(list(self._open)))

    def cut_all(self) -> None:
        """Reset every connection that is open now."""
        for connection in list(self._open):
            self._cut(connection, "reset")

    def hold(self) -> None:
        """From now on nothing passes, on old and new connections; nobody is told."""
        self._flowing.clear()

    def release(self) -> None:
        """Let everything pass again, beginning with what was held up."""
        self._flowing.set()

    def lose_answers(self, to: Callable[[bytes], bool] | None) -> None:
        """Pass on what makes `to` true, wait for the server's answer, and reset the connection in place of it.

        `to` is asked with each piece of data that comes from a client. None: lose no more answers.
        """
        self._losing = to

    async def has_cut(self, cuts: int) -> None:
        """Wait until it has cut so many connections."""
        while self.cuts < cuts:
            self._cut_again.clear()
            await self._cut_again.wait()

    async def is_empty(self) -> None:
        """Wait until no connection is open."""
        while self._open:
            self._closed_again.clear()
            await self._closed_again.wait()

    def heal(self) -> None:
        """From now on new connections live."""
        self.likely = 0.0

    async def _serve(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        try:
            far_reader, far = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            near.transport.abort()
            return
        left = self.chance.randrange(self.most) if self.chance.random() < self.likely else None
        connection = _Connection(near, far, left)
        self._open.add(connection)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on(connection, reader, far))
                both.create_task(self._pass_on(connection, far_reader, near))
        finally:
            self._open.discard(connection)
            self._closed_again.set()
            for writer in (near, far):
                writer.transport.abort()

    async def _pass_on(
        self, connection: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(_READ):
                await self._may_flow()
                if connection.left is not None:
                    data = data[: connection.left]
                    connection.left -= len(data)
                if self._loses_answer(connection, data, writer):
                    break
                if not connection.dead:
                    writer.write(data)
                    await writer.drain()
                if connection.left == 0:
                    self._cut(connection)
            await self._may_flow()
        for end in (connection.near, connection.far):
            end.close()

    async def _may_flow(self) -> None:
        self.held_up += not self._flowing.is_set()
        await self._flowing.wait()

    def _loses_answer(self, connection: _Connection, data: bytes, writer: asyncio.StreamWriter) -> bool:
        if writer is connection.far:
            connection.answer_lost = connection.answer_lost or (self._losing is not None and self._losing(data))
        elif connection.answer_lost:
            self.answers_lost += 1
            self._cut(connection, "reset")
            return True
        return False

    def _cut(self, connection: _Connection, way: str | None = None) -> None:
        """An orderly end, a reset, or silence for ever."""
        if connection.dead:
            return
        self.cuts += 1
        self._cut_again.set()
        way = way or self.chance.choice(["end", "reset", "silence"])
        if way == "silence":
            connection.dead = True
            return
        for writer in (connection.near, connection.far):
            if way == "reset":
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                writer.transport.abort()
            writer.close()


@asynccontextmanager
async def cutting(target_port: int, chance: Random) -> AsyncIterator[CuttingProxy]:
    """A network that is bad from the start."""
    async with _listening(CuttingProxy(target_port, chance)) as proxy:
        yield proxy


@asynccontextmanager
async def obedient(target_port: int) -> AsyncIterator[CuttingProxy]:
    """A network that is bad when the test says so."""
    async with _listening(CuttingProxy(target_port, Random(0), likely=0.0)) as proxy:
        yield proxy


@asynccontextmanager
async def _listening(proxy: CuttingProxy) -> AsyncIterator[CuttingProxy]:
    server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    async with server:
        yield proxy
        proxy.release()
        for connection in list(proxy._open):
            connection.near.transport.abort()
            connection.far.transport.abort()
