"""`kill -9` under load: whatever was answered is still true afterwards, and everybody learns how each wait ended."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp

from e2e.world import NOBODY, STOPPED, World, world
from kit.checker import Told
from kit.server import Customer, Reply, StreamClosedError

KILLS = int(os.environ.get("KILLS", "10"))
"""How often the server is killed."""
APPS = 10
STAYING = 3
ELSEWHERE_CODE = 403
FAULTS = ("answer", "answer", "answer", "slow=0.05", "slow=0.3", "cut-after", "cut-before", "status=503")
BROKEN = (aiohttp.ClientError, OSError, TimeoutError)


class Load:
    """What all parties share: whether the server is there, and how much has happened."""

    def __init__(self) -> None:
        self.there = asyncio.Event()
        self.there.set()
        self.over = asyncio.Event()
        self.answers = self.asking = self.cut = self.following = self.streams_cut = 0
        self._progress = asyncio.Condition()

    async def insist(self, ask: Callable[[], Awaitable[Reply]]) -> Reply:
        """Ask until there is an answer, again whenever the server is back."""
        while True:
            await self.there.wait()
            self.asking += 1
            try:
                reply = await ask()
            except BROKEN:
                self.cut += 1
                continue
            finally:
                self.asking -= 1
            self.answers += 1
            async with self._progress:
                self._progress.notify_all()
            return reply

    @property
    def under_way(self) -> bool:
        return self.asking > 0 and self.following >= STAYING

    async def progress(self, answers: int) -> None:
        """Wait for so many more answers, and for requests and streams to be under way."""
        goal = self.answers + answers
        async with asyncio.timeout(30), self._progress:
            await self._progress.wait_for(lambda: self.answers >= goal and self.under_way)


class App:
    """A customer with an app that never gives up, and the company's back end where it deals with this customer."""

    def __init__(self, here: World, load: Load, customer: Customer, seed: int) -> None:
        self.here = here
        self.load = load
        self.told: Told = here.told
        self.customer = customer
        self.random = random.Random(seed)
        self.waits = 0

    async def live(self) -> None:
        """Ask for help, again and again, until the load is over; every wait is seen to its end."""
        activated = await self.load.insist(self.customer.activate)
        assert activated.status == 201
        while not self.load.over.is_set():
            await self.one_wait()
            self.waits += 1

    async def one_wait(self) -> None:
        begun = await self.start()
        session = begun["sessionId"]
        async with asyncio.TaskGroup() as group:
            seen = group.create_task(self.follow(session, begun["seq"], begun["epoch"]))
            match self.random.randrange(8):
                case 0 | 1 | 2:
                    await self.cancel(session)
                case 3 | 4:
                    await self.give_up(session, interactionId=begun["interactionId"])
                case 5:
                    await self.give_up(session, sessionId=session)
                case 6:
                    group.create_task(self.cancel(session))
                    group.create_task(self.give_up(session, interactionId=begun["interactionId"]))
                case 7:
                    replacing = await self.start()
                    await self.cancel(replacing["sessionId"])
        assert {seen.result()} == self.told.outcomes[session]

    async def stay(self) -> None:
        """Wait for an agent, connected, through everything; the company gives up when the load is over."""
        assert (await self.load.insist(self.customer.activate)).status == 201
        begun = await self.start()
        seen = asyncio.create_task(self.follow(begun["sessionId"], begun["seq"], begun["epoch"]))
        await self.load.over.wait()
        await self.give_up(begun["sessionId"], sessionId=begun["sessionId"])
        assert await seen == "NOT_DELIVERED"

    async def start(self) -> dict[str, Any]:
        """Start a wait that the queue takes. One that fails because the server was away too long is asked for anew."""
        while True:
            reply = await self.load.insist(partial(self.customer.start, idempotency_key=str(uuid4())))
            answer: dict[str, Any] = reply.json
            self.told.note(answer["sessionId"], answer.get("outcome"))
            if reply.status == 201:
                assert answer["state"] == "WAITING", answer
                self.told.taken[answer["sessionId"]] = answer["interactionId"]
                return answer
            assert (reply.status, answer["reason"]) == (502, "queue_timeout"), answer

    async def cancel(self, session: str) -> None:
        reply = await self.load.insist(lambda: self.customer.cancel(session))
        assert reply.status in {200, 409}, reply.text
        self.told.note(session, reply.json["outcome"])

    async def give_up(self, session: str, **named: object) -> None:
        ask = partial(self.here.company.not_delivered, idempotency_key=str(uuid4()), **named)
        reply = await self.load.insist(ask)
        if reply.json == STOPPED:
            self.told.note(session, "NOT_DELIVERED")
        else:
            assert reply.json == NOBODY or reply.json["errorCode"] == ELSEWHERE_CODE, reply.text
            self.told.deny(session, "NOT_DELIVERED")

    async def follow(self, session: str, seq: int, epoch: str) -> str:
        """Follow the session over every cut to its end, without gap or repeat; the outcome.

        An end that was seen and whose acknowledgement was cut off is told by the next welcome, and acknowledged again.
        """
        seen, outcome = seq, ""
        while True:
            await self.load.there.wait()
            try:
                async with self.customer.follow(session, after=seen, epoch=epoch) as stream:
                    assert (stream.welcome["recovered"], stream.welcome["epoch"]) == (True, epoch)
                    if outcome:
                        assert stream.welcome["snapshot"]["outcome"] == outcome
                        await stream.ack(seen)
                    self.load.following += 1
                    try:
                        while True:
                            frame = await stream.next()
                            assert frame["seq"] == seen + 1, frame
                            seen += 1
                            if frame["event"] == "wait.ended":
                                outcome = frame["data"]["outcome"]
                                self.told.note(session, outcome)
                                await stream.ack(seen)
                    finally:
                        self.load.following -= 1
            except StreamClosedError as closed:
                if closed.code == 1000:
                    assert outcome, "closed before the end was told"
                    self.told.received.add(session)
                    return outcome
                if closed.code != 1006:
                    raise
                self.load.streams_cut += 1
            except BROKEN:
                self.load.streams_cut += 1


