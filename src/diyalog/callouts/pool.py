"""The connections to one origin: opening them, and keeping them for the next request."""

import asyncio
import base64
import ssl
from collections import deque
from socket import SOCK_STREAM
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from aiohappyeyeballs import start_connection

from diyalog.callouts.connection import Connection
from diyalog.callouts.replies import Fault

_IDLE_S: Final = 4.0
"""Idle connections are closed before usual servers close them (5 s and more): a request sent into a closing
connection is in doubt."""
_ADDRESSES_S: Final = 10.0
"""How long an answer of the name service is used, so that many connections at once ask it one time."""
_NEXT_ADDRESS_S: Final = 0.25
"""Head start of an address before the next one is tried beside it (RFC 8305)."""
_PORTS: Final = {"http": 80, "https": 443}


class NoConnectionError(Exception):
    """There is no connection, so nothing was sent; `fault` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


class Pool:
    """Connections to the origin of `base`, an http or https URL. `tls`: how certificates are checked.

    `origin`: the beginning of every URL that goes here. `head`: the header lines that every request carries for it.
    """

    def __init__(self, base: str, tls: ssl.SSLContext) -> None:
        parts = urlsplit(base)
        if parts.scheme not in _PORTS or parts.hostname is None:
            raise ValueError("a base address is an http or https URL with a host")
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.head = _head(parts)
        self._host = parts.hostname
        self._port = parts.port or _PORTS[parts.scheme]
        self._tls = tls if parts.scheme == "https" else None
        self._open: set[Connection] = set()
        self._idle: deque[Connection] = deque()
        self._sweeping: asyncio.TimerHandle | None = None
        self._addresses: asyncio.Task[list[Any]] | None = None
        self._ask_again_at = 0.0

    def idle(self) -> Connection | None:
        """The connection that was used last, if one is still open."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
            self._open.discard(connection)
        return None

    def give_back(self, connection: Connection) -> None:
        """Keep a connection for a while, or end it if it cannot be used again."""
        if not (connection.reusable and connection.is_open):
            connection.end()
            self._open.discard(connection)
            return
        loop = asyncio.get_running_loop()
        connection.idle_since = loop.time()
        self._idle.append(connection)
        if self._sweeping is None:
            self._sweeping = loop.call_later(_IDLE_S, self._sweep)

    def close(self) -> None:
        """End every connection, and what is in flight on it."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        self._idle.clear()
        while self._open:
            self._open.pop().end()

    async def connect(self, seconds: float) -> Connection:
        """Open a connection within so many seconds, name look-up and TLS handshake included.

        Raises NoConnectionError.
        """
        try:
            async with asyncio.timeout(seconds):
                connection = await self._connect()
        except TimeoutError:
            raise NoConnectionError(Fault.CONNECT_TIMEOUT) from None
        except ssl.SSLError:
            raise NoConnectionError(Fault.TLS) from None
        except (OSError, UnicodeError):  # refused, unreachable, no such name, or no name at all
            raise NoConnectionError(Fault.CONNECT) from None
        if not connection.is_open:  # ended by the other side before anything was sent
            raise NoConnectionError(Fault.CONNECT)
        self._open.add(connection)
        return connection

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        socket = await start_connection(await self._look_up(), happy_eyeballs_delay=_NEXT_ADDRESS_S, interleave=1)
        try:
            _, connection = await loop.create_connection(
                Connection, sock=socket, ssl=self._tls, server_hostname=self._host if self._tls else None
            )
        except BaseException:
            socket.close()
            raise
        return connection

    async def _look_up(self) -> list[Any]:
        """The host's addresses; those who ask meanwhile share one look-up."""
        loop = asyncio.get_running_loop()
        asked = self._addresses
        if asked is None or (asked.done() and (_failed(asked) or loop.time() >= self._ask_again_at)):
            asked = self._addresses = asyncio.ensure_future(self._ask())
            self._ask_again_at = loop.time() + _ADDRESSES_S
        return await asyncio.shield(asked)

    async def _ask(self) -> list[Any]:
        loop = asyncio.get_running_loop()
        return await loop.getaddrinfo(self._host, self._port, type=SOCK_STREAM)

    def _sweep(self) -> None:
        """Close what has been idle too long; whoever was idle first stands first."""
        loop = asyncio.get_running_loop()
        while self._idle and (not self._idle[0].is_open or self._idle[0].idle_since + _IDLE_S <= loop.time()):
            connection = self._idle.popleft()
            connection.end()
            self._open.discard(connection)
        self._sweeping = None
        if self._idle:
            self._sweeping = loop.call_at(self._idle[0].idle_since + _IDLE_S, self._sweep)


def _failed(asked: asyncio.Task[list[Any]]) -> bool:
    return asked.cancelled() or asked.exception() is not None


def _head(parts: SplitResult) -> str:
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    port = "" if parts.port in {None, _PORTS[parts.scheme]} else f":{parts.port}"
    lines = [f"Host: {host}{port}"]
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        lines.append(f"Authorization: Basic {base64.b64encode(user.encode()).decode()}")
    return "".join(f"{line}\r\n" for line in lines)
