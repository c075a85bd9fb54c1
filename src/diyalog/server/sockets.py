"""What the server asks of the application behind its WebSockets, and what it offers to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Handshake:
    """A valid WebSocket handshake, not yet answered.

    `path` is percent-decoded, `target` is the request target as received, `origin` is None when the header is
    absent, `client` is the peer's address without port ("" when unknown), `headers` are as received with
    lower-case names.
    """

    path: str
    target: bytes
    origin: str | None
    client: str
    secure: bool
    headers: Sequence[tuple[bytes, bytes]]

    def header(self, name: str) -> str | None:
        """Give the first header of that lower-case name, or None."""
        wanted = name.encode("ascii")
        for key, value in self.headers:
            if key == wanted:
                return value.decode("latin-1")
        return None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The HTTP answer to a handshake that is not accepted; the connection closes after it."""

    status: int
    body: bytes = b""
    headers: Sequence[tuple[str, str]] = (("content-type", "text/plain; charset=utf-8"),)


class Socket(Protocol):
    """An open WebSocket, as its handler sees it. Nothing here blocks or raises."""

    last_heard: float
    """Event loop time (seconds) of the last bytes from the peer."""

    def send(self, text: bytes) -> None:
        """Send one text frame; `text` must be UTF-8. Nothing is sent once the socket is closing.

        A reader that is too slow, so that more than the send limit lies unsent, is closed with 1013.
        """

    def close(self, code: int, reason: str = "") -> None:
        """Start the close handshake; `reason` is cut to 123 bytes. A second call changes nothing."""

    def pause(self) -> None:
        """Stop reading: no further `text` until `resume`."""

    def resume(self) -> None:
        """Go on reading."""


class SocketHandler(Protocol):
    """The application's end of one WebSocket. An exception out of it closes the socket with 1011."""

    def opened(self, socket: Socket) -> None:
        """Take the socket: the 101 is written, frames may be sent."""

    def text(self, text: str) -> None:
        """Take one whole text message."""

    def closed(self) -> None:
        """Learn that the connection is gone; called exactly once after `opened`."""


class SocketApplication(Protocol):
    """Found by the server in the lifespan state under "sockets"."""

    def admit(self, handshake: Handshake) -> SocketHandler | Refusal:
        """Decide on a valid handshake at once."""
