"""Deadlines fire within 2 s and never early, also those that pass while the server is down; what is a sign of life."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import apsw
import pytest

from e2e.world import World, eventually, world
from kit.server import Customer

LATE_S = 2.0
"""How late a deadline may fire."""


def seconds(text: str) -> float:
    """A time of the API in seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()


def on_time(ended: dict[str, Any], deadline: float, reason: str) -> None:
    """It ended by its deadline (seconds since 1970): not a millisecond early, and at most 2 s late."""
    assert (ended["outcome"], ended["reason"]) == ("EXPIRED", reason)
    late = seconds(ended["endedAt"]) - deadline
    assert -0.0005 <= late <= LATE_S, f"{late:.3f} s late"


async def is_deleted(here: World, help_object: dict[str, Any]) -> None:
    """Wait until the queue was told that the wait is over: shows the end without being a sign of life."""

    def deleted(ledger: Any) -> bool:  # noqa: ANN401  the simulator's ledger
        return ledger.interaction(help_object["interactionId"]).deleted_at is not None

    await here.queue.wait_for(deleted, 15)


async def passes(moment: float) -> None:
    """Let time pass until `moment` (seconds since 1970)."""
    await asyncio.sleep(max(0.0, moment - time.time()))


@pytest.fixture
async def limited(tmp_path: Path) -> AsyncIterator[World]:
    """Waits last 3 s."""
    async with world(tmp_path, wait_limit="3") as here:
        yield here


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[World]:
    """Apps may be away for 2 s."""
    async with world(tmp_path, abandon_after="2", limit_starts="0") as here:
        yield here


async def test_a_wait_expires_while_its_app_is_connected(limited: World) -> None:
    async with Customer(limited.server.url, "880214") as customer:
        begun = (await customer.start()).json
        assert begun["limits"]["waitLimitSeconds"] == 3
        async with customer.follow(begun["sessionId"], after=1, epoch=begun["epoch"]) as stream:
            event = await stream.event("wait.ended")
            heard_at = time.time()
            assert (event["data"]["outcome"], event["data"]["reason"]) == ("EXPIRED", "time_limit")
            assert heard_at - seconds(begun["startedAt"]) <= 3 + LATE_S + 0.3
        ended = (await customer.read(begun["sessionId"])).json
        on_time(ended, seconds(begun["startedAt"]) + 3, "time_limit")
        await is_deleted(limited, begun)
        late = await limited.company.not_delivered(interactionId=begun["interactionId"])
        assert late.json["errorCode"] == 402


@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_a_deadline_that_passes_while_the_server_is_down(limited: World, how: str) -> None:
    async with Customer(limited.server.url, "880214") as customer:
        begun = (await customer.start()).json
        deadline = seconds(begun["startedAt"]) + 3
        await (limited.server.kill() if how == "killed" else limited.server.stop())
        assert time.time() < deadline, "it was down before the deadline"
        await passes(deadline + 0.2)
        await limited.server.start()
        back_at = time.time()
        await is_deleted(limited, begun)
        ended = (await customer.read(begun["sessionId"])).json
        assert (ended["outcome"], ended["reason"]) == ("EXPIRED", "time_limit")
        assert deadline <= seconds(ended["endedAt"]) <= back_at + LATE_S


async def test_a_restart_does_not_move_a_deadline(limited: World) -> None:
    async with Customer(limited.server.url, "880214") as customer:
        begun = (await customer.start()).json
        deadline = seconds(begun["startedAt"]) + 3
        await limited.server.kill()
        await limited.server.start()
        assert (await customer.read(begun["sessionId"])).json["state"] == "WAITING" or time.time() >= deadline
        await is_deleted(limited, begun)
        on_time((await customer.read(begun["sessionId"])).json, deadline, "time_limit")


async def test_an_app_that_never_came_back_is_abandoned(watched: World) -> None:
    async with Customer(watched.server.url, "880214") as customer:
        begun = (await customer.start()).json
        assert begun["limits"]["abandonAfterSeconds"] == 2
        await is_deleted(watched, begun)
        ended = (await customer.read(begun["sessionId"])).json
        on_time(ended, seconds(begun["startedAt"]) + 2, "abandoned")


