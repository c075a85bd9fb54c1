"""The identities that cross layers, each a type of its own so that one is never passed for another."""

import unicodedata
from typing import Final, NewType

SessionId = NewType("SessionId", str)
"""One request for help; made here, sent to the company's queue, unguessable (UUIDv7 text)."""

InteractionId = NewType("InteractionId", str)
"""One entry in the company's queue, as its CreateInteraction named it."""

CustomerRef = NewType("CustomerRef", int)
"""Row number of a customer; stands for the customer wherever the customer number itself must not appear."""

StaffRef = NewType("StaffRef", int)
"""Row number of a member of the company's staff; stands for them wherever the user id itself must not appear."""

AccessKeyId = NewType("AccessKeyId", str)
"""Public half of an access key of one calling application."""

NodeId = NewType("NodeId", str)
"""One run of one server process."""

CommandId = NewType("CommandId", str)
"""One attempt to change a wait; tells after a lost commit answer whether that attempt had won."""

_INTERACTION_ID_LENGTH: Final = 255
_UNUSABLE: Final = frozenset({"Cc", "Cs"})
"""Unicode categories that no id has: control characters and halves of characters."""


def is_interaction_id(text: str) -> bool:
    """Whether a text can name an interaction: it must be stored, logged, put into a path, and not count as absent."""
    if not 1 <= len(text) <= _INTERACTION_ID_LENGTH or not text.strip() or text in {".", ".."}:
        return False
    return _UNUSABLE.isdisjoint(map(unicodedata.category, text))


_UUID_VERSION = 7 << 76
_UUID_VARIANT = 2 << 62


def session_id(now_ms: int, random: bytes) -> SessionId:
    """Make a session id that sorts by time, so that new rows land together in the index.

    `now_ms` is the time in milliseconds since 1970, `random` ten random bytes of which 74 bits are used (RFC 9562).
    """
    bits = int.from_bytes(random[:10], "big")
    value = (now_ms << 80) | _UUID_VERSION | ((bits >> 62 & 0xFFF) << 64) | _UUID_VARIANT | (bits & ((1 << 62) - 1))
    text = f"{value:032x}"
    return SessionId(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")
