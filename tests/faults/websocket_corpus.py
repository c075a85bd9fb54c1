"""Hand-made bytes behind a WebSocket handshake, and exactly what comes back, by RFC 6455."""

from itertools import pairwise
from typing import NamedTuple

from server.world import masked

LAST = masked(0x88, b"\x03\xe8")
"""A client's close frame of code 1000; it ends the cases that the server does not end."""
BYE = b"close 1000"
KEY = b"\x37\xfa\x21\x3d"


class Case(NamedTuple):
    """`answers`: `text` or `pong` with their payload, and the close code that ends the connection.

    `flood`: not sent byte by byte, because it is long, or because who writes on behind its close may be reset.
    """

    name: str
    sent: bytes
    answers: tuple[bytes, ...] = (b"close 1002",)
    flood: bool = False


def head(first: int, second: int, extended: bytes = b"") -> bytes:
    """A frame's head as bytes, whatever it claims, with its key."""
    return bytes((first, second)) + extended + KEY


def close(code: int, reason: bytes = b"") -> bytes:
    return masked(0x88, code.to_bytes(2, "big") + reason)


def split(text: bytes, *cuts: int) -> bytes:
    """One text message in fragments, cut at these bytes."""
    edges = (0, *cuts, len(text))
    parts = [text[begin:end] for begin, end in pairwise(edges)]
    firsts = (0x01, *(0x00,) * (len(parts) - 2), 0x80)
    return b"".join(masked(first, part) for first, part in zip(firsts, parts, strict=True))


TURKISH = "şu an".encode()
SMILE = "😀".encode()

MASKS = (
    Case("a text without a mask", b"\x81\x05hello"),
    Case("an empty text without a mask", b"\x81\x00"),
    Case("a ping without a mask", b"\x89\x00"),
    Case("a close without a mask", b"\x88\x02\x03\xe8"),
    Case("a long text without a mask", b"\x81\x7e\x01\x00" + b"a" * 256),
    Case("a fragment without a mask", masked(0x01, b"a") + b"\x80\x01b"),
    Case("a mask of zeros", b"\x81\x85\0\0\0\0hello" + LAST, (b"text hello", BYE)),
    Case("a mask of ones", b"\x81\x82\xff\xff\xff\xff" + bytes((0x97, 0x96)) + LAST, (b"text hi", BYE)),
    Case("a payload shorter than its mask", masked(0x81, b"abc") + LAST, (b"text abc", BYE)),
)

RESERVED = (
    Case("the first reserved bit", masked(0xC1, b"a")),
    Case("the second reserved bit", masked(0xA1, b"a")),
    Case("the third reserved bit", masked(0x91, b"a")),
    Case("all reserved bits", masked(0xF1, b"a")),
    Case("a reserved bit on a ping", masked(0xC9, b"")),
    Case("a reserved bit on a close", masked(0xC8, b"\x03\xe8")),
    Case("a reserved bit on a continuation", masked(0x01, b"a") + masked(0xC0, b"b")),
    *(Case(f"operation {code:#x}", masked(0x80 | code, b"")) for code in (3, 4, 5, 6, 7, 0xB, 0xC, 0xD, 0xE, 0xF)),
    Case("binary", masked(0x82, b"a"), (b"close 1003",)),
    Case("empty binary", masked(0x82, b""), (b"close 1003",)),
    Case("binary begun", masked(0x02, b"a"), (b"close 1003",)),
    Case("binary announced", head(0x82, 0x80 | 100), (b"close 1003",)),
)

