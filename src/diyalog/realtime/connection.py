"""One customer's event stream on one WebSocket."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from diyalog.clock import Clock
from diyalog.domain.commands import Mark
from diyalog.domain.ids import CustomerRef, SessionId
from diyalog.domain.results import StreamEvent
from diyalog.domain.wait import Marks, Outcome, Party, Place, State, Wait
from diyalog.ports import StoreUnavailableError
from diyalog.protocol import frames
from diyalog.protocol.codec import decode
from diyalog.protocol.codes import CloseCode
from diyalog.protocol.help import HelpLimits, estimated_seconds
from diyalog.protocol.messages import Aside, ClientMessage, Hello, Read
from diyalog.realtime.hub import Hub
from diyalog.realtime.journal import StreamJournal
from diyalog.realtime.marking import Marking, Shown
from diyalog.realtime.presence import Presence
from diyalog.realtime.stream import Stage, Stream
from diyalog.usecases.following import Followed, Following

_NOWHERE: Final[tuple[int | None, int | None]] = (None, None)
_ENDS: Final = frozenset({frames.WAIT_ENDED, frames.CHAT_ENDED})

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
    marking: Marking


class CustomerStream(Stream[StreamContext, Hello]):
    """A customer's stream: a SocketHandler to the server, a Follower to the hub."""

    __slots__ = (
        "_acked",
        "_ended",
        "_place",
        "_reading",
        "_shown",
        "_stored",
        "_storing",
        "_talked",
        "_theirs",
        "_wanted",
        "customer",
        "over",
        "row",
        "session_id",
        "ticket",
    )

    # Set by the hello, and by the wait that was found for it.
    session_id: SessionId
    ticket: int
    customer: CustomerRef

    def __init__(self, context: StreamContext) -> None:
        super().__init__(context)
        self.row = 0  # the wait's, once it was found
        self._wanted = 0  # the newest event heard of
        self._ended = 0  # the number of the newest end that the client has: the wait's, then the conversation's
        self._stored = 0  # the number of the newest end whose acknowledgement is stored
        self._acked = 0  # the newest event that the client says it has
        self._talked = False  # an agent took the wait
        self._theirs = 0  # the newest event that may be the agent's
        self._shown: Shown | None = None  # of the agent's marks; nothing while there is no conversation
        self._place = _NOWHERE  # what the client was told of its place in the line
        self.over = False  # the session is over
        self._reading = False
        self._storing = False

    @property
    def owes(self) -> bool:
        """The client has an end, and that is still to be stored."""
        return self._stored < self._ended <= self._acked

    @property
    def _name(self) -> str | None:
        return self.session_id if self.row else None

    def _decode(self, text: str) -> ClientMessage:
        return decode(text)

    def _left(self, stage: Stage) -> None:
        if stage is Stage.JOINING:
            self._context.hub.unjoin(self)
        elif stage is Stage.FOLLOWING and self._context.hub.leave(self) and not self.over:
            self._context.presence.set(self.row, connected=False)

    # -- joining

    def _join(self, hello: Hello) -> None:
        self.session_id = SessionId(hello.session_id)
        hub = self._context.hub
        self.ticket = hub.ticket()
        hub.join(self)
        hub.start(self._look_up(hello), self)

    async def _look_up(self, hello: Hello) -> None:
        context = self._context
        try:
            found = await context.following.follow(hello.token, self.session_id, hello.after, hello.epoch)
        except StoreUnavailableError:
            context.journal.store_away("hello")
            self.close(CloseCode.TRY_AGAIN, "try again later")
            return
        if self._stage is not Stage.JOINING:
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
        self._stage = Stage.FOLLOWING
        self._socket.send(
            frames.welcome(
                wait,
                epoch=found.epoch,
                now_ms=context.clock.now_ms(),
                recovered=found.recovered,
                limits=context.limits,
                place=found.place,
            )
        )
        self._place = (found.place.position, estimated_seconds(found.place))
        self.seq = after if found.recovered else wait.seq
        self._theirs = self.seq
        if wait.conversation is not None:
            self._shown = Shown(wait.conversation.agent)
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
        if wait.conversation is not None:
            self.marked(wait.conversation.agent)
        seq = wait.seq
        ended = wait.outcome is not None and wait.outcome is not Outcome.CONNECTED
        if ended and seq == self.seq + 1 and self._stage is Stage.FOLLOWING:
            # A wait's newest event, once it has an outcome, is its wait.ended; unless a conversation followed.
            self._socket.send(frames.newest_wait_ended(wait))
            self.seq = self._ended = seq
            self._note(wait)
        elif seq > self.seq and seq > self._wanted:
            self._wanted = seq
            if self._stage is Stage.FOLLOWING:
                self._context.hub.start(self.catch_up(seq), self)

    def written(self, wait: Wait, event: StreamEvent) -> None:
        """Send a message at once if it is all that is missing; anything else is read from the store."""
        if event.seq == self.seq + 1 and self._stage is Stage.FOLLOWING:
            self._deliver(wait, (event,))
        else:
            self.changed(wait)

    def marked(self, marks: Marks) -> None:
        """Tell the client how far the agent is, and that the agent is writing, as far as that is new."""
        if self._stage is not Stage.FOLLOWING or self.over:
            return
        now_ms = self._context.clock.now_ms()
        if self._shown is None:
            self._shown = Shown(Marks())
        writes, further = self._shown.news(marks, now_ms)
        if writes:
            self._socket.send(frames.typing(self.session_id, now_ms))
        if further is not None:
            self._socket.send(frames.read(self.session_id, further, now_ms))

    @property
    def waits(self) -> bool:
        """Whether the client has been told nothing but that its wait goes on."""
        return self._stage is Stage.FOLLOWING and not (self.over or self._talked or self._ended)

    @property
    def position(self) -> int | None:
        """The place in the line that the client was told."""
        return self._place[0]

    def placed(self, place: Place) -> None:
        """Tell the client its place in the line, unless it knows."""
        told = (place.position, estimated_seconds(place))
        if told != self._place and self.waits:
            self._place = told
            self._socket.send(frames.wait_updated(self.session_id, place, self._context.clock.now_ms()))

    def _newest(self, head: int) -> None:
        if head > self.seq and self._stage is Stage.FOLLOWING:
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
        while self._stage is Stage.FOLLOWING and self._wanted > self.seq:
            before = self.seq
            wait, events = await self._context.following.since(self.row, before)
            if self._stage is Stage.FOLLOWING:
                self._deliver(wait, events)
            if self.seq == before:
                return  # not there yet; the next poll asks again

    def _deliver(self, wait: Wait, events: Sequence[StreamEvent]) -> None:
        for event in events:
            if event.seq > self.seq:
                self._socket.send(frames.event(wait, event))
                self.seq = event.seq
                if event.author is Party.AGENT:
                    self._theirs = event.seq
                    if self._shown is not None and event.kind == frames.CHAT_MESSAGE:
                        self._shown.wrote(event.at)
                if event.kind in _ENDS:
                    self._ended = event.seq
        self._note(wait)

    def _note(self, wait: Wait) -> None:
        self.over = wait.state is State.ENDED
        self._talked = wait.conversation is not None
        told = wait if wait.conversation is None else wait.conversation
        if wait.conversation is not None:
            self.marked(wait.conversation.agent)
        if self.over and told.acknowledged_at is not None:
            self._context.hub.linger(self)

    # -- acknowledging

    def _acknowledged(self, seq: int) -> None:
        received, self._acked = min(self._acked, self._theirs), max(self._acked, seq)
        if self._talked and not self.over and min(seq, self._theirs) > received:
            self._context.marking.note(Mark(self.row, Party.CUSTOMER, received=min(seq, self._theirs)))
        if self.owes:
            self._context.hub.start(self._store_acknowledgement(), self)

    def _heard(self, aside: Aside) -> None:
        if not self._talked or self.over:
            return
        if isinstance(aside, Read):
            # Its app may know the number of a message of its own that was not sent to it yet.
            seq = min(aside.seq, self.seq)
            self._context.marking.note(Mark(self.row, Party.CUSTOMER, received=seq, read=seq))
        else:
            self._context.marking.note(Mark(self.row, Party.CUSTOMER, typing=True))

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
