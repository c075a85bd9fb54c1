"""The three parsers that read strangers' bytes, each beside an independent reading of the same rules."""

from collections.abc import Sequence
from hashlib import blake2b
from random import Random
from typing import Any

from msgspec import UNSET, Struct
from wsproto import frame_protocol

from diyalog.api import strict_json
from diyalog.api.bodies import HelpBody, NotDelivered
from diyalog.api.strict_json import MalformedError, StrictDecoder
from diyalog.domain import signature
from diyalog.domain.ids import AccessKeyId
from diyalog.domain.signature import SignatureRefusal, SigningKey
from diyalog.server import frames
from diyalog.server.frames import Close, FrameReader, Ping, Text, Violation
from fuzz import frames_reference
from fuzz.guided import Target
from security import reference
from security.reference import Digits, Sent

# The head of a company request -------------------------------------------------------------------

KEY_ID, SECRET = "DLG7K2", "a secret that only this test has"
NOW_MS = 1_795_000_000_000
NOW = b"Wed, 18 Nov 2026 14:06:40 +0300"
SIGN_HERE = b"@"
"""Stands in an authorization for the right signature of the rest."""


def headers_of(data: bytes) -> list[tuple[bytes, bytes]]:
    """One header a line, `name=value`; names in lower case, as the HTTP parser gives them."""
    lines = [line.partition(b"=") for line in data.split(b"\n")]
    return [(name.lower(), value) for name, _, value in lines]


