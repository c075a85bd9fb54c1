"""Interactions that nobody waits for any more leave the company's queue, however it behaves; no others do."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from diyalog.simulator.behaviour import Behaviour
from diyalog.simulator.ledger import Interaction
from e2e.world import STOPPED, World, world
from kit.server import Customer

AT_ONCE_S = 1.0
REPEATED = ("refuse", "status=500", "status=400", "status=401", "status=403", "cut-before", "redirect")
"""After these the interaction is still there."""
CONFIRMED = ("answer", "slow=0.5", "garbage", "wrong-types", "status=404", "status=410")
"""These are an end: what the queue says besides its status is of no interest. (404 and 410: it has none.)"""
DONE_UNSEEN = ("status-after=500", "cut-after", "huge")
"""It was done, which is not known: it is asked once more."""


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path, queue_timeout="3", limit_starts="0") as made:
        yield made


def entry(here: World, help_object: dict[str, Any]) -> Interaction:
    found = here.queue.ledger.interaction(help_object["interactionId"])
    assert found is not None
    return found


async def test_every_delete_gets_through(here: World) -> None:
    behaviours = [*REPEATED, *CONFIRMED, *DONE_UNSEEN]
    async with AsyncExitStack() as stack:
        waiting = []
        for number in range(len(behaviours)):
            customer = await stack.enter_async_context(Customer(here.server.url, f"customer-{number}"))
            waiting.append((customer, (await customer.start()).json))
        here.queue.script("delete", *behaviours)
        for customer, begun in waiting:
            asked_at = time.monotonic()
            cancelled = await customer.cancel(begun["sessionId"])
            assert (cancelled.status, cancelled.json["outcome"]) == (200, "CANCELLED")
            assert time.monotonic() - asked_at < AT_ONCE_S, "the customer does not wait for the queue"
            here.told.note(begun["sessionId"], "CANCELLED")
    await here.outbox_is_empty(60)
    for behaviour in behaviours:
        assert here.queue.ledger.received("delete", Behaviour.parse(behaviour).action), f"{behaviour} was met"
    asked = len(here.queue.ledger.received("delete"))
    assert asked == len(behaviours) + len(REPEATED) + len(DONE_UNSEEN), "each as often as was needed"
    believed = {"status=404", "status=410"}
    assert len(here.queue.ledger.left_behind) == len(believed), "the queue said that it has none"
    assert await here.metric("diyalog_alarms_total", alarm="queue_delete_denied") == 2


async def test_cancelling_while_the_queue_is_down(here: World) -> None:
    async with Customer(here.server.url, "880214") as customer:
        begun = (await customer.start()).json
        await here.queue.stop()
        asked_at = time.monotonic()
        assert (await customer.cancel(begun["sessionId"])).status == 200
        assert time.monotonic() - asked_at < AT_ONCE_S
        here.told.note(begun["sessionId"], "CANCELLED")
        await here.server_says("delete_interaction", "connect")
        assert await here.metric("diyalog_outbox_rows", kind="delete") == 1
        assert await here.metric("diyalog_outbox_oldest_seconds") > 0
        await here.queue.start()
        await here.settle()
        assert entry(here, begun).deleted_at is not None


async def test_a_kill_with_deletes_due(here: World) -> None:
    here.queue.script("delete", "status=503*forever")
    async with Customer(here.server.url, "880214") as customer:
        begun = (await customer.start()).json
        assert (await customer.cancel(begun["sessionId"])).status == 200
        await here.queue.wait_for(lambda ledger: ledger.received("delete", "status") != [])
        await here.server.kill()
        assert entry(here, begun).deleted_at is None
        here.queue.script("delete")
        await here.server.start()
        await here.settle()
        assert entry(here, begun).deleted_at is not None


@pytest.mark.parametrize("how", ["cancel", "replace"])
async def test_an_end_before_the_queue_has_answered(here: World, how: str) -> None:
    here.queue.script("create", "slow=1")
    async with Customer(here.server.url, "880214") as customer:
        starting = asyncio.create_task(customer.start())
        await here.queue.wait_for(lambda ledger: ledger.received("create", "slow") != [])
        first = (await customer.current()).json
        assert (first["state"], first["interactionId"]) == ("REQUESTED", None)
        if how == "cancel":
            assert (await customer.cancel(first["sessionId"])).json["outcome"] == "CANCELLED"
        else:
            second = (await customer.start()).json
            assert second["state"] == "WAITING"
        told = await starting
        assert (told.status, told.json["outcome"]) == (201, "CANCELLED")
        assert told.json["reason"] == ("customer" if how == "cancel" else "replaced")
        here.told.note(first["sessionId"], "CANCELLED")
        await here.settle()
        [late] = here.queue.ledger.of_session(first["sessionId"])
        assert late.deleted_at is not None
        assert [one.session_id for one in here.queue.ledger.left_behind] == (
            [] if how == "cancel" else [second["sessionId"]]
        )


async def test_an_id_given_out_again_is_not_deleted_under_its_new_owner(here: World) -> None:
    here.queue.script("delete", "status=503*forever")
    async with Customer(here.server.url, "1") as first, Customer(here.server.url, "880214") as second:
        begun = (await first.start()).json
        assert (await first.cancel(begun["sessionId"])).status == 200
        await here.queue.wait_for(lambda ledger: ledger.received("delete", "status") != [])
        here.queue.script("create", "duplicate-id")
        again = (await second.start()).json
        assert (again["state"], again["interactionId"]) == ("WAITING", begun["interactionId"])
        here.queue.script("delete")
        await here.outbox_is_empty()
        assert entry(here, begun).deleted_at is None, "somebody waits under this id"
        assert (await here.company.not_delivered(interactionId=begun["interactionId"])).json == STOPPED
        assert (await second.read(again["sessionId"])).json["outcome"] == "NOT_DELIVERED"
        await here.settle()
        assert entry(here, begun).deleted_at is None, "the company took it out itself"


async def test_no_delete_after_not_delivered(here: World) -> None:
    async with Customer(here.server.url, "880214") as customer:
        begun = (await customer.start()).json
        assert (await here.company.not_delivered(sessionId=begun["sessionId"])).json == STOPPED
        here.told.note(begun["sessionId"], "NOT_DELIVERED")
        assert (await customer.cancel(begun["sessionId"])).status == 409
    await here.settle()
    assert here.queue.ledger.received("delete") == []
