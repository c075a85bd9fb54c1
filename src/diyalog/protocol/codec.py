"""Reads what clients send on the event stream: text in, a typed message out, or FrameError.

What is legal: one JSON object with a known `type` and that type's fields, of exactly their types; 1.0 and "1" are no
integers. Unknown fields are skipped, so that a newer client may talk to an older server. Of a repeated field the last
counts; nobody reads these bytes a second time, so nobody can read them differently. Length is the transport's to
limit, before a message is ever whole (close code 1009).
"""

from typing import Final, TypeVar

import msgspec

from diyalog.protocol.messages import Ack, ClientMessage, Hello, Ping, Read, Typing
from diyalog.protocol.staff_stream import StaffHello, StaffMessage, StaffRead, StaffReceived, StaffTyping

_DECODER: Final[msgspec.json.Decoder[ClientMessage]] = msgspec.json.Decoder(Hello | Ack | Ping | Typing | Read)
_STAFF_DECODER: Final[msgspec.json.Decoder[StaffMessage]] = msgspec.json.Decoder(
    StaffHello | Ack | Ping | StaffTyping | StaffReceived | StaffRead
)

M = TypeVar("M")


class FrameError(Exception):
    """The text is no legal message. `reason` is one of a few fixed texts and quotes nothing of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decode(text: str) -> ClientMessage:
    """The message in one text frame of a customer's app. Raises FrameError and nothing else."""
    return _decode(_DECODER, text)


def decode_staff(text: str) -> StaffMessage:
    """The message in one text frame of a desk. Raises FrameError and nothing else."""
    return _decode(_STAFF_DECODER, text)


def _decode(decoder: msgspec.json.Decoder[M], text: str) -> M:
    try:
        return decoder.decode(text)
    except msgspec.ValidationError:
        raise FrameError("no legal message") from None
    except (msgspec.MsgspecError, ValueError):
        # ValueError: a lone surrogate, raw or escaped, is no text.
        raise FrameError("no JSON text") from None
    except RecursionError:
        raise FrameError("nested too deeply") from None
