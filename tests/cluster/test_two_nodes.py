"""A request to any node ends a wait whose customer is connected to any other."""

import time
from pathlib import Path

from cluster.nodes import cluster

AT_ONCE_S = 1.0
"""Sooner than the node finds by itself, which it looks for every 2 s."""


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
