"""Raw HTTP against a real server on the loopback."""

import asyncio

import pytest

from .world import BODY_LIMIT, HOST, Clock, Served, get, post, serving

# -- what is offered and ignored


async def test_h2c_offer_keeps_the_body_and_the_connection(served: Served) -> None:
    wire = await served.connect()
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\n"
    wire.send(post(b"/first?x=%41", b'{"a": 1}', offer) + get(b"/second", b""))
    assert (await wire.answer())[::2] == (200, b'POST /first?x=%41 {"a": 1}')
    assert (await wire.answer())[::2] == (200, b"GET /second ")
    wire.close()


async def test_h2c_offer_byte_by_byte(served: Served) -> None:
    wire = await served.connect()
    request = post(b"/slowly", b"body", b"Connection: Upgrade, close\r\nUpgrade: h2c\r\n")
    for index in range(len(request)):
        wire.send(request[index : index + 1])
        await asyncio.sleep(0)
    assert (await wire.rest()).endswith(b"\r\n\r\nPOST /slowly body")


@pytest.mark.parametrize("offer", [b"TLS/1.0", b"h2c, foo/2", b"websocket"])
async def test_other_offers_are_ordinary_requests(served: Served, offer: bytes) -> None:
    # A POST never becomes a WebSocket either: RFC 6455 asks for GET.
    request = post(b"/x", b"body", b"Connection: Upgrade, close\r\nUpgrade: " + offer + b"\r\n")
    assert (await served.exchange(request)).endswith(b"\r\n\r\nPOST /x body")


async def test_chunked_body_behind_an_h2c_offer(served: Served) -> None:
    head = (
        b"POST /x HTTP/1.1\r\n" + HOST + b"Connection: Upgrade, close\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n"
    )
    assert (await served.exchange(head + b"\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")).endswith(b"\r\n\r\nPOST /x abc")


# -- the request target


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/a/b?c=d&e", "/a/b", b"c=d&e"),
        (b"http://example.org:80/a?b", "/a", b"b"),
        (b"http://example.org", "/", b""),
        (b"http://example.org?q=http://x/y", "/", b"q=http://x/y"),
        (b"/%00/%C3%A7/%FF", "/\0/ç/\ufffd", b""),
        (b"//double//slash", "//double//slash", b""),
        (b"/a?b?c", "/a", b"b?c"),
        (b"*", "*", b""),
        (b"/%2e%2E/%", "/../%", b""),
    ],
)
async def test_target_is_kept_as_received(served: Served, target: bytes, path: str, query: bytes) -> None:
    request = b"OPTIONS " + target + b" HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
    assert (await served.exchange(request)).startswith(b"HTTP/1.1 200 ")
    scope = served.application.scopes[0]
    assert (scope["target"], scope["path"], scope["query_string"]) == (target, path, query)


# -- limits in size and time


async def test_head_at_the_limit_passes_and_one_byte_more_does_not() -> None:
    async with serving(header_bytes=1000) as served:
        bare = len(get(b"/", b"X: \r\nConnection: close\r\n"))
        for size, status in ((1000, b"200"), (1001, b"431")):
            padded = get(b"/", b"X: " + b"a" * (size - bare) + b"\r\nConnection: close\r\n")
            assert len(padded) == size
            answer = await served.exchange(padded)
            assert answer.split()[1] == status
            assert b"connection: close\r\n" in answer


@pytest.mark.parametrize(
    "flood",
    [
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"a" * 40_000, id="one endless header"),
        pytest.param(b"GET /" + b"a" * 40_000, id="an endless target"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 8_000, id="endless headers"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"a" * 40_000, id="an endless name"),
        pytest.param(b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", id="a whole head"),
        pytest.param(
            b"GET /1 HTTP/1.1\r\n" + HOST + b"\r\nGET /" + b"a" * 40_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
            id="the second one",
        ),
    ],
)
async def test_heads_over_the_limit_are_431_and_closed(served: Served, flood: bytes) -> None:
    answers = await served.exchange(flood)
    assert b"HTTP/1.1 431 " in answers
    assert answers.endswith(b"The request's line and headers are too long.")


