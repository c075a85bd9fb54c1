"""One request and its answer, against a real server."""

import asyncio

import pytest

from .world import HOST, Served, get, serving


async def test_expect_continue(served: Served) -> None:
    wire = await served.connect()
    wire.send(b"POST /x HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    assert await wire.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.send(b"body")
    assert (await wire.answer())[2] == b"POST /x body"
    wire.close()


async def test_expect_continue_is_not_granted_when_the_body_is_not_wanted(served: Served) -> None:
    wire = await served.connect()
    wire.send(b"POST /unread HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    assert (await wire.rest()).startswith(b"HTTP/1.1 200 ")


async def test_http_1_0_is_answered_and_closed(served: Served) -> None:
    answer = await served.exchange(b"GET /x HTTP/1.0\r\n\r\n")
    assert answer.endswith(b"connection: close\r\n\r\nGET /x ")


async def test_head_has_the_length_and_no_body(served: Served) -> None:
    answer = await served.exchange(get(b"/x").replace(b"GET", b"HEAD", 1))
    assert b"content-length: 8\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")
    assert b"date: " in answer


async def test_client_that_leaves_is_noticed(served: Served) -> None:
    wire = await served.connect()
    wire.send(get(b"/waits", b""))
    async with asyncio.timeout(10):
        await served.application.arrived.wait()
        wire.close()
        await served.application.gone.wait()


# -- the application's faults


async def test_application_exception_is_500_with_fixed_text() -> None:
    async with serving() as served:
        answer = await served.exchange(get(b"/broken"))
        assert answer.startswith(b"HTTP/1.1 500 ")
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"connection: close" in head
        assert body.startswith(b"Internal server error. Request id: ")
        assert [type(error) for error in served.errors] == [ValueError]


@pytest.mark.parametrize("path", [b"/begun", b"/pieces", b"/short"])
async def test_answer_that_is_not_whole_is_a_500(path: bytes) -> None:
    async with serving() as served:
        answer = await served.exchange(get(path))
        assert answer.startswith(b"HTTP/1.1 500 ")
        assert b"half" not in answer
        assert len(served.errors) == 1


async def test_header_injection_is_a_500() -> None:
    async with serving() as served:
        answer = await served.exchange(get(b"/injected"))
        assert answer.startswith(b"HTTP/1.1 500 ")
        assert b"x-injected" not in answer
