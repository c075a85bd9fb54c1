"""A crowd of customers' apps that keep their event streams by the rules of the stream protocol's page."""

import asyncio
import json
import random
import resource
from collections import Counter
from collections.abc import Mapping
from typing import Any

import aiohttp

from kit.checker import Told
from kit.server import ANSWER_S, Customer

WELCOME_S = 30.0
HANDSHAKES = 500
"""At the same time: one process plays thousands of devices, and those it has no time for must not keep a socket."""
LONGEST_PAUSE_S, FIRST_PAUSE_S = 15.0, 0.5
DONE, LOST, GOING_AWAY = 1000, 1006, 1012
COME_BACK = {LOST, GOING_AWAY, 1013}
"""The closes that a cut, a server that stops and a full or busy server may cause; any other one fails the test."""
BROKEN = (aiohttp.ClientError, OSError, TimeoutError)


def allow_descriptors(needed: int) -> None:
    """Raise the soft limit of this process, and of the servers that it starts, to what so many sockets need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard >= needed, f"{needed} descriptors are needed, the hard limit is {hard}: raise it with ulimit -Hn"
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Guest(Customer):
    """A customer who shares one HTTP client with many others."""

    def __init__(self, url: str, customer_id: str, http: aiohttp.ClientSession) -> None:
        super().__init__(url, customer_id)
        self._http = http


class Crowd:
    """What the apps share, and what they have met. `cut` numbers the times that everybody lost the server."""

    def __init__(
        self,
        told: Told,
        streams: aiohttp.ClientSession,
        dice: random.Random,
        longest_pause_s: float = LONGEST_PAUSE_S,
    ) -> None:
        self.told = told
        self.longest_pause_s = longest_pause_s
        self.streams = streams
        self.dice = dice
        self.turn = asyncio.Semaphore(HANDSHAKES)
        self.cut = 0
        self.back = 0
        self.closed: Counter[int] = Counter()
        self.refused: Counter[int] = Counter()
        self.paced: list[float] = []
        self._goals: list[tuple[int, asyncio.Event]] = []

    def cut_off(self) -> None:
        """From now on, everybody has to come back."""
        self.cut += 1
        self.back = 0
        self._goals.clear()

    def came_back(self) -> None:
        self.back += 1
        for goal, reached in self._goals:
            if self.back >= goal:
                reached.set()

    def refuse(self, status: int, headers: Mapping[str, str] | None) -> None:
        """Note a refused handshake; the stream protocol knows no other one here."""
        self.refused[status] += 1
        assert status == 503, f"a handshake was answered {status}"
        assert headers is not None
        assert int(headers["Retry-After"]) >= 1

    async def until_back(self, number: int, limit_s: float) -> None:
        """Wait until so many have come back since the cut."""
        reached = asyncio.Event()
        self._goals.append((number, reached))
        if self.back < number:
            async with asyncio.timeout(limit_s):
                await reached.wait()


class App:
    """A customer's app that follows one wait over every cut to its end, and fails at a gap, a repeat or a lost wait."""

    def __init__(self, crowd: Crowd, customer: Customer, begun: dict[str, Any]) -> None:
        self.crowd = crowd
        self.customer = customer
        self.session: str = begun["sessionId"]
        self.interaction: str = begun["interactionId"]
        self.seen: int = begun["seq"]
        self.epoch: str = begun["epoch"]
        self.outcome: str | None = None
        self.message: str | None = None
        self._welcomed_after = -1
        self._attempt = 0

    @property
    def is_in(self) -> bool:
        """The server has welcomed it since the last cut."""
        return self._welcomed_after == self.crowd.cut

    async def live(self) -> None:
        """Return when the session is over, acknowledged, and the server has closed the stream."""
        while True:
            code, reason = await self._follow()
            self.crowd.closed[code] += 1
            if code == DONE:
                assert self.outcome, "closed before the end was told"
                self.crowd.told.received.add(self.session)
                self._is_back()
                return
            assert code in COME_BACK, f"closed {code} {reason}"
            await asyncio.sleep(self._pause(code, reason))  # the pause that the protocol asks for

    def _pause(self, code: int, reason: str) -> float:
        if code == GOING_AWAY and reason:
            self.crowd.paced.append(float(reason))
            return float(reason)
        pause = self.crowd.dice.uniform(0, min(self.crowd.longest_pause_s, FIRST_PAUSE_S * 2**self._attempt))
        self._attempt += 1
        return pause

    async def _follow(self) -> tuple[int, str]:
        """Hold one connection as long as it lasts; how it was closed."""
        try:
            async with self.crowd.turn:
                socket = await self.crowd.streams.ws_connect(f"{self.customer.url}/v1/client/events")
        except aiohttp.WSServerHandshakeError as refusal:
            self.crowd.refuse(refusal.status, refusal.headers)
            return LOST, ""
        except BROKEN:
            return LOST, ""
        try:
            return await self._talk(socket)
        except BROKEN:
            return LOST, ""
        finally:
            await socket.close()

    async def _talk(self, socket: aiohttp.ClientWebSocketResponse) -> tuple[int, str]:
        hello = {"type": "hello", "token": self.customer.token, "sessionId": self.session}
        await socket.send_json({**hello, "after": self.seen, "epoch": self.epoch})
        message = await asyncio.wait_for(socket.receive(), WELCOME_S)
        if message.type is aiohttp.WSMsgType.TEXT:
            await self._welcomed(socket, json.loads(message.data))
            while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                await self._told(socket, json.loads(message.data))
        reason = message.extra if message.type is aiohttp.WSMsgType.CLOSE else ""
        return socket.close_code or LOST, reason or ""

    async def _welcomed(self, socket: aiohttp.ClientWebSocketResponse, welcome: dict[str, Any]) -> None:
        snapshot = welcome["snapshot"]
        assert (welcome["type"], welcome["recovered"], welcome["epoch"]) == ("welcome", True, self.epoch), welcome
        assert (snapshot["sessionId"], snapshot["interactionId"]) == (self.session, self.interaction), snapshot
        assert welcome["seq"] >= self.seen, welcome
        assert (snapshot["state"] == "WAITING") == (welcome["seq"] == 1), snapshot
        self._attempt = 0
        if self.outcome:  # an end whose acknowledgement was cut off is told again by the welcome alone
            assert (welcome["seq"], snapshot["outcome"]) == (self.seen, self.outcome), welcome
            await socket.send_json({"type": "ack", "seq": self.seen})
        self._is_back()

    async def _told(self, socket: aiohttp.ClientWebSocketResponse, event: dict[str, Any]) -> None:
        assert event["sessionId"] == self.session, event
        assert event["seq"] == self.seen + 1, f"after {self.seen}: {event}"
        assert (event["event"], self.outcome) == ("wait.ended", None), event
        self.seen += 1
        self.outcome, self.message = event["data"]["outcome"], event["data"]["message"]
        self.crowd.told.note(self.session, self.outcome)
        await socket.send_json({"type": "ack", "seq": self.seen})

    def _is_back(self) -> None:
        if self._welcomed_after < self.crowd.cut:
            self._welcomed_after = self.crowd.cut
            self.crowd.came_back()


def http_client(connections: int) -> aiohttp.ClientSession:
    """An HTTP client with so many connections at most; 0: without a bound."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_S)
    return aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=connections))
