"""One HTTP request and its answer, between a connection and the ASGI application."""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Generator, Iterable, MutableMapping
from functools import lru_cache
from typing import Any, Final, Protocol

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from diyalog.server.state import SharedState

Message = MutableMapping[str, Any]
AsgiApplication = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_WITHOUT_BODY: Final = frozenset((204, 304))
_ENDING: Final = frozenset((408, 413, 431))
_ILLEGAL_IN_VALUE: Final = re.compile(rb"[\0\r\n]")


class Connection(Protocol):
    """What an exchange needs of its connection."""

    shared: SharedState
    loop: asyncio.AbstractEventLoop
    flow: FlowControl
    """Whose `drain` waits until the peer has taken enough of what was written."""

    def write(self, data: bytes) -> None:
        """Send bytes; nothing when the connection is gone."""

    def read_on(self) -> None:
        """Read from the peer again, if that was paused."""

    def exchange_done(self, exchange: "Exchange", *, reusable: bool) -> None:
        """Learn that the answer is complete; without `reusable` the connection ends behind it."""

    def abort(self) -> None:
        """Cut the connection: its answer can't be completed."""


def plain_answer(
    status: int, text: bytes, date_line: bytes, headers: Iterable[tuple[str, str]] = (), *, close: bool = True
) -> bytes:
    """Write a whole answer; text/plain unless the headers name a type."""
    lines = [STATUS_LINE[status], date_line]
    named = {name.lower(): value for name, value in headers}
    named.setdefault("content-type", "text/plain; charset=utf-8")
    named["content-length"] = str(len(text))
    if close:
        named["connection"] = "close"
    lines += [f"{name}: {value}\r\n".encode("latin-1") for name, value in named.items()]
    return b"".join((*lines, b"\r\n", text))


def with_request_id(text: str) -> bytes:
    """Add a fresh request id to a fixed text, for somebody to quote."""
    return f"{text} Request id: {secrets.token_hex(8)}".encode("ascii")


@lru_cache(maxsize=256)  # nearly all answers have the same few heads
def _header_lines(headers: tuple[tuple[bytes, bytes], ...]) -> tuple[bytes, int | None, bool]:
    """Write an application's headers; the Content-Length among them, and whether they close the connection."""
    lines = b""
    length: int | None = None
    closing = False
    for raw_name, value in headers:
        if _ILLEGAL_IN_VALUE.search(value):
            raise RuntimeError("illegal byte in a header's value")
        name = raw_name.lower()
        if name == b"content-length":
            length = int(value)
        elif name == b"connection":
            closing = closing or b"close" in value.lower()
            continue
        elif name == b"transfer-encoding":
            continue  # framing is decided here
        lines += b"%b: %b\r\n" % (name, value)
    return lines, length, closing


class _Sent(Awaitable[None]):
    """What awaits something that has happened already: a coroutine of its own for each message would cost more."""

    def __await__(self) -> Generator[Any, None, None]:
        return iter(())  # type: ignore[return-value] # never yields, so nothing is ever sent into it


_SENT: Final = _Sent()