async def kill_again_and_again(here: World, load: Load, dice: random.Random) -> None:
    for _ in range(KILLS):
        here.queue.script("create", *dice.choices(FAULTS, k=500))
        here.queue.script("delete", *dice.choices(FAULTS, k=500))
        await load.progress(dice.randint(20, 60))
        load.there.clear()
        here.server.signal(signal.SIGKILL)
        assert await here.server.exited() == -signal.SIGKILL
        await here.server.start()
        load.there.set()
    here.queue.script("create")
    here.queue.script("delete")


async def test_nothing_acknowledged_is_lost_by_kills(tmp_path: Path) -> None:
    seed = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
    sys.stdout.write(f"SEED={seed}\n")  # shown when the test fails
    dice, load = random.Random(seed), Load()
    async with world(tmp_path, limit_starts="0", queue_timeout="30") as here:
        async with AsyncExitStack() as stack:
            customers = [Customer(here.server.url, f"customer-{number}") for number in range(APPS + STAYING)]
            apps = [
                App(here, load, await stack.enter_async_context(customer), dice.randrange(1_000_000))
                for customer in customers
            ]
            try:
                async with asyncio.timeout(40 + 4 * KILLS), asyncio.TaskGroup() as group:
                    for app in apps[:STAYING]:
                        group.create_task(app.stay())
                    for app in apps[STAYING:]:
                        group.create_task(app.live())
                    await kill_again_and_again(here, load, dice)
                    load.over.set()
            except TimeoutError:
                here.check()  # says why, if somebody was told what is not so and now waits for ever
                raise
        await here.outbox_is_empty()
        assert await here.metric("diyalog_waits_open") == 0
        assert await here.metric("diyalog_unhandled_errors_total") == 0
        await here.settle()
        for session, outcomes in here.told.outcomes.items():
            if outcomes == {"NOT_DELIVERED"}:
                here.was_not_delivered(session)
        assert here.queue.ledger.left_behind == []
        waits = sum(app.waits for app in apps)
        sys.stdout.write(f"{KILLS} kills, {waits} waits, {load.answers} answers, cut: {load.cut}, {load.streams_cut}\n")
        assert min(load.cut, load.streams_cut) >= KILLS, "the kills hit requests and streams"
        assert min(app.waits for app in apps[STAYING:]) > 0
