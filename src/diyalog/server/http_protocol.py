"""HTTP/1.1 on uvicorn's httptools protocol, made safe for strangers.

Over uvicorn's own class: an offer to change to any protocol but WebSocket is ignored and the request's body survives
(every default JDK HttpClient offers h2c), heads are bounded in size and time, what is malformed is refused and never
raises, answers to pipelined requests keep their order, refusals reach the client before the connection closes, the
request target is kept as received, and a WebSocket handshake goes to `WebSocketProtocol` with the bytes behind it.
"""

import asyncio
from collections import deque
from enum import Enum
from math import inf
from typing import Any, Final, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from diyalog.server.exchange import AsgiApplication, Exchange, plain_answer, with_request_id
from diyalog.server.handshake import asks_for_websocket, head_without_upgrade, refusal_of
from diyalog.server.request_head import head_size, http_scope, is_acceptable
from diyalog.server.sockets import Handshake, Refusal, SocketApplication, SocketHandler
from diyalog.server.state import SharedState
from diyalog.server.websocket import WebSocketProtocol

HIGH_WATER: Final = 64 * 1024
MAX_DISCARDED: Final = 4 * 1024 * 1024
_FRAMING_PER_BYTE: Final = 8  # what a chunk of one byte takes, generously, with that byte

_ENDED_ANSWERS: Final = {
    400: "Malformed HTTP request.",
    408: "The request did not arrive in time.",
    431: "The request's line and headers are too long.",
}


class Phase(Enum):
    """What a connection's deadline is about. BUSY has none: the application's body reader has its own."""

    HEAD = "waiting for the rest of a head, at first also for its beginning"
    BUSY = "a request is being received or answered"
    IDLE = "between two requests"
    CLOSING = "the last answer is written, what still arrives is thrown away"


