"""Reads what clients send on the event stream: text in, a typed message out, or FrameError.

What is legal: one JSON object with a known `type` and that type's fields, of exactly their types; 1.0 and "1" are no
integers. Unknown fields are skipped, so that a newer client may talk to an older server. Of a repeated field the last
counts; nobody reads these bytes a second time, so nobody can read them differently. Length is the transport's to
limit, before a message is ever whole (close code 1009).
"""

from typing import Final

import msgspec

from diyalog.protocol.messages import Ack, ClientMessage, Hello, Ping

_DECODER: Final[msgspec.json.Decoder[ClientMessage]] = msgspec.json.Decoder(Hello | Ack | Ping)


class FrameError(Exception):
    """The text is no legal message. `reason` is one of a few fixed texts and quotes nothing of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decode(text: str) -> ClientMessage:
    """The message in one text frame. Raises FrameError and nothing else."""
    try:
        return _DECODER.decode(text)
    except msgspec.ValidationError:
        raise FrameError("no legal message") from None
    except (msgspec.MsgspecError, ValueError):
        # ValueError: a lone surrogate, raw or escaped, is no text.
        raise FrameError("no JSON text") from None
    except RecursionError:
        raise FrameError("nested too deeply") from None