async def test_large_body_beside_a_small_head_is_not_a_large_head(served: Served) -> None:
    wire = await served.connect()
    wire.send(post(b"/x", b"b" * BODY_LIMIT) + b"GET /next HTTP/1.1\r\nHo")
    assert (await wire.answer())[0] == 200
    wire.send(b"st: a\r\n\r\n")
    assert (await wire.answer())[2] == b"GET /next "
    wire.close()


@pytest.mark.parametrize("begun", [b"", b"GE", b"GET / HTTP/1.1\r\nHost: a\r\n"])
async def test_unfinished_head_is_408_after_its_time(begun: bytes) -> None:
    clock = Clock()
    async with serving(clock) as served:
        wire = await served.connect()
        wire.send(get(b"/first", b""))
        await wire.answer()
        other = await served.connect()
        wire.send(begun)
        other.send(begun)
        await _received(served, 2)
        clock.now += 9.9
        await served.server.sweep.once()
        clock.now += 0.2
        await served.server.sweep.once()
        answer = await other.rest()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"Request id: " in answer
        if begun:
            assert (await wire.rest()).startswith(b"HTTP/1.1 408 ")
        else:
            wire.send(get(b"/kept"))  # between two requests the keep-alive time counts
            assert (await wire.rest()).endswith(b"GET /kept ")


async def _received(served: Served, connections: int) -> None:
    """Wait until the server has that many connections and has read what was sent on the loopback before."""
    for _ in range(connections):
        await served.exchange(get(b"/marker"))


async def test_idle_connection_is_closed_after_the_keep_alive_time() -> None:
    clock = Clock()
    async with serving(clock, keep_alive_seconds=65.0) as served:
        wire = await served.connect()
        wire.send(get(b"/", b""))
        await wire.answer()
        clock.now += 66
        await served.server.sweep.once()
        assert await wire.rest() == b""


async def test_body_over_the_limit_is_413_and_its_rest_no_request(served: Served) -> None:
    smuggled = get(b"/smuggled") * 3000
    answer = await served.exchange(post(b"/x", b"b" * BODY_LIMIT + smuggled))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close\r\n" in answer
    assert answer.count(b"HTTP/1.1 ") == 1
    assert [scope["path"] for scope in served.application.scopes] == ["/x"]