def signed(headers: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers with the signature that an honest caller would have made over the first of each name."""
    values = {name: value.strip(b" \t").decode("latin-1") for name, value in reversed(headers)}
    date = values.get(b"x-dlg-date") or values.get(b"date", "")
    text = reference.string_to_sign("POST", values.get(b"content-type", ""), date, b"{}", "/v1/x")
    right = reference.signature(SECRET, text).encode()
    return [(name, value.replace(SIGN_HERE, right)) for name, value in headers]


def check_head(data: bytes) -> str:
    """The same refusal as in the documents' words, or the same acceptance."""
    headers = signed(headers_of(data))
    sent = Sent("POST", "/v1/x", headers, b"{}")
    expected = reference.gate(sent, {KEY_ID: SECRET}, NOW_MS)
    answer: tuple[int, str] | None = None
    try:
        caller = signature.check(headers, method=b"POST", target=b"/v1/x", body=b"{}", now_ms=NOW_MS, lookup=_keys)
    except SignatureRefusal as refusal:
        answer = (refusal.status, refusal.text)
    else:
        assert caller.access_key == KEY_ID, caller
    assert answer == expected, f"{answer}, by the documents {expected}"
    return f"{answer} {len({name for name, _ in headers} & _KNOWN)}"


_KEY = SigningKey(SECRET)
_KNOWN = {b"x-dlg-date", b"x-dlg-requester-userid", b"x-dlg-authorization", b"content-type"}


def _keys(access_key: AccessKeyId) -> Sequence[SigningKey]:
    return (_KEY,) if access_key == KEY_ID else ()


_EDGES = (b"10:51:39", b"10:51:40", b"11:21:40", b"11:21:41")
"""A quarter of an hour from the server's time, which still passes, and a second more."""

HEAD = Target(
    "head",
    check_head,
    seeds=[
        b"x-dlg-date=" + NOW + b"\nx-dlg-requester-userid=31007\nx-dlg-authorization=DLGA DLG7K2:@",
        b"date=Wed, 18 Nov 2026 11:06:40 GMT\nx-requester-userid=1\nx-authorization=DLGA DLG7K2:@\ncontent-type=a/b;c",
        *(
            b"date=Wed, 18 Nov 2026 " + time + b"\nx-requester-userid=1\nx-authorization=DLGA DLG7K2:@"
            for time in _EDGES
        ),
        b"",
    ],
    tokens=[
        *(b"x-dlg-date=", b"x-dlg-requester-userid=", b"x-dlg-authorization=", b"content-type="),
        *(b"date=", b"x-requester-userid=", b"x-authorization=", b"DLGA ", b"DLGA DLG7K2:@", b"DLG7K2", b"@", b"\n"),
        *(b" GMT", b" UTC", b" Z", b" +0300", b" GMT+03:00", b" -2359", b"29 Feb 2024", b"31 Feb 2026", b"24:00:00"),
        *(NOW, b"Sun, 1 Jan 0001 00:00:00", b"Mon, 31 Dec 9999 23:59:59 -2359"),
        *(b"; charset=utf-8", b"\t", b"\0", b"x" * 500),
        *(b"11:06:40", b"10:51:40", b"10:51:39", b"11:21:40", b"11:21:41", b"23:59:60", b"\xd9\xa1", b"\xb2", b":"),
    ],
    traced=[signature],
)

# The body of a request ---------------------------------------------------------------------------

_LONGEST_INTEGER = 4300


def check_body(data: bytes) -> str:
    """The same refusal, and the same value of each field, as the standard library's reader under the same rules."""
    kind = ""
    for decoder, ids, texts, objects in _BODIES:
        expected: dict[str, object] | None
        try:
            given = reference.strict_object(data)
            expected = {name: _field(given, name, id_=name in ids) for name in (*ids, *texts)}
            expected |= {name: _texts(given.get(name, UNSET)) for name in objects}
        except reference.MalformedError:
            expected = None
        got: dict[str, object] | None
        try:
            got = _fields(decoder.decode(data))
        except MalformedError as error:
            got = None
            kind += str(error)
        assert got == expected, f"{got!r}, by the rules {expected!r}"
        kind += " ".join(type(value).__name__ for value in (got or {}).values())
    return kind


def _field(given: dict[str, object], name: str, *, id_: bool) -> object:
    value = given.get(name, UNSET)
    if isinstance(value, Digits):
        if not id_:
            raise reference.MalformedError
        return int(value) if len(value) <= _LONGEST_INTEGER else str(value)
    if value is UNSET or value is None or isinstance(value, str):
        return value
    raise reference.MalformedError


def _texts(value: object) -> object:
    if value is UNSET or value is None:
        return value
    if isinstance(value, dict) and all(isinstance(one, str) and not isinstance(one, Digits) for one in value.values()):
        return value
    raise reference.MalformedError


def _fields(value: Struct) -> dict[str, object]:
    return dict(
        zip(value.__struct_encode_fields__, (getattr(value, name) for name in value.__struct_fields__), strict=True)
    )


_BODIES: Sequence[tuple[StrictDecoder[Any], tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = (
    (StrictDecoder(NotDelivered), ("interactionId", "sessionId"), ("message",), ()),
    (StrictDecoder(HelpBody), ("helpType", "identityNumber"), (), ("attachedData",)),
)

BODY = Target(
    "body",
    check_body,
    seeds=[
        b'{"interactionId":"int-1","sessionId":17,"message":"Nobody is free."}',
        '{"helpType":"chat","attachedData":{"Ürün":"Kredi","b":"\\u015e"},"identityNumber":null}'.encode(),
        b'{"message":"\\ud83d\\ude4f\\\\\\"","other":[1.5,{"a":[true,false,null,-0]}]}',
        b'{"interactionId":1,"other":' + b"[" * 15 + b"]" * 15 + b"}",
        b'{"interactionId":1,"other":' + b"[" * 16 + b"]" * 16 + b"}",
        b"{}",
    ],
    tokens=[
        *(
            b'"interactionId":',
            b'"sessionId":',
            b'"message":',
            b'"helpType":',
            b'"attachedData":',
            b'"identityNumber":',
        ),
        *(b'"a":', b'"b":"c"', b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b'\\"', b"\\\\", b"\\/", b"\\u0000"),
        *(
            b"\\ud83d",
            b"\\ude4f",
            b"\\uD800",
            b"\\udC00",
            b"\\u0022",
            b"\\u005c",
            b"\\u0061",
            b"true",
            b"false",
            b"null",
        ),
        *(b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-0", b"1.0", b"1e2", b"01", b"9223372036854775808", b"9" * 80),
        *(
            b"[" * 15,
            b"]" * 15,
            b'{"a":' * 15,
            b"}" * 15,
            b"9" * 4301,
            b"\xef\xbb\xbf",
            b"\xed\xa0\x80",
            b"\xc3\xa7",
            b"\0",
        ),
        *(b'"message":"x","message":"y"', b'"\\u006dessage":', b" ", b"\t\r\n", b"\x0b", b"\x7f", b"\xf0\x9f\x99\x8f"),
    ],
    traced=[strict_json],
)

# WebSocket frames --------------------------------------------------------------------------------

LIMIT = 300
_CUTS = 2


def check_frames(data: bytes) -> str:
    """The same events and a right verdict by the plain reading, and the same however the bytes are cut."""
    expected = frames_reference.read(data, LIMIT)
    events, verdict = _read([data])
    assert events == expected.events, f"{events}, by the rules {expected.events}"
    assert verdict in expected.verdicts, f"{verdict}, by the rules {expected.verdicts}"
    dice = Random(blake2b(data).digest())
    for _ in range(_CUTS):
        cut = _read(_pieces(data, dice))
        assert cut == (events, verdict), f"cut {cut}, in one piece {events, verdict}"
    return f"{sorted({kind for kind, _ in events})} {verdict}"


def _read(pieces: Sequence[bytes]) -> tuple[list[frames_reference.Event], int]:
    reader, events = FrameReader(LIMIT), []
    try:
        for piece in pieces:
            reader.feed(piece)
            while (event := reader.next_event()) is not None:
                events.append(_plain(event))
    except Violation as violation:
        return events, violation.code
    return events, frames_reference.PENDING


def _plain(event: frames.Event) -> frames_reference.Event:
    if isinstance(event, Text):
        return "text", event.text
    if isinstance(event, Ping):
        return "ping", event.payload
    return ("close", event.code) if isinstance(event, Close) else ("pong", None)


def _pieces(data: bytes, dice: Random) -> list[bytes]:
    places = sorted(dice.randrange(len(data) + 1) for _ in range(dice.choice((1, 2, 8, 32))))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


def _frame(head: int, payload: bytes) -> bytes:
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return bytes([head]) + size + bytes(4) + payload


FRAMES = Target(
    "frames",
    check_frames,
    seeds=[
        _frame(0x81, b"one") + _frame(0x89, b"ping") + _frame(0x88, b"\x03\xe8bye"),
        _frame(0x01, b"\xc3") + _frame(0x8A, b"") + _frame(0x00, b"") + _frame(0x80, b"\xa7"),
        _frame(0x81, b"x" * 200),
        _frame(0x82, b"bytes"),
        _frame(0x01, b"") + _frame(0x00, b"") * frames_reference.MOST_FRAGMENTS,
    ],
    tokens=[
        *(_frame(head, b"") for head in (0x00, 0x01, 0x02, 0x80, 0x81, 0x88, 0x89, 0x8A)),
        *(
            _frame(0x01, b"\xf0\x9f"),
            _frame(0x80, b"\x99\x8f"),
            _frame(0x81, b"\xed\xa0\x80"),
            _frame(0x81, b"x" * 300),
        ),
        *(
            _frame(0x88, code.to_bytes(2, "big"))
            for code in (999, 1000, 1004, 1005, 1006, 1011, 1014, 1015, 2999, 4999)
        ),
        *(
            b"\xfe\x00\x7d",
            b"\xfe\x01\x2c",
            b"\xff" + bytes(7),
            b"\xff" + b"\x80" + bytes(7),
            b"\xff" + bytes(5) + b"\x01\x00\x00",
        ),
        *(bytes([head]) for head in (0x80, 0x81, 0x83, 0x90, 0xC1, 0xFE, 0xFF)),
        _frame(0x00, b"") * 400,
    ],
    traced=[frames, frame_protocol],
)

TARGETS = (HEAD, BODY, FRAMES)
