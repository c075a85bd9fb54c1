"""SIGTERM under load: nothing new, nothing lost, everybody told when to come back, exit 0."""

import asyncio
import re
import signal
import time
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

from e2e.world import STOPPED, World, eventually, world
from kit.server import Caller, Customer, Reply, Stream, StreamClosedError, running

GOING_AWAY = 1012
DRAIN_S = 3.0
WAITING = 24
AT_ONCE_S = 2.0
"""An exit that waits for nobody takes less; the machine may be busy."""


async def readiness(url: str) -> Reply:
    async with Caller(url) as caller:
        return await caller.send("GET", "/readyz", headers={})


async def is_draining(here: World) -> None:
    async def off() -> bool:
        return (await readiness(here.server.url)).status == 503

    await eventually(off, 5, "readiness is off")


class Waiter:
    """A customer who follows the wait until the server closes the stream."""

    def __init__(self, customer: Customer, begun: dict[str, Any], stream: Stream) -> None:
        self.customer = customer
        self.begun = begun
        self.session: str = begun["sessionId"]
        self.seen: int = begun["seq"]
        self.stream = stream
        self.closed_at = 0.0
        self.close = StreamClosedError(0, "")

    async def wait(self) -> None:
        try:
            while True:
                self.seen = (await self.stream.next())["seq"]
        except StreamClosedError as closed:
            self.closed_at, self.close = time.monotonic(), closed


async def waiters(here: World, stack: AsyncExitStack, number: int) -> list[Waiter]:
    made = []
    for place in range(number):
        customer = await stack.enter_async_context(Customer(here.server.url, f"customer-{place}"))
        begun = (await customer.start()).json
        stream = await stack.enter_async_context(
            customer.follow(begun["sessionId"], after=begun["seq"], epoch=begun["epoch"])
        )
        made.append(Waiter(customer, begun, stream))
    return made


async def test_a_drain_under_load(tmp_path: Path) -> None:
    async with world(tmp_path, drain_seconds=str(DRAIN_S)) as here, AsyncExitStack() as stack:
        everybody = await waiters(here, stack, WAITING)
        slow, late = [await stack.enter_async_context(Customer(here.server.url, name)) for name in ("slow", "late")]
        await late.activate()
        here.queue.script("create", "slow=5")
        starting = asyncio.create_task(slow.start())
        await here.queue.wait_for(lambda ledger: len(ledger.received("create", "slow")) == 1)
        listening = [asyncio.create_task(waiter.wait()) for waiter in everybody]

        here.server.signal(signal.SIGTERM)
        began = time.monotonic()
        await is_draining(here)
        unready = (await readiness(here.server.url)).json
        assert unready == {"ready": False, "store": "ok", "clock": "ok", "bus": "ok", "draining": True}
        assert sum(task.done() for task in listening) < WAITING / 2, "readiness is off before the streams are closed"
        here.server.signal(signal.SIGTERM)  # once more: changes nothing
        await nothing_new(late)
        told = await company_ends(here, everybody[-3:])
        await asyncio.wait_for(asyncio.gather(*listening), DRAIN_S + 5)
        closed_in_time(everybody, began)
        assert here.server.running, "a request is in flight"

        answered = await starting
        assert (answered.status, answered.json["state"]) == (201, "WAITING")
        assert await here.server.exited() == 0
        assert time.monotonic() - began < 5 + 3

        here.queue.script("create")
        await here.server.start()
        assert (await slow.read(answered.json["sessionId"])).json == answered.json
        await nothing_lost(here, everybody, told)


async def nothing_new(late: Customer) -> None:
    """No new waits and no new streams; who has business to finish may."""
    refused = await late.start()
    assert refused.status == 503
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.json["retryable"] is True
    handshake = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    stream = await late.send(
        "GET", "/v1/client/events", headers={**handshake, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    )
    assert (stream.status, int(stream.headers["Retry-After"]) >= 1) == (503, True)


async def company_ends(here: World, waiting: list[Waiter]) -> set[str]:
    """The company's calls are served to the last."""
    for waiter in waiting:
        reply = await here.company.not_delivered(sessionId=waiter.session, message="drained")
        assert (reply.status, reply.json) == (200, STOPPED)
        here.told.note(waiter.session, "NOT_DELIVERED")
    return {waiter.session for waiter in waiting}


def closed_in_time(everybody: list[Waiter], began: float) -> None:
    """Closed with 1012 over the drain's time, each with the seconds after which to come back."""
    assert {waiter.close.code for waiter in everybody} == {GOING_AWAY}
    assert all(re.fullmatch(r"\d+\.\d+", waiter.close.reason) for waiter in everybody)
    closed = sorted(waiter.closed_at - began for waiter in everybody)
    assert closed[-1] <= DRAIN_S + 1.0
    gaps = [after - before for before, after in pairwise(closed)]
    assert max(gaps) < DRAIN_S / 3, "spread evenly, not all at once"
    assert closed[-1] - closed[0] > DRAIN_S / 2
    back = [waiter.closed_at - began + float(waiter.close.reason) for waiter in everybody]
    assert min(back) >= DRAIN_S, "nobody is called back while the drain lasts"
    assert len({round(moment, 1) for moment in back}) > 3, "nor all at once"


async def nothing_lost(here: World, everybody: list[Waiter], ended: set[str]) -> None:
    """After the restart each stream goes on where it was, and each wait is as it was told."""
    for waiter in everybody:
        async with waiter.customer.follow(waiter.session, after=waiter.seen, epoch=waiter.begun["epoch"]) as stream:
            snapshot = stream.welcome["snapshot"]
            assert stream.welcome["recovered"] is True
            if waiter.session not in ended:
                assert snapshot == waiter.begun
                continue
            assert (snapshot["outcome"], snapshot["message"]) == ("NOT_DELIVERED", "drained")
            if waiter.seen < snapshot["seq"]:
                await stream.event("wait.ended")
            await stream.ack(snapshot["seq"])
            assert await stream.closed() == 1000


async def test_a_server_without_connections_stops_at_once(tmp_path: Path) -> None:
    async with running(tmp_path, drain_seconds="30") as server:
        begun = time.monotonic()
        assert await server.stop() == 0
        assert time.monotonic() - begun < AT_ONCE_S


async def test_the_drain_ends_when_the_last_customer_has_gone(tmp_path: Path) -> None:
    async with world(tmp_path, drain_seconds="30") as here:
        async with AsyncExitStack() as stack:
            everybody = await waiters(here, stack, 3)
            here.server.signal(signal.SIGTERM)
            await is_draining(here)
            for waiter in everybody:
                await waiter.stream.socket.close()
        begun = time.monotonic()
        assert await here.server.exited() == 0
        assert time.monotonic() - begun < AT_ONCE_S


async def test_deletes_that_were_due_survive_the_stop(tmp_path: Path) -> None:
    async with world(tmp_path, drain_seconds="1") as here:
        here.queue.script("delete", "status=503*forever")
        async with Customer(here.server.url, "880214") as customer:
            session = (await customer.start()).json["sessionId"]
            assert (await customer.cancel(session)).json["outcome"] == "CANCELLED"
            here.told.note(session, "CANCELLED")
        await here.queue.wait_for(lambda ledger: ledger.received("delete", "status") != [])
        assert await here.server.stop() == 0
        assert len(here.queue.ledger.left_behind) == 1
        here.queue.script("delete")
        await here.server.start()
        await here.settle()
        assert here.queue.ledger.left_behind == []
