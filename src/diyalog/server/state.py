"""What all connections of one server share."""

import asyncio
import logging
import traceback
from collections.abc import Callable
from email.utils import formatdate
from typing import TYPE_CHECKING

from uvicorn.server import ServerState

from diyalog.server.options import ServerOptions

if TYPE_CHECKING:
    from diyalog.server.websocket import WebSocketProtocol

_log = logging.getLogger("diyalog.server")


def log_error(error: BaseException) -> None:
    """Log where an unexpected exception came from, without its text, which may hold request data."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    where = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    _log.error("unexpected %s at %s", type(error).__qualname__, where)


class SharedState(ServerState):
    """Uvicorn's state, with the options, the open WebSockets and how far the server's end has come.

    `draining`: it was asked to stop. `finishing`: it listens no more and only ends what is in flight.
    WebSockets stay out of `connections`, which uvicorn would close all at once. `clock` gives event loop seconds.
    `on_error` is told every exception that the application let through.
    """

    def __init__(
        self,
        options: ServerOptions,
        clock: Callable[[], float],
        on_error: Callable[[BaseException], None] = log_error,
    ) -> None:
        super().__init__()
        self.options = options
        self.clock = clock
        self.on_error = on_error
        self.sockets: set[WebSocketProtocol] = set()
        self.draining = False
        self.finishing = False
        self.date_line = b""
        self._emptied = asyncio.Event()

    def refresh_date(self, unix_seconds: float) -> None:
        """Write the Date header of the coming second (RFC 9110, section 6.6.1)."""
        self.date_line = b"date: " + formatdate(unix_seconds, usegmt=True).encode("ascii") + b"\r\n"

    def connection_gone(self) -> None:
        """Wake a drain that waits for the last connection or socket."""
        if self.draining:
            self._emptied.set()

    async def wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until the condition, judged again whenever a connection goes, holds; False when time is up first."""
        try:
            async with asyncio.timeout(max(seconds, 0)):
                while not condition():
                    self._emptied.clear()
                    await self._emptied.wait()
        except TimeoutError:
            return condition()
        return True
