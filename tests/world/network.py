"""Requests and event streams between the customers' apps, the company and the server: they are lost, repeated, late."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from typing import Any, TypeVar

from diyalog.ports import StoreUnavailableError
from diyalog.realtime.admission import CUSTOMERS
from diyalog.server.sockets import Handshake, Refusal, SocketHandler
from world.faults import Fault, Faults
from world.loop import SimulatedLoop
from world.node import Node

_T = TypeVar("_T")
_HOP_S = 0.03
_PATIENCE_S = (2.0, 5.0)
"""An app asks again sometimes while its first request is still under way, and sometimes after the wait has ended."""


class LostError(Exception):
    """No answer: it is not known whether the request did anything."""


class AwayError(Exception):
    """HTTP 503: try again later."""


class Network:
    """Carries messages to whichever node serves now."""

    def __init__(self, loop: SimulatedLoop, faults: Faults) -> None:
        self.node: Node | None = None
        self._loop = loop
        self._faults = faults
        self._cuts: dict[Node, list[Callable[[], None]]] = {}

    def hop(self) -> float:
        """Seconds that one message takes."""
        slow = 2.0 if self._faults.strikes(Fault.SLOW_NETWORK) else 0.0
        return (slow + _HOP_S) * self._faults.random.random()

    async def call(self, handler: Callable[[Node], Awaitable[_T]], *, once: bool = False) -> _T:
        """Send a request; raises LostError, AwayError, and what the handler raises. `once`: it may not be repeated."""
        faults = self._faults
        request = Call(self._loop, self)
        if not faults.strikes(Fault.REQUEST_LOST):
            for _ in range(2 if not once and faults.strikes(Fault.REPEATED) else 1):
                self._loop.call_later(self.hop(), self._arrive, request, handler)
        try:
            async with asyncio.timeout(faults.random.uniform(*_PATIENCE_S)):
                result: _T = await request.answered
                return result
        except TimeoutError:
            raise LostError from None

    def _arrive(self, request: "Call", handler: Callable[[Node], Awaitable[Any]]) -> None:
        node = self.node
        if node is None or not node.ready:
            request.fail(AwayError())
            return
        self._cuts.setdefault(node, []).append(lambda: request.fail(LostError()))
        reply = None if self._faults.strikes(Fault.REPLY_LOST) else request
        self._loop.create_task(_handle(node, handler, reply), context=node.process.context)

    def died(self, node: Node) -> None:
        """Everybody who was connected to this node notices."""
        for cut in self._cuts.pop(node, []):
            cut()

    def open(self, path: str = CUSTOMERS) -> "Wire | None":
        """Open an event stream; None when nobody answers."""
        node = self.node
        if node is None or not node.ready:
            return None
        handshake = Handshake(path, path.encode(), None, "10.0.0.1", secure=False, headers=())
        stream = node.process.context.copy().run(node.streams.admission.admit, handshake)
        if isinstance(stream, Refusal):
            return None
        wire = Wire(self._loop, self, node.process.context, stream)
        self._cuts.setdefault(node, []).append(wire.cut)
        return wire


class Call:
    """One request as its caller sees it; the first answer counts."""

    def __init__(self, loop: SimulatedLoop, network: Network) -> None:
        self.answered = loop.create_future()
        self._loop = loop
        self._network = network
        self._caller = copy_context()

    def fail(self, error: Exception) -> None:
        """The caller learns soon that this went wrong."""
        self._loop.call_later(_HOP_S, self._arrived, None, error, context=self._caller)

    def reply(self, value: object, error: Exception | None) -> None:
        """Send the answer back."""
        self._loop.call_later(self._network.hop(), self._arrived, value, error, context=self._caller)

    def _arrived(self, value: object, error: Exception | None) -> None:
        if self.answered.done():
            return
        if error is None:
            self.answered.set_result(value)
        else:
            self.answered.set_exception(error)


async def _handle(node: Node, handler: Callable[[Node], Awaitable[Any]], call: Call | None) -> None:
    """Answer one request in the server's process; `call` is None when the answer gets lost."""
    value: object = None
    failure: Exception | None = None
    try:
        value = await handler(node)
    except StoreUnavailableError:
        failure = AwayError()
    except Exception as error:  # noqa: BLE001  it is the caller's to judge
        failure = error
    if call is not None:
        call.reply(value, failure)


class Wire:
    """One WebSocket: the server's Socket, and the customer's end of it. Frames keep their order until it is cut."""

    def __init__(self, loop: SimulatedLoop, network: Network, server: Context, stream: SocketHandler) -> None:
        self.last_heard = 0.0
        self.code: int | None = None
        self.is_cut = False
        self._loop = loop
        self._network = network
        self._server = server
        self._client = copy_context()
        self._stream = stream
        self._inbox: deque[bytes] = deque()
        self._unread: deque[str] = deque()
        self._paused = False
        self._closing = False
        self._gone = False
        self._up = self._down = 0.0
        self._news = asyncio.Event()
        loop.call_soon(stream.opened, self, context=server)

    # The server's end

    def send(self, text: bytes) -> None:
        if not self._closing:
            self._towards_client(self._inbox.append, text)

    def close(self, code: int, reason: str = "") -> None:
        if not self._closing:
            self._closing = True
            self._towards_client(self._closed, code)
            self._loop.call_later(2 * 0.03, self._leave, context=self._server)

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        while self._unread and not self._paused:
            self._read(self._unread.popleft())

    # The customer's end

    def say(self, text: str) -> None:
        self._up = max(self._up + 1e-6, self._loop.time() + self._network.hop())
        self._loop.call_at(self._up, self._heard, text, context=self._server)

    def cut(self) -> None:
        """The connection breaks: what is under way is lost, and both ends notice sooner or later."""
        if not self.is_cut:
            self.is_cut = True
            self._loop.call_later(self._network.hop(), self._news.set, context=self._client)
            self._loop.call_later(10 * self._network.hop(), self._leave, context=self._server)

    async def frame(self, seconds: float) -> bytes | None:
        """The next frame; None when the connection is over, or nothing came for so long."""
        with_limit = self._loop.call_later(seconds, self._news.set)
        try:
            if not self._inbox and self.code is None and not self.is_cut:
                self._news.clear()
                await self._news.wait()
        finally:
            with_limit.cancel()
        return self._inbox.popleft() if self._inbox else None

    @property
    def over(self) -> bool:
        """The connection is gone, and everything that came before was read."""
        return not self._inbox and (self.code is not None or self.is_cut)

    def _towards_client(self, act: Callable[..., None], value: object) -> None:
        def arrive() -> None:
            if not self.is_cut:
                act(value)
                self._news.set()

        self._down = max(self._down + 1e-6, self._loop.time() + self._network.hop())
        self._loop.call_at(self._down, arrive, context=self._client)

    def _closed(self, code: int) -> None:
        self.code = code

    def _heard(self, text: str) -> None:
        if self.is_cut or self._gone or self._closing:
            return
        if self._paused:
            self._unread.append(text)
        else:
            self._read(text)

    def _read(self, text: str) -> None:
        if not self._closing:
            self._stream.text(text)

    def _leave(self) -> None:
        if not self._gone:
            self._gone = True
            self.is_cut = True
            self._stream.closed()
