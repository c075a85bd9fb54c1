"""Buses of nodes for tests, each with what it heard and reported."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

import asyncpg

from diyalog.bus.memory import Exchange, MemoryBus
from diyalog.bus.nats import NatsBus, subject
from diyalog.bus.nats_address import nats_address
from diyalog.bus.payload import payloads
from diyalog.bus.postgres import PostgresBus
from diyalog.domain.ids import NodeId
from diyalog.ports_bus import Bus, BusFault, channel
from kit.nats import NatsServer
from kit.postgres import PostgresServer

LIMIT_S = 20.0
_AGAIN_S = 0.2
_numbers = count(1)


@dataclass
class BusReports:
    """What a bus reported, as its journal: `connected`, or why not."""

    said: list[str] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    dropped: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def bus_connected(self) -> None:
        self._note("connected")

    def bus_lost(self, fault: BusFault) -> None:
        self._note(str(fault))

    def bus_dropped(self, rows: int) -> None:
        self.dropped += rows
        self._changed.set()

    def failed(self, where: str, error: BaseException) -> None:
        assert where == "bus"
        self.errors.append(error)
        self._changed.set()

    async def until(self, condition: Callable[["BusReports"], bool]) -> None:
        """Wait until a report makes this true."""
        async with asyncio.timeout(LIMIT_S):
            while not condition(self):
                self._changed.clear()
                await self._changed.wait()

    async def connected(self, times: int = 1) -> None:
        """Wait until it has connected so often."""
        await self.until(lambda reports: reports.said.count("connected") >= times)

    async def lost(self) -> str:
        """Wait until there is no connection; why."""
        await self.until(lambda reports: bool(reports.said) and reports.said[-1] != "connected")
        return self.said[-1]

    def _note(self, word: str) -> None:
        self.said.append(word)
        self._changed.set()


@dataclass
class Node:
    """A node's end of the bus."""

    id: NodeId = field(default_factory=lambda: NodeId(f"node{next(_numbers)}"))
    reports: BusReports = field(default_factory=BusReports)
    heard: list[int] = field(default_factory=list)
    fault: Exception | None = None
    """Raised from the next wake-up."""
    _heard_more: asyncio.Event = field(default_factory=asyncio.Event)

    def woken(self, rows: Sequence[int]) -> None:
        fault, self.fault = self.fault, None
        if fault is not None:
            raise fault
        self.heard.extend(rows)
        self._heard_more.set()

    async def hears(self, *rows: int, again: Callable[[], object] | None = None) -> None:
        """Wait until all these rows were heard; what says them may be repeated, because a message may be lost."""
        async with asyncio.timeout(LIMIT_S):
            while not set(rows) <= set(self.heard):
                self._heard_more.clear()
                try:
                    async with asyncio.timeout(_AGAIN_S if again else None):
                        await self._heard_more.wait()
                except TimeoutError:
                    assert again is not None
                    again()


class Backend(Protocol):
    """A way to join nodes."""

    def bus(self, node: Node) -> Bus: ...

    async def say(self, bus: Bus, node: NodeId, rows: Sequence[int]) -> None:
        """Tell a node, in the way that this backend has it told."""
        ...

    async def shout(self, node: NodeId, payload: str) -> None:
        """Have a message of this text arrive at the node's bus."""
        ...


class Server(Backend, Protocol):
    """A backend with a server, which can fail."""

    def stop(self) -> None: ...

    def start(self) -> None: ...

    @property
    def port(self) -> int: ...

    def by(self, port: int) -> "Server":
        """The same server, reached by another port."""
        ...


class MemoryBackend:
    def __init__(self) -> None:
        self._exchange: Exchange = {}

    def bus(self, node: Node) -> Bus:
        node.reports.bus_connected()
        return MemoryBus(node.id, node.woken, self._exchange)

    async def say(self, bus: Bus, node: NodeId, rows: Sequence[int]) -> None:
        bus.wake(node, rows)

    async def shout(self, node: NodeId, payload: str) -> None:
        """Nothing can come from outside the process."""


class PostgresBackend:
    """Wake-ups ride in the store's statements; a sender of the test's own stands for these."""

    def __init__(self, server: PostgresServer, port: int | None = None) -> None:
        self._server = server
        self._port = port

    @property
    def port(self) -> int:
        return self._server.port

    def by(self, port: int) -> "PostgresBackend":
        return PostgresBackend(self._server, port)

    def url(self, **who: str) -> str:
        return self._server.url(**who).replace(f":{self.port}/", f":{self._port or self.port}/")

    def bus(self, node: Node) -> Bus:
        return PostgresBus(node.id, node.woken, self.url(), node.reports)

    async def say(self, bus: Bus, node: NodeId, rows: Sequence[int]) -> None:
        bus.wake(node, rows)
        await self._notify(node, *payloads(rows))

    async def shout(self, node: NodeId, payload: str) -> None:
        await self._notify(node, payload)

    async def _notify(self, node: NodeId, *said: str) -> None:
        connection = await asyncpg.connect(self._server.url(), timeout=LIMIT_S)
        try:
            for payload in said:
                await connection.execute("SELECT pg_notify($1, $2)", channel(node), payload)
        finally:
            await connection.close()

    def stop(self) -> None:
        self._server.stop("immediate")

    def start(self) -> None:
        self._server.start()


class NatsBackend:
    def __init__(self, server: NatsServer, port: int | None = None) -> None:
        self._server = server
        self._port = port

    @property
    def port(self) -> int:
        return self._server.port

    def by(self, port: int) -> "NatsBackend":
        return NatsBackend(self._server, port)

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self._port or self.port}"

    def bus(self, node: Node) -> Bus:
        return nats_bus(node, self.url)

    async def say(self, bus: Bus, node: NodeId, rows: Sequence[int]) -> None:
        bus.wake(node, rows)

    async def shout(self, node: NodeId, payload: str) -> None:
        await shout(self.port, subject(node), payload.encode("utf-8", "surrogateescape"))

    def stop(self) -> None:
        self._server.kill()

    def start(self) -> None:
        self._server.start()


def nats_bus(node: Node, url: str) -> NatsBus:
    return NatsBus(node.id, node.woken, nats_address(url), node.reports)


async def shout(port: int, to: str, *payloads: bytes) -> None:
    """Publish messages by writing NATS's protocol to its socket."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(LIMIT_S):
        writer.write(b'CONNECT {"verbose":false}\r\n')
        for payload in payloads:
            writer.write(b"PUB %s %d\r\n%s\r\n" % (to.encode(), len(payload), payload))
        writer.write(b"PING\r\n")
        assert b"PONG" in await reader.readuntil(b"PONG")
    writer.close()
    await writer.wait_closed()


@contextmanager
def nothing_goes_wrong_unseen() -> Iterator[None]:
    """Fail when the event loop is told of an exception that nobody took."""
    loop = asyncio.get_running_loop()
    told: list[dict[str, object]] = []
    loop.set_exception_handler(lambda _, context: told.append(context))
    yield
    loop.set_exception_handler(None)
    assert told == []
