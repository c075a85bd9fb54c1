"""Who stands in the server's own line is told the place as it changes."""

import pytest

from diyalog.domain.commands import EndWait
from diyalog.domain.transitions import Event
from diyalog.domain.wait import Place, Wait
from diyalog.realtime import queueing
from diyalog.realtime.queueing import PlaceTelling

from .world import RecordingSocket, World


async def in_line(world: World, numbers: str) -> tuple[list[Wait], list[RecordingSocket]]:
    """Customers who wait one behind the other, and what their apps hear."""
    waits = [await world.ask(await world.customer(number), number) for number in numbers]
    sockets = []
    for number, wait in zip(numbers, waits, strict=True):
        socket = world.open()
        socket.say(type="hello", token=f"token of {number}", sessionId=wait.session_id, after=0)
        await socket.heard(2)
        sockets.append(socket)
    return waits, sockets


async def test_everybody_in_front_whose_place_has_changed_is_told(world: World) -> None:
    waits, sockets = await in_line(world, "1234")
    telling = PlaceTelling(world.hub, world.waiting.line, world.notes, world.ticks)
    assert not await telling.turn()
    assert [len(socket.sent) for socket in sockets] == [2, 2, 2, 2], "the welcome has told it"
    await world.store.end_wait(EndWait(world.commands.new(), Event.CANCEL, row=waits[0].row))
    world.ticks.ms += 1_000
    assert not await telling.turn()
    assert [socket.messages[-1]["data"] for socket in sockets[1:]] == [
        {"position": place, "estimatedWaitSeconds": None} for place in (1, 2, 3)
    ]
    assert all("seq" not in socket.messages[-1] for socket in sockets[1:])
    world.ticks.ms += 1_000
    assert not await telling.turn()
    assert [len(socket.sent) for socket in sockets[1:]] == [3, 3, 3], "nothing has changed"


async def test_those_behind_are_told_in_turns_until_they_come_to_the_front(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queueing, "FRONT", 2)
    waits, sockets = await in_line(world, "12345")
    telling = PlaceTelling(world.hub, world.waiting.line, world.notes, world.ticks)
    heard = []
    for _ in range(queueing.TURNS):
        await world.store.end_wait(EndWait(world.commands.new(), Event.CANCEL, row=waits[0].row))
        world.ticks.ms += 1_000
        await telling.turn()
        heard.append([len(socket.sent) - 2 for socket in sockets[1:]])
    assert [told for told, *_ in heard] == [1] * queueing.TURNS, "second in line: in the first turn"
    assert heard[-1] == [1, 1, 1, 1], "everybody within as many turns as there are"
    assert [sum(row) for row in heard] == sorted(sum(row) for row in heard)
    assert heard[0] == [1, 0, 0, 0], "and not all of them at once"
    assert [socket.messages[-1]["data"]["position"] for socket in sockets[1:]] == [1, 2, 3, 4]


async def test_who_is_not_in_line_has_no_place(world: World) -> None:
    waits, _ = await in_line(world, "12")
    rows = [waits[1].row, waits[0].row, 4711]
    assert await world.waiting.line.standing(rows) == [Place(2, None), Place(1, None), None]
