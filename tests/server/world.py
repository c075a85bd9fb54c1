"""What the server's tests share: tiny applications, a served one, and the client's end of a raw connection."""

import asyncio
import base64
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diyalog.server.body import BodyTooLarge, BodyTooSlow, ClientGone, Receive, read_body
from diyalog.server.exchange import Message
from diyalog.server.options import ServerOptions
from diyalog.server.server import Server
from diyalog.server.sockets import Handshake, Refusal, Socket, SocketHandler

Send = Callable[[Message], Awaitable[None]]

LIMIT = 10.0
"""Seconds a test waits for anything; reached only by a failure."""

BODY_LIMIT = 64 * 1024

HOST = b"Host: 127.0.0.1\r\n"


@dataclass
class Clock:
    """Monotonic seconds, moved by hand."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass(eq=False)
class EchoHandler:
    """Sends every text back and notes what happened; the tests steer it through `socket`."""

    handshake: Handshake
    texts: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    closed_calls: int = 0
    pause_at: str | None = None
    socket: Socket | None = None

    def opened(self, socket: Socket) -> None:
        self.socket = socket

    def text(self, text: str) -> None:
        assert self.socket is not None
        if text == "raise":
            raise ValueError("the application's fault, with a name: Ayşe")
        if text == self.pause_at:
            self.socket.pause()
        self.texts.put_nowait(text)
        self.socket.send(text.encode())

    def closed(self) -> None:
        self.closed_calls += 1
        self.gone.set()


@dataclass
class EchoSockets:
    """Admits everybody to /echo, by the path's last part: refused is 403, broken raises."""

    handlers: asyncio.Queue[EchoHandler] = field(default_factory=asyncio.Queue)

    def admit(self, handshake: Handshake) -> SocketHandler | Refusal:
        if handshake.path == "/broken":
            raise ValueError("the application's fault")
        if handshake.path == "/refused":
            return Refusal(403, b"Not from there.", (("content-type", "text/plain"), ("x-why", "origin")))
        if handshake.path != "/echo":
            return Refusal(404, b"Nothing here.")
        handler = EchoHandler(handshake)
        self.handlers.put_nowait(handler)
        return handler


class Application:
    """Answers every request with what it received; some paths do something else."""

    def __init__(self) -> None:
        self.sockets = EchoSockets()
        self.scopes: list[Message] = []
        self.gate = asyncio.Event()
        self.arrived = asyncio.Event()
        self.gone = asyncio.Event()
        self.body_seconds = LIMIT
        self.ended = False

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
            return
        self.scopes.append(scope)
        answers: Mapping[str, Callable[[Message, Receive, Send], Awaitable[None]]] = {
            "/unread": self._unread,
            "/gate": self._gate,
            "/broken": self._broken,
            "/begun": self._begun,
            "/pieces": self._pieces,
            "/short": self._short,
            "/injected": self._injected,
            "/waits": self._wait,
        }
        await answers.get(scope["path"], self._echo)(scope, receive, send)

    async def _unread(self, _scope: Message, _receive: Receive, send: Send) -> None:
        await answer(send, 200, b"unread")

    async def _gate(self, _scope: Message, _receive: Receive, send: Send) -> None:
        self.arrived.set()
        await self.gate.wait()
        await answer(send, 200, b"through the gate")

    async def _broken(self, _scope: Message, _receive: Receive, _send: Send) -> None:
        raise ValueError("the application's fault, with a name: Ayşe")

    async def _begun(self, _scope: Message, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError("the application's fault")

    async def _pieces(self, _scope: Message, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})

    async def _short(self, _scope: Message, _receive: Receive, send: Send) -> None:
        await answer(send, 200, b"half", [(b"content-length", b"10")])

    async def _injected(self, _scope: Message, _receive: Receive, send: Send) -> None:
        await answer(send, 200, b"", [(b"x-value", b"a\r\nx-injected: b")])

    async def _wait(self, _scope: Message, receive: Receive, _send: Send) -> None:
        self.arrived.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        self.gone.set()

    async def _echo(self, scope: Message, receive: Receive, send: Send) -> None:
        try:
            body = await read_body(receive, BODY_LIMIT, self.body_seconds)
        except BodyTooLarge:
            await answer(send, 413, b"too large")
        except BodyTooSlow:
            await answer(send, 408, b"too slow")
        except ClientGone:
            self.gone.set()
        else:
            await answer(send, 200, scope["method"].encode() + b" " + scope["target"] + b" " + body)

    async def _live(self, scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        scope["state"]["sockets"] = self.sockets
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.ended = True
        await send({"type": "lifespan.shutdown.complete"})


async def answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers or []})
    await send({"type": "http.response.body", "body": body})


