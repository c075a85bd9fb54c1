"""Who stands in the server's own line is told the place as it changes."""

import pytest

from diyalog.domain.commands import EndWait
from diyalog.domain.transitions import Event
from diyalog.realtime import queueing
from diyalog.realtime.queueing import PlaceTelling

from .world import World


async def test_everybody_whose_place_has_changed_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queueing, "_AT_ONCE", 1)
    waits = [await world.ask(await world.customer(number), number) for number in "1234"]
    sockets = []
    for number, wait in zip("1234", waits, strict=True):
        socket = world.open()
        socket.say(type="hello", token=f"token of {number}", sessionId=wait.session_id, after=0)
        await socket.heard(2)
        sockets.append(socket)
    telling = PlaceTelling(world.hub, world.waiting.line, world.notes, world.ticks)
    assert not await telling.turn()
    assert [len(socket.sent) for socket in sockets] == [2, 2, 2, 2], "the welcome has told it"
    await world.store.end_wait(EndWait(world.commands.new(), Event.CANCEL, row=waits[0].row))
    world.ticks.ms += 1_000
    assert [await telling.turn() for _ in range(4)] == [True, True, True, False]
    assert [socket.messages[-1]["data"] for socket in sockets[1:]] == [
        {"position": place, "estimatedWaitSeconds": None} for place in (1, 2, 3)
    ]
    assert all("seq" not in socket.messages[-1] for socket in sockets[1:])
    world.ticks.ms += 1_000
    assert not await telling.turn()
    assert [len(socket.sent) for socket in sockets[1:]] == [3, 3, 3], "nothing has changed"