async def test_slow_body_is_408_and_its_rest_no_request(served: Served) -> None:
    served.application.body_seconds = 0.05
    wire = await served.connect()
    wire.send(b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Length: 100\r\n\r\nbegun")
    status, head, body = await wire.answer()
    assert (status, body) == (408, b"too slow")
    assert b"connection: close\r\n" in head
    wire.send(get(b"/smuggled"))
    assert await wire.rest() == b""
    assert [scope["path"] for scope in served.application.scopes] == ["/x"]


async def test_answer_before_the_body_closes_without_a_reset(served: Served) -> None:
    wire = await served.connect()
    wire.send(b"POST /unread HTTP/1.1\r\n" + HOST + b"Content-Length: 1000000\r\n\r\n" + b"b" * 300_000)
    assert (await wire.rest()).endswith(b"\r\n\r\nunread")


# -- what is malformed


MALFORMED = [
    b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n\r\nabc",
    b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
    b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999999999999999\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + HOST + b"X\0: ab\r\n\r\n",
    b"GET /\0 HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET /\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET / HTTP/1.1\r\n" + HOST + b"X : a\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n folded\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + HOST + b"X: a\rb\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\nHost: a\n\n",
    b"GET / HTTP/2.0\r\n" + HOST + b"\r\n",
    b"GET / HTTP/0.9\r\n\r\n",
    b"GET /\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"CONNECT example.org:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET foo HTTP/1.1\r\n" + HOST + b"\r\n",
    b"GET foo:bar HTTP/1.1\r\n" + HOST + b"\r\n",
    b"get / HTTP/1.1\r\n" + HOST + b"\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\0\0\0\0",
    b"\xff" * 100,
]


@pytest.mark.parametrize("request_bytes", MALFORMED, ids=range(len(MALFORMED)))
async def test_malformed_requests_are_400_and_closed(served: Served, request_bytes: bytes) -> None:
    answer = await served.exchange(request_bytes)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"content-type: text/plain; charset=utf-8\r\n" in answer
    assert b"connection: close\r\n" in answer
    assert answer.endswith(b"\r\n\r\nMalformed HTTP request.")


@pytest.mark.parametrize("cut", [1, 7, 40])
async def test_corpus_in_pieces_is_never_a_500_nor_an_error(served: Served, cut: int) -> None:
    for request in MALFORMED:
        wire = await served.connect()
        for index in range(0, len(request), cut):
            wire.send(request[index : index + cut])
            await asyncio.sleep(0)
        answer = await wire.rest()
        assert b" 400 " in answer.split(b"\r\n")[0]
    assert served.errors == []


async def test_fault_in_the_body_reaches_the_application_as_a_disconnect(served: Served) -> None:
    wire = await served.connect()
    wire.send(b"POST /x HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
    wire.send(b"zz\r\n")
    assert (await wire.rest()).startswith(b"HTTP/1.1 400 ")
    async with asyncio.timeout(10):
        await served.application.gone.wait()


async def test_trailers_do_not_become_headers(served: Served) -> None:
    request = b"POST /x HTTP/1.1\r\n" + HOST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    await served.exchange(request + b"1\r\na\r\n0\r\nx-dlg-authorization: forged\r\n\r\n")
    names = [name for name, _ in served.application.scopes[0]["headers"]]
    assert names == [b"host", b"connection", b"transfer-encoding"]


@pytest.mark.parametrize("endless", [b"0\r\nX: ", b"0\r\n" + b"X: a\r\n" * 8000, b"1;", b"1;x=y\r\na\r\n" * 3000])
async def test_framing_of_a_body_is_bounded_too(served: Served, endless: bytes) -> None:
    wire = await served.connect()
    wire.send(b"POST /x HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n")
    await _received(served, 1)
    wire.send(endless + b"a" * 40_000 if endless.endswith((b" ", b";")) else endless)
    if endless.startswith(b"1;x"):
        wire.send(b"0\r\n\r\n")  # wasteful, yet within bounds
        assert (await wire.answer())[2] == b"POST /x " + b"a" * 3000
    else:
        assert (await wire.rest()).startswith(b"HTTP/1.1 431 ")


async def test_body_in_chunks_of_one_byte(served: Served) -> None:
    wire = await served.connect()
    head = b"POST /x HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    wire.send(head + b"1\r\na\r\n" * BODY_LIMIT + b"0\r\n\r\n")
    assert (await wire.answer())[2] == b"POST /x " + b"a" * BODY_LIMIT


# -- order, persistence


async def test_pipelined_requests_are_answered_in_order(served: Served) -> None:
    wire = await served.connect()
    wire.send(get(b"/gate", b"") + post(b"/2", b"two") + get(b"/3", b"") + get(b"/4"))
    async with asyncio.timeout(10):
        await served.application.arrived.wait()
    assert len(served.application.scopes) == 1
    served.application.gate.set()
    bodies = [(await wire.answer())[2] for _ in range(4)]
    assert bodies == [b"through the gate", b"POST /2 two", b"GET /3 ", b"GET /4 "]
    assert await wire.rest() == b""


async def test_refusal_waits_for_the_answers_before_it(served: Served) -> None:
    wire = await served.connect()
    wire.send(get(b"/gate", b"") + get(b"/2", b"") + b"NONSENSE\r\n\r\n")
    async with asyncio.timeout(10):
        await served.application.arrived.wait()
    served.application.gate.set()
    answers = await wire.rest()
    assert [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"400"]


async def test_pipelined_fault_in_a_body_spares_the_answer_before_it(served: Served) -> None:
    wire = await served.connect()
    wire.send(get(b"/gate", b"") + b"POST /2 HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n")
    async with asyncio.timeout(10):
        await served.application.arrived.wait()
    served.application.gate.set()
    answers = await wire.rest()
    assert [part[:3] for part in answers.split(b"HTTP/1.1 ")[1:]] == [b"200", b"400"]
    assert [scope["path"] for scope in served.application.scopes] == ["/gate"]


async def test_peer_that_takes_nothing_is_cut() -> None:
    clock = Clock()
    async with serving(clock) as served:
        wire = await served.connect()
        wire.send(get(b"/", b""))
        await wire.answer()
        connection = next(iter(served.server.server_state.connections))
        connection.pause_writing()
        clock.now += 31
        await served.server.sweep.once()
        await wire.ended()
        assert connection not in served.server.server_state.connections