class Malformed(Exception):  # noqa: N818 - never leaves the parser
    """Raised in a parser callback to stop the parser; `status` is the answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class HttpProtocol(HttpToolsProtocol):
    """One HTTP connection. Its timers are the sweep's, which calls `sweep` about once a second."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.shared = cast("SharedState", server_state)
        self._options = self.shared.options
        self._application = cast("AsgiApplication", self.app)
        self._limit: float = self._options.header_bytes or inf
        self._incoming: Exchange | None = None  # receives the body that is being parsed
        self._running: Exchange | None = None  # is being answered
        self._queued: deque[Exchange] = deque()  # pipelined behind it
        self._last_words: bytes | None = None  # written when all these are answered, then the connection closes
        self._phase = Phase.HEAD
        self._deadline = self.shared.clock() + self._options.head_seconds
        self._stalled_since = inf
        self._head_done = False
        self._status = 400  # of a refusal out of a parser callback
        # Bounds of how much of the current head has arrived; exact when it began with its segment.
        self._segment = self._received = self._head_least = self._head_most = 0
        # Bytes of the current body's segments that are not body: chunk sizes, their extensions, trailers.
        self._framing = 0
        self._discarded = 0

    # -- the transport's calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        """Begin, unless this one was accepted while the listener was being closed."""
        super().connection_made(transport)
        if self.shared.finishing:
            self._end(unread=False)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the application and break the reference cycles, so that no collector run is needed to free all this."""
        self.connections.discard(self)
        for exchange in {self._running, self._incoming, *self._queued} - {None}:
            cast("Exchange", exchange).disconnect()
        self._queued.clear()
        self._running = self._incoming = None
        self._phase, self._deadline = Phase.CLOSING, inf
        self.flow.resume_writing()
        self.parser = None  # type: ignore[assignment] # as in uvicorn: the parser holds this object's methods
        self.shared.connection_gone()

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, unless the connection is already ending."""
        if self._phase is Phase.CLOSING or self._last_words is not None:
            self._discard(data)
            return
        self._received = self._segment = len(data)
        if self._phase is Phase.HEAD:
            self._head_least += self._received
            self._head_most += self._received
        if self._incoming is not None:
            self._framing += self._received
        self._parse(data)

    def pause_writing(self) -> None:
        """Note since when the peer takes nothing."""
        self._stalled_since = self.shared.clock()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Let the application write again."""
        self._stalled_since = inf
        super().resume_writing()

    # -- parsing

    def _parse(self, data: bytes) -> None:
        self._status = 400
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(self._status)
        else:
            counted = self._head_least if self._phase is Phase.HEAD else self._framing
            if counted > self._limit and (self._phase is Phase.HEAD or self._incoming is not None):
                self._refuse(431)

    def on_message_begin(self) -> None:
        """Start the clock and the count of a head. (uvicorn's own builds the scope here, of which half is known.)"""
        self.url = b""
        self.headers = []
        self._head_done = False
        self._head_least, self._head_most = self._segment, self._received
        if self._phase is not Phase.HEAD:
            self._phase = Phase.HEAD
            self._deadline = self.shared.clock() + self._options.head_seconds

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header; trailers behind a chunked body are dropped, they could pose as headers."""
        if not self._head_done:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Begin the exchange, unless the connection changes its protocol or the head is refused."""
        self._head_done = True
        parser, target, headers = self.parser, self.url, self.headers
        version = parser.get_http_version()
        method = parser.get_method().decode("ascii")
        if self._head_most > self._limit and head_size(method, target, headers) > self._limit:
            self._stop(431)
        fields = dict(headers)
        if not is_acceptable(method, version, headers, fields):
            self._stop(400)
        scope = http_scope(method, version, target, headers, fields)
        scope["client"], scope["server"], scope["scheme"] = self.client, self.server, self.scheme
        self.scope = scope  # type: ignore[assignment] # uvicorn has a TypedDict
        if parser.should_upgrade():
            return  # feed_data now raises HttpParserUpgrade
        self._phase, self._deadline = Phase.BUSY, inf
        exchange = Exchange(
            self,
            scope,
            keep_alive=version == "1.1" and parser.should_keep_alive(),
            expects_continue=version == "1.1" and fields.get(b"expect", b"").lower() == b"100-continue",
        )
        self._incoming = exchange
        self._framing = 0
        if self._running is None:
            self._start(exchange)
        else:
            self._queued.append(exchange)
            self.flow.pause_reading()

    def on_body(self, body: bytes) -> None:
        """Hand body bytes to their exchange."""
        exchange = self._incoming
        if exchange is None or exchange.answered:
            return
        exchange.body += body
        self._framing -= _FRAMING_PER_BYTE * len(body)
        if len(exchange.body) > HIGH_WATER:
            self.flow.pause_reading()
        exchange.wake()

    def on_message_complete(self) -> None:
        """Note that the request is whole."""
        self._segment = 0
        if self.parser.should_upgrade():
            return
        exchange, self._incoming = self._incoming, None
        if exchange is not None:
            exchange.more_body = False
            exchange.wake()

    def _stop(self, status: int) -> None:
        self._status = status
        raise Malformed(status)

    # -- exchanges

    def _start(self, exchange: Exchange) -> None:
        self._running = exchange
        exchange.start(self._application, self.tasks)

    def exchange_done(self, exchange: Exchange, *, reusable: bool) -> None:
        """Go on with the next request, or end the connection behind this answer."""
        self._running = None
        if self._phase is Phase.CLOSING or self.transport.is_closing():
            return
        if not reusable:
            self._end(unread=exchange.more_body or bool(self._queued) or self.flow.read_paused)
        elif self._queued:
            self._start(self._queued.popleft())
        elif self._last_words is not None:
            self._say_last_words(self._last_words)
        else:
            self.flow.resume_reading()
            if self._phase is Phase.BUSY and self._incoming is None:
                self._phase = Phase.IDLE
                self._deadline = self.shared.clock() + self._options.keep_alive_seconds

    def write(self, data: bytes) -> None:
        """Send bytes of the running exchange."""
        self.transport.write(data)

    def read_on(self) -> None:
        """Read again for the running exchange's body."""
        self.flow.resume_reading()

    def abort(self) -> None:
        """Cut the connection."""
        self.transport.abort()

    def shutdown(self) -> None:
        """End a connection on which nothing is in flight; called when the server stops, after `draining` is set.

        A request that is being answered, or whose head has begun to arrive, is answered with `Connection: close`.
        """
        begun = self._phase is Phase.HEAD and self._head_most > 0
        if self._running is None and not begun and self._phase is not Phase.CLOSING:
            self._end(unread=False)

    # -- refusals and the end

    def _refuse(self, status: int) -> None:
        """Answer a request that can't be understood, behind the answers still owed, and close."""
        text = _ENDED_ANSWERS[status]
        body = with_request_id(text) if status == 408 else text.encode("ascii")
        self._answer_and_close(plain_answer(status, body, self.shared.date_line))

    def _answer_and_close(self, answer: bytes) -> None:
        broken, self._incoming = self._incoming, None
        if broken is not None and broken is self._running:
            # The fault is in the body of the request that is being answered.
            broken.disconnect()
            self._running = None
            self._say_last_words(answer)
            return
        if broken is not None:
            self._queued.pop()
        if self._running is None:
            self._say_last_words(answer)
        else:
            self._last_words = answer
            self.flow.pause_reading()

    def _say_last_words(self, answer: bytes) -> None:
        self.transport.write(answer)
        self._end(unread=True)

    def _end(self, *, unread: bool) -> None:
        """Close. With bytes unread, say so and read on for a while: closing at once would reset the connection and
        take the answer away from the client."""
        self._phase = Phase.CLOSING
        self._deadline = self.shared.clock() + self._options.linger_seconds
        self._queued.clear()
        if unread and self.transport.can_write_eof():
            self.flow.resume_reading()
            self.transport.write_eof()
        else:
            self.transport.close()

    def _discard(self, data: bytes) -> None:
        self._discarded += len(data)
        if self._discarded > MAX_DISCARDED:
            self.transport.abort()

    def sweep(self, now: float) -> None:
        """Act on the deadline that has passed; `now` is the shared clock's."""
        if now - self._stalled_since >= self._options.write_stall_seconds:
            self.transport.abort()
        elif now < self._deadline:
            return
        elif self._phase is Phase.CLOSING:
            self.transport.abort()
        elif self._phase is Phase.IDLE:
            self._end(unread=False)
        elif self._running is None:
            self._refuse(408)

    # -- the change to WebSocket

    def _upgrade(self, behind: bytes) -> None:
        """Change the protocol to WebSocket, or go on with HTTP as if nothing else had been offered."""
        scope = self.scope
        if not asks_for_websocket(scope["method"], scope["http_version"], self.headers):
            self._go_on_without_upgrade(behind)
            return
        answer = self._open_socket(behind)
        if answer is not None:
            refused = plain_answer(answer.status, answer.body, self.shared.date_line, answer.headers)
            self._answer_and_close(refused)

    def _open_socket(self, behind: bytes) -> Refusal | None:
        """Hand the connection to a WebSocketProtocol; otherwise give the refusal to answer with."""
        decision = self._admission()
        if isinstance(decision, Refusal):
            return decision
        socket = WebSocketProtocol(self.config, self.server_state, self.app_state)
        self.connections.discard(self)
        self.parser = None  # type: ignore[assignment] # breaks the reference cycle with the parser
        self.flow.resume_reading()
        socket.open(self.transport, self.headers, decision, behind)
        self.shared.connection_gone()
        return None

    def _admission(self) -> SocketHandler | Refusal:
        if self._running is not None:
            return Refusal(400, b"A WebSocket handshake can't be pipelined.")
        wrong = refusal_of(self.headers)
        if wrong is not None:
            return wrong
        if self.shared.draining or 0 < self._options.socket_limit <= len(self.shared.sockets):
            seconds = max(1, round(self._options.drain_seconds)) if self.shared.draining else 5
            text = with_request_id("No further connection is accepted now.")
            return Refusal(503, text, (("retry-after", str(seconds)),))
        application = cast("SocketApplication | None", self.app_state.get("sockets"))
        if application is None:
            return Refusal(404, b"Not found.")
        try:
            return application.admit(self._handshake())
        except Exception as error:  # noqa: BLE001 - the application's fault must not take the server along
            self.shared.on_error(error)
            return Refusal(500, with_request_id("Internal server error."))

    def _handshake(self) -> Handshake:
        origins = [value for name, value in self.headers if name == b"origin"]
        return Handshake(
            path=self.scope["path"],
            target=self.url,
            origin=origins[0].decode("latin-1") if origins else None,
            client=self.client[0] if self.client else "",
            secure=self.scheme == "https",
            headers=self.headers,
        )

    def _go_on_without_upgrade(self, behind: bytes) -> None:
        """Parse the head again without its Upgrade header: the parser takes no body behind one."""
        head = head_without_upgrade(self.scope["method"], self.url, self.scope["http_version"], self.headers)
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._parse(head + behind)
