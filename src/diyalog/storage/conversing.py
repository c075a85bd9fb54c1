"""Conversations: an agent takes a wait, both sides write, one of them ends it.

Every event of a conversation goes on where the wait's own events ended: its number is the wait's next, taken in the
transaction that writes it, so that both sides read the same events in the same order. The member of the staff has a
stream of their own over all conversations; its events are those of the sessions, under numbers of that stream.
"""

from collections.abc import Sequence
from typing import NamedTuple

from diyalog.domain.commands import AcceptWait, EndConversation, EndWait, Say, ShowProfile
from diyalog.domain.ids import CommandId, CustomerRef, NodeId, SessionId, StaffRef
from diyalog.domain.results import ConversationResult, Said, StreamEvent, Verdict
from diyalog.domain.transitions import PROFILE_SHOWN, Event
from diyalog.domain.wait import Party, State, Wait
from diyalog.storage.endings import end_waits
from diyalog.storage.rows import conversation_event, conversation_of, open_wait, text_place
from diyalog.storage.transaction import Row, Transaction


class _Event(NamedTuple):
    """What is written into the streams; `text` is sealed."""

    kind: str
    author: Party
    message_id: str | None = None
    text: bytes | None = None


class _Written(NamedTuple):
    """The numbers of an event that was written, and the other nodes that serve one of the sides."""

    seq: int
    staff_seq: int
    elsewhere: tuple[NodeId, ...]


async def accept_waits(transaction: Transaction, commands: Sequence[AcceptWait]) -> list[ConversationResult]:
    """Let agents take waits, each by the one guarded transaction; one result for each command, in order."""
    rows = [await _named(transaction, command) for command in commands]
    waits = [row for row in rows if row is not None]
    await transaction.hold_conversations(waits, [command.staff for command in commands])
    return [await _accept(transaction, command, row) for command, row in zip(commands, rows, strict=True)]


async def _accept(transaction: Transaction, command: AcceptWait, row: int | None) -> ConversationResult:
    if row is None:
        return ConversationResult(Verdict.UNKNOWN)
    [end] = await end_waits(transaction, [EndWait(command.command, Event.ACCEPT, row=row)])
    begun = None
    if end.verdict is Verdict.WON and await transaction.row("conversation_of_wait", wait=row) is None:
        await transaction.run("begin_conversation", wait=row, staff=command.staff)
        begun = await _write(transaction, row, command.staff, _Event("began", Party.AGENT))
    wait = await _read(transaction, row)
    if wait is None:
        return ConversationResult(Verdict.UNKNOWN)
    if begun is not None:
        return ConversationResult(Verdict.WON, wait, elsewhere=begun.elsewhere)
    talk = wait.conversation
    won_before = end.verdict is Verdict.WON  # a commit whose answer was lost: nobody has been told yet
    own = talk is not None and talk.staff == command.staff and (won_before or wait.state is State.CONNECTED)
    return ConversationResult(Verdict.WON if own else Verdict.LOST, wait, replayed=own and not won_before)


async def _named(transaction: Transaction, command: AcceptWait) -> int | None:
    """The row of the wait that a command names."""
    if command.session_id is not None:
        found = await transaction.row("session_wait", session=command.session_id)
    elif command.interaction_id is not None:
        found = await transaction.row("interaction_wait", interaction=command.interaction_id)
    else:
        assert command.customer_id is not None, "one of the three"
        lookup = transaction.sealer.lookup("customer", command.customer_id)
        found = await transaction.row("customer_wait", lookup=lookup)
    return None if found is None else found[0]


async def end_conversations(transaction: Transaction, commands: Sequence[EndConversation]) -> list[ConversationResult]:
    """End conversations, each once; one result for each command, in order."""
    rows = [await _owned_wait(transaction, command.session_id, command.customer) for command in commands]
    await transaction.hold_conversations([row for row in rows if row is not None], [])
    return [await _end(transaction, command, row) for command, row in zip(commands, rows, strict=True)]


async def _end(transaction: Transaction, command: EndConversation, row: int | None) -> ConversationResult:
    wait = None if row is None else await _read(transaction, row)
    if row is None or wait is None or wait.conversation is None:
        # A wait that led to no conversation: its customer learns how it stands, nobody else learns anything.
        own = wait is not None and command.customer is not None
        return ConversationResult(Verdict.LOST, wait) if own else ConversationResult(Verdict.UNKNOWN)
    if command.staff is not None and wait.conversation.staff != command.staff:
        return ConversationResult(Verdict.UNKNOWN)
    if await transaction.row("end_conversation", wait=row) is None:
        own_end = transaction.again and await transaction.row("ended_by_command", wait=row, command=command.command)
        return ConversationResult(Verdict.WON, wait, replayed=not own_end)
    await transaction.run("close_conversation", wait=row, by=command.by, command=command.command)
    caller = command.caller
    requester = None if caller is None else _requester(transaction, caller.access_key, caller.requester)
    await transaction.run(
        "write_conversation_audit",
        wait=row,
        event=Event.CONVERSATION_ENDED,
        access_key=None if caller is None else caller.access_key,
        requester=requester,
    )
    written = await _write(transaction, row, wait.conversation.staff, _Event("ended", command.by))
    return ConversationResult(Verdict.WON, await _read(transaction, row), elsewhere=written.elsewhere)


