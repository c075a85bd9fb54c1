"""What the regular look after the streams repairs."""

import asyncio
from pathlib import Path

import pytest

from diyalog.domain.ids import NodeId, SessionId
from diyalog.realtime import upkeep
from diyalog.storage.sealing import Sealer
from diyalog.storage.sqlite import SqliteStore
from kit import stores

from .world import RecordingSocket, World


async def _followers(world: World, count: int) -> list[tuple[SessionId, RecordingSocket]]:
    made = []
    for number in range(count):
        wait = await world.ask(await world.customer(str(number)), str(number))
        made.append((wait.session_id, world.hello(wait.session_id, token=f"token of {number}")))
    for _, socket in made:
        await socket.heard(2)
    await world.settle()
    return made


async def test_a_lost_change_is_found(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    socket = world.hello(wait.session_id)
    await socket.heard(2)
    await world.commit_end(wait.session_id)
    assert [event["seq"] for event in socket.events] == [1]
    await world.upkeep.poll()
    assert [(event["seq"], event["event"]) for event in socket.events] == [(1, "wait.started"), (2, "wait.ended")]
    assert world.notes.behind == 1
    await world.upkeep.poll()
    assert world.notes.behind == 1
    assert len(socket.events) == 2


async def test_several_lost_changes_come_in_order(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    socket = world.hello(wait.session_id, 1, "another")
    await socket.heard(1)
    await world.commit_end(wait.session_id)
    await world.upkeep.poll()
    assert [event["seq"] for event in socket.events] == [2]


async def test_a_stream_that_reads_already_does_not_read_twice(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    socket = world.hello(wait.session_id, 1, await world.store.epoch())
    await socket.heard(1)
    await world.settle()
    await world.commit_end(wait.session_id)
    world.store.calls.clear()
    hold = world.store.hold("events.before")
    first = asyncio.create_task(world.upkeep.poll())
    await hold.arrived()
    await world.upkeep.poll()
    hold.release()
    await first
    assert [event["seq"] for event in socket.events] == [2]
    assert [argument for name, argument in world.store.calls if name == "events"] == [(wait.row, 1)]


async def test_the_heads_are_asked_for_in_slices(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "_SLICE", 2)
    followers = await _followers(world, 5)
    world.store.calls.clear()
    for session_id, _ in followers[1:4]:
        await world.commit_end(session_id)
    await world.upkeep.poll()
    asked = [argument for name, argument in world.store.calls if name == "heads"]
    assert asked == [(1, 2), (3, 4), (5,)]
    assert [len(socket.events) for _, socket in followers] == [1, 2, 2, 2, 1]
    assert world.notes.behind == 3


async def test_a_store_that_is_away_is_asked_again_next_time(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    socket = world.hello(wait.session_id)
    await socket.heard(2)
    await world.settle()
    await world.commit_end(wait.session_id)
    world.store.away = {"heads"}
    await world.upkeep.poll()
    world.store.away = {"events"}
    await world.upkeep.poll()
    assert world.notes.away == ["heads", "read"]
    assert len(socket.events) == 1
    world.store.away = set()
    await world.upkeep.poll()
    assert len(socket.events) == 2


async def test_deadlines_are_swept(world: World) -> None:
    silent = world.open()
    world.ticks.seconds += 10
    assert not await world.upkeep.sweep()
    assert silent.closed_with() == (4408, "no hello in time")


async def test_a_poll_with_nothing_to_find_asks_once_and_leaves_no_work_behind(world: World) -> None:
    await _followers(world, 3)
    world.store.calls.clear()
    for _ in range(20):
        assert not await world.upkeep.poll()
    await world.settle()
    assert len([name for name, _ in world.store.calls if name == "heads"]) == 20
    assert world.notes.behind == 0


async def test_an_app_that_another_node_has_let_go_is_said_to_be_here_again(world: World, tmp_path: Path) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    await world.hello(wait.session_id).heard(2)
    await world.settle()
    other = SqliteStore(tmp_path, Sealer(bytes(32)), world.ticks, NodeId("node-2"))
    await other.start()
    # A device that came later, or the socket that the app left there: the one that was given up has it last.
    await other.present(wait.row, connected=True)
    await other.present(wait.row, connected=False)
    await other.stop()
    for _ in range(2):
        await world.upkeep.poll()
        await world.settle()
    world.ticks.ms += 400_000
    assert await stores.due(world.store) == []
    assert [argument for name, argument in world.store.calls if name == "present"] == [(wait.row, True)] * 2
