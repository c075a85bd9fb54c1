"""WebSocket frames (RFC 6455, section 5): read by wsproto, written by hand. No I/O."""

import codecs
from typing import Final, NamedTuple

from wsproto.frame_protocol import CloseReason, FrameDecoder, MessageDecoder, Opcode, ParseFailed

MAX_REASON_BYTES: Final = 123
MAX_FRAGMENTS: Final = 1000
PING: Final = b"\x89\x00"

_SHORT_TEXT_HEADS: Final = tuple(bytes((0x81, length)) for length in range(126))


class Text(NamedTuple):
    """One whole text message."""

    text: str


class Ping(NamedTuple):
    """A ping; its payload goes back in the pong."""

    payload: bytes


class Pong(NamedTuple):
    """A pong; being heard is all that matters."""


class Close(NamedTuple):
    """The peer's close frame; 1005 when it names no code."""

    code: int


Event = Text | Ping | Pong | Close


class Violation(Exception):  # noqa: N818 - the protocol literature's word
    """The peer broke the protocol or a limit; `code` is the close code to fail the connection with."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def text_frame(payload: bytes) -> bytes:
    """Frame UTF-8 bytes as one unmasked text message."""
    length = len(payload)
    if length < 126:
        return _SHORT_TEXT_HEADS[length] + payload
    if length < 65536:
        return b"\x81\x7e" + length.to_bytes(2, "big") + payload
    return b"\x81\x7f" + length.to_bytes(8, "big") + payload


def pong_frame(payload: bytes) -> bytes:
    """Answer a ping; `payload` is at most 125 bytes."""
    return bytes((0x8A, len(payload))) + payload


def close_frame(code: int, reason: str = "") -> bytes:
    """Frame a close; 1005 stands for one without a code; the reason is cut at a whole character."""
    if code == CloseReason.NO_STATUS_RCVD:
        return b"\x88\x00"
    text = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore").encode()
    return bytes((0x88, 2 + len(text))) + code.to_bytes(2, "big") + text


class FrameReader:
    """Turns received bytes into events. Made when bytes arrive, dropped when it is `idle`: an idle socket has none.

    `limit` bounds a message's bytes, over all its fragments (0 = no limit); a frame that announces more is refused
    before its payload is kept. Fragments are bounded too: empty ones would never reach the limit.
    """

    __slots__ = ("_decoder", "_fragments", "_limit", "_messages", "_parts", "_size")

    def __init__(self, limit: int) -> None:
        self._decoder = FrameDecoder(client=False)
        self._messages = MessageDecoder()
        self._parts: list[str] = []
        self._size = 0
        self._fragments = 0
        self._limit = limit

    @property
    def idle(self) -> bool:
        """True when no frame and no fragmented message is outstanding."""
        return self._decoder.header is None and not len(self._decoder.buffer) and self._messages.opcode is None

    def feed(self, data: bytes) -> None:
        """Take bytes from the peer."""
        self._decoder.receive_bytes(data)

    def next_event(self) -> Event | None:
        """Give the next event, or None when more bytes are needed.

        Raises Violation: 1002 protocol, 1003 binary, 1007 not UTF-8, 1008 too many fragments, 1009 too long.
        """
        try:
            while True:
                frame = self._decoder.process_buffer()
                if frame is None:
                    self._check_announced()
                    return None
                payload = frame.payload
                if not isinstance(payload, bytes):  # wsproto's frame decoder gives bytes only
                    raise Violation(CloseReason.INTERNAL_ERROR, "unreadable frame")
                if frame.opcode.iscontrol():
                    return _control(frame.opcode, payload)
                if frame.opcode is Opcode.BINARY:
                    raise Violation(CloseReason.UNSUPPORTED_DATA, "binary frames are not accepted")
                self._size += len(payload)
                self._check_announced()
                self._fragments += frame.frame_finished  # one frame may come in many pieces
                if self._fragments > MAX_FRAGMENTS:
                    raise Violation(CloseReason.POLICY_VIOLATION, "too many fragments")
                whole = self._messages.process_frame(frame)
                if whole.payload:
                    self._parts.append(str(whole.payload))
                if whole.message_finished:
                    text = "".join(self._parts)
                    self._parts.clear()
                    self._size = self._fragments = 0
                    return Text(text)
        except ParseFailed as failure:
            raise Violation(int(failure.code), _reason(failure.code)) from None

    def _check_announced(self) -> None:
        """Judge the size so far, with what the frame under way still announces."""
        header = self._decoder.header
        announced = self._size
        if header is not None and not header.opcode.iscontrol():
            if header.opcode is Opcode.BINARY:
                raise Violation(CloseReason.UNSUPPORTED_DATA, "binary frames are not accepted")
            announced += header.payload_len - self._decoder.payload_consumed
        if self._limit and announced > self._limit:
            raise Violation(CloseReason.MESSAGE_TOO_BIG, "message too long")


def _reason(code: CloseReason) -> str:
    # wsproto's own texts quote the peer's bytes.
    return "not UTF-8" if code is CloseReason.INVALID_FRAME_PAYLOAD_DATA else "protocol error"


def _control(opcode: Opcode, payload: bytes) -> Event:
    if opcode is Opcode.PING:
        return Ping(payload)
    if opcode is Opcode.PONG:
        return Pong()
    if not payload:
        return Close(CloseReason.NO_STATUS_RCVD)
    code = int.from_bytes(payload[:2], "big")
    # RFC 6455, sections 7.4.1 and 7.4.2, and the registry's 1012 to 1014.
    legal = code in range(3000, 5000) or (code in range(1000, 1015) and code not in (1004, 1005, 1006))
    if len(payload) == 1 or not legal:
        raise Violation(CloseReason.PROTOCOL_ERROR, "protocol error")
    try:
        codecs.decode(payload[2:], "utf-8")
    except UnicodeDecodeError:
        raise Violation(CloseReason.INVALID_FRAME_PAYLOAD_DATA, "not UTF-8") from None
    return Close(code)
