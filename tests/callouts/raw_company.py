"""A company of raw bytes: whatever a test wants a TCP server to say, or not to say."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

Talk: TypeAlias = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawCompany:
    """`base` is its address; `requests` holds the heads and bodies that came, `connections` how many were opened."""

    base: str = ""
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    connections: int = 0
    talking: set[asyncio.Task[None]] = field(default_factory=set)


async def read_request(reader: asyncio.StreamReader, company: RawCompany) -> None:
    """Read one request with Content-Length or without a body, and note it."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    length = next((int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:")), 0)
    company.requests.append((head, await reader.readexactly(length)))


def saying(company: RawCompany, answer: bytes, *, then_close: bool = True) -> Talk:
    """Answer every request with these bytes."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader, company)
            writer.write(answer)
            await writer.drain()
            if then_close:
                return

    return talk


def http(status: int, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@asynccontextmanager
async def listening(company: RawCompany, talk: Talk, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawCompany]:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        company.connections += 1
        task = asyncio.current_task()
        assert task is not None
        company.talking.add(task)
        try:
            await talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            company.talking.discard(task)
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    company.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield company
    finally:
        server.close()
        for task in list(company.talking):
            task.cancel()
        if company.talking:
            await asyncio.wait(set(company.talking))
        await server.wait_closed()
