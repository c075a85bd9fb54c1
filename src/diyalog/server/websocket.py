"""One WebSocket without a task of its own, so that an idle waiter costs little memory."""

import asyncio
import socket as sockets
from typing import Any, Final, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from diyalog.server.frames import PING, Close, FrameReader, Ping, Text, Violation, close_frame, pong_frame, text_frame
from diyalog.server.handshake import Headers, acceptance
from diyalog.server.sockets import SocketHandler
from diyalog.server.state import SharedState

POLICY_VIOLATION: Final = 1008
INTERNAL_ERROR: Final = 1011
TOO_SLOW: Final = 1013
MOST_CONTROL_FRAMES: Final = 64
"""Between two sweeps, about a second. Pings cost the peer next to nothing, and each has to be read and answered."""
NO_LIMIT: Final = 1 << 40


class WebSocketProtocol(asyncio.Protocol):
    """An open WebSocket; a `Socket` to its handler.

    Made by `HttpProtocol` once the handshake is valid and admitted. Timers are the sweep's (`Sweep`), which finds
    the socket in `SharedState.sockets`. What the peer sends after a violation is thrown away.
    """

    __slots__ = (
        "_closing_since",
        "_controls",
        "_failed",
        "_handler",
        "_paused",
        "_pinged",
        "_reader",
        "_reading",
        "_shared",
        "_transport",
        "last_heard",
    )

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        # Uvicorn's constructor for WebSocket classes; everything needed is in the shared state.
        del config, app_state
        self._shared = cast("SharedState", server_state)
        self._transport: asyncio.Transport | None = None
        self._handler: SocketHandler | None = None
        self._reader: FrameReader | None = None
        self._reading = False
        self._paused = False
        self._failed = False
        self._closing_since: float | None = None
        self._controls = 0
        self._pinged = self.last_heard = self._shared.clock()

    # -- the connection's beginning and end

    def open(self, transport: asyncio.Transport, headers: Headers, handler: SocketHandler, early: bytes) -> None:
        """Answer the handshake and take the connection over; `early` are bytes that came behind the handshake."""
        options = self._shared.options
        self._transport = transport
        self._handler = handler
        if options.kernel_send_bytes:
            raw = transport.get_extra_info("socket")
            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, options.kernel_send_bytes)
        transport.write(acceptance(headers))
        transport.set_protocol(self)
        # The transport then calls pause_writing by itself: no size is asked for at each send.
        transport.set_write_buffer_limits(high=options.send_bytes or NO_LIMIT)
        self._shared.sockets.add(self)
        try:
            handler.opened(self)
        except Exception as error:  # noqa: BLE001 - the application's fault must not take the server along
            self._application_failed(error)
        if early:
            self.data_received(early)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget everything; the handler learns it once."""
        self._shared.sockets.discard(self)
        self._shared.connection_gone()
        handler, self._handler = self._handler, None
        self._reader = self._transport = None
        if handler is not None:
            try:
                handler.closed()
            except Exception as error:  # noqa: BLE001 - as above
                self._shared.on_error(error)

    # -- reading

    def data_received(self, data: bytes) -> None:
        """Read the peer's frames."""
        self.last_heard = self._shared.clock()
        if self._failed:
            return
        reader = self._reader
        if reader is None:
            reader = self._reader = FrameReader(self._shared.options.frame_bytes)
        reader.feed(data)
        self._read()

    def _read(self) -> None:
        reader = self._reader
        if reader is None or self._reading:
            return
        self._reading = True
        try:
            while not self._paused and self._transport is not None:
                event = reader.next_event()
                if event is None:
                    if reader.idle:
                        self._reader = None
                    return
                if isinstance(event, Close):
                    self._peer_closed(event.code)
                    return
                if isinstance(event, Text) and self._closing_since is None:
                    self._text(event.text)
                    continue
                # Text is limited by the handler. All else is limited here, also what still comes after our close.
                self._controls += 1
                if self._controls > MOST_CONTROL_FRAMES:
                    raise Violation(POLICY_VIOLATION, "too many control frames")  # noqa: TRY301 - one way to fail
                if isinstance(event, Ping):
                    self._write(pong_frame(event.payload))
        except Violation as violation:
            self._fail(violation.code, violation.reason)
        finally:
            self._reading = False

    def _text(self, text: str) -> None:
        if self._handler is not None:
            try:
                self._handler.text(text)
            except Exception as error:  # noqa: BLE001 - the application's fault must not take the server along
                self._application_failed(error)

    def pause(self) -> None:
        """Stop reading; frames already received wait too."""
        if not self._paused and self._closing_since is None and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Go on reading, first what was received before the pause."""
        if self._paused:
            self._paused = False
            self.last_heard = self._shared.clock()
            if self._transport is not None:
                self._transport.resume_reading()
            self._read()

    # -- writing

    def send(self, text: bytes) -> None:
        """Send one text frame from UTF-8 bytes."""
        if self._closing_since is None and self._transport is not None:
            self._transport.write(text_frame(text))

    def _write(self, frame: bytes) -> None:
        if self._closing_since is None and self._transport is not None:
            self._transport.write(frame)

    def pause_writing(self) -> None:
        """Close a reader so slow that more than the limit lies unsent; the sweep cuts it if that does not get out."""
        self.close(TOO_SLOW, "too slow a reader")

    # -- closing

    @property
    def closing(self) -> bool:
        """True once a close frame has been sent."""
        return self._closing_since is not None

    def close(self, code: int, reason: str = "") -> None:
        """Send a close frame and wait for the peer's, at most as long as the sweep allows."""
        if self._closing_since is not None or self._transport is None:
            return
        self._closing_since = self._shared.clock()
        self._transport.write(close_frame(code, reason))
        self.resume()

    def abort(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _peer_closed(self, code: int) -> None:
        self.close(code)
        self._failed = True
        self._reader = None
        if self._transport is not None:
            self._transport.close()

    def _fail(self, code: int, reason: str) -> None:
        """Close without waiting for the peer's close frame, which could no longer be found in its bytes."""
        self._failed = True
        self._reader = None
        self.close(code, reason)
        if self._transport is not None:
            if self._transport.can_write_eof():
                self._transport.write_eof()  # and read on, so that the peer gets the close frame and no reset
            else:
                self._transport.close()  # TLS has an end of its own

    def _application_failed(self, error: Exception) -> None:
        self._shared.on_error(error)
        self.close(INTERNAL_ERROR, "internal error")

    # -- time

    def sweep(self, now: float) -> None:
        """Ping, drop a silent peer, cut a close handshake that hangs; `now` is event loop time."""
        options = self._shared.options
        self._controls = 0
        if self._closing_since is not None:
            if now - self._closing_since >= options.close_seconds:
                self.abort()
        elif self._paused:
            return  # its bytes are not read: silence proves nothing
        elif now - self.last_heard >= options.silent_seconds:
            self.abort()
        elif now - self._pinged >= options.ping_seconds:
            self._pinged = now
            self._write(PING)
