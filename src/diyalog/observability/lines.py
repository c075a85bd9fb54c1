"""The kinds of log line. A field that is not here cannot be logged: that is how personal data stays out.

Fields hold ids, fixed words, numbers and places in the code. Never a name, customer number, phone number, message
text, token, hash, body, address with its query, or the text of an exception. Routes are templates
(`/v1/client/help/{sessionId}`), never the path as sent. Durations are milliseconds.
"""

from enum import StrEnum

from msgspec import Struct


class Level(StrEnum):
    """How bad a line is.

    INFO: the normal course; read only when asked for: requests, transitions, start and stop.
    WARNING: something outside failed and the server coped: a call-out that will be repeated, the store away (503).
    ERROR: somebody must act: an alarm, or a fault of the program (500, a crashed task).
    There is no debug level: what is worth writing is worth keeping.
    """

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Line(Struct, frozen=True, omit_defaults=True, tag_field="event", gc=False):
    """What every line starts with: `at` in RFC 3339 UTC with milliseconds, and how bad it is."""

    at: str
    level: Level


class RequestLine(Line, frozen=True, tag="request"):
    """One HTTP request and its answer. `caller` is an access key id, a customer's row number, or `staff-` and that of a
    member of the staff, once verified.
    """

    method: str
    route: str
    status: int
    duration_ms: float
    request_id: str
    caller: str | None = None
    session_id: str | None = None
    code: str | None = None


class TransitionLine(Line, frozen=True, tag="transition"):
    """One committed change of a wait: what happened, the state it led to, and how the wait ended if it did."""

    session_id: str
    change: str
    state: str
    outcome: str | None = None
    reason: str | None = None
    interaction_id: str | None = None


class CalloutLine(Line, frozen=True, tag="callout"):
    """One call to a service of the company. `result` is `ok` or the kind of failure."""

    service: str
    result: str
    duration_ms: float
    attempt: int
    session_id: str | None = None


class StreamLine(Line, frozen=True, tag="stream"):
    """One event stream that ended, with the close code that either side gave.

    `caller`: the row number of the member of the staff, for a desk's stream.
    """

    session_id: str | None
    code: int
    duration_ms: float
    caller: str | None = None


class LifecycleLine(Line, frozen=True, tag="lifecycle"):
    """A step in the life of the process: `starting`, `ready`, `draining`, `stopped`."""

    phase: str
    address: str | None = None
    version: str | None = None


class AlarmLine(Line, frozen=True, tag="alarm"):
    """Somebody must act; `alarm` is the name under which the operations page says what to do."""

    alarm: str
    service: str | None = None
    session_id: str | None = None
    interaction_id: str | None = None


class FaultLine(Line, frozen=True, tag="fault"):
    """An exception that nobody expected: types and places, never its text.

    `error` is its type, `causes` the types behind it or grouped in it, `frames` where it came through, innermost last.
    """

    where: str
    error: str
    causes: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()
    request_id: str | None = None


class SignatureLine(Line, frozen=True, tag="signature"):
    """Why a signature was refused (401), while DIYALOG_DEBUG_SIGNATURES is on; at most one a second of each kind.

    `key_id` is an access key of ours, never an id that only the caller claims. `findings` are the fixed words of
    docs/doctor.md for the mistakes with which the signature comes out as it was sent (`body_reserialised`, ...), or
    `unknown_key`, `request_too_large`, `nothing_fits` when that is all that can be said.
    """

    request_id: str
    key_id: str | None
    findings: tuple[str, ...]


class LibraryLine(Line, frozen=True, tag="library"):
    """A warning of a library: who and where; `text` only if it is one of the fixed texts known to be harmless."""

    library: str
    where: str
    text: str | None = None
    error: str | None = None
    causes: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()
