"""The event stream of one member of the staff on one WebSocket."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from diyalog.clock import Clock
from diyalog.domain.ids import StaffRef
from diyalog.domain.results import StaffEvent
from diyalog.ports import StoreUnavailableError
from diyalog.protocol import staff_stream
from diyalog.protocol.codec import decode_staff
from diyalog.protocol.codes import CloseCode
from diyalog.protocol.conversation import conversation_object
from diyalog.protocol.staff_stream import StaffHello, StaffMessage, StaffSnapshot
from diyalog.realtime.desks import Desks
from diyalog.realtime.journal import StreamJournal
from diyalog.realtime.presence import Presence
from diyalog.realtime.stream import Stage, Stream
from diyalog.usecases.staff_access import StaffIdentity
from diyalog.usecases.staff_following import StaffFollowed, StaffFollowing

_NOBODY: Final = StaffRef(0)
"""Whose a stream is as long as its token was not looked up."""


@dataclass(frozen=True, slots=True)
class DeskContext:
    """What every desk's stream of the node works with.

    `now` is the event loop's clock in seconds; `messages_per_minute` what one desk may send, 0 for no limit.
    """

    hub: Desks
    following: StaffFollowing
    presence: Presence
    journal: StreamJournal
    clock: Clock
    now: Callable[[], float]
    messages_per_minute: int


class DeskStream(Stream[DeskContext, StaffHello]):
    """A desk's stream: a SocketHandler to the server, a Desk to the others."""

    __slots__ = ("_news", "_reading", "staff", "ticket")

    ticket: int

    def __init__(self, context: DeskContext) -> None:
        super().__init__(context)
        self.staff = _NOBODY
        self._news = False  # something was heard of that may not be read yet
        self._reading = False

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

    def _left(self, stage: Stage) -> None:
        if stage is Stage.JOINING:
            self._context.hub.unjoin(self)
        elif stage is Stage.FOLLOWING and self._context.hub.leave(self):
            self._context.presence.set(self.staff, connected=False)

    # -- joining

    def _join(self, hello: StaffHello) -> None:
        desks = self._context.hub
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
        self._deliver(found.events)
        context.presence.connected(self.staff, self._newest)
        self._socket.resume()
        if self._news:
            context.hub.start(self.catch_up(self.seq), self)

    # -- following

    def changed(self) -> None:
        """Send what is new, once it is read."""
        self._news = True
        if self._stage is Stage.FOLLOWING and not self._reading:
            self._context.hub.start(self.catch_up(self.seq), self)

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
            elif event.seq > self.seq:
                self._forgotten()
                return

    def _forgotten(self) -> None:
        """Let the desk come back for a snapshot: events that it has not seen are kept no longer."""
        self.close(CloseCode.TRY_AGAIN, "come back for a snapshot")