async def show_profile(transaction: Transaction, ask: ShowProfile) -> bool:
    """Write down that somebody of the staff looks at a customer's numbers; whether they may."""
    row = await _owned_wait(transaction, ask.session_id, None)
    wait = None if row is None else await _read(transaction, row)
    if row is None or wait is None or wait.conversation is None:
        return False
    if ask.staff is not None and wait.conversation.staff != ask.staff:
        return False
    access_key, name = ask.caller
    requester = _requester(transaction, access_key, name)
    await transaction.run(
        "write_conversation_audit", wait=row, event=PROFILE_SHOWN, access_key=access_key, requester=requester
    )
    return True


def _requester(transaction: Transaction, access_key: str, requester: str) -> bytes:
    return transaction.sealer.seal_again(f"audit.requester:{access_key}", requester)


async def end_lost(transaction: Transaction, ask: tuple[CommandId, int, int]) -> list[ConversationResult]:
    """End up to `ask[2]` conversations of which one side was away for too long, an agent for `ask[1]` ms.

    Each end is a command of its own, named after `ask[0]`.
    """
    command, agent_ms, limit = ask
    before = transaction.now - agent_ms
    seen = [row for row, *_ in await transaction.rows("lost_conversations", agents_before=before, limit=limit)]
    if not seen:
        return []
    await transaction.hold_conversations(seen, [])
    # Whoever came back until they were held is not lost.
    lost = await transaction.rows("lost_conversations", agents_before=before, limit=limit)
    commands = [
        EndConversation(CommandId(f"{command}-{row}"), session, Party.AGENT_LOST if agent else Party.CUSTOMER_LOST)
        for row, session, agent in lost
        if row in seen
    ]
    return await end_conversations(transaction, commands)


async def say(transaction: Transaction, commands: Sequence[Say]) -> list[Said]:
    """Write messages, each once under its sender's id; one result for each command, in order."""
    rows = [await _owned_wait(transaction, command.session_id, command.customer) for command in commands]
    await transaction.hold_conversations([row for row in rows if row is not None], [])
    return [await _say(transaction, command, row) for command, row in zip(commands, rows, strict=True)]


async def _say(transaction: Transaction, command: Say, row: int | None) -> Said:
    wait = None if row is None else await _read(transaction, row)
    if row is None or wait is None:
        return Said(Verdict.UNKNOWN)
    if command.customer is not None:
        await transaction.run("touch", wait=row)  # a sign of life of an app that is not connected
    talk = wait.conversation
    if command.staff is not None and (talk is None or talk.staff != command.staff):
        return Said(Verdict.UNKNOWN)
    author = Party.CUSTOMER if command.staff is None else Party.AGENT
    found = await transaction.row("find_message", wait=row, author=author, message_id=command.message_id)
    if found is not None:
        event = conversation_event(found, wait.session_id, transaction.sealer)
        same = event.text == command.text
        return Said(Verdict.WON if same else Verdict.MISMATCH, wait, event if same else None, replayed=True)
    if talk is None or wait.state is not State.CONNECTED:
        return Said(Verdict.LOST, wait)
    place = text_place(wait.session_id, author, command.message_id)
    sealed = transaction.sealer.seal(place, command.text)
    written = await _write(transaction, row, talk.staff, _Event("message", author, command.message_id, sealed))
    event = StreamEvent(written.seq, "chat.message", transaction.now, author, command.message_id, command.text)
    wait = wait._replace(seq=written.seq)
    return Said(Verdict.WON, wait, event, elsewhere=written.elsewhere, staff_seq=written.staff_seq)


async def _owned_wait(transaction: Transaction, session_id: SessionId, customer: CustomerRef | None) -> int | None:
    """The row of a session; None when there is none, or when it is not this customer's."""
    found = await transaction.row("session_wait", session=session_id)
    return None if found is None or (customer is not None and found[1] != customer) else found[0]


async def _read(transaction: Transaction, row: int) -> Wait | None:
    """The wait of a row, with its conversation."""
    fields = await transaction.row("wait_by_row", wait=row)
    if fields is None:
        return None
    talk: Row | None = await transaction.row("conversation_of_wait", wait=row)
    wait = open_wait(fields, transaction.sealer)
    return wait if talk is None else wait._replace(conversation=conversation_of(talk, transaction.sealer))


async def _write(transaction: Transaction, row: int, staff: StaffRef, event: _Event) -> _Written:
    """Write an event into the session's stream and into that of the member of the staff."""
    numbered = await transaction.row("next_event", wait=row)
    assert numbered is not None, "the wait was read in this transaction"
    seq, customer_node = numbered
    await transaction.run("write_event", wait=row, seq=seq, **event._asdict())
    counted = await transaction.row("next_staff_event", staff=staff)
    assert counted is not None, "members of the staff are never forgotten"
    staff_seq, staff_node = counted
    await transaction.run("write_staff_event", staff=staff, seq=staff_seq, wait=row, event_seq=seq)
    nodes = {node for node in (customer_node, staff_node) if node is not None and node != transaction.node}
    for node in sorted(nodes):
        await transaction.wake(node, row)
    return _Written(seq, staff_seq, tuple(sorted(nodes)))


async def connect_staff(transaction: Transaction, ask: tuple[StaffRef, bool]) -> None:
    """The desk of a member of the staff connected to this node, or went away from it just now."""
    staff, connected = ask
    if connected:
        await transaction.run("keep_node")  # whoever serves somebody is missed when it is gone
    await transaction.run("connect_staff" if connected else "disconnect_staff", staff=staff)


async def acknowledge_end(transaction: Transaction, ask: tuple[int, int]) -> None:
    """The customer's app received everything of a conversation up to (row, seq); its end counts if that is in it."""
    row, seq = ask
    await transaction.many("acknowledge", [{"wait": row, "seq": seq}])
    await transaction.run("acknowledge_conversation", wait=row, seq=seq)
