"""Hand-made requests and the exact answers to them, by RFC 9110 and RFC 9112.

A request that two readers could cut into different requests is refused and its connection closed: that is what
request smuggling lives on. Where the RFCs leave a choice ("may"), this table names the one taken.
"""

from typing import NamedTuple

H = b"Host: a\r\n"
CLOSE = b"Connection: close\r\n"
POST = b"POST /p HTTP/1.1\r\n" + H
END = b"GET /end HTTP/1.1\r\n" + H + CLOSE + b"\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\n" + H + b"\r\n"
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"

BAD = (b"400",)
ENDED = (b"200 GET /end ",)


class Case(NamedTuple):
    """One connection. `answers`: each answer's status, with its body when it is the echo of a request.

    `reached`: the targets of the requests that the application saw, when these are not those of the answers 200.
    `gone`: the client closes its side right behind `sent`. `whole`: it is sent in one segment only, because a client
    that writes on behind its last request may be reset, or because the answers depend on it.
    """

    name: str
    sent: bytes
    answers: tuple[bytes, ...] = BAD
    reached: tuple[bytes, ...] | None = None
    gone: bool = False
    whole: bool = False


def length(*values: bytes, body: bytes = b"hello") -> bytes:
    """A POST with these Content-Length fields, and what a reader who believes another would take for a request."""
    return POST + b"".join(b"Content-Length: " + value + b"\r\n" for value in values) + b"\r\n" + body + SMUGGLED


def coding(*values: bytes) -> bytes:
    """A POST with these Transfer-Encoding fields and a chunked body."""
    fields = b"".join(b"Transfer-Encoding: " + value + b"\r\n" for value in values)
    return POST + fields + b"\r\n5\r\nhello\r\n0\r\n\r\n" + SMUGGLED


def closing(line: bytes) -> bytes:
    """A GET with one more line in its head, and nothing behind it."""
    return b"GET /g HTTP/1.1\r\n" + H + line + b"\r\n\r\n"


def head(line: bytes) -> bytes:
    """A GET with one more line in its head."""
    return closing(line) + SMUGGLED


HELLO = (b"200 POST /p hello",)
SEEN = (b"/p",)

LENGTHS = (
    Case("two equal lengths", length(b"5", b"5")),
    Case("two lengths", length(b"5", b"6")),
    Case("a list of lengths", length(b"5, 5")),
    Case("a list of different lengths", length(b"5, 40")),
    Case("length with a plus", length(b"+5")),
    Case("negative length", length(b"-5")),
    Case("hexadecimal length", length(b"0x5")),
    Case("length with a blank inside", length(b"5 0")),
    Case("length with an underscore", length(b"5_0")),
    Case("length with a point", length(b"5.0")),
    Case("length with an exponent", length(b"5e0")),
    Case("empty length", length(b"")),
    Case("length of a blank", length(b" ")),
    Case("length with a semicolon", length(b"5;")),
    Case("length in quotes", length(b'"5"')),
    Case("length in Arabic digits", length("٥".encode())),
    Case("length of 2^64", length(b"18446744073709551616")),
    Case("length that wraps to 5", length(b"18446744073709551621")),
    Case("length of a hundred digits", length(b"9" * 100)),
    Case("length with leading zeros", length(b"0005") + END, (*HELLO, b"200 GET /smuggled ", *ENDED)),
    Case("length between tabs", length(b"\t5\t") + END, (*HELLO, b"200 GET /smuggled ", *ENDED)),
    Case("length behind a vertical tab", length(b"\v5")),
    Case("length behind a form feed", length(b"\f5")),
    Case("length with a blank before the colon", POST + b"Content-Length : 5\r\n\r\nhello" + SMUGGLED),
    Case("length with a tab before the colon", POST + b"Content-Length\t: 5\r\n\r\nhello" + SMUGGLED),
    Case("folded length", POST + b"Content-Length:\r\n 5\r\n\r\nhello" + SMUGGLED),
    Case("length behind a bare CR", POST + b"X: y\rContent-Length: 5\r\n\r\nhello" + SMUGGLED),
    Case(
        "length with an underscore in its name", POST + b"Content_Length: 99\r\n\r\n" + END, (b"200 POST /p ", *ENDED)
    ),
    Case(
        "a body hidden in a GET",
        b"GET /g HTTP/1.1\r\n" + H + b"Content-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED + END,
        (b"200 GET /g " + SMUGGLED, *ENDED),
    ),
    Case("a POST without a length has no body", POST + b"\r\n" + END, (b"200 POST /p ", *ENDED)),
    Case("a longer body than said", POST + b"Content-Length: 5\r\n\r\nhello!", (*HELLO, b"400")),
    Case("body over the limit", POST + b"Content-Length: 65537\r\n\r\n" + b"b" * 65_537 + SMUGGLED, (b"413",), SEEN),
    Case("body without end", POST + b"Content-Length: 9999999999\r\n\r\n" + SMUGGLED * 2000, (b"413",), SEEN),
)

