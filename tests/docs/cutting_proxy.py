"""A bad network: a TCP proxy that cuts connections, or lets them go dead, at chance bytes and moments."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
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


@dataclass
class CuttingProxy:
    """`likely` is the chance that a new connection is one that will be cut after up to `most` bytes."""

    target_port: int
    chance: Random
    likely: float = 0.6
    most: int = 1200
    port: int = 0
    cuts: int = 0
    _open: set[_Connection] = field(default_factory=set)
    _cut_again: asyncio.Event = field(default_factory=asyncio.Event)

    def cut_one(self) -> None:
        """Cut a connection that is open now, if there is one."""
        if self._open:
            self._cut(self.chance.choice(list(self._open)))

    async def has_cut(self, cuts: int) -> None:
        """Wait until it has cut so many connections."""
        while self.cuts < cuts:
            self._cut_again.clear()
            await self._cut_again.wait()

    def heal(self) -> None:
        """From now on new connections live."""
        self.likely = 0.0

    async def _serve(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        far_reader, far = await asyncio.open_connection("127.0.0.1", self.target_port)
        left = self.chance.randrange(self.most) if self.chance.random() < self.likely else None
        connection = _Connection(near, far, left)
        self._open.add(connection)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on(connection, reader, far))
                both.create_task(self._pass_on(connection, far_reader, near))
        finally:
            self._open.discard(connection)
            for writer in (near, far):
                writer.transport.abort()

    async def _pass_on(
        self, connection: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(_READ):
                if connection.left is not None:
                    data = data[: connection.left]
                    connection.left -= len(data)
                if not connection.dead:
                    writer.write(data)
                    await writer.drain()
                if connection.left == 0:
                    self._cut(connection)
        for end in (connection.near, connection.far):
            end.close()

    def _cut(self, connection: _Connection) -> None:
        """An orderly end, a reset, or silence for ever."""
        if connection.dead:
            return
        self.cuts += 1
        self._cut_again.set()
        way = self.chance.choice(["end", "reset", "silence"])
        if way == "silence":
            connection.dead = True
            return
        for writer in (connection.near, connection.far):
            if way == "reset":
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.close()


@asynccontextmanager
async def cutting(target_port: int, chance: Random) -> AsyncIterator[CuttingProxy]:
    proxy = CuttingProxy(target_port, chance)
    server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    async with server:
        yield proxy
        for connection in list(proxy._open):
            connection.near.transport.abort()
            connection.far.transport.abort()
