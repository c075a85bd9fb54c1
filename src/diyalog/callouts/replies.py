"""What can become of one request to a company's system."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Fault(StrEnum):
    """Why a request has no usable answer; also the word for it in the log and the metrics."""

    NO_SLOT = "no_slot"
    CONNECT = "connect"
    TLS = "tls"
    CONNECT_TIMEOUT = "connect_timeout"
    TIMEOUT = "timeout"
    CUT = "cut"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class Answered:
    """A whole answer within the limit, after `seconds`. Nothing of it is checked."""

    status: int
    body: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class Unsent:
    """There was no connection, so no byte of the request has left."""

    fault: Fault
    seconds: float


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The request may have arrived; there is no whole answer. `status`: that of one which was cut or too large."""

    fault: Fault
    seconds: float
    status: int | None = None


Reply: TypeAlias = Answered | Unsent | Unanswered
"""What became of one request."""
