"""The disk is full: what cannot be stored is refused and comes to nothing, and it goes on by itself afterwards.

The kernel refuses the server every byte beyond what its files hold already (RLIMIT_FSIZE), as a full disk would.
"""

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from e2e.world import NOBODY, STOPPED, World, eventually, world
from kit.server import TRANSACTION_HASH, Customer, Reply

MANY = 40


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path, limit_starts="0") as made:
        yield made


@contextmanager
def full_disk(here: World) -> Iterator[None]:
    """No file of the server grows in this block."""
    written = Path(f"{here.server.database}-wal").stat().st_size
    _, hard = resource.prlimit(here.server.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(here.server.pid, resource.RLIMIT_FSIZE, (written, hard))
    try:
        yield
    finally:
        resource.prlimit(here.server.pid, resource.RLIMIT_FSIZE, (hard, hard))


def unavailable(reply: Reply, *, problem: bool) -> None:
    assert reply.status == 503, reply.text
    assert int(reply.headers["Retry-After"]) >= 1
    assert reply.headers["Content-Type"] == ("application/problem+json" if problem else "text/plain; charset=utf-8")
    assert not problem or reply.json["retryable"] is True


async def test_writes_are_refused_and_come_to_nothing(here: World) -> None:
    async with Customer(here.server.url, "880214") as customer, Customer(here.server.url, "1") as other:
        begun = (await customer.start()).json
        session, created = begun["sessionId"], await here.metric("diyalog_waits_created_total")
        async with customer.follow(session, after=begun["seq"], epoch=begun["epoch"]) as stream:
            with full_disk(here):
                unavailable(await customer.cancel(session), problem=True)
                unavailable(await customer.start(), problem=True)
                unavailable(await other.activate(), problem=True)
                unavailable(await here.company.not_delivered(sessionId=session), problem=False)
                for_hash = {"customerId": "880214", "deviceHash": "dh"}
                unavailable(await here.company.call(TRANSACTION_HASH, for_hash), problem=False)
                assert await here.metric("diyalog_store_up") == 1, "what is there can be read"
                assert await here.metric("diyalog_waits_created_total") == created
                assert here.server.running
            await works_again(other)
            assert (await customer.read(session)).json == begun, "as if nothing had been asked"
            assert (await here.company.not_delivered(sessionId=session, message="space")).json == STOPPED
            here.told.note(session, "NOT_DELIVERED")
            event = await stream.event("wait.ended")
            assert (event["seq"], event["data"]["message"]) == (begun["seq"] + 1, "space")
            await stream.ack(event["seq"])
            assert await stream.closed() == 1000
    assert await here.metric("diyalog_unhandled_errors_total") == 0
    await here.settle()


async def works_again(customer: Customer) -> None:
    async def activates() -> bool:
        return (await customer.activate()).status == 201

    await eventually(activates, 5, "writes are taken again")
    assert (await customer.send("GET", "/readyz", headers={})).status == 200


async def test_the_disk_fills_up_under_load(here: World) -> None:
    async with AsyncExitStack() as stack:
        waiting: list[tuple[Customer, dict[str, Any]]] = []
        for number in range(MANY):
            customer = await stack.enter_async_context(Customer(here.server.url, f"customer-{number}"))
            waiting.append((customer, (await customer.start()).json))
        refused = asyncio.Semaphore(0)
        asking = [asyncio.create_task(end(here, place, *one, refused)) for place, one in enumerate(waiting)]
        with full_disk(here):
            for _ in range(MANY // 2):
                await asyncio.wait_for(refused.acquire(), 20)
        await asyncio.wait_for(asyncio.gather(*asking), 30)
    await here.settle()
    deleted = {one.session_id for one in here.queue.ledger.interactions if one.deleted_at is not None}
    assert deleted == {session for session, outcomes in here.told.outcomes.items() if outcomes == {"CANCELLED"}}
    assert len(here.told.outcomes) == MANY


async def end(here: World, place: int, customer: Customer, begun: dict[str, Any], refused: asyncio.Semaphore) -> None:
    """End a wait, one way or the other, and ask again for as long as it is refused."""
    session, key = begun["sessionId"], str(uuid4())
    ask: Callable[[], Awaitable[Reply]]
    if place % 2:
        ask, outcome = partial(customer.cancel, session), "CANCELLED"
    else:
        ask = partial(here.company.not_delivered, idempotency_key=key, sessionId=session)
        outcome = "NOT_DELIVERED"
    while (reply := await ask()).status == 503:
        assert reply.headers["Retry-After"]
        refused.release()
        await asyncio.sleep(0.2)
    assert reply.status == 200, reply.text
    assert reply.json != NOBODY, "a refused call has not ended it"
    here.told.note(session, outcome)


async def test_an_answer_of_the_queue_that_cannot_be_stored_is_not_lost(here: World) -> None:
    here.queue.script("create", "slow=0.5")
    async with Customer(here.server.url, "880214") as customer:
        await customer.activate()
        starting = asyncio.create_task(customer.start())
        await here.queue.wait_for(lambda ledger: ledger.received("create", "slow") != [])
        with full_disk(here):
            await here.server_says("create_interaction", "ok")

            async def alarmed() -> bool:
                return await here.metric("diyalog_alarms_total", alarm="store_unavailable") > 0

            await eventually(alarmed, 5, "the answer could not be stored")
            assert not starting.done()
        answer = await starting
        assert (answer.status, answer.json["state"]) == (201, "WAITING")
        [entry] = here.queue.ledger.of_session(answer.json["sessionId"])
        assert entry.interaction_id == answer.json["interactionId"]
        assert (await customer.cancel(answer.json["sessionId"])).status == 200
    await here.settle()
    assert here.queue.ledger.left_behind == []


async def test_deadlines_that_could_not_be_stored_fire_afterwards(tmp_path: Path) -> None:
    async with world(tmp_path, wait_limit="1.5") as here, Customer(here.server.url, "880214") as customer:
        begun = (await customer.start()).json
        async with customer.follow(begun["sessionId"], after=begun["seq"], epoch=begun["epoch"]) as stream:
            with full_disk(here):
                deadline = datetime.fromisoformat(begun["startedAt"]).timestamp() + 1.5
                await asyncio.sleep(deadline + 1.2 - time.time())
                assert await here.metric("diyalog_waits_open") == 1, "the end could not be stored"
            event = await stream.event("wait.ended")
            assert (event["data"]["outcome"], event["data"]["reason"]) == ("EXPIRED", "time_limit")
        await here.settle()
        assert here.queue.ledger.left_behind == []


async def test_a_server_killed_on_a_full_disk(here: World) -> None:
    async with Customer(here.server.url, "880214") as customer:
        begun = (await customer.start()).json
        with full_disk(here):
            unavailable(await customer.cancel(begun["sessionId"]), problem=True)
            await here.server.kill()
            await here.server.start()
        assert (await customer.read(begun["sessionId"])).json == begun
        assert (await customer.cancel(begun["sessionId"])).json["outcome"] == "CANCELLED"
        here.told.note(begun["sessionId"], "CANCELLED")
    await here.settle()
