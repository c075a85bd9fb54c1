"""Reading a body, against hand-fed ASGI messages and against asyncio's timers."""

import asyncio
from collections.abc import Awaitable

import pytest

from diyalog.server.body import BodyTooLarge, BodyTooSlow, ClientGone, Message, Receive, read_body

from .world import LIMIT


class Pieces:
    """An ASGI receive: gives what is put in, waits while there is nothing."""

    def __init__(self, *pieces: bytes | None, more: bool = False) -> None:
        self.queue: asyncio.Queue[Message] = asyncio.Queue()
        for index, piece in enumerate(pieces):
            self.put(piece, more=more or index < len(pieces) - 1)

    def put(self, piece: bytes | None, *, more: bool) -> None:
        if piece is None:
            self.queue.put_nowait({"type": "http.disconnect"})
        else:
            self.queue.put_nowait({"type": "http.request", "body": piece, "more_body": more})

    async def __call__(self) -> Message:
        return await self.queue.get()


def there_already(body: bytes, *, more: bool = False) -> Receive:
    """An ASGI receive whose piece has arrived before it is asked for."""

    def receive() -> "asyncio.Future[Message]":
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        future.set_result({"type": "http.request", "body": body, "more_body": more})
        return future

    return receive


async def test_whole_body_at_once_uses_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_seconds: float) -> None:
        raise AssertionError("a timer")

    monkeypatch.setattr(asyncio, "timeout", refuse)
    assert await read_body(there_already(b"body"), 4, LIMIT) == b"body"
    assert await read_body(there_already(b""), 4, LIMIT) == b""
    with pytest.raises(BodyTooLarge):
        await read_body(there_already(b"longer"), 4, LIMIT)


async def test_body_in_pieces() -> None:
    assert await read_body(Pieces(b"one,", b"", b"two"), 7, LIMIT) == b"one,two"


async def test_body_that_arrives_later() -> None:
    pieces = Pieces()
    reading = asyncio.create_task(read_body(pieces, 100, LIMIT))
    for piece in (b"one,", b"two"):
        await asyncio.sleep(0)
        pieces.put(piece, more=piece == b"one,")
    async with asyncio.timeout(LIMIT):
        assert await reading == b"one,two"


@pytest.mark.parametrize("pieces", [(b"a" * 6,), (b"a" * 5, b"a"), (b"", b"a" * 6), (b"aaa", b"aaa", b"")])
async def test_one_byte_too_many(pieces: tuple[bytes, ...]) -> None:
    with pytest.raises(BodyTooLarge):
        await read_body(Pieces(*pieces), 5, LIMIT)


async def test_no_limit() -> None:
    assert await read_body(Pieces(b"a" * 100_000, b"b"), 0, LIMIT) == b"a" * 100_000 + b"b"


@pytest.mark.parametrize("begun", [(), (b"begun",)])
async def test_too_slow(begun: tuple[bytes, ...]) -> None:
    with pytest.raises(BodyTooSlow):
        await read_body(Pieces(*begun, more=True), 100, 0.01)


@pytest.mark.parametrize("pieces", [(None,), (b"begun", None)])
async def test_client_gone(pieces: tuple[bytes | None, ...]) -> None:
    with pytest.raises(ClientGone):
        await read_body(Pieces(*pieces), 100, LIMIT)


async def test_cancelled_while_it_waits() -> None:
    pieces = Pieces()
    reading = asyncio.create_task(read_body(pieces, 100, LIMIT))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    pieces.put(b"still whole", more=False)
    assert (await pieces())["body"] == b"still whole"


async def test_begins_at_once_and_goes_on_later() -> None:
    pieces: list[Receive] = [there_already(b"one,", more=True), Pieces(b"two")]

    def receive() -> Awaitable[Message]:
        return pieces.pop(0)()

    assert await read_body(receive, 100, LIMIT) == b"one,two"


async def test_error_out_of_receive_is_handed_on() -> None:
    async def receive() -> Message:
        await asyncio.sleep(0)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await read_body(receive, 100, LIMIT)
