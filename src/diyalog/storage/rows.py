"""Rows of the wait table as the domain's Wait; the only place that knows the order of the columns."""

from collections.abc import Mapping
from typing import Final

import msgspec

from diyalog.domain.commands import Request
from diyalog.domain.ids import SessionId, StaffRef
from diyalog.domain.results import StreamEvent
from diyalog.domain.wait import Conversation, HelpType, Marks, Outcome, Party, Reason, State, Wait
from diyalog.storage.sealing import SealBrokenError, Sealer
from diyalog.storage.transaction import Row

# Found in a dict: to call an enumeration costs as much as all else here.
_HELP_TYPES: Final[Mapping[str, HelpType]] = {one: one for one in HelpType}
_STATES: Final[Mapping[str, State]] = {one: one for one in State}
_OUTCOMES: Final[Mapping[str | None, Outcome | None]] = {None: None, **{one: one for one in Outcome}}
_REASONS: Final[Mapping[str | None, Reason | None]] = {None: None, **{one: one for one in Reason}}


def wait_of(row: Row, message: str | None) -> Wait:
    """Build a Wait from the wait columns in the order of statement `wait_by_row`; `message` is the opened text."""
    return Wait(
        row[0],
        row[1],
        row[2],
        row[3],
        _HELP_TYPES[row[4]],
        _STATES[row[5]],
        _OUTCOMES[row[6]],
        _REASONS[row[7]],
        message,
        row[9],
        row[10],
        row[11],
        row[12],
    )


def open_wait(row: Row, sealer: Sealer) -> Wait:
    """Build a Wait from its row, its message opened; the message was sealed for the command that ended the wait."""
    return wait_of(row, None if row[8] is None else sealer.open(message_place(row[13]), row[8]))


def events_of(row: Row) -> list[StreamEvent]:
    """The events of a wait's stream, which are its row: when the queue took it, and when it ended."""
    happened = [("wait.started", row[14]), ("wait.ended", row[10])]
    times = [(kind, at) for kind, at in happened if at is not None]
    return [StreamEvent(seq, kind, at) for seq, (kind, at) in enumerate(times, start=1)]


def conversation_of(row: Row, sealer: Sealer) -> Conversation:
    """Build a Conversation from the columns of statement `conversation_of_wait`."""
    staff, lookup, sealed, started_at, ended_at, ended_by, acknowledged_at, *marks = row
    profile = msgspec.json.decode(sealer.open(staff_place(lookup), sealed), type=dict[str, str])
    by = None if ended_by is None else Party(ended_by)
    name = profile["userName"]
    customer, agent = Marks(*marks[:3]), Marks(*marks[3:])
    return Conversation(StaffRef(staff), name, started_at, ended_at, by, acknowledged_at, customer, agent)


_KINDS: Final = {"began": "chat.began", "message": "chat.message", "ended": "chat.ended"}


def conversation_event(row: Row, session_id: SessionId, sealer: Sealer) -> StreamEvent:
    """Build an event from the columns of statement `conversation_events`."""
    seq, kind, at, author, message_id, sealed = row
    text = None if sealed is None else sealer.open(text_place(session_id, author, message_id), sealed)
    return StreamEvent(seq, _KINDS[kind], at, Party(author), message_id, text)


def staff_place(lookup: bytes) -> str:
    """Where the profile of a member of the staff is sealed for."""
    return f"staff.profile:{lookup.hex()}"


def text_place(session_id: str, author: str, message_id: str) -> str:
    """Where the text of a message is sealed for."""
    return f"conversation.text:{session_id}:{author}:{message_id}"


def message_place(command: str) -> str:
    """Where a wait's message is sealed for."""
    return f"wait.message:{command}"


def request_place(session_id: str) -> str:
    """Where a wait's request is sealed for."""
    return f"wait.request:{session_id}"


def open_request(session_id: str, sealed: bytes, sealer: Sealer) -> Request | None:
    """What the customer asked for; None when that cannot be opened, which must not cost more than this one wait."""
    try:
        return msgspec.json.decode(sealer.open(request_place(session_id), sealed), type=Request)
    except (SealBrokenError, msgspec.MsgspecError):
        return None
