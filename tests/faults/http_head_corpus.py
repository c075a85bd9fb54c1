"""More of the table: request lines, headers, line ends, order, and connections that end early or are no HTTP."""

from faults.http_corpus import BAD, CLOSE, END, ENDED, POST, SMUGGLED, Case, H, closing, head

G = (b"200 GET /g ",)


def line(request_line: bytes, *, more: bytes = b"") -> bytes:
    """A request with this first line."""
    return request_line + b"\r\n" + H + CLOSE + more + b"\r\n"


LINES = (
    # RFC 9112, section 3, lets a reader split at any number of blanks.
    Case("two blanks before the target", line(b"GET  /g HTTP/1.1"), G),
    Case("two blanks before the version", line(b"GET /g  HTTP/1.1"), G),
    Case("tabs for blanks", line(b"GET\t/g\tHTTP/1.1")),
    Case("a blank first", line(b" GET /g HTTP/1.1")),
    Case("a blank last", line(b"GET /g HTTP/1.1 ")),
    Case("a vertical tab for a blank", line(b"GET\v/g HTTP/1.1")),
    Case("no version", line(b"GET /g")),
    Case("no target", line(b"GET HTTP/1.1")),
    Case("no target and no version", line(b"GET")),
    Case("lower-case version", line(b"GET /g http/1.1")),
    Case("version 1.2", line(b"GET /g HTTP/1.2")),
    Case("version 2.0", line(b"GET /g HTTP/2.0")),
    Case("version 0.9", line(b"GET /g HTTP/0.9")),
    Case("version 1", line(b"GET /g HTTP/1")),
    Case("version 11", line(b"GET /g HTTP/11")),
    Case("version 1.10", line(b"GET /g HTTP/1.10")),
    Case("version 1,1", line(b"GET /g HTTP/1,1")),
    # The parser reads these as HTTP/1.0 and does not tell: answered like it, then closed.
    Case("version of another protocol", line(b"GET /g RTSP/1.0"), G),
    Case("a method of another protocol", line(b"DESCRIBE /g RTSP/1.0"), (b"200 DESCRIBE /g ",)),
    Case("a source of a radio", line(b"SOURCE /g ICE/1.0"), (b"200 SOURCE /g ",)),
    Case("lower-case method", line(b"get /g HTTP/1.1")),
    Case("unknown method", line(b"FETCH /g HTTP/1.1")),
    Case("method with a NUL", line(b"GE\0T /g HTTP/1.1")),
    Case("method of a letter", line(b"G /g HTTP/1.1")),
    Case("CONNECT", line(b"CONNECT a:443 HTTP/1.1")),
    Case("authority as target", line(b"GET a:443 HTTP/1.1")),
    Case("relative target", line(b"GET g HTTP/1.1")),
    Case("target with a NUL", line(b"GET /g\0 HTTP/1.1")),
    Case("target with DEL", line(b"GET /g\x7f HTTP/1.1")),
    Case("target with ESC", line(b"GET /g\x1b[2J HTTP/1.1")),
    Case("target with a bare CR", line(b"GET /g\rX HTTP/1.1")),
    Case("target with a bare LF", line(b"GET /g\nX HTTP/1.1")),
    Case("target with a tab", line(b"GET /g\tx HTTP/1.1")),
    Case("target with a blank", line(b"GET /g x HTTP/1.1")),
    Case("target in UTF-8", line("GET /ğ HTTP/1.1".encode())),
    Case("target in Latin-1", line(b"GET /\xe7 HTTP/1.1")),
    Case("target over the limit", line(b"GET /" + b"g" * 33_000 + b" HTTP/1.1"), (b"431",)),
    Case("target with escapes", line(b"GET /%00%0d%0a?%00 HTTP/1.1"), (b"200 GET /%00%0d%0a?%00 ",)),
    Case("target of two slashes", line(b"GET //b/g HTTP/1.1"), (b"200 GET //b/g ",)),
    Case("absolute target of another host", line(b"GET http://b/g HTTP/1.1"), (b"200 GET http://b/g ",)),
    Case("line ends before the request", b"\r\n\r\n" + END, ENDED),
    Case("line ends between requests", SMUGGLED + b"\r\n" + END, (b"200 GET /smuggled ", *ENDED)),
)

