"""Conversations: an agent takes a wait, both sides write, one of them or the company ends it.

Accepting is one more way to end a wait, by the same guarded transaction as all the others: the first commit wins, and
who comes too late is told what is stored.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple, Protocol

from diyalog.domain.commands import AcceptWait, Caller, EndConversation, Mark, Say, ShowProfile
from diyalog.domain.ids import CustomerRef, InteractionId, NodeId, SessionId, StaffRef
from diyalog.domain.results import ConversationResult, Marked, Said, StaffEvent, StreamEvent, Verdict, Waiter
from diyalog.domain.wait import Party, State, Wait
from diyalog.ports import ConversationStore, StoreUnavailableError, WaitReader
from diyalog.ports_bus import Bus
from diyalog.usecases.changes import Changes
from diyalog.usecases.commanding import CommandIds

LINE: Final = 500
"""Most waiting customers that the staff is shown at once."""
_LOST_PAGE: Final = 100
_REMEMBERED: Final = 1_000


class Waits(WaitReader, Protocol):
    """What this use case needs of waits."""

    async def touch(self, row: int) -> None:
        """Store a sign of life of a customer's app that is not connected. Raises StoreUnavailableError."""
        ...


class Talk(NamedTuple):
    """A conversation as the staff sees it."""

    wait: Wait
    customer: Waiter


