"""The store's part for conversations: its commands, and its reads for both sides."""

from collections.abc import Awaitable, Sequence
from typing import Final, Protocol

import msgspec

from diyalog.domain.commands import AcceptWait, EndConversation, Mark, Request, Say, ShowProfile
from diyalog.domain.ids import CommandId, NodeId, SessionId, StaffRef
from diyalog.domain.results import (
    ConversationResult,
    Marked,
    Said,
    StaffEvent,
    StaffHead,
    StreamEvent,
    Waiter,
)
from diyalog.domain.wait import Outcome, Wait
from diyalog.storage import conversing, marking
from diyalog.storage.admission import profile_place
from diyalog.storage.rows import conversation_event, conversation_of, open_request, open_wait
from diyalog.storage.sealing import SealBrokenError, Sealer
from diyalog.storage.transaction import Row, Value, each
from diyalog.storage.writing import CommandWriter

_ACCEPT: Final = conversing.accept_waits
_END: Final = conversing.end_conversations
_SAY: Final = conversing.say
_MARK: Final = each(marking.mark)
_SHOW_PROFILE: Final = each(conversing.show_profile)
_CONNECT: Final = each(conversing.connect_staff, lambda ask: ask[0])
_ACKNOWLEDGE: Final = each(conversing.acknowledge_end)
_END_LOST: Final = each(conversing.end_lost)
_WAIT_COLUMNS: Final = 15
_NOT_KNOWN: Final = "?"  # desks leave out a customer without a number
PAGE: Final = 500
"""Most events that are read at once."""


class Read(Protocol):
    """Reads all rows of a named statement in a transaction of its own; raises StoreUnavailableError."""

    def __call__(self, statement: str, **values: Value) -> Awaitable[Sequence[Row]]:
        """The rows."""
        ...