class Exchange:
    """The ASGI `receive` and `send` of one request.

    The head of the answer is held back until its body, so that an answer is one write and has a Content-Length. An
    answer given before the request's body has arrived, or with 408, 413 or 431, ends the
    connection, so that no unread byte is taken for a request.
    """

    __slots__ = (
        "_closing",
        "_connection",
        "_continue_due",
        "_keep_alive",
        "_length",
        "_lines",
        "_news",
        "_status",
        "_task",
        "_waiter",
        "answered",
        "body",
        "disconnected",
        "more_body",
        "scope",
    )

    def __init__(
        self, connection: Connection, scope: MutableMapping[str, Any], *, keep_alive: bool, expects_continue: bool
    ) -> None:
        self.scope = scope
        self.body = bytearray()
        self.more_body = True
        self.disconnected = False
        self.answered = False
        self._connection = connection
        self._keep_alive = keep_alive
        self._continue_due = expects_continue
        self._news = False
        self._waiter: asyncio.Future[Message] | None = None
        self._task: asyncio.Task[None] | None = None
        # The answer's, once it has begun: header lines, the Content-Length among them, whether one is `close`.
        self._status = 0
        self._lines = b""
        self._length: int | None = None
        self._closing = False

    # -- from the connection

    def wake(self) -> None:
        """Tell a waiting `receive` that there is news."""
        self._news = True
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(self._next_message())

    def disconnect(self) -> None:
        """Learn that the client is gone: nothing more is received or sent."""
        self.disconnected = True
        self.wake()

    # -- to the application

    def start(self, application: AsgiApplication, tasks: "set[asyncio.Task[None]]") -> None:
        """Let the application answer in a task of its own, kept in `tasks` until then."""
        task = self._connection.loop.create_task(self._run(application, tasks))
        self._task = task
        tasks.add(task)

    async def _run(self, application: AsgiApplication, tasks: "set[asyncio.Task[None]]") -> None:
        """An exception out of the application is a 500 with fixed text, its own text is not logged."""
        try:
            await application(self.scope, self.receive, self.send)
            if not (self.answered or self.disconnected):
                raise RuntimeError("the application returned without a complete answer")  # noqa: TRY301 - one way out
        except asyncio.CancelledError:
            self._connection.abort()
            raise
        except Exception as error:  # noqa: BLE001 - the one place where an application's exceptions end
            self._connection.shared.on_error(error)
            await self._answer_500()
        finally:
            tasks.discard(self._task)  # a callback of the task would cost another turn of the loop

    async def _answer_500(self) -> None:
        self._status = 0
        text = with_request_id("Internal server error.")
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": text})

    def receive(self) -> "asyncio.Future[Message]":
        """ASGI receive: the next piece of the body, or the client's going. Done at once when it is there already."""
        received: asyncio.Future[Message] = self._connection.loop.create_future()
        if self._news or self.disconnected or self.answered:
            received.set_result(self._next_message())
            return received
        if self._continue_due:
            self._continue_due = False
            self._connection.write(CONTINUE)
        self._waiter = received
        if self.more_body:
            self._connection.read_on()
        return received

    def _next_message(self) -> Message:
        if self.disconnected or self.answered:
            return {"type": "http.disconnect"}
        self._news = False
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    def send(self, message: Message) -> Awaitable[None]:
        """ASGI send, of an answer in one piece: `http.response.start`, then one `http.response.body`."""
        if self._connection.flow.write_paused:
            return self._send_later(message)
        self._send(message)
        return _SENT

    async def _send_later(self, message: Message) -> None:
        await self._connection.flow.drain()
        self._send(message)

    def _send(self, message: Message) -> None:
        if self.disconnected:
            return
        kind = message["type"]
        if kind == "http.response.start" and self._status == 0:
            self._lines, self._length, self._closing = _header_lines(tuple(message.get("headers", ())))
            self._status = message["status"]
        elif kind == "http.response.body" and self._status and not self.answered and not message.get("more_body"):
            self._answer(message.get("body", b""))
        else:
            raise RuntimeError(f"unexpected ASGI message {kind}")

    def _answer(self, body: bytes) -> None:
        """Write the whole answer; decide whether the connection goes on."""
        connection, status, lines = self._connection, self._status, self._lines
        shared = connection.shared
        bodiless = status in _WITHOUT_BODY or self.scope["method"] == "HEAD"
        if self._length is None:
            if status not in _WITHOUT_BODY:
                lines += b"content-length: %d\r\n" % len(body)
        elif self._length != len(body) and not bodiless:
            raise RuntimeError("the answer's body does not have its Content-Length")
        goes_on = self._keep_alive and not (self._closing or self.more_body or status in _ENDING or shared.draining)
        end = b"\r\n" if goes_on else b"connection: close\r\n\r\n"
        head = STATUS_LINE[status] + shared.date_line + lines + end
        connection.write(head if bodiless else head + body)
        self.answered = True
        self.wake()
        connection.exchange_done(self, reusable=goes_on)
