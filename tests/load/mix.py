"""A steady mix of everything that customers, the company and strangers do, for as long as it is asked for."""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from typing import Any
from uuid import uuid4

import aiohttp

from e2e.world import NOBODY, STOPPED
from kit.checker import Told
from kit.server import NOT_DELIVERED, Company, Customer, Reply
from load.crowd import App, Crowd, Guest

ELSEWHERE_CODE = 403
LONGEST_HOLD_S = 1.5
"""Between a start and what ends it."""
MESSAGE = "Nobody is free."
"""Of the back office; the company's queue gives up without one."""
JSON = {"Content-Type": "application/json"}
WAYS = ("cancel", "interaction", "session", "company", "replace", "race")


class Mix:
    """The parties and what they were told. `started`: answers that named a session; `done`: what happened how often."""

    def __init__(
        self, url: str, company: Company, calls: aiohttp.ClientSession, streams: aiohttp.ClientSession, seed: int
    ) -> None:
        self.url = url
        self.company = company
        self.calls = calls
        self.dice = random.Random(seed)
        self.told = Told()
        self.crowd = Crowd(self.told, streams, self.dice)
        self.started = 0
        self.done: Counter[str] = Counter()
        self._stopped: set[str] = set()

    async def run(self, seconds: float, customers: int) -> None:
        """Keep all parties busy for so long; returns when each has finished what it had begun."""
        over = asyncio.get_running_loop().time() + seconds
        parties = [self._customer(f"customer-{number}", over) for number in range(customers)]
        async with asyncio.TaskGroup() as group:
            for party in [*parties, self._guests_who_leave(over), self._strangers(over)]:
                group.create_task(party)

    async def _customer(self, name: str, over: float) -> None:
        customer = Guest(self.url, name, self.calls)
        while asyncio.get_running_loop().time() < over:
            begun = await self._start(customer)
            if begun is not None:
                await self._one_wait(customer, begun)

    async def _guests_who_leave(self, over: float) -> None:
        """Customers who start, never connect and are never heard of again."""
        number = 0
        while asyncio.get_running_loop().time() < over:
            number += 1
            if await self._start(Guest(self.url, f"guest-{number}", self.calls)):
                self.done["left"] += 1
            await asyncio.sleep(self.dice.uniform(0, LONGEST_HOLD_S / 3))

    async def _start(self, customer: Customer) -> dict[str, Any] | None:
        """Start a wait; None when the queue did not take it."""
        reply = await customer.start(idempotency_key=str(uuid4()))
        begun: dict[str, Any] = reply.json
        self.started += 1
        self.told.note(begun["sessionId"], begun.get("outcome"))
        if reply.status == 201:
            assert begun["state"] == "WAITING", begun
            self.told.taken[begun["sessionId"]] = begun["interactionId"]
            return begun
        assert (reply.status, begun["reason"]) == (502, "queue_refused"), begun
        self.done["refused"] += 1
        return None

    async def _one_wait(self, customer: Customer, begun: dict[str, Any]) -> None:
        """A wait with its stream, sometimes cut, to its end."""
        app, way = App(self.crowd, customer, begun), self.dice.choice(WAYS)
        life = asyncio.create_task(app.live())
        for _ in range(self.dice.choice((0, 0, 1, 2))):
            await asyncio.sleep(self.dice.uniform(0, LONGEST_HOLD_S / 2))  # the customer waits
            life = await self._reconnect(app, life)
        await asyncio.sleep(self.dice.uniform(0, LONGEST_HOLD_S))
        match way:
            case "cancel":
                await self._cancel(app)
            case "interaction":
                await self._give_up(app, interactionId=app.interaction)
            case "session":
                await self._give_up(app, sessionId=app.session)
            case "replace":
                if replacing := await self._start(customer):
                    await self._cancel(App(self.crowd, customer, replacing))
            case "race":
                await asyncio.gather(self._cancel(app), self._give_up(app, interactionId=app.interaction))
        await life  # "company": its queue gives up by itself
        assert (app.message == MESSAGE) == (app.session in self._stopped), "who was told success, and nobody else, won"
        self._stopped.discard(app.session)
        self.done[way] += 1

    async def _reconnect(self, app: App, life: asyncio.Task[None]) -> asyncio.Task[None]:
        if life.done():
            return life
        life.cancel()
        with suppress(asyncio.CancelledError):
            await life
        self.done["reconnect"] += 1
        return asyncio.create_task(app.live())

    async def _cancel(self, app: App) -> None:
        reply = await app.customer.cancel(app.session)
        assert reply.status in {200, 409}, reply.text
        self.told.note(app.session, reply.json["outcome"])

    async def _give_up(self, app: App, **named: object) -> None:
        """Not delivered, by the back office, which may be told that another has ended the wait before."""
        reply = await self.company.not_delivered(idempotency_key=str(uuid4()), message=MESSAGE, **named)
        if reply.json == STOPPED:
            self.told.note(app.session, "NOT_DELIVERED")
            self._stopped.add(app.session)
        else:
            assert reply.json == NOBODY or reply.json["errorCode"] == ELSEWHERE_CODE, reply.text

    async def _strangers(self, over: float) -> None:
        """Requests that nobody should send, each refused as the documents say."""
        place = 0
        while asyncio.get_running_loop().time() < over:
            status, reply = await self._bad_request(place)
            assert reply.status == status, (place, reply.status, reply.text)
            await self._bad_hello(place)
            self.done["bad"] += 1
            place += 1
            await asyncio.sleep(self.dice.uniform(0, LONGEST_HOLD_S / 10))

    async def _bad_request(self, place: int) -> tuple[int, Reply]:
        company = self.company
        match place % 6:
            case 0:
                return 400, await company.send("POST", NOT_DELIVERED, headers=JSON, body=b"{}")
            case 1:
                forged = {"x-dlg-date": "Mon, 23 Nov 2026 10:00:00 GMT", "x-dlg-requester-userid": "1"}
                headers = {**JSON, **forged, "x-dlg-authorization": "DLGA nobody:AAAA"}
                return 401, await company.send("POST", NOT_DELIVERED, headers=headers, body=b"{}")
            case 2:
                return 400, await company.call(NOT_DELIVERED, b'{"sessionId":"a","sessionId":"b"}')
            case 3:
                return 401, await company.send("GET", "/v1/client/help", headers={"Authorization": "Bearer none"})
            case 4:
                return 413, await company.send("POST", "/v1/client/activations", headers=JSON, body=b" " * 70_000)
            case _:
                return 404, await company.send("GET", "/v1/client/nothing", headers={})

    async def _bad_hello(self, place: int) -> None:
        async with self.crowd.streams.ws_connect(f"{self.url}/v1/client/events") as socket:
            match place % 3:
                case 0:
                    await socket.send_str('{"type":"hello","token":"none","sessionId":"none","after":0}')
                case 1:
                    await socket.send_bytes(b"bytes")
                case _:
                    await socket.send_str("[]")
            assert (await socket.receive(10)).type is aiohttp.WSMsgType.CLOSE
            assert socket.close_code == (4401, 1003, 4400)[place % 3]
