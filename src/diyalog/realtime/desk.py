"""The event stream of one member of the staff on one WebSocket."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from diyalog.clock import Clock
from diyalog.domain.commands import Mark
from diyalog.domain.ids import SessionId, StaffRef
from diyalog.domain.results import StaffEvent
from diyalog.domain.wait import Marks, Party, State, Wait
from diyalog.ports import StoreUnavailableError
from diyalog.protocol import staff_stream
from diyalog.protocol.codec import decode_staff
from diyalog.protocol.codes import CloseCode
from diyalog.protocol.conversation import conversation_object
from diyalog.protocol.messages import Aside
from diyalog.protocol.staff_stream import (
    StaffAside,
    StaffHello,
    StaffMessage,
    StaffRead,
    StaffReceived,
    StaffSnapshot,
)
from diyalog.realtime.desks import Desks
from diyalog.realtime.journal import StreamJournal
from diyalog.realtime.marking import Marking, Shown
from diyalog.realtime.presence import Presence
from diyalog.realtime.stream import Stage, Stream
from diyalog.usecases.staff_access import StaffIdentity
from diyalog.usecases.staff_following import StaffFollowed, StaffFollowing

_NOBODY: Final = StaffRef(0)
"""Whose a stream is as long as its token was not looked up."""


@dataclass(frozen=True, slots=True)
class DeskContext:
    """What every desk's stream of the node works with.

    `now` is the event loop's clock in seconds; `messages_per_minute` what one desk may send, 0 for no limit;
    `look_again` has the line shown to the desks soon.
    """

    hub: Desks
    following: StaffFollowing
    presence: Presence
    journal: StreamJournal
    clock: Clock
    now: Callable[[], float]
    messages_per_minute: int
    look_again: Callable[[], None]
    marking: Marking


class _Talk:
    """A conversation that is not over: the wait's row, the newest event of its session that the desk knows of, and what
    it was told of the customer's marks.
    """

    __slots__ = ("row", "seq", "shown")

    def __init__(self, row: int, seq: int, marks: Marks) -> None:
        self.row = row
        self.seq = seq
        self.shown = Shown(marks)


class DeskStream(Stream[DeskContext, StaffHello]):
    """A desk's stream: a SocketHandler to the server, a Desk to the others."""

    __slots__ = ("_line", "_news", "_own", "_reading", "_talks", "shows_line", "staff", "ticket")

    ticket: int

    def __init__(self, context: DeskContext) -> None:
        super().__init__(context)
        self.staff = _NOBODY
        self._news = False  # something was heard of that may not be read yet
        self._reading = False
        self._line = self._own = b""  # what was shown last
        self._talks: dict[str, _Talk] = {}
        self.shows_line = False

    @property
    def row(self) -> int:
        """The row of the member of the staff."""
        return self.staff

    @property
    def owes(self) -> bool:
        """Never: what a desk acknowledges need not be stored."""
        return False

    @property
    def _name(self) -> str | None:
        return None if self.staff == _NOBODY else f"staff-{self.staff}"

    def _decode(self, text: str) -> StaffMessage:
        return decode_staff(text)

    def _acknowledged(self, seq: int) -> None:
        """Nothing is to be done: what a desk has not seen it asks for by its hello's `after`."""

    def _heard(self, aside: Aside) -> None:
        talk = self._talks.get(aside.conversation_id) if isinstance(aside, StaffAside) else None
        if talk is None:
            return  # over, or not theirs
        mark = Mark(talk.row, Party.AGENT)
        match aside:
            case StaffReceived():
                mark = mark._replace(received=min(aside.seq, talk.seq))
            case StaffRead():
                mark = mark._replace(received=min(aside.seq, talk.seq), read=min(aside.seq, talk.seq))
            case _:
                mark = mark._replace(typing=True)
        self._context.marking.note(mark)

    def _left(self, stage: Stage) -> None:
        if stage is Stage.JOINING:
            self._context.hub.unjoin(self)
        elif stage is Stage.FOLLOWING and self._context.hub.leave(self):
            self._context.presence.set(self.staff, connected=False)

    # -- joining

    def _join(self, hello: StaffHello) -> None:
        desks = self._context.hub
        self.shows_line = hello.line
        self.ticket = desks.ticket()
        desks.join(self)
        desks.start(self._look_up(hello), self)

    async def _look_up(self, hello: StaffHello) -> None:
        context = self._context
        try:
            who = await context.following.identify(hello.token)
            if self._stage is not Stage.JOINING:
                return  # the client left, or was closed, meanwhile
            if who is None:
                self.close(CloseCode.TOKEN_REFUSED, "token unknown or revoked")
                return
            context.hub.unjoin(self)
            self.staff = who.staff
            context.hub.join(self)  # now it is told of news, and only then anything is read
            found = await context.following.follow(who.staff, hello.after, hello.epoch)
        except StoreUnavailableError:
            context.journal.store_away("hello")
            self.close(CloseCode.TRY_AGAIN, "try again later")
            return
        if self._stage is Stage.JOINING:
            self._begin(who, found, hello.after)

    def _begin(self, who: StaffIdentity, found: StaffFollowed, after: int) -> None:
        context = self._context
        if context.hub.overtaken(self):
            self.close(CloseCode.CONTINUED_ELSEWHERE, "continued by a newer hello")
            return
        context.hub.unjoin(self)
        context.hub.take(self)
        self._stage = Stage.FOLLOWING
        conversations = [conversation_object(*talk) for talk in found.live]
        self._socket.send(
            staff_stream.welcome(
                StaffSnapshot(who.user_id, who.user_name, conversations),
                seq=found.seq,
                epoch=found.epoch,
                now_ms=context.clock.now_ms(),
                recovered=found.recovered,
            )
        )
        self.seq = after if found.recovered else found.seq
        for wait, _ in found.live:
            self._learn(wait, wait.seq, told=True)
        self._deliver(found.events)
        context.presence.connected(self.staff, self._newest)
        if self.shows_line:
            context.look_again()
        self._socket.resume()
        if self._news:
            context.hub.start(self.catch_up(self.seq), self)

    # -- following

    def show(self, line: bytes, own: bytes) -> None:
        """Send who waits, and what is wanted of this desk, as far as that is not what it was sent last."""
        if self._stage is not Stage.FOLLOWING:
            return
        if line != self._line:
            self._line = line
            self._socket.send(line)
        if own != self._own:
            self._own = own
            self._socket.send(own)

    def marked(self, session_id: SessionId, marks: Marks) -> None:
        """Tell the desk how far the customer is, and that the customer is writing, as far as that is new."""
        talk = self._talks.get(session_id)
        if talk is None or self._stage is not Stage.FOLLOWING:
            return
        now_ms = self._context.clock.now_ms()
        writes, further = talk.shown.news(marks, now_ms)
        if writes:
            self._socket.send(staff_stream.typing(session_id, now_ms))
        if further is not None:
            self._socket.send(staff_stream.read(session_id, further, now_ms))

    def changed(self, wait: Wait) -> None:
        """Send what is new, once it is read."""
        talk = self._talks.get(wait.session_id)
        if talk is not None and wait.conversation is not None:
            self.marked(wait.session_id, wait.conversation.customer)
            if wait.seq <= talk.seq:
                return
        self._news = True
        if self._stage is Stage.FOLLOWING and not self._reading:
            self._context.hub.start(self.catch_up(self.seq), self)

    def written(self, told: StaffEvent) -> None:
        """Send a message at once if it is all that is missing; anything else is read from the store."""
        if told.seq == self.seq + 1 and self._stage is Stage.FOLLOWING:
            self._deliver((told,))
        else:
            self.changed(told.wait)

    def _newest(self, head: int) -> None:
        if head > self.seq and self._stage is Stage.FOLLOWING:
            self._context.hub.start(self.catch_up(head), self)

    async def catch_up(self, head: int) -> None:
        """Send from the store whatever comes after what was sent, at least up to the event `head`."""
        self._news = True
        if self._reading:
            return
        self._reading = True
        try:
            await self._read()
        except StoreUnavailableError:
            self._context.journal.store_away("read")  # the next poll sends it
            return
        finally:
            self._reading = False
        if self._stage is Stage.FOLLOWING and self.seq < head:
            self._forgotten()

    async def _read(self) -> None:
        while self._news and self._stage is Stage.FOLLOWING:
            self._news = False
            events = await self._context.following.since(self.staff, self.seq)
            if self._stage is Stage.FOLLOWING:
                self._deliver(events)
                self._news |= len(events) > 1  # it may have been a whole page, and more behind it

    def _deliver(self, events: Sequence[StaffEvent]) -> None:
        for event in events:
            if event.seq == self.seq + 1:
                self._socket.send(staff_stream.event(event))
                self.seq = event.seq
                talk = self._talks.get(event.wait.session_id)
                if talk is not None and event.event.author is Party.CUSTOMER:
                    talk.shown.wrote(event.event.at)
                self._learn(event.wait, event.event.seq)
            elif event.seq > self.seq:
                self._forgotten()
                return

    def _learn(self, wait: Wait, seq: int, *, told: bool = False) -> None:
        """The desk knows of the session's events up to `seq`, and, where it was `told`, of the customer's marks."""
        if wait.state is State.ENDED or wait.conversation is None:
            self._talks.pop(wait.session_id, None)
            return
        marks = wait.conversation.customer
        talk = self._talks.setdefault(wait.session_id, _Talk(wait.row, seq, marks if told else Marks()))
        talk.seq = max(talk.seq, seq)
        self.marked(wait.session_id, marks)

    def _forgotten(self) -> None:
        """Let the desk come back for a snapshot: events that it has not seen are kept no longer."""
        self.close(CloseCode.TRY_AGAIN, "come back for a snapshot")