class Conversing:
    """What agents and customers do with each other. Every method raises StoreUnavailableError when the store is away.

    Whoever acts is named by `customer` or by `staff`; what is not theirs does not exist for them. `agent_lost_ms`: how
    long a desk may give no sign of life until its conversations end. `on_unreadable` is told once of a session whose
    customer's name is stored and cannot be opened.
    """

    def __init__(
        self,
        store: ConversationStore,
        waits: Waits,
        *,
        changes: Changes,
        bus: Bus,
        commands: CommandIds,
        agent_lost_ms: int,
        on_unreadable: Callable[[SessionId], None],
    ) -> None:
        self._on_unreadable = on_unreadable
        self._unreadable: set[SessionId] = set()
        self._agent_lost_ms = agent_lost_ms
        self._store = store
        self._waits = waits
        self._changes = changes
        self._bus = bus
        self._commands = commands

    async def line(self) -> Sequence[Waiter]:
        """The customers who wait, those who came first, at most `LINE` of them."""
        return await self.waiting(LINE)

    async def waiting(self, limit: int) -> Sequence[Waiter]:
        """The customers who wait, those who came first, at most `limit` of them."""
        return [self._looked_over(waiter) for waiter in await self._store.waiting(limit)]

    async def customer_of(self, wait: Wait) -> Waiter | None:
        """The customer of a wait, as the staff sees them; None once it is forgotten."""
        waiter = await self._store.customer_of(wait)
        return None if waiter is None else self._looked_over(waiter)

    def _looked_over(self, waiter: Waiter) -> Waiter:
        """The waiter; somebody is told, once, that what is stored of them is damaged."""
        session_id = waiter.wait.session_id
        if waiter.unreadable and session_id not in self._unreadable:
            if len(self._unreadable) == _REMEMBERED:
                self._unreadable.clear()
            self._unreadable.add(session_id)
            self._on_unreadable(session_id)
        return waiter

    async def accept(
        self,
        staff: StaffRef,
        *,
        session_id: SessionId | None = None,
        interaction_id: InteractionId | None = None,
        customer_id: str | None = None,
    ) -> ConversationResult:
        """An agent takes the wait of this name; one of the three is given.

        WON: the conversation is theirs (again: the same one). LOST: nobody is waiting there any more, and `wait` says
        how it ended, also who has it. UNKNOWN: there was never such a wait.
        """
        command = AcceptWait(self._commands.new(), staff, session_id, interaction_id, customer_id)
        return self._told(await self._store.accept(command))

    async def end(
        self, session_id: SessionId, by: Party, *, customer: CustomerRef | None = None, staff: StaffRef | None = None
    ) -> ConversationResult:
        """One of the two ends their conversation. WON: it is over (`wait` says who ended it first).

        LOST: there is none to end, and `wait` says how it stands. UNKNOWN: no such session of theirs.
        """
        return self._told(await self._store.end(EndConversation(self._commands.new(), session_id, by, customer, staff)))

    async def show_profile(self, session_id: SessionId, staff: StaffRef | None, caller: Caller) -> bool:
        """Somebody of the staff looks at a customer's numbers, which is written down first; whether they may."""
        return await self._store.show_profile(ShowProfile(session_id, staff, caller))

    async def end_as_supervisor(self, session_id: SessionId, staff: StaffRef, caller: Caller) -> ConversationResult:
        """A supervisor ends a conversation: for the company, unless it is their own.

        WON: it is over (`wait` says who ended it first). UNKNOWN: there is no such conversation.
        """
        wait = await self._waits.wait(session_id)
        if wait is not None and wait.conversation is not None and wait.conversation.staff == staff:
            return await self.end(session_id, Party.AGENT, staff=staff)
        command = EndConversation(self._commands.new(), session_id, Party.COMPANY, caller=caller)
        return self._told(await self._store.end(command))

    async def told(self, wait: Wait) -> None:
        """The customer's app is being told by an answer to its own call that the conversation is over."""
        if wait.conversation is not None and wait.conversation.acknowledged_at is None:
            await self._store.acknowledge_end(wait.row, wait.seq)

    async def finish(self, customer_id: str, user_id: str, caller: Caller) -> bool:
        """The company ends the conversation between these two (finishonlinehelp); whether there was one."""
        session_id = await self._store.between(customer_id, user_id)
        if session_id is None:
            return False
        command = EndConversation(self._commands.new(), session_id, Party.COMPANY, caller=caller)
        result = self._told(await self._store.end(command))
        return result.verdict is Verdict.WON and not result.replayed

    async def end_lost(self) -> bool:
        """End conversations of which one side was away for too long; whether more may be due at once."""
        ended = await self._store.end_lost(self._commands.new(), self._agent_lost_ms, _LOST_PAGE)
        for result in ended:
            self._told(result)
        return len(ended) == _LOST_PAGE

    async def say(self, message: Say) -> Said:
        """One side writes to the other; see `Said`. The same message again is the same message."""
        said = await self._store.say(message)
        if said.wait is not None and said.event is not None and said.staff_seq is not None:
            self._changes.written(StaffEvent(said.staff_seq, said.wait, said.event))
            self._wake(said.wait, said.elsewhere)
        return said

    async def mark(self, marks: Sequence[Mark]) -> Sequence[Marked]:
        """Store how far sides of conversations are, and tell other nodes; those of which anything is new."""
        marked = await self._store.mark(marks)
        for one in marked:
            if one.elsewhere is not None:
                self._bus.wake(one.elsewhere, (one.row,))
        return marked

    async def messages(
        self, session_id: SessionId, after: int, *, customer: CustomerRef | None = None, staff: StaffRef | None = None
    ) -> Sequence[StreamEvent] | None:
        """The messages after event `after` of a session; None when it is not theirs.

        Without customer and staff: of anybody's conversation. A customer who asks gives a sign of life.
        """
        wait = await self._waits.wait(session_id)
        if wait is None or (customer is not None and wait.customer != customer):
            return None
        if customer is None and not _is_of(wait, staff):
            return None
        if customer is not None and wait.state is not State.ENDED:
            with suppress(StoreUnavailableError):  # reading goes on while nothing can be stored
                await self._waits.touch(wait.row)
        return [event for event in await self._store.events(wait, after) if event.message_id is not None]

    async def conversation(self, session_id: SessionId, staff: StaffRef | None) -> Talk | None:
        """A conversation of this member of the staff; None: of anybody."""
        wait = await self._waits.wait(session_id)
        return await self.talk(wait) if wait is not None and _is_of(wait, staff) else None

    async def talk(self, wait: Wait) -> Talk | None:
        """The conversation of a wait with what the staff may know of the customer; None once it is forgotten."""
        customer = await self.customer_of(wait)
        return None if customer is None else Talk(wait, customer)

    async def live(self, staff: StaffRef) -> Sequence[Talk]:
        """The conversations of this member of the staff that are not over, those that began first."""
        rows = await self._store.live(staff)
        talks = [await self.talk(wait) for wait in await self._waits.waits(rows) if wait.state is State.CONNECTED]
        return [talk for talk in talks if talk is not None]

    def _told(self, result: ConversationResult) -> ConversationResult:
        if result.verdict is Verdict.WON and result.wait is not None and not result.replayed:
            self._changes.changed(result.wait)
            self._wake(result.wait, result.elsewhere)
        return result

    def _wake(self, wait: Wait, nodes: Sequence[NodeId]) -> None:
        for node in nodes:
            self._bus.wake(node, (wait.row,))


def _is_of(wait: Wait, staff: StaffRef | None) -> bool:
    """Whether a wait has led to a conversation of this member of the staff; None: of anybody."""
    talk = wait.conversation
    return talk is not None and (staff is None or talk.staff == staff)
