"""A reconnect storm: everybody who waits is cut at once and comes back, while waits end and new ones begin."""

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from uuid import uuid4

import aiohttp

from e2e.world import STOPPED, eventually, metric
from kit.checker import Told, check_database
from kit.server import Company, Reply, Server, running
from load.crowd import BROKEN, App, Crowd, Guest, allow_descriptors, http_client

WAITING = int(os.environ.get("DIYALOG_TEST_STORM", "200"))
"""How many wait and are cut."""
LARGE = WAITING > 2000
LONGEST_PAUSE_S = 15.0 if LARGE else 1.0
"""The protocol's, or shorter so that a small storm is soon over."""
DRAIN_S = 10.0 if LARGE else 1.0
BACK_S = 120.0 if LARGE else 30.0
"""Everybody is back within so long after the cut: the drain, the start, the longest pause, and a slow machine."""
CALLS = 32
"""HTTP requests at the same time while the crowd is made."""
DISTURBERS = 4
"""Parties that end and start waits during the storm, one request each at a time."""


class Storm:
    """The crowd, its server, and what happens to others meanwhile."""

    def __init__(self, server: Server, company: Company, crowd: Crowd, calls: aiohttp.ClientSession) -> None:
        self.server = server
        self.company = company
        self.crowd = crowd
        self.calls = calls
        self.apps: list[App] = []
        self.newcomers = 0
        self.answered_s: list[float] = []
        self.there = asyncio.Event()

    async def gather_crowd(
        self, group: asyncio.TaskGroup, number: int, room: int | None = None
    ) -> list[asyncio.Task[None]]:
        """Start so many waits, each with its stream open, or as many of them as the server has room for."""
        turn = asyncio.Semaphore(CALLS)

        async def join(place: int) -> asyncio.Task[None]:
            async with turn:
                customer = Guest(self.server.url, f"customer-{place}", self.calls)
                begun = await customer.start()
                assert (begun.status, begun.json["state"]) == (201, "WAITING"), begun.text
                app = App(self.crowd, customer, begun.json)
                self.apps.append(app)
                return group.create_task(app.live())

        lives = [await joined for joined in asyncio.as_completed([join(place) for place in range(number)])]
        await self.crowd.until_back(room or number, BACK_S)
        return lives

    async def strike(self, how: signal.Signals, chosen: list[App]) -> float:
        """Cut everybody, disturb meanwhile, and wait until all are back; the seconds from the first new answer on."""
        self.crowd.cut_off()
        self.there.clear()
        alive = sum(app.outcome is None for app in self.apps)
        left = enumerate(chosen)
        async with asyncio.TaskGroup() as group:
            for _ in range(DISTURBERS):
                group.create_task(self._disturb(left, alive / len(chosen)))
            self.server.signal(how)
            assert await self.server.exited() == (0 if how is signal.SIGTERM else -how)
            await self.server.start()
            listening = time.monotonic()
            self.there.set()
            await self.crowd.until_back(alive, BACK_S)
            return time.monotonic() - listening

    async def _disturb(self, left: Iterator[tuple[int, App]], step: float) -> None:
        """End the chosen waits and start others, one whenever `step` more apps are back: from the cut to the end."""
        for place, app in left:
            await self.crowd.until_back(int(place * step * 0.95), BACK_S)
            match place % 3:
                case 0:
                    await self._not_delivered(app)
                case 1:
                    await self._cancel(app)
                case 2:
                    await self._newcomer()

    async def _not_delivered(self, app: App) -> None:
        key = str(uuid4())
        ask = partial(self.company.not_delivered, idempotency_key=key, interactionId=app.interaction, message="Sorry.")
        assert (await self._insist(ask)).json == STOPPED
        self.crowd.told.note(app.session, "NOT_DELIVERED")

    async def _cancel(self, app: App) -> None:
        reply = await self._insist(partial(app.customer.cancel, app.session))
        assert (reply.status, reply.json["outcome"]) == (200, "CANCELLED")
        self.crowd.told.note(app.session, "CANCELLED")

    async def _newcomer(self) -> None:
        self.newcomers += 1
        customer = Guest(self.server.url, f"newcomer-{self.newcomers}", self.calls)
        assert (await self._insist(customer.activate)).status == 201
        begun = await self._insist(partial(customer.start, idempotency_key=str(uuid4())))
        assert (begun.status, begun.json["state"]) == (201, "WAITING"), begun.text
        self.crowd.told.taken[begun.json["sessionId"]] = begun.json["interactionId"]

    async def _insist(self, ask: Callable[[], Awaitable[Reply]]) -> Reply:
        """Ask; once more when the server is back if it was away or going away."""
        for _ in range(2):
            began = time.monotonic()
            try:
                reply = await ask()
            except BROKEN:
                await self.there.wait()
                continue
            self.answered_s.append(time.monotonic() - began)
            if reply.status != 503:
                return reply
            assert int(reply.headers["Retry-After"]) >= 1
            await self.there.wait()
        raise AssertionError("no answer from a server that is there")


