"""The life of a stream's socket, whoever is at its other end.

    awaiting hello --hello--> joining --welcome--> following
          |                      |                     |
          +----------------------+---------------------+--> closing

Joining subscribes first and then reads: a change is in what was read, or is heard, or both, and what was sent before
is dropped by its number. A stream has no task of its own; it only reacts.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum, auto
from typing import Final, Generic, Protocol, TypeVar

from diyalog.protocol import frames
from diyalog.protocol.codec import FrameError
from diyalog.protocol.codes import CloseCode
from diyalog.protocol.messages import Ack, Aside, Ping
from diyalog.realtime.journal import StreamJournal
from diyalog.server.sockets import Socket

_WINDOW_SECONDS: Final = 60.0
_NO_CODE: Final = 1005


class _Hellos(Protocol):
    def expect_hello(self, stream: object, late: Callable[[], None]) -> None: ...

    def expect_no_hello(self, stream: object) -> None: ...


class Context(Protocol):
    """What every stream works with, whatever it follows.

    `now` is the event loop's clock in seconds; `messages_per_minute` what one client may send, 0 for no limit.
    """

    @property
    def hub(self) -> _Hellos:
        """Where streams of its kind are known."""
        ...

    @property
    def journal(self) -> StreamJournal:
        """Who takes note of them."""
        ...

    @property
    def now(self) -> Callable[[], float]:
        """The clock."""
        ...

    @property
    def messages_per_minute(self) -> int:
        """The limit."""
        ...


class Stage(Enum):
    """Where a stream stands."""

    AWAITING_HELLO = auto()
    JOINING = auto()
    FOLLOWING = auto()
    CLOSING = auto()


C = TypeVar("C", bound=Context)
H = TypeVar("H")


class Stream(ABC, Generic[C, H]):
    """A SocketHandler to the server. `C` is what it works with, `H` its client's hello; `seq` the newest event sent."""

    __slots__ = ("_code", "_context", "_messages", "_opened_at", "_socket", "_stage", "_window", "seq")

    _socket: Socket
    _opened_at: float
    _window: float

    def __init__(self, context: C) -> None:
        self._context = context
        self._stage = Stage.AWAITING_HELLO
        self._code: int = _NO_CODE
        self._messages = 0
        self.seq = 0

    # -- what it follows

    @property
    @abstractmethod
    def _name(self) -> str | None:
        """What it follows, for the journal; None as long as that is not known."""

    @abstractmethod
    def _decode(self, text: str) -> H | Ack | Ping | Aside:
        """Read a message of the client. Raises FrameError."""

    @abstractmethod
    def _join(self, hello: H) -> None:
        """Begin to follow; reading from the client is paused until the stream resumes it."""

    @abstractmethod
    def _acknowledged(self, seq: int) -> None:
        """The client has every event up to `seq`, which was sent."""

    @abstractmethod
    def _heard(self, aside: Aside) -> None:
        """The client says something for the moment."""

    @abstractmethod
    def _left(self, stage: Stage) -> None:
        """Let go of whatever it held in this stage."""

    # -- the server's side

    def opened(self, socket: Socket) -> None:
        """Take the socket and expect a hello."""
        self._socket = socket
        self._opened_at = self._window = self._context.now()
        self._context.journal.stream_opened()
        self._context.hub.expect_hello(self, self._hello_is_late)

    def text(self, text: str) -> None:
        """Take one message of the client."""
        if self._stage is Stage.CLOSING:
            return
        if self._is_one_too_many():
            self.close(CloseCode.ILLEGAL_MESSAGE, "too many messages")
            return
        try:
            message = self._decode(text)
        except FrameError as error:
            self.close(CloseCode.ILLEGAL_MESSAGE, error.reason)
            return
        if isinstance(message, Ping):
            self._socket.send(frames.PONG)
        elif isinstance(message, Ack):
            self._acknowledge(message.seq)
        elif isinstance(message, Aside):
            if self._stage is Stage.FOLLOWING:
                self._heard(message)
            else:
                self._unexpected()
        elif self._stage is Stage.AWAITING_HELLO:
            self._stage = Stage.JOINING
            self._context.hub.expect_no_hello(self)
            self._socket.pause()
            self._join(message)
        else:
            self._unexpected()

    def _acknowledge(self, seq: int) -> None:
        if self._stage is not Stage.FOLLOWING:
            self._unexpected()
        elif seq > self.seq:
            self.close(CloseCode.ILLEGAL_MESSAGE, "acknowledges what was not sent")
        else:
            self._acknowledged(seq)

    def _unexpected(self) -> None:
        self.close(CloseCode.ILLEGAL_MESSAGE, "not expected now")

    def closed(self) -> None:
        """The connection is gone."""
        name = self._name
        self._leave()
        duration_ms = (self._context.now() - self._opened_at) * 1000
        self._context.journal.stream_closed(name, self._code, duration_ms)

    def close(self, code: CloseCode, reason: str = "") -> None:
        """Say goodbye; harmless when that was said before. `reason` is fixed text, never the client's."""
        if self._stage is not Stage.CLOSING:
            self._leave()
            self._code = code
            self._socket.close(code, reason)

    def _leave(self) -> None:
        stage, self._stage = self._stage, Stage.CLOSING
        if stage is Stage.AWAITING_HELLO:
            self._context.hub.expect_no_hello(self)
        self._left(stage)

    def _hello_is_late(self) -> None:
        self.close(CloseCode.HELLO_TOO_LATE, "no hello in time")

    def _is_one_too_many(self) -> bool:
        limit = self._context.messages_per_minute
        if limit == 0:
            return False
        now = self._context.now()
        if now - self._window >= _WINDOW_SECONDS:
            self._window = now
            self._messages = 0
        self._messages += 1
        return self._messages > limit
