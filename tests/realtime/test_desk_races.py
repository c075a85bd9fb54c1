"""A message and a desk's hello in every order: the desk is told of the message exactly once."""

from itertools import combinations_with_replacement

import pytest

from diyalog.domain.wait import Wait

from .desk_world import SELIN, DeskWorld, numbers
from .world import Hold, RecordingSocket

_POINTS = (
    "hello",  # just before it
    "staff_heads.before",
    "staff_heads.after",
    "staff_events.before",
    "staff_events.after",
    "live.before",
    "live.after",
    "welcome",  # just after it
)
_TOLD = [*combinations_with_replacement(_POINTS, 2), *((point, None) for point in _POINTS)]
"""Where the message is committed, and where this node is told of it: there or later, or never."""
_UNREAD = {"staff_events.before", "staff_events.after"}
"""Not come to by a desk that is to get a snapshot."""


async def _advance(
    office: DeskWorld, socket: RecordingSocket, hello: dict[str, object], point: str, hold: Hold | None
) -> Hold | None:
    """Let the joining go on up to a point, where it is held."""
    if point == "hello":
        return None
    if point == "welcome":
        assert hold is not None
        hold.release()
        await socket.heard(1)
        return None
    next_hold = office.store.hold(point)
    if hold is None:
        socket.say(type="hello", token=f"desk of {SELIN}", **hello)
    else:
        hold.release()
    await next_hold.arrived()
    return next_hold


async def _play(
    office: DeskWorld, wait: Wait, hello: dict[str, object], committed_at: str, told_at: str | None
) -> RecordingSocket:
    socket = office.open_desk()
    told: Wait | None = None
    hold: Hold | None = None
    for point in _POINTS:
        if point not in _UNREAD or hello["epoch"] != "another":
            hold = await _advance(office, socket, hello, point, hold)
        if point == committed_at:
            told = (await office.commit_message(wait, "Merhaba")).wait
        if point == told_at:
            assert told is not None
            office.desks.changed(told)
    await office.settle()
    if told_at is None:
        await office.desk_upkeep.poll()
    assert socket.closed_with() is None
    return socket


@pytest.mark.parametrize(("committed_at", "told_at"), _TOLD)
async def test_a_desk_that_recovers_is_told_once(office: DeskWorld, committed_at: str, told_at: str | None) -> None:
    wait = await office.talk(await office.agent())
    hello: dict[str, object] = {"after": 0, "epoch": await office.store.epoch()}
    socket = await _play(office, wait, hello, committed_at, told_at)
    assert socket.messages[0]["recovered"] is True
    assert numbers(socket) == [1, 2]
    assert socket.events[1]["data"]["text"] == "Merhaba"


@pytest.mark.parametrize(("committed_at", "told_at"), _TOLD)
async def test_a_desk_of_another_epoch_finds_it_in_the_snapshot_or_is_told(
    office: DeskWorld, committed_at: str, told_at: str | None
) -> None:
    wait = await office.talk(await office.agent())
    socket = await _play(office, wait, {"after": 1, "epoch": "another"}, committed_at, told_at)
    welcome = socket.messages[0]
    assert welcome["recovered"] is False
    [talk] = welcome["snapshot"]["conversations"]
    before_the_head = _POINTS.index(committed_at) <= _POINTS.index("staff_heads.before")
    assert welcome["seq"] == (2 if before_the_head else 1)
    assert numbers(socket) == ([] if before_the_head else [2])
    if before_the_head:
        assert talk["seq"] == 4, "nobody tells it any more, so the snapshot has it"
    elif talk["seq"] == 4:
        assert socket.events[0]["data"]["seq"] == 4, "what the snapshot has already can be told by the number"


async def test_news_that_are_told_twice_are_sent_once(office: DeskWorld) -> None:
    wait = await office.talk(await office.agent())
    socket = office.desk()
    await office.settle()
    told = (await office.commit_message(wait, "Merhaba")).wait
    assert told is not None
    for _ in range(3):
        office.desks.changed(told)
        await office.settle()
    assert numbers(socket) == [1, 2]


async def test_changes_of_waits_without_a_conversation_reach_no_desk(office: DeskWorld) -> None:
    await office.agent()
    office.desk()
    await office.settle()
    office.store.calls.clear()
    office.desks.changed(await office.ask(await office.customer("1"), "1"))
    await office.settle()
    assert office.store.calls == []
