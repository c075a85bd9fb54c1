"""A desk's stream: what it is told, and where it goes on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .desk_world import SELIN, DeskWorld


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[DeskWorld]:
    made = DeskWorld(tmp_path)
    await made.store.start()
    made.open_for_business()
    yield made
    await made.settle()
    assert made.notes.failures == []
    await made.store.stop()


async def test_a_desk_is_welcomed_and_told_everything(world: DeskWorld) -> None:
    selin = await world.agent()
    wait = await world.talk(selin)
    await world.say(wait, "Merhaba")
    socket = world.desk()
    await socket.heard(3)
    await world.say(wait, "Buyrun", selin)
    await socket.heard(4)
    world.ticks.ms += 1_500
    await world.end(wait)
    welcome, *events = await socket.heard(5)
    at = "2026-11-22T16:00:00.000Z"
    talk: dict[str, object] = {
        "conversationId": wait.session_id,
        "sessionId": wait.session_id,
        "customerId": "1",
        "customerName": None,
        "helpType": "chat",
        "interactionId": "D100001",
        "state": "CONNECTED",
        "startedAt": at,
        "present": False,
        "seq": 4,
        "attachedData": {},
    }
    assert welcome == {
        "type": "welcome",
        "userId": SELIN,
        "seq": 2,
        "epoch": await world.store.epoch(),
        "serverTime": at,
        "recovered": True,
        "snapshot": {"userId": SELIN, "userName": "Selin Aksoy", "conversations": [talk]},
    }
    told = {"conversationId": wait.session_id}
    assert [(event["seq"], event["event"], event["at"], event["data"]) for event in events] == [
        (1, "chat.state", at, {**told, "seq": 3, "state": "CHAT_INPROGRESS", "agentName": "Selin Aksoy"}),
        (2, "chat.message", at, {**told, "seq": 4, "id": "m-1", "author": "customer", "text": "Merhaba"}),
        (3, "chat.message", at, {**told, "seq": 5, "id": "m-2", "author": "agent", "text": "Buyrun"}),
        (4, "chat.state", "2026-11-22T16:00:01.500Z", {**told, "seq": 6, "state": "CHAT_ENDED", "endedBy": "customer"}),
    ]