FRAGMENTS = (
    Case("a continuation of nothing", masked(0x80, b"a")),
    Case("an unfinished continuation of nothing", masked(0x00, b"a")),
    Case("a continuation behind a whole text", masked(0x81, b"a") + masked(0x80, b"b"), (b"text a", b"close 1002")),
    Case("a text inside a text", masked(0x01, b"a") + masked(0x81, b"b")),
    Case("a text begun inside a text", masked(0x01, b"a") + masked(0x01, b"b")),
    Case("binary inside a text", masked(0x01, b"a") + masked(0x82, b"b"), (b"close 1003",)),
    Case("a ping in fragments", masked(0x09, b"a") + masked(0x80, b"b")),
    Case("a pong in fragments", masked(0x0A, b"a")),
    Case("a close in fragments", masked(0x08, b"\x03\xe8")),
    Case("two fragments", split(b"hello", 2) + LAST, (b"text hello", BYE)),
    Case("empty fragments", split(b"hello", 0, 0, 2, 2, 5, 5) + LAST, (b"text hello", BYE)),
    Case("only empty fragments", split(b"", 0, 0) + LAST, (b"text ", BYE)),
    Case(
        "a ping between fragments",
        masked(0x01, b"a") + masked(0x89, b"p") + masked(0x80, b"b") + LAST,
        (b"pong p", b"text ab", BYE),
    ),
    Case(
        "a pong between fragments",
        masked(0x01, b"a") + masked(0x8A, b"p") + masked(0x80, b"b") + LAST,
        (b"text ab", BYE),
    ),
    Case("a close between fragments", masked(0x01, b"a") + LAST, (BYE,)),
    Case(
        "a thousand fragments",
        masked(0x01, b"") + masked(0x00, b"") * 998 + masked(0x80, b"a") + LAST,
        (b"text a", BYE),
        flood=True,
    ),
    Case("a thousand and one fragments", masked(0x01, b"") + masked(0x00, b"") * 1000, (b"close 1008",), flood=True),
)

CONTROLS = (
    Case("an empty ping", masked(0x89, b"") + LAST, (b"pong ", BYE)),
    Case("the longest ping", masked(0x89, b"p" * 125) + LAST, (b"pong " + b"p" * 125, BYE)),
    Case("a ping one byte too long", masked(0x89, b"p" * 126)),
    Case("a pong one byte too long", masked(0x8A, b"p" * 126)),
    Case("a close one byte too long", close(1000, b"r" * 124)),
    Case("a ping that announces 65,536 bytes", head(0x89, 0xFF, (65_536).to_bytes(8, "big"))),
    Case("a pong nobody asked for", masked(0x8A, b"p") + LAST, (BYE,)),
    Case("a ping that is not UTF-8", masked(0x89, b"\xff\0") + LAST, (b"pong \xff\0", BYE)),
    Case("64 pings", masked(0x89, b"") * 64 + LAST, (b"pong ",) * 64 + (BYE,), flood=True),
    Case("65 pings", masked(0x89, b"") * 65, (b"pong ",) * 64 + (b"close 1008",), flood=True),
)

CLOSES = (
    Case("a close without a code", masked(0x88, b""), (b"close 1005",)),
    Case("a close with half a code", masked(0x88, b"\x03")),
    Case("a close with a reason", close(1001, b"bye"), (b"close 1001",)),
    Case("a close with the longest reason", close(1000, b"r" * 123), (BYE,)),
    Case("a close with a Turkish reason", close(1000, "görüşürüz".encode()), (BYE,)),
    Case("a close with a reason that is not UTF-8", close(1000, b"\xff"), (b"close 1007",)),
    Case("a close with half a character", close(1000, TURKISH[:1]), (b"close 1007",)),
    Case("a close with a surrogate", close(1000, b"\xed\xa0\x80"), (b"close 1007",)),
    *(
        Case(f"close {code}", close(code))
        for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65_535)
    ),
    *(Case(f"close {code}", close(code), (b"close %d" % code,)) for code in (1002, 1003, 1007, 1011, 1014, 3000, 4999)),
    Case("a text behind the close", LAST + masked(0x81, b"late"), (BYE,), flood=True),
    Case("two closes", LAST + close(1001), (BYE,), flood=True),
)

