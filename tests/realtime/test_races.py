"""End and reconnect in every order: the client hears of the end exactly once (guarantee "end / reconnect")."""

import asyncio
from itertools import combinations_with_replacement
from typing import Any

import pytest

from diyalog.domain.wait import Wait

from .world import Hold, RecordingSocket, World

_POINTS = (
    "hello",  # just before it
    "token.before",
    "token.after",
    "wait.before",
    "wait.after",
    "events.before",
    "events.after",
    "welcome",  # just after it
)
_TOLD = [*combinations_with_replacement(_POINTS, 2), *((point, None) for point in _POINTS)]
"""Where the end is committed, and where this node is told of it: there or later, or never."""


async def _advance(
    world: World, socket: RecordingSocket, hello: dict[str, object], point: str, hold: Hold | None
) -> Hold | None:
    """Let the joining go on up to a point, where it is held."""
    if point == "hello":
        return None
    if point == "welcome":
        assert hold is not None
        hold.release()
        await socket.heard(1)
        return None
    next_hold = world.store.hold(point)
    if hold is None:
        socket.say(type="hello", **hello)
    else:
        hold.release()
    await next_hold.arrived()
    return next_hold


async def _play(
    world: World, wait: Wait, after: int, epoch: str | None, committed_at: str, told_at: str | None
) -> RecordingSocket:
    socket = world.open()
    hello: dict[str, object] = {"token": "token of 1", "sessionId": wait.session_id, "after": after, "epoch": epoch}
    ended: Wait | None = None
    hold: Hold | None = None
    for point in _POINTS:
        hold = await _advance(world, socket, hello, point, hold)
        if point == committed_at:
            world.ticks.ms += 5_250
            ended = await world.commit_end(wait.session_id)
        if point == told_at:
            assert ended is not None
            world.hub.changed(ended)
    await world.settle()
    if told_at is None:
        await world.upkeep.poll()
    assert socket.closed_with() is None
    assert world.notes.failures == []
    return socket


def _started(wait: Wait) -> dict[str, Any]:
    return {
        "type": "event",
        "sessionId": wait.session_id,
        "seq": 1,
        "event": "wait.started",
        "at": "2026-11-22T16:00:00.000Z",
        "data": {"interactionId": "D100001", "helpType": "chat"},
    }


def _ended(wait: Wait) -> dict[str, Any]:
    return {
        "type": "event",
        "sessionId": wait.session_id,
        "seq": 2,
        "event": "wait.ended",
        "at": "2026-11-22T16:00:05.250Z",
        "data": {
            "outcome": "NOT_DELIVERED",
            "reason": "queue",
            "message": "Nobody is free.",
            "interactionId": "D100001",
        },
    }


@pytest.mark.parametrize(("committed_at", "told_at"), _TOLD)
@pytest.mark.parametrize("after", [0, 1])
async def test_a_client_that_recovers_is_sent_the_end_once(
    world: World, after: int, committed_at: str, told_at: str | None
) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    socket = await _play(world, wait, after, await world.store.epoch(), committed_at, told_at)
    assert socket.messages[0]["type"] == "welcome"
    assert socket.messages[0]["recovered"] is True
    assert socket.messages[1:] == ([_started(wait), _ended(wait)] if after == 0 else [_ended(wait)])


@pytest.mark.parametrize(("committed_at", "told_at"), _TOLD)
async def test_a_client_of_another_epoch_finds_the_end_in_the_snapshot_or_is_sent_it(
    world: World, committed_at: str, told_at: str | None
) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    socket = await _play(world, wait, 1, "another", committed_at, told_at)
    welcome, *events = socket.messages
    assert welcome["recovered"] is False
    in_snapshot = _POINTS.index(committed_at) <= _POINTS.index("events.before")
    assert welcome["snapshot"]["state"] == ("ENDED" if in_snapshot else "WAITING")
    assert events == ([] if in_snapshot else [_ended(wait)])


async def test_a_change_told_twice_is_sent_once(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    socket = world.hello(wait.session_id)
    await socket.heard(2)
    world.ticks.ms += 5_250
    ended = await world.commit_end(wait.session_id)
    world.hub.changed(ended)
    world.hub.changed(ended)
    await world.upkeep.poll()
    assert socket.events == [_started(wait), _ended(wait)]


async def test_the_end_is_sent_at_once_and_without_the_store(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    socket = world.hello(wait.session_id)
    await socket.heard(2)
    await world.settle()
    world.store.away = {"token", "wait", "events", "heads"}
    world.ticks.ms += 5_250
    world.hub.changed(await world.commit_end(wait.session_id))
    assert socket.events[1:] == [_ended(wait)]
    world.store.away = set()


async def test_a_change_told_while_a_read_for_it_is_under_way_is_sent_once(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    socket = world.hello(wait.session_id)
    await socket.heard(2)
    world.ticks.ms += 5_250
    ended = await world.commit_end(wait.session_id)
    hold = world.store.hold("events.after")
    poll = asyncio.create_task(world.upkeep.poll())
    await hold.arrived()
    world.hub.changed(ended)
    hold.release()
    await poll
    assert socket.events == [_started(wait), _ended(wait)]
    assert world.notes.behind == 1