async def is_sound(storm: Storm) -> None:
    """Nothing failed in this run of the server, and it holds the streams and the waits that it should."""
    url = storm.server.url

    async def settled() -> bool:
        open_waits, streams = await metric(url, "diyalog_waits_open"), await metric(url, "diyalog_streams")
        waiting = sum(app.outcome is None for app in storm.apps)  # counted last: some hear only now how theirs ended
        return streams == waiting and open_waits == waiting + storm.newcomers

    await eventually(settled, 10, "a stream and an open wait of everybody who waits")
    assert await metric(url, "diyalog_unhandled_errors_total") == 0
    assert await metric(url, "diyalog_requests_total", status="500") == 0


def nothing_logged_as_an_error(log: str) -> None:
    whole = [line for line in log.splitlines() if line.endswith("}")]
    assert [line for line in whole if json.loads(line)["level"] == "error"] == []


async def test_everybody_comes_back_to_the_same_wait(tmp_path: Path) -> None:
    seed = int(os.environ.get("DIYALOG_TEST_SEED", "1"))
    allow_descriptors(WAITING * 13 // 10 + 300)  # all sockets may use 80 % of the limit
    told, dice = Told(), random.Random(seed)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(running(tmp_path, drain_seconds=str(DRAIN_S)))
        company = await stack.enter_async_context(Company(server.url, await server.new_key()))
        calls = await stack.enter_async_context(http_client(CALLS))
        crowd = Crowd(told, await stack.enter_async_context(http_client(0)), dice, LONGEST_PAUSE_S)
        storm = Storm(server, company, crowd, calls)
        async with asyncio.timeout(3 * BACK_S), asyncio.TaskGroup() as group:
            lives = await storm.gather_crowd(group, WAITING)
            await is_sound(storm)
            chosen = dice.sample(storm.apps, WAITING // 5)
            half = len(chosen) // 2
            after_stop_s = await storm.strike(signal.SIGTERM, chosen[:half])
            await is_sound(storm)
            assert max(crowd.paced) - min(crowd.paced) > DRAIN_S / 4, "the server paces those who come back"
            paced = len(crowd.paced)
            after_kill_s = await storm.strike(signal.SIGKILL, chosen[half:])
            await is_sound(storm)
            for life in lives:
                life.cancel()
    ended = sum(app.outcome is not None for app in storm.apps)
    slowest_s = max(storm.answered_s)
    sys.stdout.write(
        f"{WAITING} waiting; all back {after_stop_s:.1f} s after a stop, {after_kill_s:.1f} s after a kill; "
        f"{ended} ended, {storm.newcomers} began, slowest answer {slowest_s:.2f} s; paced {paced}, "
        f"closed {dict(crowd.closed)}, refused {dict(crowd.refused)}\n"
    )
    assert paced >= WAITING * 0.8, "those who were cut were told when to come back"
    assert crowd.closed[1006] >= WAITING * 0.8, "the kill cut everybody"
    assert ended > WAITING // 8, "waits ended during the storm"
    nothing_logged_as_an_error(server.log)
    check_database(server.database, told)


async def test_a_full_server_turns_away_and_takes_in_later(tmp_path: Path) -> None:
    told, room, number = Told(), 20, 30
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(running(tmp_path, limit_sockets=str(room)))
        company = await stack.enter_async_context(Company(server.url, await server.new_key()))
        calls = await stack.enter_async_context(http_client(CALLS))
        crowd = Crowd(told, await stack.enter_async_context(http_client(0)), random.Random(1), LONGEST_PAUSE_S)
        storm = Storm(server, company, crowd, calls)
        async with asyncio.timeout(2 * BACK_S), asyncio.TaskGroup() as group:
            lives = await storm.gather_crowd(group, number, room)

            async def turned_away() -> bool:
                return crowd.refused[503] >= number - room

            await eventually(turned_away, BACK_S, "those for whom there is no room are told so")
            assert crowd.back == room
            for app in [app for app in storm.apps if app.is_in][: number - room]:
                reply = await company.not_delivered(sessionId=app.session)
                assert reply.json == STOPPED
                told.note(app.session, "NOT_DELIVERED")
            await crowd.until_back(number, BACK_S)
            await is_sound(storm)
            for life in lives:
                life.cancel()
    assert sum(app.outcome == "NOT_DELIVERED" for app in storm.apps) == number - room
    assert crowd.closed.keys() <= {1000, 1006}
    nothing_logged_as_an_error(server.log)
    check_database(server.database, told)
