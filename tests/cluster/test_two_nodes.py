"""A request to any node ends a wait whose customer is connected to any other."""

import asyncio
import time
from pathlib import Path

import pytest

from cluster.nodes import cluster
from diyalog.simulator.behaviour import Endpoint
from diyalog.simulator.company import Company as QueueSystem

AT_ONCE_S = 1.0
"""Sooner than the node finds by itself, which it looks for every 2 s."""
FOUND_S = 5.0
"""Long enough for a node to find by itself that a wait is over."""


async def test_the_customer_of_one_node_is_told_at_once_by_a_request_to_the_other(
    tmp_path: Path, database_url: str
) -> None:
    async with cluster(tmp_path, database_url, 2) as nodes:
        customer = await nodes.customer(0, "880214")
        begun = (await customer.start()).json
        async with customer.follow(begun["sessionId"], after=begun["seq"], epoch=begun["epoch"]) as stream:
            await nodes.present(begun["sessionId"])
            asked = time.monotonic()
            answer = await nodes.companies[1].not_delivered(interactionId=begun["interactionId"], message="Kimse yok.")
            assert answer.json["isSuccess"] is True
            event = await stream.event("wait.ended")
            assert time.monotonic() - asked < AT_ONCE_S
        assert event["data"]["outcome"] == "NOT_DELIVERED"
        assert event["data"]["message"] == "Kimse yok."
        assert await nodes.metric(0, "diyalog_streams_behind_total") == 0, "it was told, not found by the poll"


async def test_a_customer_goes_on_at_another_node_without_gap_or_repeat(tmp_path: Path, database_url: str) -> None:
    async with cluster(tmp_path, database_url, 2) as nodes:
        customer = await nodes.customer(0, "880214")
        begun = (await customer.start()).json
        async with customer.follow(begun["sessionId"], after=0, epoch=begun["epoch"]) as stream:
            assert (await stream.event("wait.started"))["seq"] == 1
            await nodes.servers[0].kill()
        moved = await nodes.moved(customer, 1)
        async with moved.follow(begun["sessionId"], after=1, epoch=begun["epoch"]) as stream:
            assert stream.welcome["recovered"] is True
            assert stream.welcome["seq"] == 1
            await nodes.companies[1].not_delivered(sessionId=begun["sessionId"])
            assert (await stream.event("wait.ended"))["seq"] == 2
            await stream.ack(2)
            assert await stream.closed() == 1000
        assert (await moved.read(begun["sessionId"])).json["outcome"] == "NOT_DELIVERED"


async def test_a_customer_who_asks_at_another_node_has_one_wait(tmp_path: Path, database_url: str) -> None:
    async with cluster(tmp_path, database_url, 2) as nodes:
        customer = await nodes.customer(0, "880214")
        first = (await customer.start()).json
        async with customer.follow(first["sessionId"], after=first["seq"], epoch=first["epoch"]) as stream:
            await nodes.present(first["sessionId"])
            other = await nodes.customer(1, "880214")
            second = (await other.start()).json
            ended = (await stream.event("wait.ended"))["data"]
        assert (ended["outcome"], ended["reason"]) == ("CANCELLED", "replaced")
        assert (await customer.current()).json["sessionId"] == second["sessionId"]


@pytest.mark.parametrize("end", ["cancel", "not delivered"])
async def test_a_start_is_answered_when_another_node_ends_the_wait_before_the_queue_answers(
    tmp_path: Path, database_url: str, end: str
) -> None:
    queue = QueueSystem(repeatable=True)
    queue.script("create", "never*forever")
    url = await queue.start()
    try:
        async with cluster(
            tmp_path, database_url, 2, queue="http", queue_url=url, queue_repeatable="true", queue_timeout="20"
        ) as nodes:
            customer = await nodes.customer(0, "880214")
            starting = asyncio.ensure_future(customer.start())
            await queue.wait_for(lambda ledger: len(ledger.received(Endpoint.CREATE)) == 1)
            session = (await nodes.row("SELECT session_id FROM wait"))["session_id"]
            if end == "cancel":
                ended = await (await nodes.moved(customer, 1)).cancel(session)
            else:
                ended = await nodes.companies[1].not_delivered(sessionId=session)
            assert ended.status == 200, ended.text
            async with asyncio.timeout(FOUND_S):
                answer = await starting
            outcome = {"cancel": "CANCELLED", "not delivered": "NOT_DELIVERED"}[end]
            assert (answer.json["sessionId"], answer.json["outcome"]) == (session, outcome)
    finally:
        await queue.stop()
