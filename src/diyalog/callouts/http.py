"""The one HTTP client of all call-outs: only to configured origins, bounded in time and size, and exact about whether a
request can have reached the other side.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

import aiohttp
from yarl import URL

ANSWER_LIMIT: Final = 256 * 1024
"""Largest answer that is read, in bytes."""
CONNECT_S: Final = 3.0
"""Longest wait for a connection, name look-up and TLS handshake included."""
SLOTS: Final = 512
"""Most requests at a time."""
_IDLE_S: Final = 4.0
"""Idle connections are closed before usual servers close them (5 s and more): a request sent into a closing
connection is in doubt."""
_LEAST_S: Final = 0.001
_EXACT: Final = 86_400
"""Time-outs shorter than this many seconds are not rounded up."""


class Fault(StrEnum):
    """Why a request has no usable answer; also the word for it in the log and the metrics."""

    NO_SLOT = "no_slot"
    CONNECT = "connect"
    TLS = "tls"
    CONNECT_TIMEOUT = "connect_timeout"
    TIMEOUT = "timeout"
    CUT = "cut"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class Answered:
    """A whole answer within the limit, after `seconds`. Nothing of it is checked."""

    status: int
    body: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class Unsent:
    """There was no connection, so no byte of the request has left."""

    fault: Fault
    seconds: float


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The request may have arrived; there is no whole answer. `status`: that of one which was cut or too large."""

    fault: Fault
    seconds: float
    status: int | None = None


Reply: TypeAlias = Answered | Unsent | Unanswered
"""What became of one request."""


class HttpClient:
    """A pool of connections to the origins of `bases`; `auth_token` is sent as Auth-Token on every request.

    Follows no redirect, keeps no cookie, takes no proxy and no password from the environment.
    """

    def __init__(self, bases: Iterable[str], *, auth_token: str | None = None, slots: int = SLOTS) -> None:
        self._origins = frozenset(URL(base).origin() for base in bases)
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "Diyalog"}
        if auth_token is not None:
            self._headers["Auth-Token"] = auth_token
        self._slots = asyncio.Semaphore(slots)
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the pool, on the running event loop."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
            auto_decompress=False,
            trust_env=False,
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
        other side does, and ValueError for an origin that is not configured.
        """
        target = URL(url, encoded=True)
        if target.origin() not in self._origins:
            raise ValueError("a call-out goes to a configured origin only")
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
        except aiohttp.ClientConnectorError as error:
            fault = Fault.TLS if isinstance(error, aiohttp.ClientSSLError) else Fault.CONNECT
            return Unsent(fault, clock() - begun)
        except aiohttp.ConnectionTimeoutError:
            return Unsent(Fault.CONNECT_TIMEOUT, clock() - begun)
        except Exception as error:  # noqa: BLE001  whatever a hostile answer provokes: the request may have arrived
            fault = Fault.TIMEOUT if isinstance(error, TimeoutError) else Fault.CUT
            return Unanswered(fault, clock() - begun, status)
        if received is None:
            return Unanswered(Fault.TOO_LARGE, clock() - begun, status)
        return Answered(status, received, clock() - begun)


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    """The whole body, None when it is over the limit; what follows then is not read."""
    received = bytearray()
    async for chunk in response.content.iter_any():
        received += chunk
        if len(received) > ANSWER_LIMIT:
            response.close()
            return None
    return bytes(received)
