"""One customer's event stream on one WebSocket.

    awaiting hello --hello--> joining --welcome--> following
          |                      |                     |
          +----------------------+---------------------+--> closing

Joining subscribes first and then reads: a change is in what was read, or is heard, or both, and what was sent before
is dropped by its number. The stream has no task of its own; it only reacts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from diyalog.clock import Clock
from diyalog.domain.ids import CustomerRef, SessionId
from diyalog.domain.results import StreamEvent
from diyalog.domain.wait import Outcome, State, Wait
from diyalog.ports import StoreUnavailableError
from diyalog.protocol import frames
from diyalog.protocol.codec import FrameError, decode
from diyalog.protocol.codes import CloseCode
from diyalog.protocol.help import HelpLimits
from diyalog.protocol.messages import Ack, Hello, Ping
from diyalog.realtime.hub import Hub
from diyalog.realtime.journal import StreamJournal
from diyalog.realtime.presence import Presence
from diyalog.server.sockets import Socket
from diyalog.usecases.following import Followed, Following

_ENDS: Final = frozenset({frames.WAIT_ENDED, frames.CHAT_ENDED})
_WINDOW_SECONDS: Final = 60.0
_NO_CODE: Final = 1005

_REFUSALS: Final = {
    "token": (CloseCode.TOKEN_REFUSED, "token unknown or revoked"),
    "session": (CloseCode.NO_SUCH_SESSION, "no such session"),
}
_OVERTAKEN: Final = {
    CloseCode.CONTINUED_ELSEWHERE: "continued by a newer hello",
    CloseCode.TRY_AGAIN: "too many streams of this customer",
}


@dataclass(frozen=True, slots=True)
class StreamContext:
    """What every stream of the node works with.

    `now` is the event loop's clock in seconds; `messages_per_minute` what one client may send, 0 for no limit.
    """

    hub: Hub
    following: Following
    presence: Presence
    journal: StreamJournal
    clock: Clock
    now: Callable[[], float]
    limits: HelpLimits
    messages_per_minute: int


class _Stage(Enum):
    AWAITING_HELLO = auto()
    JOINING = auto()
    FOLLOWING = auto()
    CLOSING = auto()


class CustomerStream:
    """A customer's stream: a SocketHandler to the server, a Follower to the hub."""

    __slots__ = (
        "_acked",
        "_code",
        "_context",
        "_ended",
        "_messages",
        "_opened_at",
        "_reading",
        "_socket",
        "_stage",
        "_stored",
        "_storing",
        "_talked",
        "_wanted",
        "_window",
        "customer",
        "over",
        "row",
        "seq",
        "session_id",
        "ticket",
    )

    # Set by the hello, and by the wait that was found for it.
    session_id: SessionId
    ticket: int
    customer: CustomerRef

    def __init__(self, context: StreamContext) -> None:
        self._context = context
        self._stage = _Stage.AWAITING_HELLO
        self._code = _NO_CODE
        self._messages = 0
        self.row = 0  # the wait's, once it was found
        self.seq = 0  # the newest event the client has
        self._wanted = 0  # the newest event heard of
        self._ended = 0  # the number of the newest end that the client has: the wait's, then the conversation's
        self._stored = 0  # the number of the newest end whose acknowledgement is stored
        self._acked = 0  # the newest event that the client says it has
        self._talked = False  # an agent took the wait
        self.over = False  # the session is over
        self._reading = False
        self._storing = False

    @property
    def owes(self) -> bool:
        """The client has an end, and that is still to be stored."""
        return self._stored < self._ended <= self._acked

    # -- the server's side

    def opened(self, socket: Socket) -> None:
        """Take the socket and expect a hello."""
        self._socket = socket
        self._opened_at = self._window = self._context.now()
        self._context.journal.stream_opened()
        self._context.hub.expect_hello(self._hello_is_late)

    def text(self, text: str) -> None:
        """Take one message of the client."""
        if self._stage is _Stage.CLOSING:
            return
        if self._is_one_too_many():
            self.close(CloseCode.ILLEGAL_MESSAGE, "too many messages")
            return
        try:
            message = decode(text)
        except FrameError as error:
            self.close(CloseCode.ILLEGAL_MESSAGE, error.reason)
            return
        if isinstance(message, Ping):
            self._socket.send(frames.PONG)
        elif isinstance(message, Hello) and self._stage is _Stage.AWAITING_HELLO:
            self._join(message)
        elif isinstance(message, Ack) and self._stage is _Stage.FOLLOWING:
            self._acknowledged(message.seq)
        else:
            self.close(CloseCode.ILLEGAL_MESSAGE, "not expected now")

    def closed(self) -> None:
        """The connection is gone."""
        session_id = self.session_id if self.row else None
        self._leave()
        duration_ms = (self._context.now() - self._opened_at) * 1000
        self._context.journal.stream_closed(session_id, self._code, duration_ms)

    def close(self, code: CloseCode, reason: str = "") -> None:
        """Say goodbye; harmless when that was said before. `reason` is fixed text, never the client's."""
        if self._stage is not _Stage.CLOSING:
            self._leave()
            self._code = code
            self._socket.close(code, reason)

    def _leave(self) -> None:
        stage, self._stage = self._stage, _Stage.CLOSING
        if stage is _Stage.JOINING:
            self._context.hub.unjoin(self)
        elif stage is _Stage.FOLLOWING and self._context.hub.leave(self) and not self.over:
            self._context.presence.set(self.row, connected=False)

    def _hello_is_late(self) -> None:
        if self._stage is _Stage.AWAITING_HELLO:
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

    # -- joining

    def _join(self, hello: Hello) -> None:
        self._stage = _Stage.JOINING
        self._socket.pause()
        self.session_id = SessionId(hello.session_id)
        hub = self._context.hub
        self.ticket = hub.join(self)
        hub.start(self._look_up(hello), self)

    async def _look_up(self, hello: Hello) -> None:
        context = self._context
        try:
            found = await context.following.follow(hello.token, self.session_id, hello.after, hello.epoch)
        except StoreUnavailableError:
            context.journal.store_away("hello")
            self.close(CloseCode.TRY_AGAIN, "try again later")
            return
        if self._stage is not _Stage.JOINING:
            return  # the client left, or was closed, meanwhile
        if isinstance(found, str):
            self.close(*_REFUSALS[found])
        else:
            self._begin(found, hello.after)

    def _begin(self, found: Followed, after: int) -> None:
        context = self._context
        wait = found.wait
        self.row = wait.row
        self.customer = wait.customer
        self.over = wait.state is State.ENDED
        overtaken = context.hub.follow(self)
        if overtaken is not None:
            self.close(overtaken, _OVERTAKEN[overtaken])
            return
        self._stage = _Stage.FOLLOWING
        self._socket.send(
            frames.welcome(
                wait,
                epoch=found.epoch,
                now_ms=context.clock.now_ms(),
                recovered=found.recovered,
                limits=context.limits,
                position=found.position,
            )
        )
        self.seq = after if found.recovered else wait.seq
        if self.over:
            self._ended = wait.seq  # the snapshot tells the end, even where no event follows
        elif wait.outcome is not None and wait.acknowledged_at is None:
            self._ended = 2  # in conversation: the wait's end is the first or the second event
        self._deliver(wait, found.events)
        if not self.over:
            context.presence.connected(self.row, self._newest)
        self._socket.resume()
        if self._wanted > self.seq:
            context.hub.start(self.catch_up(self._wanted), self)

    # -- following

    def changed(self, wait: Wait) -> None:
        """Send the end of the wait at once if it is all that is missing; anything else is read from the store."""
        seq = wait.seq
        ended = wait.outcome is not None and wait.outcome is not Outcome.CONNECTED
        if ended and seq == self.seq + 1 and self._stage is _Stage.FOLLOWING:
            # A wait's newest event, once it has an outcome, is its wait.ended; unless a conversation followed.
            self._socket.send(frames.newest_wait_ended(wait))
            self.seq = self._ended = seq
            self._note(wait)
        elif seq > self.seq and seq > self._wanted:
            self._wanted = seq
            if self._stage is _Stage.FOLLOWING:
                self._context.hub.start(self.catch_up(seq), self)

    def _newest(self, head: int) -> None:
        if head > self.seq and self._stage is _Stage.FOLLOWING:
            self._context.hub.start(self.catch_up(head), self)

    async def catch_up(self, head: int) -> None:
        """Send from the store what is missing up to the event `head`, and store an acknowledgement that is owed."""
        self._wanted = max(self._wanted, head)
        if self.owes:
            await self._store_acknowledgement()
        if self._wanted > self.seq and not self._reading:
            self._reading = True
            try:
                await self._read()
            except StoreUnavailableError:
                self._context.journal.store_away("read")  # the next poll sends it
            finally:
                self._reading = False

    async def _read(self) -> None:
        while self._stage is _Stage.FOLLOWING and self._wanted > self.seq:
            before = self.seq
            wait, events = await self._context.following.since(self.row, before)
            if self._stage is _Stage.FOLLOWING:
                self._deliver(wait, events)
            if self.seq == before:
                return  # not there yet; the next poll asks again

    def _deliver(self, wait: Wait, events: Sequence[StreamEvent]) -> None:
        for event in events:
            if event.seq > self.seq:
                self._socket.send(frames.event(wait, event))
                self.seq = event.seq
                if event.kind in _ENDS:
                    self._ended = event.seq
        self._note(wait)

    def _note(self, wait: Wait) -> None:
        self.over = wait.state is State.ENDED
        self._talked = wait.conversation is not None
        told = wait if wait.conversation is None else wait.conversation
        if self.over and told.acknowledged_at is not None:
            self._context.hub.linger(self)

    # -- acknowledging

    def _acknowledged(self, seq: int) -> None:
        if seq > self.seq:
            self.close(CloseCode.ILLEGAL_MESSAGE, "acknowledges what was not sent")
            return
        self._acked = max(self._acked, seq)
        if self.owes:
            self._context.hub.start(self._store_acknowledgement(), self)

    async def _store_acknowledgement(self) -> None:
        if self._storing:
            return
        self._storing = True
        try:
            while self.owes:
                ended = self._ended
                await self._store_end(self._acked)
                self._stored = ended
        except StoreUnavailableError:
            self._context.journal.store_away("acknowledge")  # still owed: the next poll tries again
            return
        finally:
            self._storing = False
        if self.over and self._stored == self._ended:
            self.close(CloseCode.SESSION_OVER)

    async def _store_end(self, seq: int) -> None:
        """Store that the client has everything up to `seq`, and with it the newest end."""
        following = self._context.following
        if self.over and self._talked:
            await following.acknowledge_end(self.row, seq)
        else:
            await following.acknowledge(self.row, seq)
