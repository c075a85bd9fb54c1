"""Every message of the event stream, in both directions, as one type each.

A message is one WebSocket text frame holding one JSON object, whose `type` says which of these it is.
"""

from enum import StrEnum
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from diyalog.domain.wait import HelpType, Outcome, Party, Reason
from diyalog.protocol.help import HelpObject

Sequence = Annotated[int, Meta(ge=0, le=2**53 - 1)]
"""Number of an event in its session's stream, from 1; 0 stands for none. Every JSON reader holds it exactly."""

Text = Annotated[str, Meta(pattern=r"^[^\x00]*\Z")]
"""Text without NUL, which not every database can look up."""


class Hello(Struct, frozen=True, gc=False, tag_field="type", tag="hello", rename="camel"):
    """First message of a client: who it is, which session it follows, and what it has seen of it.

    `after` is the last event seen, 0 for none, and `epoch` that of the database it came from.
    """

    token: Text
    session_id: Text
    after: Sequence
    epoch: Text | None = None


class Ack(Struct, frozen=True, gc=False, tag_field="type", tag="ack"):
    """The client's app has received every event up to `seq`."""

    seq: Sequence


class Ping(Struct, frozen=True, gc=False, tag_field="type", tag="ping"):
    """Is anybody there? Answered by Pong: browsers' programs cannot see the server's own pings."""


class Aside(Struct, frozen=True, gc=False):
    """What a client says of a conversation for the moment. Without a conversation it has no effect."""


class Typing(Aside, frozen=True, gc=False, tag_field="type", tag="typing"):
    """The customer is writing. To be said again at most every 2 s; it holds for 3 s."""


class Read(Aside, frozen=True, gc=False, tag_field="type", tag="read"):
    """The customer has read every event up to `seq`, which the app has received."""

    seq: Sequence


ClientMessage = Hello | Ack | Ping | Typing | Read


class Welcome(Struct, frozen=True, gc=False, tag_field="type", tag="welcome", rename="camel"):
    """Answers the hello. `seq` is the session's newest event; `snapshot` the session as of that event.

    `recovered`: every event after the hello's `after` follows. Otherwise the snapshot replaces whatever the client
    knew, and only events newer than `seq` follow.
    """

    session_id: str
    seq: int
    epoch: str
    server_time: str
    recovered: bool
    snapshot: HelpObject


class WaitStarted(Struct, frozen=True, gc=False, rename="camel"):
    """Data of `wait.started`: the company's queue took the wait."""

    interaction_id: str | None
    help_type: HelpType


class WaitEnded(Struct, frozen=True, gc=False, rename="camel"):
    """Data of `wait.ended`, for every outcome. `message` is the company's text, unchanged, or null; `agentName` is who
    took it, with the outcome CONNECTED.
    """

    outcome: Outcome
    reason: Reason | None
    message: str | None
    interaction_id: str | None
    agent_name: str | UnsetType = UNSET


class ChatPhase(StrEnum):
    """Where a chat stands (client SDK, table of chat states); before it begins there is no event."""

    IN_PROGRESS = "CHAT_INPROGRESS"
    ENDED = "CHAT_ENDED"


class ChatState(Struct, frozen=True, gc=False, rename="camel"):
    """Data of `chat.state`: the conversation began with this agent, or was ended by one of the two or the company."""

    state: ChatPhase
    agent_name: str | UnsetType = UNSET
    ended_by: Party | UnsetType = UNSET


class ChatMessage(Struct, frozen=True, gc=False, rename="camel"):
    """Data of `chat.message`; `id` is the sender's own. One's own messages come too: an app may have two devices."""

    id: str
    author: Party
    text: str


EventData = WaitStarted | WaitEnded | ChatState | ChatMessage
"""What an event of a session's stream tells; `event` says which of these it is."""


class Event(Struct, frozen=True, gc=False, tag_field="type", tag="event", rename="camel"):
    """Something happened in the session. `seq` grows by one from event to event; `at` is the time of the commit."""

    session_id: str
    seq: int
    event: str
    at: str
    data: EventData


class WaitUpdated(Struct, frozen=True, gc=False, rename="camel"):
    """Data of `wait.updated`: the place in the server's own line, counted from 1, and the likely wait from now on."""

    position: int | None
    estimated_wait_seconds: int | None


class ChatTyping(Struct, frozen=True, gc=False):
    """Data of `chat.typing`: the other side was writing just now."""

    author: Party


class ChatRead(Struct, frozen=True, gc=False):
    """Data of `chat.read`: the other side's app has received, and the person has read, every event up to these."""

    author: Party
    received: int
    read: int


class Momentary(Struct, frozen=True, gc=False, tag_field="type", tag="event", rename="camel"):
    """Something of the moment: without a number, not stored, not told again, and replaced by the next."""

    session_id: str
    event: str
    at: str
    data: WaitUpdated | ChatTyping | ChatRead


class Pong(Struct, frozen=True, gc=False, tag_field="type", tag="pong"):
    """Answers Ping."""


ServerMessage = Welcome | Event | Momentary | Pong