@dataclass
class Served:
    """A server in this process, and how to reach it."""

    server: Server
    application: Application
    port: int
    errors: list[BaseException]
    drains: list[str]
    done: "asyncio.Task[None]"
    wires: "list[Wire]" = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def connect(self) -> "Wire":
        wire = Wire(*await asyncio.open_connection("127.0.0.1", self.port))
        self.wires.append(wire)
        return wire

    async def exchange(self, request: bytes) -> bytes:
        """Send bytes and read until the server closes."""
        wire = await self.connect()
        wire.send(request)
        return await wire.rest()

    async def handshaken(self, path: str = "/echo", behind: bytes = b"", headers: str = "") -> "Wire":
        """Open a WebSocket by hand, without a client library; `behind` travels in the handshake's own segment."""
        wire = await self.connect()
        wire.send(handshake(path, headers=headers) + behind)
        head = await wire.head()
        assert head.startswith(b"HTTP/1.1 101 "), head
        return wire

    async def handler(self) -> EchoHandler:
        async with asyncio.timeout(LIMIT):
            return await self.application.sockets.handlers.get()


@dataclass
class Wire:
    """The client's end of a raw connection; whatever is awaited has a limit."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def head(self) -> bytes:
        async with asyncio.timeout(LIMIT):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def exactly(self, length: int) -> bytes:
        async with asyncio.timeout(LIMIT):
            return await self.reader.readexactly(length)

    async def answer(self) -> tuple[int, bytes, bytes]:
        """Read one answer with a Content-Length: status, head, body."""
        head = await self.head()
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
        return int(head.split()[1]), head, await self.exactly(length)

    async def frame(self) -> tuple[int, bytes]:
        """Read one unmasked frame: first byte, payload."""
        first, length = await self.exactly(2)
        if length == 126:
            length = int.from_bytes(await self.exactly(2), "big")
        elif length == 127:
            length = int.from_bytes(await self.exactly(8), "big")
        return first, await self.exactly(length)

    async def close_code(self) -> int:
        """Read frames up to the server's close frame and give its code (0 when it names none)."""
        while True:
            first, payload = await self.frame()
            if first == 0x88:
                return int.from_bytes(payload[:2], "big")

    async def rest(self) -> bytes:
        """Read until the server closes; a reset would raise."""
        async with asyncio.timeout(LIMIT):
            return await self.reader.read()

    async def ended(self) -> None:
        """Wait until the connection is gone, however it ends."""
        try:
            await self.rest()
        except ConnectionError:
            return

    def close(self) -> None:
        self.writer.close()

    async def closed(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


def get(path: bytes, headers: bytes = b"Connection: close\r\n") -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\n" + HOST + headers + b"\r\n"


def post(path: bytes, body: bytes, headers: bytes = b"") -> bytes:
    return b"POST " + path + b" HTTP/1.1\r\n" + HOST + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body


def handshake(path: str = "/echo", *, headers: str = "", without: str = "", method: str = "GET") -> bytes:
    """A valid WebSocket handshake, plus `headers`, minus the header named `without`."""
    lines = {
        "Host": "127.0.0.1",
        "Upgrade": "websocket",
        "Connection": "keep-alive, Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        "Sec-WebSocket-Version": "13",
    }
    lines.pop(without, None)
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return (head + headers + "\r\n").encode()


def masked(first: int, payload: bytes, *, announced: int | None = None) -> bytes:
    """One client frame: first byte, masked payload; `announced` lies about the length."""
    length = len(payload) if announced is None else announced
    key = b"\x37\xfa\x21\x3d"
    if length < 126:
        head = bytes((first, 0x80 | length))
    elif length < 65536:
        head = bytes((first, 0x80 | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((first, 0x80 | 127)) + length.to_bytes(8, "big")
    return head + key + bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))


@asynccontextmanager
async def serving(
    clock: Callable[[], float] = time.monotonic,
    **options: Any,  # noqa: ANN401 - ServerOptions checks them
) -> AsyncIterator[Served]:
    """Serve the application on a free port; on leaving, everything must come to its end in time."""
    application = Application()
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    errors: list[BaseException] = []
    drains: list[str] = []
    settings = {"port": 0, "handle_signals": False, "drain_seconds": 0.0} | options
    server = Server(
        application,
        ServerOptions(**settings),
        on_ready=ready.set_result,
        on_draining=lambda: drains.append("draining"),
        on_error=errors.append,
        clock=clock,
    )
    done = asyncio.create_task(server.serve())
    async with asyncio.timeout(LIMIT):
        await asyncio.wait((ready, done), return_when=asyncio.FIRST_COMPLETED)
    address = ready.result()
    served = Served(server, application, int(address.rpartition(":")[2]), errors, drains, done)
    try:
        yield served
    finally:
        application.gate.set()
        server.stop()
        async with asyncio.timeout(LIMIT):
            for wire in served.wires:
                await wire.closed()
            await done


@asynccontextmanager
async def process(drain_seconds: float) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """Serve in a process of its own: the process and its port."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "server.process",
        str(drain_seconds),
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert child.stdout is not None
        async with asyncio.timeout(3 * LIMIT):
            address = (await child.stdout.readline()).decode().strip()
        yield child, int(address.rpartition(":")[2])
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()
