"""A conversation and its messages as they stand on the wire, for the staff and, where it says so, for customers."""

from msgspec import UNSET, Struct, UnsetType

from diyalog.domain.results import StreamEvent, Waiter
from diyalog.domain.wait import HelpType, Party, State, Wait
from diyalog.protocol.times import rfc3339


class ConversationObject(Struct, frozen=True, kw_only=True, rename="camel"):
    """A conversation as the agent's desk sees it. A field that is UNSET is left out.

    `state` is CONNECTED while it is alive, then ENDED with `endedAt` and `endedBy`. `seq` is the newest event of the
    session's stream; the customer's app has received it up to `customerReceived`, the customer has read it up to
    `customerRead`. `attachedData` is kept only as long as they talk.
    """

    conversation_id: str
    session_id: str
    customer_id: str
    customer_name: str | None
    help_type: HelpType
    interaction_id: str | None
    state: State
    started_at: str
    ended_at: str | UnsetType = UNSET
    ended_by: Party | UnsetType = UNSET
    present: bool
    seq: int
    customer_received: int
    customer_read: int
    attached_data: dict[str, str]


class WaitingObject(Struct, frozen=True, kw_only=True, rename="camel"):
    """A waiting customer as the staff sees them. `position` counts from 1 in the server's own line, else it is null;
    `present`: the customer's app is connected now; `offered`: somebody of the staff is being asked just now.
    """

    session_id: str
    interaction_id: str | None
    customer_id: str
    customer_name: str | None
    help_type: HelpType
    started_at: str
    position: int | None
    present: bool
    offered: bool
    attached_data: dict[str, str]


class MessageObject(Struct, frozen=True, rename="camel"):
    """A message of a conversation; `id` is its sender's own, `seq` its number in the session's stream."""

    seq: int
    id: str
    author: Party
    text: str
    at: str


def conversation_object(wait: Wait, customer: Waiter) -> ConversationObject:
    """The conversation of a wait that an agent took."""
    conversation = wait.conversation
    assert conversation is not None, "an agent took it"
    return ConversationObject(
        conversation_id=wait.session_id,
        session_id=wait.session_id,
        customer_id=customer.customer_id,
        customer_name=customer.customer_name,
        help_type=wait.help_type,
        interaction_id=wait.interaction_id,
        state=wait.state,
        started_at=rfc3339(conversation.started_at),
        ended_at=UNSET if conversation.ended_at is None else rfc3339(conversation.ended_at),
        ended_by=UNSET if conversation.ended_by is None else conversation.ended_by,
        present=customer.present,
        seq=wait.seq,
        customer_received=conversation.customer.received,
        customer_read=conversation.customer.read,
        attached_data=dict(customer.attached_data),
    )


def waiting_object(waiter: Waiter, position: int | None) -> WaitingObject:
    """A waiting customer on this place of the line."""
    wait = waiter.wait
    return WaitingObject(
        session_id=wait.session_id,
        interaction_id=wait.interaction_id,
        customer_id=waiter.customer_id,
        customer_name=waiter.customer_name,
        help_type=wait.help_type,
        started_at=rfc3339(wait.started_at),
        position=position,
        present=waiter.present,
        offered=waiter.offered,
        attached_data=dict(waiter.attached_data),
    )


def message_object(event: StreamEvent) -> MessageObject:
    """The message that an event of a session's stream is."""
    assert event.author is not None, "a message has an author"
    assert event.message_id is not None, "a message has an id"
    assert event.text is not None, "a message has a text"
    return MessageObject(event.seq, event.message_id, event.author, event.text, rfc3339(event.at))
