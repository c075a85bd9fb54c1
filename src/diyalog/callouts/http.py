"""The HTTP client of all call-outs: only to configured origins, bounded in time and size, and exact about whether a
request can have reached the other side.
"""

import asyncio
import re
import ssl
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.connector import Connection
from yarl import URL

from diyalog.callouts.replies import Answered, Fault, Reply, Unanswered, Unsent

__all__ = ["ANSWER_LIMIT", "CONNECT_S", "SLOTS", "HttpClient"]

ANSWER_LIMIT: Final = 256 * 1024
"""Largest body that is read, in bytes."""
CONNECT_S: Final = 3.0
"""Longest wait for a connection, name look-up and TLS handshake included."""
SLOTS: Final = 512
"""Most requests at a time."""
_IDLE_S: Final = 4.0
"""Idle connections are closed before usual servers close them (5 s and more): a request sent into a closing
connection is in doubt."""
_CONNECTIONS: Final = 8
"""Most connections that are tried before one is found on which the other side has not spoken unasked."""
_LEAST_S: Final = 0.001
_EXACT: Final = 86_400
"""Time-outs shorter than this many seconds are not rounded up."""
_FINAL_STATUS: Final = 200
_ILLEGAL_IN_TARGET: Final = re.compile(r"[^!-~]")
_ILLEGAL_IN_HEADER: Final = re.compile(r"[^ -~]")


class HttpClient:
    """A pool of connections to the origins of `bases`; `auth_token` is sent as Auth-Token on every request.

    Follows no redirect, keeps no cookie, unpacks nothing, repeats nothing, takes no proxy and no password from the
    environment. Raises ValueError for a base or token that cannot be sent.
    """

    def __init__(self, bases: Iterable[str], *, auth_token: str | None = None, slots: int = SLOTS) -> None:
        self._origins = frozenset(map(_origin, bases))
        self._tls = ssl.create_default_context()
        self._tls.set_alpn_protocols(["http/1.1"])
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "Diyalog"}
        if auth_token is not None:
            self._headers["Auth-Token"] = auth_token
        _check(self._headers)
        self._slots = asyncio.Semaphore(slots)
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the pool, on the running event loop."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE_S, ssl=self._tls),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
            skip_auto_headers=("Content-Type",),
            auto_decompress=False,
            trust_env=False,
            request_class=_Request,
            middlewares=(_send_once,),
        )

    async def stop(self) -> None:
        """Close the pool and what is in flight on it."""
        if self._session is not None:
            await self._session.close()
            self._session = None

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
        target = self._target(url)
        if headers is not None:
            _check(headers)
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
            return await self._exchange(method, target, body, headers, timeout_s=timeout_s - (clock() - begun))
        finally:
            self._slots.release()

    def _target(self, url: str) -> URL:
        origin = url[: url.find("/", url.find("://") + 3)]
        if origin not in self._origins:
            raise ValueError("a call-out goes to a configured origin only")
        if _ILLEGAL_IN_TARGET.search(url):
            raise ValueError("the address is not encoded")
        return URL(url, encoded=True)

    async def _exchange(
        self, method: str, target: URL, body: bytes | None, headers: Mapping[str, str] | None, *, timeout_s: float
    ) -> Reply:
        assert self._session is not None, "started"
        clock = asyncio.get_running_loop().time
        begun = clock()
        status: int | None = None
        timeout_s = max(timeout_s, _LEAST_S)
        # The connecting phase is over well before the whole is: a time-out says in which of the two it struck.
        timeout = aiohttp.ClientTimeout(total=timeout_s, connect=min(CONNECT_S, timeout_s / 2), ceil_threshold=_EXACT)
        try:
            async with self._session.request(
                method, target, data=body, headers=headers, allow_redirects=False, timeout=timeout
            ) as response:
                status = response.status
                received = await _read(response)
        except Exception as error:  # noqa: BLE001  whatever a hostile answer provokes
            return _without_answer(error, clock() - begun, status)
        if received is None:
            return Unanswered(Fault.TOO_LARGE, clock() - begun, status)
        if status < _FINAL_STATUS:
            return Unanswered(Fault.CUT, clock() - begun)
        return Answered(status, received, clock() - begun)


class _CutError(Exception):
    """The connection ended after the request was given to it."""


class _SpoiledError(Exception):
    """A connection held bytes that nobody had asked for; the request was not given to it."""


class _Request(aiohttp.ClientRequest):
    """A request that takes no answer which was there before it."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """Write the request, unless the connection is spoiled; then aiohttp closes it."""
        if conn.protocol is None or conn.protocol.should_close:
            raise _SpoiledError
        return await super().send(conn)


async def _send_once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Write the request at most once. aiohttp itself would send a DELETE again whose connection ended; what is sent
    again is for the outbox to decide, which counts. Raises _SpoiledError when not even one connection was fit.
    """
    for _ in range(_CONNECTIONS):
        try:
            return await handler(request)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):  # never sent
            raise
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            raise _CutError from error
        except _SpoiledError:
            continue
    raise _SpoiledError


def _without_answer(error: Exception, seconds: float, status: int | None) -> Unsent | Unanswered:
    """What an error says of the request. Only what aiohttp raises before it writes means that nothing was sent."""
    match error:
        case aiohttp.ClientConnectorError():
            return Unsent(Fault.TLS if isinstance(error, aiohttp.ClientSSLError) else Fault.CONNECT, seconds)
        case aiohttp.ConnectionTimeoutError():
            return Unsent(Fault.CONNECT_TIMEOUT, seconds)
        case _SpoiledError():
            return Unsent(Fault.CONNECT, seconds)
        case TimeoutError():
            return Unanswered(Fault.TIMEOUT, seconds, status)
        case _:
            return Unanswered(Fault.CUT, seconds, status)


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    """The whole body, None when it is over the limit; what follows then is not read."""
    received = bytearray()
    while chunk := await response.content.readany():
        received += chunk
        if len(received) > ANSWER_LIMIT:
            response.close()
            return None
    return bytes(received)


def _origin(base: str) -> str:
    parts = urlsplit(base)
    if parts.scheme not in {"http", "https"} or parts.hostname is None:
        raise ValueError("a base address is an http or https URL with a host")
    return f"{parts.scheme}://{parts.netloc}"


def _check(headers: Mapping[str, str]) -> None:
    if any(map(_ILLEGAL_IN_HEADER.search, headers.values())):
        raise ValueError("a header's value must be printable ASCII")