TEXTS = (
    Case("an empty text", masked(0x81, b"") + LAST, (b"text ", BYE)),
    Case("a NUL in a text", masked(0x81, b"a\0b") + LAST, (b"text a\0b", BYE)),
    Case("a mark in a text", masked(0x81, "\ufeffa".encode()) + LAST, ("text \ufeffa".encode(), BYE)),
    Case("the highest character", masked(0x81, "\U0010ffff".encode()) + LAST, ("text \U0010ffff".encode(), BYE)),
    Case("not UTF-8", masked(0x81, b"\xc3\x28"), (b"close 1007",)),
    Case("a lone continuation byte", masked(0x81, b"\x80"), (b"close 1007",)),
    Case("half a character at the end", masked(0x81, TURKISH[:1]), (b"close 1007",)),
    Case("three quarters of a character", masked(0x81, SMILE[:3]), (b"close 1007",)),
    Case("a surrogate", masked(0x81, b"\xed\xa0\x80"), (b"close 1007",)),
    Case("a pair of surrogates", masked(0x81, b"\xed\xa0\xbd\xed\xb8\x80"), (b"close 1007",)),
    Case("a slash in two bytes", masked(0x81, b"\xc0\xaf"), (b"close 1007",)),
    Case("a NUL in two bytes", masked(0x81, b"\xc0\x80"), (b"close 1007",)),
    Case("a character in four bytes too many", masked(0x81, b"\xf0\x80\x80\xaf"), (b"close 1007",)),
    Case("beyond the highest character", masked(0x81, b"\xf4\x90\x80\x80"), (b"close 1007",)),
    Case("a character of five bytes", masked(0x81, b"\xf8\x88\x80\x80\x80"), (b"close 1007",)),
    Case("Latin-1", masked(0x81, b"\xfe\xfd"), (b"close 1007",)),
    Case("a character over two fragments", split(TURKISH, 1) + LAST, (b"text " + TURKISH, BYE)),
    Case("a character over four fragments", split(SMILE, 1, 2, 3) + LAST, (b"text " + SMILE, BYE)),
    Case(
        "a ping inside a character",
        masked(0x01, SMILE[:2]) + masked(0x89, b"") + masked(0x80, SMILE[2:]) + LAST,
        (b"pong ", b"text " + SMILE, BYE),
    ),
    Case("a character broken over fragments", masked(0x01, b"\xc3") + masked(0x80, b"("), (b"close 1007",)),
    Case("a character that never ends", masked(0x01, b"\xc3") + masked(0x80, b""), (b"close 1007",)),
    Case("a character over two messages", masked(0x81, b"\xc3") + masked(0x81, b"\xa7"), (b"close 1007",)),
    Case("not UTF-8 in an unfinished fragment", masked(0x01, b"\xff"), (b"close 1007",)),
)

LENGTHS = (
    Case("125 bytes", masked(0x81, b"a" * 125) + LAST, (b"text " + b"a" * 125, BYE)),
    Case("126 bytes", masked(0x81, b"a" * 126) + LAST, (b"text " + b"a" * 126, BYE)),
    Case("a short length in 16 bits", head(0x81, 0xFE, b"\0\x05") + b"hello"),
    Case("a short length in 64 bits", head(0x81, 0xFF, (5).to_bytes(8, "big")) + b"hello"),
    Case("a middling length in 64 bits", head(0x81, 0xFF, (65_535).to_bytes(8, "big"))),
    Case("the sign bit of 64", head(0x81, 0xFF, b"\x80" + b"\0" * 7)),
    Case("all 64 bits", head(0x81, 0xFF, b"\xff" * 8)),
    Case("63 bits", head(0x81, 0xFF, b"\x7f" + b"\xff" * 7), (b"close 1009",)),
    Case("the longest text", masked(0x81, b"a" * 65_536) + LAST, (b"text " + b"a" * 65_536, BYE), flood=True),
    Case("a byte too long", masked(0x81, b"a" * 65_537), (b"close 1009",), flood=True),
    Case("a byte too long, announced", head(0x81, 0xFF, (65_537).to_bytes(8, "big")), (b"close 1009",)),
    Case(
        "a byte too long over fragments", masked(0x01, b"a" * 65_536) + head(0x80, 0x81), (b"close 1009",), flood=True
    ),
    Case("no frame at all", b"GET / HTTP/1.1\r\n\r\n"),
    Case("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    Case("zeros", b"\0" * 64),
    Case("ones", b"\xff" * 64),
)

CORPUS: tuple[Case, ...] = (*MASKS, *RESERVED, *FRAGMENTS, *CONTROLS, *CLOSES, *TEXTS, *LENGTHS)