async def let_another_be_abandoned(here: World, name: str) -> None:
    """A customer comes and goes away: more than the time to be abandoned passes."""
    async with Customer(here.server.url, name) as other:
        await is_deleted(here, (await other.start()).json)


async def test_a_connected_app_is_not_abandoned_until_it_goes(watched: World) -> None:
    async with Customer(watched.server.url, "880214") as customer:
        begun = (await customer.start()).json
        async with customer.follow(begun["sessionId"], after=1, epoch=begun["epoch"]) as stream:
            for number in range(2):
                await let_another_be_abandoned(watched, f"other-{number}")
            await stream.socket.send_json({"type": "ping"})
            assert await stream.next() == {"type": "pong"}, "nothing has happened"
            going_at = int(time.time() * 1000) / 1000  # the store counts milliseconds
        gone_at = time.time()
        await is_deleted(watched, begun)
        ended = (await customer.read(begun["sessionId"])).json
        assert (ended["outcome"], ended["reason"]) == ("EXPIRED", "abandoned")
        assert going_at + 2 <= seconds(ended["endedAt"]) <= gone_at + 2 + LATE_S


async def test_asking_is_a_sign_of_life(watched: World) -> None:
    async with Customer(watched.server.url, "880214") as customer, Customer(watched.server.url, "1") as poller:
        begun = (await customer.start()).json
        polled = (await poller.start()).json
        asked_at = time.time()

        async def ask() -> None:
            nonlocal asked_at
            while True:
                sent_at = time.time()
                for asking in (customer.read(begun["sessionId"]), poller.current()):
                    assert (await asking).json["state"] == "WAITING"
                asked_at = sent_at
                await asyncio.sleep(0.5)

        polling = asyncio.create_task(ask())
        for number in range(2):
            await let_another_be_abandoned(watched, f"other-{number}")
        assert not polling.done(), polling
        polling.cancel()
        await asyncio.wait({polling})
        last = asked_at
        for one, help_object in ((customer, begun), (poller, polled)):
            await is_deleted(watched, help_object)
            ended = (await one.read(help_object["sessionId"])).json
            assert ended["reason"] == "abandoned"
            assert last + 2 <= seconds(ended["endedAt"]) <= last + 0.5 + 2 + LATE_S


@pytest.mark.parametrize("comes_back", [True, False])
async def test_apps_that_were_connected_to_a_killed_server(tmp_path: Path, comes_back: bool) -> None:  # noqa: FBT001
    async with world(tmp_path, abandon_after="6") as here, Customer(here.server.url, "880214") as customer:
        begun = (await customer.start()).json
        session, epoch = begun["sessionId"], begun["epoch"]
        async with customer.follow(session, after=1, epoch=epoch):
            await is_present(here)
            await here.server.kill()
        beat = last_beat(here)
        await here.server.start()
        if comes_back:
            async with customer.follow(session, after=1, epoch=epoch) as stream:
                assert stream.welcome["recovered"] is True
                await passes(beat + 6 + LATE_S + 0.5)
                assert (await customer.read(session)).json["state"] == "WAITING"
                assert (await customer.cancel(session)).status == 200
        else:
            await is_deleted(here, begun)
            on_time((await customer.read(session)).json, beat + 6, "abandoned")


async def is_present(here: World) -> None:
    """Wait until it is stored that a customer's app is connected."""

    async def stored() -> bool:
        return bool(rows(here, "SELECT 1 FROM wait WHERE present IS NOT NULL"))

    await eventually(stored, 10, "the app is present")


def last_beat(here: World) -> float:
    """When the dead server was last known to live, in seconds since 1970."""
    [(beat_at,)] = rows(here, "SELECT max(beat_at) FROM node")
    return float(beat_at) / 1000


def rows(here: World, statement: str) -> list[Any]:
    connection = apsw.Connection(str(here.server.database), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()