CODINGS = (
    Case("length, then coding", POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED),
    Case("coding, then length", POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + SMUGGLED),
    Case("length 0 beside a coding", POST + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    Case("coding in capitals", coding(b"CHUNKED") + END, (*HELLO, b"200 GET /smuggled ", *ENDED)),
    Case("chunked twice in one field", coding(b"chunked, chunked")),
    Case("chunked in two fields", coding(b"chunked", b"chunked")),
    Case("chunked, then identity", coding(b"chunked", b"identity")),
    Case("identity, then chunked", coding(b"identity", b"chunked")),
    Case("identity", coding(b"identity")),
    Case("gzip, chunked", coding(b"gzip, chunked")),
    Case("chunked, gzip", coding(b"chunked, gzip")),
    Case("no coding at all", coding(b"")),
    Case("xchunked", coding(b"xchunked")),
    Case("chunkedx", coding(b"chunkedx")),
    Case("chunked with a parameter", coding(b"chunked;q=1")),
    Case("chunked in quotes", coding(b'"chunked"')),
    Case("chunked behind a comma", coding(b", chunked")),
    Case("chunked before a comma", coding(b"chunked,")),
    Case("chunked behind a vertical tab", coding(b"\vchunked")),
    Case("chunked before a vertical tab", coding(b"chunked\v")),
    Case("coding with a blank before the colon", POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED),
    Case("folded coding", POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + SMUGGLED),
    Case("coding hidden behind a bare CR", POST + b"X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED),
    Case("coding hidden behind a bare LF", POST + b"X: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED),
    Case(
        "coding in HTTP/1.0",
        b"POST /p HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" + SMUGGLED,
        HELLO,
        whole=True,
    ),
    Case(
        "h2c offered with length and coding",
        POST + H2C + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    Case("h2c offered with two lengths", POST + H2C + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
    Case("h2c offered with a length", POST + H2C + b"Content-Length: 5\r\n\r\nhello" + END, (*HELLO, *ENDED)),
    Case(
        "h2c offered behind another request",
        SMUGGLED + POST + H2C + b"Content-Length: 5\r\n\r\nhello" + END,
        (b"200 GET /smuggled ", *HELLO, *ENDED),
    ),
)

CHUNKS = (
    Case("an extension", CHUNKED + b"5;a=b\r\nhello\r\n0\r\n\r\n" + END, (*HELLO, *ENDED)),
    Case("an extension in quotes", CHUNKED + b'5;a="b c"\r\nhello\r\n0\r\n\r\n' + END, (*HELLO, *ENDED)),
    Case("an extension on the last chunk", CHUNKED + b"5\r\nhello\r\n0;a\r\n\r\n" + END, (*HELLO, *ENDED)),
    Case("a bare LF in an extension", CHUNKED + b"5;a\nhello\r\n0\r\n\r\n" + SMUGGLED, BAD, SEEN),
    Case("a bare LF in a quoted extension", CHUNKED + b'5;a="\n"\r\nhello\r\n0\r\n\r\n', BAD, SEEN),
    Case("a bare CR in an extension", CHUNKED + b"5;a\rb\r\nhello\r\n0\r\n\r\n", BAD, SEEN),
    Case("a NUL in an extension", CHUNKED + b"5;\0\r\nhello\r\n0\r\n\r\n", BAD, SEEN),
    Case("size and bare LF", CHUNKED + b"5\nhello\r\n0\r\n\r\n", BAD, SEEN),
    Case("size and bare CR", CHUNKED + b"5\rhello\r\n0\r\n\r\n", BAD, SEEN),
    Case("bare LF behind the data", CHUNKED + b"5\r\nhello\n0\r\n\r\n", BAD, SEEN),
    Case("nothing behind the data", CHUNKED + b"5\r\nhello0\r\n\r\n", BAD, SEEN),
    Case("data too short", CHUNKED + b"5\r\nhell\r\n0\r\n\r\n" + SMUGGLED, BAD, SEEN),
    Case("data too long", CHUNKED + b"5\r\nhello!\r\n0\r\n\r\n", BAD, SEEN),
    Case("a blank before the size", CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n", BAD, SEEN),
    Case("a blank behind the size", CHUNKED + b"5 \r\nhello\r\n0\r\n\r\n", BAD, SEEN),
    Case("a hexadecimal prefix", CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n", BAD, SEEN),
    Case("a negative size", CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n", BAD, SEEN),
    Case("a size with a plus", CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n", BAD, SEEN),
    Case("a size with an underscore", CHUNKED + b"0_5\r\nhello\r\n0\r\n\r\n", BAD, SEEN),
    Case("no size", CHUNKED + b"\r\nhello\r\n0\r\n\r\n", BAD, SEEN),
    Case("a size of 2^64", CHUNKED + b"10000000000000000\r\nhello", BAD, SEEN),
    Case("a size that wraps to 5", CHUNKED + b"10000000000000005\r\nhello\r\n0\r\n\r\n", BAD, SEEN),
    Case("leading zeros", CHUNKED + b"00000005\r\nhello\r\n000\r\n\r\n" + END, (*HELLO, *ENDED)),
    Case("a size in capitals", CHUNKED + b"A\r\nhello, you\r\n0\r\n\r\n" + END, (b"200 POST /p hello, you", *ENDED)),
    Case("a trailer that poses as a length", CHUNKED + b"5\r\nhello\r\n0\r\nContent-Length: 50\r\n\r\n", BAD, SEEN),
    Case(
        "a trailer that poses as a coding", CHUNKED + b"5\r\nhello\r\n0\r\nTransfer-Encoding: gzip\r\n\r\n", BAD, SEEN
    ),
    Case("a trailer that poses as a host", CHUNKED + b"5\r\nhello\r\n0\r\nHost: b\r\n\r\n" + END, (*HELLO, *ENDED)),
    Case("a trailer without a colon", CHUNKED + b"5\r\nhello\r\n0\r\nGET /x HTTP/1.1\r\n\r\n", BAD, SEEN),
    Case("a trailer with a bare LF", CHUNKED + b"5\r\nhello\r\n0\r\nX: a\nY: b\r\n\r\n", BAD, SEEN),
    Case("the last chunk and a bare LF", CHUNKED + b"5\r\nhello\r\n0\n\r\n", BAD, SEEN),
    Case("the last line a bare LF", CHUNKED + b"5\r\nhello\r\n0\r\n\n" + SMUGGLED, BAD, SEEN),
    Case(
        "chunks over the limit",
        CHUNKED + b"8000\r\n" + b"b" * 32_768 + b"\r\n8001\r\n" + b"b" * 32_769 + b"\r\n0\r\n\r\n",
        (b"413",),
        SEEN,
    ),
    Case("an endless extension", CHUNKED + b"5;" + b"x" * 600_000, (b"431",), SEEN),
    Case("endless trailers", CHUNKED + b"0\r\n" + b"X: y\r\n" * 100_000, (b"431",), SEEN),
)
