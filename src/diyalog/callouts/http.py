"""The one HTTP client of all call-outs: only to configured origins, bounded in time and size, and exact about whether a
request can have reached the other side.
"""

import asyncio
import re
import ssl
from collections.abc import Iterable, Mapping
from typing import Final

from diyalog.callouts.connection import ANSWER_LIMIT, Received
from diyalog.callouts.pool import NoConnectionError, Pool
from diyalog.callouts.replies import Answered, Fault, Reply, Unanswered, Unsent

__all__ = ["ANSWER_LIMIT", "CONNECT_S", "SLOTS", "HttpClient"]

CONNECT_S: Final = 3.0
"""Longest wait for a connection, name look-up and TLS handshake included."""
SLOTS: Final = 512
"""Most requests at a time."""
_LEAST_S: Final = 0.001
_ILLEGAL_IN_TARGET: Final = re.compile(r"[^!-~]")
_ILLEGAL_IN_HEADER: Final = re.compile(r"[^ -~]")


class HttpClient:
    """A pool of connections to the origins of `bases`; `auth_token` is sent as Auth-Token on every request.

    Follows no redirect, keeps no cookie, unpacks nothing, takes no proxy and no password from the environment. Raises
    ValueError for a base or token that cannot be sent.
    """

    def __init__(self, bases: Iterable[str], *, auth_token: str | None = None, slots: int = SLOTS) -> None:
        tls = ssl.create_default_context()
        tls.set_alpn_protocols(["http/1.1"])
        pools = [Pool(base, tls) for base in bases]
        self._pools = {pool.origin: pool for pool in pools}
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "Diyalog"}
        if auth_token is not None:
            headers["Auth-Token"] = auth_token
        self._head = _lines(headers)
        self._slots = asyncio.Semaphore(slots)
        self._started = False

    async def start(self) -> None:
        """Let requests be sent."""
        self._started = True

    async def stop(self) -> None:
        """Close the connections and what is in flight on them."""
        self._started = False
        for pool in self._pools.values():
            pool.close()

    async def send(
        self,
        method: str,
        url: str,
        *,
        timeout_s: float,
        slot_s: float,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send one request to `url`, taken as it is (already encoded).

        `timeout_s` bounds all of it, `slot_s` the wait for one of the slots, in seconds. Raises nothing for what the
        other side does, and ValueError for an origin that is not configured and for what no request can carry.
        """
        pool, request = self._request(method, url, body, headers)
        clock = asyncio.get_running_loop().time
        begun = clock()
        if self._slots.locked():
            try:
                async with asyncio.timeout(min(slot_s, timeout_s)):
                    await self._slots.acquire()
            except TimeoutError:
                return Unsent(Fault.NO_SLOT, clock() - begun)
        else:
            await self._slots.acquire()
        try:
            return await self._exchange(pool, request, timeout_s=timeout_s - (clock() - begun))
        finally:
            self._slots.release()

    def _request(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str] | None
    ) -> tuple[Pool, bytes]:
        """Where a request goes, and its bytes."""
        origin = url[: url.find("/", url.find("://") + 3)]
        pool = self._pools.get(origin)
        if pool is None:
            raise ValueError("a call-out goes to a configured origin only")
        target = url[len(origin) :]
        if _ILLEGAL_IN_TARGET.search(target):
            raise ValueError("the address is not encoded")
        own = "" if headers is None else _lines(headers)
        length = "" if body is None else f"Content-Length: {len(body)}\r\n"
        head = f"{method} {target} HTTP/1.1\r\n{pool.head}{self._head}{own}{length}\r\n".encode("ascii")
        return pool, head if body is None else head + body

    async def _exchange(self, pool: Pool, request: bytes, *, timeout_s: float) -> Reply:
        assert self._started, "started"
        loop = asyncio.get_running_loop()
        begun = loop.time()
        timeout_s = max(timeout_s, _LEAST_S)
        connection = pool.idle()
        if connection is None:
            try:
                # The connecting phase is over well before the whole is: a time-out says in which of the two it struck.
                connection = await pool.connect(min(CONNECT_S, timeout_s / 2))
            except NoConnectionError as error:
                return Unsent(error.fault, loop.time() - begun)
        timer = loop.call_at(begun + timeout_s, connection.end, Fault.TIMEOUT)
        received: Received = Fault.CUT
        try:
            received = await connection.begin(request)
        finally:
            timer.cancel()
            pool.give_back(connection)
        if isinstance(received, Fault):
            return Unanswered(received, loop.time() - begun, connection.status)
        assert connection.status is not None, "a whole answer has a status"
        return Answered(connection.status, received, loop.time() - begun)


def _lines(headers: Mapping[str, str]) -> str:
    """Header lines. Raises ValueError for a value that would break out of its line."""
    text = ""
    for name, value in headers.items():
        if _ILLEGAL_IN_HEADER.search(value):
            raise ValueError("a header's value must be printable ASCII")
        text += f"{name}: {value}\r\n"
    return text
