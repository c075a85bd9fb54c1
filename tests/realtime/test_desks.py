"""Who may open a desk, which of two desks goes on, and what a desk may say."""

from pathlib import Path

import pytest

from .desk_world import SELIN, DeskWorld, numbers, present
from .world import DAY_MS

# -- who it is


@pytest.mark.parametrize("token", ["guessed", "", "token of 1", "desk of 31008"])
async def test_only_a_token_of_the_staff_opens_a_desk(office: DeskWorld, token: str) -> None:
    await office.talk(await office.agent())
    socket = office.desk(token=token)
    assert await socket.close_code() == 4401
    assert socket.sent == []
    await office.settle()
    assert office.desks.joining == office.desks.count == 0


async def test_a_token_that_is_too_old_opens_no_desk(office: DeskWorld) -> None:
    await office.agent()
    office.ticks.ms += DAY_MS + 1
    assert await office.desk().close_code() == 4401


async def test_a_desks_token_opens_no_customers_stream(office: DeskWorld) -> None:
    wait = await office.talk(await office.agent())
    assert await office.hello(wait.session_id, token=f"desk of {SELIN}").close_code() == 4401


# -- one desk for each


async def test_a_newer_hello_takes_the_desk_over(office: DeskWorld) -> None:
    selin = await office.agent()
    wait = await office.talk(selin)
    older = office.desk()
    await older.heard(2)
    newer = office.desk(1, await office.store.epoch())
    assert await older.close_code() == 4409
    await newer.heard(1)
    await office.say(wait, "a")
    await newer.heard(2)
    older.go()
    await office.settle()
    assert (numbers(older), numbers(newer)) == ([1], [2])
    assert office.desks.count == 1
    assert await present(office, selin) == "node-1"


async def test_the_older_of_two_hellos_loses_even_when_it_is_looked_up_last(office: DeskWorld) -> None:
    wait = await office.talk(await office.agent())
    hold = office.store.hold("staff_heads.before")
    older = office.desk()
    await hold.arrived()
    newer = office.desk()
    await newer.heard(2)
    hold.release()
    assert await older.close_code() == 4409
    assert older.sent == []
    await office.say(wait, "a")
    await newer.heard(3)
    assert newer.closed_with() is None
    assert office.desks._joining == {}


async def test_a_hello_that_is_refused_closes_nobody(office: DeskWorld) -> None:
    await office.agent()
    rightful = office.desk()
    await rightful.heard(1)
    assert await office.desk(token="guessed").close_code() == 4401
    assert rightful.closed_with() is None


# -- what a desk may say


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON text"),
        ("[]", "no legal message"),
        ('{"type":"hello","token":"t"}', "no legal message"),
        ('{"type":"hello","token":"t","after":-1}', "no legal message"),
        ('{"type":"hello","token":"t\\u0000","after":0}', "no legal message"),
        ('{"type":"hello","token":null,"after":0}', "no legal message"),
        ('{"type":"welcome"}', "no legal message"),
        ('{"type":"ack","seq":0}', "not expected now"),
        ('{"type":"ping","deep":' + "[" * 20_000, "nested too deeply"),
    ],
)
async def test_a_desk_that_says_anything_else_is_closed(office: DeskWorld, text: str, reason: str) -> None:
    socket = office.open_desk()
    socket.say_text(text)
    assert socket.closed_with() == (4400, reason)
    socket.say(type="ping")
    assert socket.sent == []


async def test_a_desk_says_hello_once(office: DeskWorld) -> None:
    await office.agent()
    socket = office.desk()
    await socket.heard(1)
    socket.say(type="hello", token=f"desk of {SELIN}", after=0)
    assert socket.closed_with() == (4400, "not expected now")
    await office.settle()
    assert office.desks.count == 0


async def test_acknowledgements_are_heard_and_nothing_is_stored(office: DeskWorld) -> None:
    wait = await office.talk(await office.agent())
    socket = office.desk()
    await socket.heard(2)
    socket.say(type="ack", seq=1)
    await office.say(wait, "a")
    await socket.heard(3)
    assert socket.closed_with() is None
    assert [call for call in office.store.calls if call[0] == "acknowledge"] == []
    socket.say(type="ack", seq=3)
    assert socket.closed_with() == (4400, "acknowledges what was not sent")


async def test_pings_are_answered_before_and_after_the_hello(office: DeskWorld) -> None:
    await office.agent()
    socket = office.open_desk()
    socket.say(type="ping", more={"a": 1})
    socket.say(type="hello", token=f"desk of {SELIN}", after=0, sessionId="of no meaning here")
    await socket.heard(2)
    socket.say(type="ping")
    assert [message["type"] for message in socket.messages] == ["pong", "welcome", "pong"]


async def test_too_many_messages_are_too_many(tmp_path: Path) -> None:
    made = DeskWorld(tmp_path, messages=2)
    await made.store.start()
    made.open_for_business()
    socket = made.open_desk()
    for _ in range(3):
        socket.say(type="ping")
    assert socket.closed_with() == (4400, "too many messages")
    await made.store.stop()


async def test_a_desk_without_a_hello_is_closed(office: DeskWorld) -> None:
    socket = office.open_desk()
    office.desks.sweep()
    office.ticks.seconds += 4
    office.desks.sweep()
    office.ticks.seconds += 4
    await office.desk_upkeep.sweep()
    assert socket.closed_with() is None
    office.ticks.seconds += 2
    await office.desk_upkeep.sweep()
    assert socket.closed_with() == (4408, "no hello in time")