FIELDS = (
    Case("no host", b"GET /g HTTP/1.1\r\n" + CLOSE + b"\r\n"),
    Case("no host in HTTP/1.0", b"GET /g HTTP/1.0\r\n\r\n", G),
    Case("two hosts", head(b"Host: b")),
    Case("two equal hosts", head(b"Host: a")),
    Case("two hosts in HTTP/1.0", b"GET /g HTTP/1.0\r\n" + H + H + b"\r\n"),
    Case("host with a blank before the colon", b"GET /g HTTP/1.1\r\nHost : a\r\n\r\n"),
    Case("folded host", b"GET /g HTTP/1.1\r\nHost:\r\n a\r\n\r\n"),
    Case("field without a name", head(b": x")),
    Case("field without a colon", head(b"x")),
    Case("blank in a name", head(b"X Y: z")),
    Case("blank before a name", b"GET /g HTTP/1.1\r\n X: y\r\n" + H + b"\r\n"),
    Case("blank behind a name", head(b"X : y")),
    Case("folded value", head(b"X: y\r\n z")),
    Case("value folded with a tab", head(b"X: y\r\n\tz")),
    Case("name in UTF-8", head("Ş: y".encode())),
    Case("name with a NUL", head(b"X\0: y")),
    Case("name with a slash", head(b"X/Y: z")),
    Case("name in brackets", head(b"X(Y): z")),
    Case("value with a NUL", head(b"X: y\0z")),
    Case("value with a bare CR", head(b"X: y\rz")),
    Case("value with SOH", head(b"X: y\x01z")),
    Case("value with ESC", head(b"X: \x1b[2J")),
    Case("value with DEL", head(b"X: y\x7f")),
    Case("value with a tab", closing(b"X: y\tz\r\nConnection: close"), G),
    Case("value in UTF-8", closing("X: ş\r\nConnection: close".encode()), G),
    Case("value in Latin-1", closing(b"X: \xfe\xff\r\nConnection: close"), G),
    Case("empty value", closing(b"X:\r\nConnection: close"), G),
    Case("value without a blank", closing(b"X:y\r\nConnection:close"), G),
    Case("a head of one long field", head(b"X: " + b"x" * 33_000), (b"431",)),
    Case("a head of many fields", head(b"X: y\r\n" * 8_000 + b"X: y"), (b"431",)),
    Case("a second head over the limit", SMUGGLED + head(b"X: " + b"x" * 33_000), (b"200 GET /smuggled ", b"431")),
    Case("every line ends bare", b"GET /g HTTP/1.1\nHost: a\nConnection: close\n\n"),
    Case("the first line ends bare", b"GET /g HTTP/1.1\nHost: a\r\n\r\n"),
    Case("one field ends bare", b"GET /g HTTP/1.1\r\nX: y\nHost: a\r\n\r\n"),
    Case("the head ends bare", b"GET /g HTTP/1.1\r\nHost: a\r\n\n" + SMUGGLED),
    Case("lines end with CR", b"GET /g HTTP/1.1\rHost: a\r\r"),
    Case("lines end with CR CR LF", b"GET /g HTTP/1.1\r\r\nHost: a\r\r\n\r\r\n"),
    Case("lines end with LF CR", b"GET /g HTTP/1.1\n\rHost: a\n\r\n\r"),
    Case("the head ends with a NUL", b"GET /g HTTP/1.1\r\nHost: a\r\n\0\r\n"),
)

ORDER = (
    Case("ten requests at once", (SMUGGLED * 9) + END, (b"200 GET /smuggled ",) * 9 + ENDED),
    Case("a request behind Connection: close", END + SMUGGLED, ENDED, whole=True),
    Case("a request behind HTTP/1.0", b"GET /g HTTP/1.0\r\n\r\n" + SMUGGLED, G, whole=True),
    Case("HTTP/1.0 that asks to go on", b"GET /g HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + SMUGGLED, G, whole=True),
    Case("keep-alive and close", closing(b"Connection: keep-alive, close"), G),
    Case("close in capitals", closing(b"Connection: CLOSE"), G),
    Case("HEAD has no body", b"HEAD /g HTTP/1.1\r\n" + H + b"\r\n" + END, (b"200", *ENDED), (b"/g", b"/end")),
    Case("a fault behind two requests", SMUGGLED * 2 + b"x\r\n\r\n", (b"200 GET /smuggled ",) * 2 + BAD),
    Case("a fault hides what is behind it", b"x\r\n\r\n" + SMUGGLED),
    Case(
        "a body that looks like a request",
        POST + b"Content-Length: 16\r\n\r\nGET / HTTP/1.1\r\n" + END,
        (b"200 POST /p GET / HTTP/1.1\r\n", *ENDED),
    ),
    Case(
        "an expectation, its body already sent",
        POST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello" + END,
        (b"200 POST /p hello", *ENDED),
        whole=True,
    ),
    Case(
        "an expectation in HTTP/1.0",
        b"POST /p HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
        (b"200 POST /p hello",),
    ),
    Case("an upgrade to itself", closing(b"Connection: Upgrade, close\r\nUpgrade: HTTP/1.1"), G),
    Case("an upgrade without Connection", closing(b"Upgrade: websocket\r\nConnection: close"), G),
)

ENDINGS = (
    Case("nothing", b"", (), (), gone=True),
    Case("half a method", b"GE", (), (), gone=True),
    Case("half a head", b"GET /g HTTP/1.1\r\nHost: a\r\n", (), (), gone=True),
    Case("half a line end", b"GET /g HTTP/1.1\r\nHost: a\r\n\r", (), (), gone=True),
    Case("half a body", POST + b"Content-Length: 9\r\n\r\nhalf", (), (b"/p",), gone=True),
    Case("half a chunk", POST + b"Transfer-Encoding: chunked\r\n\r\n9\r\nhalf", (), (b"/p",), gone=True),
    Case("no last chunk", POST + b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", (), (b"/p",), gone=True),
    Case("half a trailer", POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: y", (), (b"/p",), gone=True),
    Case("only line ends", b"\r\n" * 100, (), (), gone=True),
)

STRANGERS = (
    Case("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 400),
    Case("an HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"),
    Case("SSH", b"SSH-2.0-OpenSSH_9.6\r\n"),
    Case("SMTP", b"EHLO a\r\nMAIL FROM:<a@b>\r\n"),
    Case("a proxy's line", b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n" + END),
    Case("a proxy's binary head", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + b"\0" * 12 + END),
    Case("SIP", b"OPTIONS sip:a SIP/2.0\r\n\r\n"),
    Case("an HTTP answer", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    Case("Redis", b"*1\r\n$4\r\nPING\r\n"),
    Case("PostgreSQL", b"\0\0\0\x08\x04\xd2\x16\x2f"),
    Case("zeros", b"\0" * 4096),
    Case("UTF-16", "GET /g HTTP/1.1\r\n".encode("utf-16")),
    Case("UTF-8 with a mark", b"\xef\xbb\xbf" + END),
    Case("one endless word", b"A" * 40_000),
)
