"""Writes what the server sends on the event stream: values in, the bytes of one text frame out."""

from typing import Final

import msgspec

from diyalog.domain.results import StreamEvent
from diyalog.domain.wait import Wait
from diyalog.protocol.help import HelpLimits, help_object
from diyalog.protocol.messages import Event, WaitEnded, WaitStarted, Welcome
from diyalog.protocol.times import rfc3339

WAIT_STARTED: Final = "wait.started"
WAIT_ENDED: Final = "wait.ended"

PONG: Final = b'{"type":"pong"}'

# One encoder and typed messages: about as fast as joining parts by hand, and always JSON.
_encode: Final = msgspec.json.Encoder().encode


def welcome(wait: Wait, *, epoch: str, now_ms: int, recovered: bool, limits: HelpLimits, position: int | None) -> bytes:
    """The answer to a hello; `now_ms` is the server's time in milliseconds since 1970."""
    snapshot = help_object(wait, epoch=epoch, limits=limits, position=position)
    return _encode(Welcome(wait.session_id, wait.seq, epoch, rfc3339(now_ms), recovered, snapshot))


def event(wait: Wait, happened: StreamEvent) -> bytes:
    """An event of the wait's stream. Raises ValueError for a kind that this version does not know."""
    if happened.kind == WAIT_ENDED:
        return _wait_ended(wait, happened.seq, happened.at)
    if happened.kind == WAIT_STARTED:
        data = WaitStarted(wait.interaction_id, wait.help_type)
        return _encode(Event(wait.session_id, happened.seq, WAIT_STARTED, rfc3339(happened.at), data))
    raise ValueError("unknown kind of event")


def newest_wait_ended(wait: Wait) -> bytes:
    """The `wait.ended` of a wait whose newest event it is; the same bytes as `event` makes of the stored one."""
    assert wait.ended_at is not None
    return _wait_ended(wait, wait.seq, wait.ended_at)


def _wait_ended(wait: Wait, seq: int, at: int) -> bytes:
    assert wait.outcome is not None
    data = WaitEnded(wait.outcome, wait.reason, wait.message, wait.interaction_id)
    return _encode(Event(wait.session_id, seq, WAIT_ENDED, rfc3339(at), data))
