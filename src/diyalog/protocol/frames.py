"""Writes what the server sends on the event stream: values in, the bytes of one text frame out."""

from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from diyalog.domain.ids import SessionId
from diyalog.domain.results import StreamEvent
from diyalog.domain.wait import Marks, Party, Place, Wait
from diyalog.protocol.conversation import message_object
from diyalog.protocol.help import HelpLimits, estimated_seconds, help_object
from diyalog.protocol.messages import (
    ChatMessage,
    ChatPhase,
    ChatRead,
    ChatState,
    ChatTyping,
    Event,
    EventData,
    Momentary,
    WaitEnded,
    WaitStarted,
    WaitUpdated,
    Welcome,
)
from diyalog.protocol.times import rfc3339

WAIT_STARTED: Final = "wait.started"
WAIT_UPDATED: Final = "wait.updated"
WAIT_ENDED: Final = "wait.ended"
CHAT_MESSAGE: Final = "chat.message"
CHAT_TYPING: Final = "chat.typing"
CHAT_READ: Final = "chat.read"
CHAT_BEGAN: Final = "chat.began"
CHAT_ENDED: Final = "chat.ended"
CHAT_STATE: Final = "chat.state"
"""What both of these are called on the wire."""

PONG: Final = b'{"type":"pong"}'

# One encoder and typed messages: about as fast as joining parts by hand, and always JSON.
_encode: Final = msgspec.json.Encoder().encode


def welcome(wait: Wait, *, epoch: str, now_ms: int, recovered: bool, limits: HelpLimits, place: Place) -> bytes:
    """The answer to a hello; `now_ms` is the server's time in milliseconds since 1970."""
    snapshot = help_object(wait, epoch=epoch, limits=limits, place=place)
    return _encode(Welcome(wait.session_id, wait.seq, epoch, rfc3339(now_ms), recovered, snapshot))


def event(wait: Wait, happened: StreamEvent) -> bytes:
    """An event of the wait's stream. Raises ValueError for a kind that this version does not know."""
    data = event_data(wait, happened)
    return _encode(Event(wait.session_id, happened.seq, event_name(happened), rfc3339(happened.at), data))


def event_name(happened: StreamEvent) -> str:
    """What an event of a stream is called on the wire."""
    return CHAT_STATE if happened.kind in {CHAT_BEGAN, CHAT_ENDED} else happened.kind


def event_data(wait: Wait, happened: StreamEvent) -> EventData:
    """What an event of the wait's stream tells. Raises ValueError for a kind that this version does not know."""
    kind = happened.kind
    if kind == WAIT_STARTED:
        return WaitStarted(wait.interaction_id, wait.help_type)
    if kind == WAIT_ENDED:
        return _how_it_ended(wait)
    if kind == CHAT_MESSAGE:
        message = message_object(happened)
        return ChatMessage(message.id, message.author, message.text)
    if kind == CHAT_BEGAN:
        return ChatState(ChatPhase.IN_PROGRESS, agent_name=_agent_name(wait))
    if kind == CHAT_ENDED:
        assert happened.author is not None, "who ended it"
        return ChatState(ChatPhase.ENDED, ended_by=happened.author)
    raise ValueError("unknown kind of event")


def newest_wait_ended(wait: Wait) -> bytes:
    """The `wait.ended` of a wait whose newest event it is; the same bytes as `event` makes of the stored one."""
    assert wait.ended_at is not None
    return _encode(Event(wait.session_id, wait.seq, WAIT_ENDED, rfc3339(wait.ended_at), _how_it_ended(wait)))


def wait_updated(session_id: SessionId, place: Place, now_ms: int) -> bytes:
    """Where a wait stands now. It has no `seq`: the next one replaces it, and none is told again."""
    data = WaitUpdated(place.position, estimated_seconds(place))
    return _encode(Momentary(session_id, WAIT_UPDATED, rfc3339(now_ms), data))


def typing(session_id: SessionId, now_ms: int) -> bytes:
    """The agent is writing; without `seq`, like all that holds for a moment."""
    return _encode(Momentary(session_id, CHAT_TYPING, rfc3339(now_ms), ChatTyping(Party.AGENT)))


def read(session_id: SessionId, marks: Marks, now_ms: int) -> bytes:
    """How far the agent is."""
    data = ChatRead(Party.AGENT, marks.received, marks.read)
    return _encode(Momentary(session_id, CHAT_READ, rfc3339(now_ms), data))


def _how_it_ended(wait: Wait) -> WaitEnded:
    assert wait.outcome is not None
    return WaitEnded(wait.outcome, wait.reason, wait.message, wait.interaction_id, _agent_name(wait))


def _agent_name(wait: Wait) -> str | UnsetType:
    return UNSET if wait.conversation is None else wait.conversation.agent_name
