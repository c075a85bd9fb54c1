"""Many streams on one node: which of them has a session, and how many a customer may have."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .world import World


@pytest.fixture
async def narrow(tmp_path: Path) -> AsyncIterator[World]:
    """A node on which a customer may have two streams, and send what it likes."""
    made = World(tmp_path, sockets_per_customer=2, messages=0)
    await made.store.start()
    yield made
    await made.settle()
    await made.store.stop()


async def test_a_newer_hello_continues_the_session_and_closes_the_older(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    older = world.hello(wait.session_id)
    await older.heard(2)
    newer = world.hello(wait.session_id, 1, await world.store.epoch())
    assert await older.close_code() == 4409
    await newer.heard(1)
    await world.not_delivered(wait.session_id)
    assert [event["event"] for event in newer.events] == ["wait.ended"]
    assert [event["event"] for event in older.events] == ["wait.started"]
    assert world.hub.count == 1


async def test_the_older_of_two_hellos_loses_even_when_it_is_looked_up_last(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    hold = world.store.hold("token.before")
    older = world.hello(wait.session_id)
    await hold.arrived()
    newer = world.hello(wait.session_id)
    await newer.heard(2)
    hold.release()
    assert await older.close_code() == 4409
    assert older.sent == []
    assert newer.closed_with() is None
    await world.not_delivered(wait.session_id)
    assert [event["event"] for event in newer.events] == ["wait.started", "wait.ended"]


async def test_a_hello_that_is_refused_closes_nobody(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    rightful = world.hello(wait.session_id)
    await rightful.heard(2)
    intruder = world.hello(wait.session_id, token="guessed")
    assert await intruder.close_code() == 4401
    assert rightful.closed_with() is None


async def test_the_older_socket_going_leaves_the_newer_its_session(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    older = world.hello(wait.session_id)
    await older.heard(2)
    newer = world.hello(wait.session_id)
    await newer.heard(2)
    older.go()
    await world.settle()
    assert world.hub.count == 1
    assert [call for call in world.store.calls if call[0] == "present"] == [("present", (wait.row, True))] * 2


async def test_each_session_hears_of_its_own_end_only(world: World) -> None:
    waits = [await world.ask(await world.customer(number), number) for number in ("1", "2", "3")]
    sockets = [world.hello(wait.session_id, token=f"token of {n}") for n, wait in enumerate(waits, start=1)]
    for socket in sockets:
        await socket.heard(2)
    await world.not_delivered(waits[1].session_id)
    assert [len(socket.events) for socket in sockets] == [1, 2, 1]
    assert sockets[1].events[1]["sessionId"] == waits[1].session_id


async def test_a_customers_streams_are_limited_and_the_newest_is_sent_away(narrow: World) -> None:
    customer = await narrow.customer("1")
    first, second, third = [await narrow.ask(customer, "1") for _ in range(3)]
    following = [narrow.hello(first.session_id), narrow.hello(second.session_id)]
    for socket in following:
        await socket.heard(3)
    refused = narrow.hello(third.session_id)
    assert await refused.close_code() == 1013
    assert refused.sent == []
    refused.go()
    again = narrow.hello(second.session_id)
    await again.heard(3)
    assert await following[1].close_code() == 4409
    following[0].go()
    third_try = narrow.hello(third.session_id)
    assert (await third_try.heard(1))[0]["type"] == "welcome"
    assert narrow.hub.count == 2


async def test_another_customers_streams_do_not_count(narrow: World) -> None:
    first = await narrow.customer("1")
    sessions = [(await narrow.ask(first, "1")).session_id for _ in range(2)]
    for session_id in sessions:
        await narrow.hello(session_id).heard(3 if session_id == sessions[0] else 2)
    other = await narrow.ask(await narrow.customer("2"), "2")
    socket = narrow.hello(other.session_id, token="token of 2")
    assert (await socket.heard(1))[0]["type"] == "welcome"


async def test_limits_of_zero_are_no_limits(tmp_path: Path) -> None:
    world = World(tmp_path, sockets_per_customer=0, messages=0)
    await world.store.start()
    customer = await world.customer("1")
    sockets = [world.hello((await world.ask(customer, "1")).session_id) for _ in range(12)]
    for socket in sockets:
        await socket.heard(1)
    for _ in range(2000):
        sockets[0].say(type="ping")
    assert world.hub.count == 12
    assert sockets[0].closed_with() is None
    await world.settle()
    await world.store.stop()
