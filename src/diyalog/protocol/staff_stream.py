"""What is said on the event stream of a member of the staff: one stream, in which all their conversations are told.

Acknowledgements, pings, times and numbers are as on a customer's stream (`messages.py`).
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from diyalog.domain.results import StaffEvent
from diyalog.protocol import frames
from diyalog.protocol.conversation import ConversationObject
from diyalog.protocol.messages import Ack, Ping, Text
from diyalog.protocol.messages import Sequence as Number
from diyalog.protocol.times import rfc3339


class StaffHello(Struct, frozen=True, gc=False, tag_field="type", tag="hello"):
    """First message of a desk: whose it is, and what it has seen of their stream.

    `after` is the last event seen, 0 for none, and `epoch` that of the database it came from.
    """

    token: Text
    after: Number
    epoch: Text | None = None


StaffMessage = StaffHello | Ack | Ping


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


_encode: Final = msgspec.json.Encoder().encode


def welcome(snapshot: StaffSnapshot, *, seq: int, epoch: str, now_ms: int, recovered: bool) -> bytes:
    """The answer to a hello; `now_ms` is the server's time in milliseconds since 1970."""
    return _encode(StaffWelcome(snapshot.user_id, seq, epoch, rfc3339(now_ms), recovered, snapshot))


def event(told: StaffEvent) -> bytes:
    """An event of a staff stream. Raises ValueError for a kind that this version does not know."""
    wait, happened = told.wait, told.event
    data = {
        "conversationId": wait.session_id,
        "seq": happened.seq,
        **msgspec.to_builtins(frames.event_data(wait, happened)),
    }
    return _encode(StaffStreamEvent(told.seq, frames.event_name(happened), rfc3339(happened.at), data))
