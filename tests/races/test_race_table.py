"""The table of races, row by row, over real sockets: whoever commits first wins, and the loser is told the truth."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import pytest

from diyalog.simulator.company import Company as QueueSystem
from kit.checker import Told, check_database
from kit.server import Company, Customer, Server, running

MESSAGE = "Nobody is free."
CUSTOMERS = 60


@dataclass
class World:
    server: Server
    queue: QueueSystem
    company: Company
    told: Told


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    queue = QueueSystem()
    url = await queue.start()
    settings = {"queue": "http", "queue_url": url, "queue_repeatable": "true", "limit_starts": "0"}
    told = Told()
    async with running(tmp_path, **settings) as server, Company(server.url, await server.new_key()) as company:
        yield World(server, queue, company, told)
        # What may be deleted is deleted before the server goes: the ledger is then final.
        await queue.wait_for(lambda ledger: not _undeleted(server, ledger.left_behind), timeout=20)
    await queue.stop()
    ledger = {one.interaction_id: "deleted" if one.deleted_at else "open" for one in queue.ledger.interactions}
    check_database(server.database, told, ledger, settled=True)


def _undeleted(server: Server, left: list[Any]) -> bool:
    """Whether a delete is still due for one of these interactions."""
    connection = apsw.Connection(str(server.database), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        rows = connection.execute("SELECT interaction_id FROM outbox WHERE kind = 'delete'").fetchall()
    finally:
        connection.close()
    return any((one.interaction_id,) in rows for one in left)


async def started(customer: Customer) -> dict[str, Any]:
    reply = await customer.start()
    assert reply.status == 201, reply.text
    help_object: dict[str, Any] = reply.json
    return help_object


async def test_cancel_first_then_not_delivered(world: World) -> None:
    async with Customer(world.server.url, "1") as customer:
        wait = await started(customer)
        assert (await customer.cancel(wait["sessionId"])).status == 200
        late = await world.company.not_delivered(interactionId=wait["interactionId"], message=MESSAGE)
        assert late.json["errorCode"] == 402
        newer = await started(customer)
        elsewhere = await world.company.not_delivered(interactionId=wait["interactionId"], message=MESSAGE)
        assert elsewhere.json["errorCode"] == 403
        assert (await customer.read(newer["sessionId"])).json["state"] == "WAITING"


async def test_not_delivered_first_then_cancel(world: World) -> None:
    async with Customer(world.server.url, "1") as customer:
        wait = await started(customer)
        await world.company.not_delivered(interactionId=wait["interactionId"], message=MESSAGE)
        late = await customer.cancel(wait["sessionId"])
        assert (late.status, late.json["outcome"], late.json["message"]) == (409, "NOT_DELIVERED", MESSAGE)


async def test_not_delivered_first_then_new_start(world: World) -> None:
    async with Customer(world.server.url, "1") as customer:
        wait = await started(customer)
        assert (await world.company.not_delivered(interactionId=wait["interactionId"])).json["isSuccess"] is True
        newer = await started(customer)
        assert newer["state"] == "WAITING"
        assert (await customer.read(wait["sessionId"])).json["outcome"] == "NOT_DELIVERED"


async def test_a_second_device_replaces_the_first_which_is_told(world: World) -> None:
    async with Customer(world.server.url, "1") as phone, Customer(world.server.url, "1") as tablet:
        first = await started(phone)
        async with phone.follow(first["sessionId"], after=first["seq"], epoch=first["epoch"]) as stream:
            second = await started(tablet)
            ended = await stream.event("wait.ended")
            assert (ended["data"]["outcome"], ended["data"]["reason"]) == ("CANCELLED", "replaced")
        current = (await phone.current()).json
        assert current["sessionId"] == second["sessionId"], "the first device may follow the newer wait"


async def test_two_devices_start_at_once(world: World) -> None:
    async with Customer(world.server.url, "1") as phone, Customer(world.server.url, "1") as tablet:
        await phone.activate()
        await tablet.activate()
        replies = await asyncio.gather(phone.start(), tablet.start())
        assert [reply.status for reply in replies] == [201, 201]
        now = [(await phone.read(reply.json["sessionId"])).json for reply in replies]
        assert sorted(one["state"] for one in now) == ["ENDED", "WAITING"]
        assert [one["reason"] for one in now if one["state"] == "ENDED"] == ["replaced"]


@pytest.mark.parametrize("end", ["cancel", "not_delivered"])
async def test_the_end_comes_before_the_queues_answer(world: World, end: str) -> None:
    world.queue.script("create", "slow=1")
    async with Customer(world.server.url, "1") as customer:
        starting = asyncio.create_task(customer.start())
        await world.queue.wait_for(lambda ledger: len(ledger.interactions) == 1)
        interaction = world.queue.ledger.interactions[0]
        if end == "cancel":
            assert (await customer.cancel(interaction.session_id)).status == 200
        else:
            assert (await world.company.not_delivered(sessionId=interaction.session_id)).json["isSuccess"] is True
        reply = await starting
        assert (reply.status, reply.json["state"]) == (201, "ENDED")
        if end == "cancel":
            await world.queue.wait_for(lambda _: interaction.deleted_at is not None)
        else:
            late = await world.company.not_delivered(interactionId=interaction.interaction_id)
            assert late.json["errorCode"] == 402
            assert interaction.deleted_at is None


async def test_cancel_not_delivered_and_new_start_at_once_for_many_customers(world: World) -> None:
    await asyncio.gather(*[_race(world, f"customer-{number}") for number in range(CUSTOMERS)])


async def _race(world: World, customer_id: str) -> None:
    """One customer whose cancel, whose new start and whose queue's call are under way at the same time."""
    async with Customer(world.server.url, customer_id) as customer:
        wait = await started(customer)
        session = wait["sessionId"]
        cancelled, released, newer = await asyncio.gather(
            customer.cancel(session),
            world.company.not_delivered(interactionId=wait["interactionId"], message=MESSAGE),
            customer.start(),
        )
        outcome = (await customer.read(session)).json["outcome"]
        world.told.note(session, outcome)
        if cancelled.status == 200:
            world.told.note(session, cancelled.json["outcome"])
        else:
            assert cancelled.status == 409
            world.told.note(session, cancelled.json["outcome"])
        if released.json["isSuccess"]:
            world.told.note(session, "NOT_DELIVERED")
        else:
            assert released.json["errorCode"] in {402, 403}
            assert outcome == "CANCELLED"
        assert newer.status == 201
        assert (await customer.read(newer.json["sessionId"])).json["state"] == "WAITING", "the newer wait is untouched"
