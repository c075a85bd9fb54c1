"""A NATS server that says what the test wants, and one honest thing: it remembers what it was sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

HELLO = b'INFO {"server_id":"raw","version":"2.15.1","proto":1,"headers":true,"max_payload":1048576}\r\n'


@dataclass
class RawNats:
    """`greeting` is said at once, `answer` in place of the first PONG, `later` after the second one.

    So it is on the first `bad` connections; those after them are served as a server would. A greeting of None is
    silence, an empty one an end of the connection. Whoever has subscribed and got so far is sent `message`.
    """

    greeting: bytes | None = HELLO
    answer: bytes = b"PONG\r\n"
    later: bytes = b""
    message: bytes = b"77"
    bad: int = 1
    port: int = 0
    connections: int = 0
    said_later: int = 0
    received: bytearray = field(default_factory=bytearray)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        greeting, answer, later = HELLO, b"PONG\r\n", b""
        if self.connections <= self.bad:
            greeting, answer, later = self.greeting or b"", self.answer, self.later
        try:
            with suppress(OSError):
                writer.write(greeting)
                if greeting or self.greeting is None:
                    await self._answer(reader, writer, answer, later)
        finally:
            writer.close()

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: bytes, later: bytes
    ) -> None:
        pings, subscribed = 0, b""
        while line := await reader.readline():
            self.received.extend(line)
            if line.startswith(b"SUB "):
                subscribed = b" ".join(line.split()[1:])
            elif line == b"PING\r\n":
                pings += 1
                writer.write(answer if pings == 1 else b"PONG\r\n")
                if pings == 2:
                    self.said_later += bool(later)
                    writer.write(later + b"MSG %s %d\r\n%s\r\n" % (subscribed, len(self.message), self.message))


@asynccontextmanager
async def raw_nats(server: RawNats) -> AsyncIterator[RawNats]:
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        yield server
