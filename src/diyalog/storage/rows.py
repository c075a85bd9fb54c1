"""Rows of the wait table as the domain's Wait; the only place that knows the order of the columns."""

from collections.abc import Mapping
from typing import Final

from diyalog.domain.results import StreamEvent
from diyalog.domain.wait import HelpType, Outcome, Reason, State, Wait
from diyalog.storage.sealing import Sealer
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


def message_place(command: str) -> str:
    """Where a wait's message is sealed for."""
    return f"wait.message:{command}"


def request_place(session_id: str) -> str:
    """Where a wait's request is sealed for."""
    return f"wait.request:{session_id}"
