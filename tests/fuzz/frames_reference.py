"""WebSocket frames, read in the plainest way from RFC 6455 alone: all bytes at once, no state between calls."""

from dataclasses import dataclass, field

PENDING = 0
"""The verdict on bytes in which nothing is wrong so far."""
MOST_FRAGMENTS = 1000
PROTOCOL, BINARY, NOT_UTF8, FLOOD, TOO_LONG = 1002, 1003, 1007, 1008, 1009
Event = tuple[str, object]


@dataclass
class Reading:
    """The events, and the verdicts that are right: a fault may be found when its first byte is there or its last."""

    events: list[Event] = field(default_factory=list)
    verdicts: set[int] = field(default_factory=lambda: {PENDING})


@dataclass
class Frame:
    fin: bool
    opcode: int
    length: int
    payload: bytes
    faults: set[int]

    @property
    def whole(self) -> bool:
        return len(self.payload) == self.length


def read(data: bytes, limit: int) -> Reading:
    """Everything that these bytes say to a server that takes messages of at most `limit` bytes."""
    reading = Reading()
    message, fragments = b"", -1
    place = 0
    while True:
        cut = _cut(data[place:])
        if cut is None or isinstance(cut, set):
            reading.verdicts = cut or {PENDING}
            return reading
        size, frame = cut
        if frame.opcode >= 8:
            if not frame.whole:
                return reading
            verdict = _control(frame, reading.events)
            if verdict:
                reading.verdicts = {verdict}
                return reading
        else:
            faults = _data_faults(frame, message, fragments, limit)
            if faults:
                reading.verdicts = faults
                return reading
            if not frame.whole:
                return reading
            message, fragments = message + frame.payload, max(fragments, 0) + 1
            if frame.fin:
                reading.events.append(("text", message.decode()))
                message, fragments = b"", -1
        place += size


def _cut(data: bytes) -> tuple[int, Frame] | set[int] | None:  # noqa: PLR0911 - a return for each rule, in their order
    """The first frame and its size so far; a set of verdicts where it is illegal; None when its head is not whole."""
    if len(data) < 2:
        return None
    fin, reserved, opcode = bool(data[0] & 0x80), data[0] & 0x70, data[0] & 0x0F
    masked, length = data[1] & 0x80, data[1] & 0x7F
    wide = {126: 2, 127: 8}.get(length, 0)
    if opcode not in {0, 1, 2, 8, 9, 10} or (opcode >= 8 and (not fin or length > 125)):
        return {PROTOCOL}
    if len(data) < 2 + wide:
        return {PROTOCOL, PENDING} if reserved or not masked else None
    if wide:
        length = int.from_bytes(data[2 : 2 + wide], "big")
        if length < (126 if wide == 2 else 65_536) or length >= 1 << 63:
            return {PROTOCOL}
    if reserved or not masked:
        return {PROTOCOL}
    head = 2 + wide + 4
    if len(data) < head:
        return None
    mask = data[2 + wide : head]
    payload = bytes(byte ^ mask[place % 4] for place, byte in enumerate(data[head : head + length]))
    return head + len(payload), Frame(fin, opcode, length, payload, set())


def _control(frame: Frame, events: list[Event]) -> int:
    """Note a control frame; its verdict when it is an illegal close."""
    if frame.opcode == 9:
        events.append(("ping", frame.payload))
    elif frame.opcode == 10:
        events.append(("pong", None))
    elif not frame.payload:
        events.append(("close", 1005))
    else:
        code = int.from_bytes(frame.payload[:2], "big")
        registered = {*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)}
        if len(frame.payload) < 2 or code not in registered:
            return PROTOCOL
        if not _is_utf8(frame.payload[2:], whole=True):
            return NOT_UTF8
        events.append(("close", code))
    return PENDING


def _data_faults(frame: Frame, message: bytes, fragments: int, limit: int) -> set[int]:
    """All that is wrong with a text, binary or continuation frame, and what may still be said of it; empty: nothing."""
    faults: set[int] = set()
    misplaced = (frame.opcode == 0) == (fragments < 0)
    if frame.opcode == 2:
        return {BINARY}
    if len(message) + frame.length > limit:
        return {TOO_LONG, PROTOCOL} if misplaced else {TOO_LONG}
    if misplaced:
        return {PROTOCOL} if frame.whole or frame.payload else {PROTOCOL, PENDING}
    if frame.whole and max(fragments, 0) + 1 > MOST_FRAGMENTS:
        return {FLOOD}
    if not _is_utf8(message + frame.payload, whole=frame.whole and frame.fin):
        faults.add(NOT_UTF8)
    return faults


def _is_utf8(data: bytes, *, whole: bool) -> bool:
    """Tell whether this is UTF-8, or, when it is not the whole of it, the beginning of UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return not whole and error.end == len(data) and error.reason == "unexpected end of data"
    return True
