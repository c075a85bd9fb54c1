"""Read a request body within its limits."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


class BodyError(Exception):
    """The body cannot be had. Below it: BodyTooLarge, BodyTooSlow, ClientGone."""


class BodyTooLarge(BodyError):  # noqa: N818 - named by what happened, as the next two
    """The body is longer than the limit: answer 413."""


class BodyTooSlow(BodyError):  # noqa: N818
    """The body was not complete in time: answer 408."""


class ClientGone(BodyError):  # noqa: N818
    """The client went away before its body was complete: there is nobody to answer."""


async def read_body(receive: Receive, limit: int, deadline_seconds: float) -> bytes:
    """Read the whole body, at most `limit` bytes (0 = no limit), within `deadline_seconds`.

    Raises BodyTooLarge, BodyTooSlow or ClientGone. After the first two the server closes the connection
    behind the answer, so the unread rest never becomes another request.
    """
    first = receive()
    if not (isinstance(first, asyncio.Future) and first.done()):
        return await _read_rest(receive, first, b"", limit, deadline_seconds)
    # Nearly always the body is there already: then no timer is needed.
    message: Message = first.result()
    body = _bytes_of(message)
    if limit and len(body) > limit:
        raise BodyTooLarge
    if not message.get("more_body", False):
        return body
    return await _read_rest(receive, receive(), body, limit, deadline_seconds)


async def _read_rest(receive: Receive, pending: Awaitable[Message], begun: bytes, limit: int, deadline: float) -> bytes:
    body = bytearray(begun)
    try:
        async with asyncio.timeout(deadline):
            while True:
                message = await pending
                body += _bytes_of(message)
                if limit and len(body) > limit:
                    raise BodyTooLarge
                if not message.get("more_body", False):
                    return bytes(body)
                pending = receive()
    except TimeoutError:
        raise BodyTooSlow from None


def _bytes_of(message: Message) -> bytes:
    if message["type"] == "http.disconnect":
        raise ClientGone
    body: bytes = message.get("body", b"")
    return body
