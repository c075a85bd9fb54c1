"""What is said on the event stream of a member of the staff: one stream, in which all their conversations are told.

Acknowledgements, pings, times and numbers are as on a customer's stream (`messages.py`).
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from diyalog.domain.ids import SessionId
from diyalog.domain.results import StaffEvent
from diyalog.domain.routing import Availability, AwayReason, Offer
from diyalog.domain.wait import Marks, Party
from diyalog.protocol import frames
from diyalog.protocol.conversation import ConversationObject, WaitingObject
from diyalog.protocol.messages import Ack, Aside, Ping, Text
from diyalog.protocol.messages import Sequence as Number
from diyalog.protocol.times import rfc3339


class StaffHello(Struct, frozen=True, gc=False, tag_field="type", tag="hello"):
    """First message of a desk: whose it is, and what it has seen of their stream.

    `after` is the last event seen, 0 for none, and `epoch` that of the database it came from. `line`: it wants to be
    sent who waits and what is offered to it.
    """

    token: Text
    after: Number
    epoch: Text | None = None
    line: bool = False


class StaffAside(Aside, frozen=True, gc=False, rename="camel"):
    """What a desk says for the moment of one of its conversations; of any other it has no effect."""

    conversation_id: Text


class StaffTyping(StaffAside, frozen=True, gc=False, tag_field="type", tag="typing", rename="camel"):
    """The agent is writing. To be said again at most every 2 s; it holds for 3 s."""


class StaffReceived(StaffAside, frozen=True, gc=False, tag_field="type", tag="received", rename="camel"):
    """The desk has received every event of the session up to its number `seq` there."""

    seq: Number


class StaffRead(StaffAside, frozen=True, gc=False, tag_field="type", tag="read", rename="camel"):
    """The agent has read every event of the session up to its number `seq` there."""

    seq: Number


StaffMessage = StaffHello | Ack | Ping | StaffTyping | StaffReceived | StaffRead


class StaffSnapshot(Struct, frozen=True, rename="camel"):
    """Who it is, and their conversations that are not over, those that began first."""

    user_id: str
    user_name: str
    conversations: Sequence[ConversationObject]


class StaffWelcome(Struct, frozen=True, tag_field="type", tag="welcome", rename="camel"):
    """Answers the hello. `seq` is the newest event of the stream.

    `recovered`: every event after the hello's `after` follows. Otherwise the snapshot replaces whatever the desk knew,
    and only events newer than `seq` follow. The snapshot may know already what one of these tells: then the event's
    own number in its session, `data.seq`, is not higher than the conversation's `seq`.
    """

    user_id: str
    seq: int
    epoch: str
    server_time: str
    recovered: bool
    snapshot: StaffSnapshot


class StaffStreamEvent(Struct, frozen=True, tag_field="type", tag="event"):
    """Something happened in a conversation. `seq` counts the events of the member of the staff, one by one.

    `data` is what the customer is told, with `conversationId` and `seq`: which session's event it is.
    """

    seq: int
    event: str
    at: str
    data: dict[str, Any]


class StaffTypes(Struct, frozen=True, rename="camel"):
    """Data of `chat.typing`: the customer was writing just now."""

    conversation_id: str
    author: Party


class StaffMarks(Struct, frozen=True, rename="camel"):
    """Data of `chat.read`: how far the customer's app, and the customer, are in the events of the session."""

    conversation_id: str
    author: Party
    received: int
    read: int


class StaffMomentary(Struct, frozen=True, tag_field="type", tag="event"):
    """Something of the moment: without a number, not told again, and replaced by the next."""

    event: str
    at: str
    data: StaffTypes | StaffMarks


class Line(Struct, frozen=True, tag_field="type", tag="line", rename="camel"):
    """Who waits, those first in line first, as far as they are shown; `total` is how many wait in all.

    The newest one replaces the one before. It has no number and is told again to every desk that comes.
    """

    total: int
    waiting: Sequence[WaitingObject]


class AvailabilityObject(Struct, frozen=True, rename="camel"):
    """Whether a member of the staff takes offers, since when and, if not, why not."""

    available: bool
    since: str | None
    reason: AwayReason | None
    capacity: int
    skills: Sequence[str]


class OfferObject(WaitingObject, frozen=True, kw_only=True, rename="camel"):
    """A waiting customer who is offered to this desk, until before `expiresAt`."""

    offered_at: str
    expires_at: str


class OwnDesk(Struct, frozen=True, tag_field="type", tag="desk", rename="camel"):
    """What the built-in queue wants of this desk; replaced and told again as the line is.

    Without `routing` the company's own queue routes: there is no availability to change, and nothing is offered.
    """

    routing: bool
    availability: AvailabilityObject | None
    offers: Sequence[OfferObject]


_encode: Final = msgspec.json.Encoder().encode


def welcome(snapshot: StaffSnapshot, *, seq: int, epoch: str, now_ms: int, recovered: bool) -> bytes:
    """The answer to a hello; `now_ms` is the server's time in milliseconds since 1970."""
    return _encode(StaffWelcome(snapshot.user_id, seq, epoch, rfc3339(now_ms), recovered, snapshot))


def typing(conversation_id: SessionId, now_ms: int) -> bytes:
    """The customer is writing."""
    data = StaffTypes(conversation_id, Party.CUSTOMER)
    return _encode(StaffMomentary(frames.CHAT_TYPING, rfc3339(now_ms), data))


def read(conversation_id: SessionId, marks: Marks, now_ms: int) -> bytes:
    """How far the customer is."""
    data = StaffMarks(conversation_id, Party.CUSTOMER, marks.received, marks.read)
    return _encode(StaffMomentary(frames.CHAT_READ, rfc3339(now_ms), data))


def line(waiting: Sequence[WaitingObject], total: int) -> bytes:
    """Who waits."""
    return _encode(Line(total, waiting))


def own_desk(availability: AvailabilityObject | None, offers: Sequence[OfferObject]) -> bytes:
    """What is offered to a desk; `availability` None: the company's queue routes."""
    return _encode(OwnDesk(availability is not None, availability, offers))


def availability_object(now: Availability) -> AvailabilityObject:
    """Whether a member of the staff takes offers, on the wire."""
    since = None if now.since is None else rfc3339(now.since)
    return AvailabilityObject(now.available, since, now.reason, now.capacity, sorted(now.skills))


def offer_object(waiting: WaitingObject, offer: Offer) -> OfferObject:
    """A waiting customer who is offered."""
    fields = structs.asdict(waiting)
    return OfferObject(**fields, offered_at=rfc3339(offer.offered_at), expires_at=rfc3339(offer.expires_at))


def event(told: StaffEvent) -> bytes:
    """An event of a staff stream. Raises ValueError for a kind that this version does not know."""
    wait, happened = told.wait, told.event
    data = {
        "conversationId": wait.session_id,
        "seq": happened.seq,
        **msgspec.to_builtins(frames.event_data(wait, happened)),
    }
    return _encode(StaffStreamEvent(told.seq, frames.event_name(happened), rfc3339(happened.at), data))
