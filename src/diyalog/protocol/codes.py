"""Close codes of the event stream, and what each means to a client: give up, or come back.

A client needs only the rule of `is_final`; the table is for people, for the documentation and for the web SDK.
"""

from enum import IntEnum
from typing import Final


class CloseCode(IntEnum):
    """Why a stream was closed. 1xxx are those of RFC 6455, 44xx are Diyalog's own."""

    SESSION_OVER = 1000
    PROTOCOL_ERROR = 1002
    NOT_TEXT = 1003
    NOT_UTF8 = 1007
    FLOOD = 1008
    TOO_LONG = 1009
    SERVER_FAULT = 1011
    GOING_AWAY = 1012
    TRY_AGAIN = 1013
    ILLEGAL_MESSAGE = 4400
    TOKEN_REFUSED = 4401
    NO_SUCH_SESSION = 4404
    HELLO_TOO_LATE = 4408
    CONTINUED_ELSEWHERE = 4409


MEANINGS: Final[dict[CloseCode, str]] = {
    CloseCode.SESSION_OVER: "The session is over and its end acknowledged; nothing will follow.",
    CloseCode.PROTOCOL_ERROR: "Bytes that are no WebSocket frame, or not legal there.",
    CloseCode.NOT_TEXT: "A binary message was sent; messages are text.",
    CloseCode.NOT_UTF8: "A text message was not UTF-8.",
    CloseCode.FLOOD: "Too many control frames, or a message in too many fragments.",
    CloseCode.TOO_LONG: "A message was longer than the server allows.",
    CloseCode.SERVER_FAULT: "The server failed unexpectedly.",
    CloseCode.GOING_AWAY: "The server is going away; reconnect after the decimal seconds in the reason.",
    CloseCode.TRY_AGAIN: "The client reads too slowly, its customer has too many streams, or the store is away.",
    CloseCode.ILLEGAL_MESSAGE: "A text message that is no legal message, or is not legal now, or too many of them.",
    CloseCode.TOKEN_REFUSED: "The token is unknown or revoked.",
    CloseCode.NO_SUCH_SESSION: "The token's customer has no such session.",
    CloseCode.HELLO_TOO_LATE: "No hello came in time.",
    CloseCode.CONTINUED_ELSEWHERE: "A newer hello continues the same session elsewhere.",
}

_FINAL: Final = frozenset({CloseCode.NOT_TEXT, CloseCode.NOT_UTF8, CloseCode.TOO_LONG})


def is_final(code: int) -> bool:
    """Whether a client that was closed with this code must not come back by itself.

    1003, 1007, 1009 and 4400 to 4499 are final. After any other code, known or not, and after a connection that
    broke without one, the client comes back with full jitter for as long as the wait is open to its knowledge.
    """
    return code in _FINAL or 4400 <= code <= 4499
