"""Desks while the store is away, when news are lost, and where the store thinks that they are."""

import asyncio
from pathlib import Path

import pytest

from diyalog.domain.ids import NodeId
from diyalog.storage.sealing import Sealer
from diyalog.storage.sqlite import SqliteStore

from .desk_world import DeskWorld, numbers, present, texts
from .world import LIMIT_S

# -- when the store is away, or a change is missed


@pytest.mark.parametrize("call", ["staff_heads", "staff_events", "live"])
async def test_a_hello_is_turned_away_while_the_store_is_away(office: DeskWorld, call: str) -> None:
    await office.talk(await office.agent())
    office.store.away = {call}
    socket = office.desk()
    assert await socket.close_code() == 1013
    assert office.notes.away == ["hello"]
    office.store.away = set()
    again = office.desk()
    await again.heard(2)
    assert office.desks._joining == {}


async def test_what_could_not_be_read_comes_with_the_next_poll(office: DeskWorld) -> None:
    wait = await office.talk(await office.agent())
    socket = office.desk()
    await office.settle()
    office.store.away = {"staff_events"}
    await office.hear_message(wait, "a")
    await office.settle()
    office.store.away = {"staff_heads"}
    await office.desk_upkeep.poll()
    assert office.notes.away == ["read", "heads"]
    assert numbers(socket) == [1]
    office.store.away = set()
    await office.desk_upkeep.poll()
    assert numbers(socket) == [1, 2]
    assert socket.closed_with() is None


async def test_lost_news_are_found(office: DeskWorld) -> None:
    wait = await office.talk(await office.agent())
    socket = office.desk()
    await office.settle()
    await office.commit_message(wait, "a")
    await office.settle()
    assert numbers(socket) == [1]
    await office.desk_upkeep.poll()
    assert numbers(socket) == [1, 2]
    assert office.notes.behind == 1
    await office.desk_upkeep.poll()
    assert office.notes.behind == 1
    assert numbers(socket) == [1, 2]


async def test_an_unexpected_failure_closes_the_desk(office: DeskWorld) -> None:
    await office.talk(await office.agent())
    office.expected_failures = [ValueError("planted")]
    office.store.failures["staff_events"] = office.expected_failures[0]  # type: ignore[assignment]
    socket = office.desk()
    assert await socket.close_code() == 1011


async def test_a_desk_that_goes_while_it_joins_leaves_nothing_behind(office: DeskWorld) -> None:
    selin = await office.agent()
    hold = office.store.hold("live.after")
    socket = office.desk()
    await hold.arrived()
    socket.go()
    hold.release()
    await office.settle()
    assert socket.sent == []
    assert (office.desks.count, office.desks.joining, office.desks._joining) == (0, 0, {})
    assert await present(office, selin) is None


# -- presence


async def test_the_store_knows_where_the_desk_is(office: DeskWorld) -> None:
    selin = await office.agent()
    socket = office.desk()
    await office.settle()
    assert await present(office, selin) == "node-1"
    socket.go()
    await office.settle()
    assert await present(office, selin) is None


@pytest.mark.parametrize("state", ["there", "gone"])
async def test_a_desk_that_another_node_had_is_said_to_be_here_again(
    office: DeskWorld, tmp_path: Path, state: str
) -> None:
    selin = await office.agent()
    office.desk()
    await office.settle()
    other = SqliteStore(tmp_path, Sealer(bytes(32)), office.ticks, NodeId("node-2"))
    await other.start()
    await other.conversations.staff_present(selin, connected=True)
    if state == "gone":
        await other.conversations.staff_present(selin, connected=False)
    await other.stop()
    for _ in range(3):
        await office.desk_upkeep.poll()
        await office.settle()
    assert await present(office, selin) == "node-1"
    assert [call for call in office.store.calls if call[0] == "staff_present"] == [("staff_present", (selin, True))] * 2


async def test_presence_is_told_again_when_the_store_is_back(office: DeskWorld) -> None:
    selin = await office.agent()
    office.store.away = {"staff_present"}
    office.desk()
    await office.settle()
    assert office.notes.away == ["presence"]
    office.store.away = set()
    await office.desk_upkeep.poll()
    await office.settle()
    assert await present(office, selin) == "node-1"


async def test_news_between_the_hello_and_the_presence_are_not_waited_for(office: DeskWorld) -> None:
    wait = await office.talk(await office.agent())
    hold = office.store.hold("staff_present.before")
    socket = office.desk()
    await hold.arrived()
    await office.commit_message(wait, "told to nobody, because the desk is nowhere yet")
    hold.release()
    await socket.heard(3)
    assert numbers(socket) == [1, 2]


async def test_news_during_the_hello_come_without_anybody_asking_again(office: DeskWorld) -> None:
    wait = await office.talk(await office.agent())
    office.store.away = {"staff_present"}  # after which the stream would be looked at once more
    hold = office.store.hold("live.after")
    socket = office.desk()
    await hold.arrived()
    await office.say(wait, "Merhaba")
    hold.release()
    await socket.heard(3)
    assert texts(socket) == ["CHAT_INPROGRESS", "Merhaba"]


async def test_many_news_at_once_are_read_together(office: DeskWorld) -> None:
    wait = await office.talk(await office.agent())
    socket = office.desk()
    await office.settle()
    hold = office.store.hold("staff_events.before")
    await office.hear_message(wait, "0")
    await hold.arrived()
    for number in range(1, 50):
        await office.hear_message(wait, f"{number}")
    office.store.calls.clear()
    hold.release()
    async with asyncio.timeout(LIMIT_S):
        await office.settle()
    assert texts(socket)[1:] == [f"{number}" for number in range(50)]
    assert len([name for name, _ in office.store.calls if name == "staff_events"]) <= 2