class DatabaseConversations:
    """Satisfies ports.ConversationStore."""

    def __init__(self, writer: CommandWriter, read: Read, sealer: Sealer) -> None:
        self._writer = writer
        self._read = read
        self._sealer = sealer

    # Commands

    async def accept(self, command: AcceptWait) -> ConversationResult:
        """Let an agent take a wait."""
        return await self._writer.submit(_ACCEPT, command)

    async def end(self, command: EndConversation) -> ConversationResult:
        """End a conversation, once."""
        return await self._writer.submit(_END, command)

    async def end_lost(self, command: CommandId, agent_ms: int, limit: int) -> Sequence[ConversationResult]:
        """End conversations of which one side was away for too long."""
        return await self._writer.submit(_END_LOST, (command, agent_ms, limit))

    async def say(self, command: Say) -> Said:
        """Write a message, once under its sender's id."""
        return await self._writer.submit(_SAY, command)

    async def show_profile(self, command: ShowProfile) -> bool:
        """Write down that somebody of the staff looks at a customer's numbers; whether they may."""
        return await self._writer.submit(_SHOW_PROFILE, command)

    async def mark(self, marks: Sequence[Mark]) -> Sequence[Marked]:
        """Store how far sides of conversations are."""
        return await self._writer.submit(_MARK, marks)

    async def staff_present(self, staff: StaffRef, *, connected: bool) -> None:
        """Store that a desk connected to this node, or went away from it."""
        await self._writer.submit(_CONNECT, (staff, connected))

    async def acknowledge_end(self, row: int, seq: int) -> None:
        """Store that the customer's app received everything up to `seq`, and with it the end of the conversation."""
        await self._writer.submit(_ACKNOWLEDGE, (row, seq))

    # Reads

    async def with_conversation(self, wait: Wait) -> Wait:
        """The wait with its conversation, if an agent took it."""
        if wait.outcome is not Outcome.CONNECTED:
            return wait
        found = await self._read("conversation_of_wait", wait=wait.row)
        return wait._replace(conversation=conversation_of(found[0], self._sealer)) if found else wait

    async def events(self, wait: Wait, after: int) -> Sequence[StreamEvent]:
        """The events of the wait's conversation after `after`, up to the newest that `wait` knows of."""
        if wait.outcome is not Outcome.CONNECTED:
            return ()
        events: list[StreamEvent] = []
        while True:
            rows = await self._read("conversation_events", wait=wait.row, after=after, limit=PAGE)
            page = [conversation_event(row, wait.session_id, self._sealer) for row in rows]
            events += [event for event in page if event.seq <= wait.seq]
            if len(page) < PAGE:
                return events
            after = page[-1].seq

    async def waiting(self, limit: int) -> Sequence[Waiter]:
        """The customers who wait, those who came first, at most `limit`."""
        return [self._waiter(row) for row in await self._read("waiting_line", limit=limit)]

    async def customer_of(self, wait: Wait) -> Waiter | None:
        """The customer of a wait, as the staff sees them."""
        found = await self._read("customer_of_wait", wait=wait.row)
        if not found:
            return None
        lookup, sealed, present, session_id, request = found[0]
        return self._seen(wait, lookup, sealed, present, self._request(session_id, request))

    async def live(self, staff: StaffRef) -> Sequence[int]:
        """Rows of the waits whose conversations with this member of the staff are alive, oldest first."""
        return [row for (row,) in await self._read("live_conversations", staff=staff, limit=PAGE)]

    async def between(self, customer_id: str, user_id: str) -> SessionId | None:
        """The session of the live conversation of a customer and a member of the staff."""
        found = await self._read(
            "live_between",
            staff_lookup=self._sealer.lookup("staff", user_id),
            customer_lookup=self._sealer.lookup("customer", customer_id),
        )
        return SessionId(found[0][0]) if found else None

    async def staff_heads(self, staff: Sequence[StaffRef]) -> dict[StaffRef, StaffHead]:
        """The newest event of each of these staff streams, and the node to which the desk is connected."""
        found = await self._read("read_staff_heads", staff=msgspec.json.encode(staff).decode())
        return {StaffRef(row): StaffHead(seq, None if node is None else NodeId(node)) for row, seq, node in found}

    async def staff_events(self, staff: StaffRef, after: int) -> Sequence[StaffEvent]:
        """Up to `PAGE` events of a staff stream after `after`, in order."""
        events: list[StaffEvent] = []
        waits: dict[int, Wait | None] = {}
        for seq, row, event_seq in await self._read("staff_events", staff=staff, after=after, limit=PAGE):
            if row not in waits:
                fields = await self._read("wait_by_row", wait=row)
                waits[row] = await self.with_conversation(open_wait(fields[0], self._sealer)) if fields else None
            wait = waits[row]
            found = await self._read("one_event", wait=row, seq=event_seq)
            if wait is not None and found:  # else it was forgotten meanwhile
                events.append(StaffEvent(seq, wait, conversation_event(found[0], wait.session_id, self._sealer)))
        return events

    def _waiter(self, row: Row) -> Waiter:
        fields = list(row)
        wait = open_wait(fields[:_WAIT_COLUMNS], self._sealer)
        lookup, sealed, present, request, offered = fields[_WAIT_COLUMNS:]
        seen = self._seen(wait, lookup, sealed, present, self._request(wait.session_id, request))
        return seen._replace(offered=bool(offered))

    def _seen(self, wait: Wait, lookup: bytes, sealed: bytes, present: str | None, request: Request | None) -> Waiter:
        # What is damaged in one row must not hide the whole line.
        attached = () if request is None else request.attached_data
        try:
            profile = msgspec.json.decode(self._sealer.open(profile_place(lookup), sealed), type=dict[str, str])
            return Waiter(wait, profile["customerId"], profile.get("customerName"), present is not None, attached)
        except (SealBrokenError, msgspec.MsgspecError, KeyError):
            known = _NOT_KNOWN if request is None else request.customer_id
            return Waiter(wait, known, None, present is not None, attached, unreadable=True)

    def _request(self, session_id: str, sealed: bytes | None) -> Request | None:
        return None if sealed is None else open_request(session_id, sealed, self._sealer)
