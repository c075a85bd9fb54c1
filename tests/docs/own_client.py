"""A customer's app, written from the page "Write your own client" alone: `websockets` and the standard library.

Nothing of Diyalog's own code is used here: whatever this program needs to know must stand on the page.
"""

import asyncio
import json
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

import websockets

Message = dict[str, Any]

_FINAL = {1003, 1007, 1009, *range(4400, 4500)}
_DONE = 1000
_GOING_AWAY = 1012


class GivenUpError(Exception):
    """The server will not have it, and asking again would change nothing."""


@dataclass
class Kept:
    """The device's storage: what is there again after the app was closed."""

    token: str | None = None
    session_id: str | None = None
    key: str | None = None
    shown: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Pace:
    """Seconds: how long asking, other calls and a pong may take, how long a stream is silent, pauses' base and cap."""

    ask: float = 30.0
    call: float = 10.0
    base: float = 0.5
    cap: float = 15.0
    silent: float = 20.0
    pong: float = 5.0


@dataclass
class _Place:
    """Where the client is in a session's stream, and how often it has tried to come back."""

    session_id: str
    seq: int = 0
    epoch: str | None = None
    attempt: int = 0


class OwnClient:
    """`show` tells the customer how a session ended: its id, and the data of `wait.ended`."""

    def __init__(
        self,
        url: str,
        customer_id: str,
        kept: Kept,
        show: Callable[[str, Message], None],
        pace: Pace | None = None,
    ) -> None:
        self._address = urlsplit(url)
        self._customer_id = customer_id
        self._kept = kept
        self._show = show
        self._pace = pace or Pace()

    async def get_help(self) -> None:
        """Ask for help, or pick up where the app was closed, until the end was shown and acknowledged."""
        kept = self._kept
        if kept.token is None:
            await self._come_in()
        if kept.session_id is None:
            status, found = await self._call("GET", "/v1/client/help")
            if status == 404 or kept.key is not None:
                found = await self._ask()
            kept.session_id = found["sessionId"]
            if "outcome" in found and kept.key is not None:
                self._end(kept.session_id, found)  # told in the answer to our own call
                kept.session_id = kept.key = None
                return
        await self._follow(kept.session_id)
        kept.session_id = kept.key = None

    # -- HTTP

    async def _come_in(self) -> None:
        status, answer = await self._call("POST", "/v1/client/activations", {"customerId": self._customer_id})
        if status != 201:
            raise GivenUpError(answer["code"])
        self._kept.token = answer["clientToken"]

    async def _ask(self) -> Message:
        self._kept.key = self._kept.key or uuid.uuid4().hex
        status, answer = await self._call("POST", "/v1/client/help", {"helpType": "chat"}, self._pace.ask)
        if status == 201 or (status == 502 and "sessionId" in answer):
            return answer
        raise GivenUpError(answer["code"])

    async def _call(
        self, method: str, path: str, body: Message | None = None, limit: float | None = None
    ) -> tuple[int, Message]:
        attempt = 0
        while True:
            try:
                status, retry_after, answer = await asyncio.to_thread(
                    self._send, method, path, body, limit or self._pace.call
                )
            except (OSError, HTTPException, ValueError):
                await asyncio.sleep(self._pause(attempt))
                attempt += 1
                continue
            if status in {429, 503}:
                await asyncio.sleep(retry_after)
            elif status == 401 and path != "/v1/client/activations":
                await self._come_in()
            else:
                return status, answer

    def _send(self, method: str, path: str, body: Message | None, limit: float) -> tuple[int, float, Message]:
        headers = {} if self._kept.token is None else {"Authorization": f"Bearer {self._kept.token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if path == "/v1/client/help" and method == "POST" and self._kept.key is not None:
            headers["Idempotency-Key"] = self._kept.key
        connection = HTTPConnection(self._address.hostname or "", self._address.port, timeout=limit)
        try:
            connection.request(method, path, None if body is None else json.dumps(body).encode(), headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        return response.status, float(response.headers.get("Retry-After", "1")), answer

    # -- The event stream

    async def _follow(self, session_id: str) -> None:
        at = _Place(session_id)
        url = f"ws://{self._address.netloc}/v1/client/events"
        limit = self._pace.call
        while True:
            code, reason = None, ""
            try:
                async with websockets.connect(url, open_timeout=limit, close_timeout=limit) as socket:
                    await self._listen(socket, at)
            except websockets.ConnectionClosed as closed:
                code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (None, "")
            except (OSError, EOFError, websockets.WebSocketException):
                pass  # a cut, TimeoutError among them
            if code == _DONE:
                return
            if code in _FINAL:
                raise GivenUpError(f"{code} {reason}")
            await asyncio.sleep(float(reason) if code == _GOING_AWAY else self._pause(at.attempt))
            at.attempt += 1

    async def _listen(self, socket: websockets.ClientConnection, at: _Place) -> None:
        """Read until the connection ends; raises what it ends with."""
        hello = {"type": "hello", "token": self._kept.token, "sessionId": at.session_id}
        await socket.send(json.dumps({**hello, "after": at.seq, "epoch": at.epoch}))
        while True:
            message = await self._next(socket)
            ended = None
            if message["type"] == "welcome":
                at.epoch, at.attempt = message["epoch"], 0
                at.seq = at.seq if message["recovered"] else message["seq"]
                if "outcome" in message["snapshot"] and message["seq"] == at.seq:
                    ended = message["snapshot"]
            elif message["type"] == "event":
                at.seq = message["seq"]
                ended = message["data"] if message["event"] == "wait.ended" else None
            if ended is not None:
                self._end(at.session_id, ended)
                await socket.send(json.dumps({"type": "ack", "seq": at.seq}))

    async def _next(self, socket: websockets.ClientConnection) -> Message:
        """The next message; raises TimeoutError when the connection is dead."""
        try:
            text = await asyncio.wait_for(socket.recv(), self._pace.silent)
        except TimeoutError:
            await socket.send('{"type": "ping"}')
            text = await asyncio.wait_for(socket.recv(), self._pace.pong)
        message: Message = json.loads(text)
        return message

    def _end(self, session_id: str, ended: Message) -> None:
        if session_id not in self._kept.shown:
            self._show(session_id, ended)
            self._kept.shown.add(session_id)

    def _pause(self, attempt: int) -> float:
        return random.uniform(0, min(self._pace.cap, self._pace.base * 2**attempt))
