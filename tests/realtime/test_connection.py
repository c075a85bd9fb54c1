"""One stream from hello to goodbye."""

import pytest

from diyalog.domain.ids import SessionId

from .world import RecordingSocket, World


async def _following(world: World) -> tuple[RecordingSocket, SessionId, str]:
    """A client that waits and has read everything; its session and the epoch."""
    wait = await world.ask(await world.customer("1"), "1")
    socket = world.hello(wait.session_id)
    await socket.heard(2)
    await world.settle()
    return socket, wait.session_id, await world.store.epoch()


async def _acknowledged_at(world: World, session_id: str) -> int | None:
    found = await world.following.follow("token of 1", session_id, 0, None)
    assert not isinstance(found, str)
    return found.wait.acknowledged_at


async def test_a_hello_is_answered_with_the_snapshot_and_every_event(world: World) -> None:
    socket, session_id, epoch = await _following(world)
    assert socket.messages == [
        {
            "type": "welcome",
            "sessionId": session_id,
            "seq": 1,
            "epoch": epoch,
            "serverTime": "2026-11-22T16:00:00.000Z",
            "recovered": True,
            "snapshot": {
                "sessionId": session_id,
                "interactionId": "D100001",
                "helpType": "chat",
                "state": "WAITING",
                "startedAt": "2026-11-22T16:00:00.000Z",
                "position": 1,
                "seq": 1,
                "epoch": epoch,
                "limits": {"waitLimitSeconds": 1800, "abandonAfterSeconds": 300, "queueTimeoutSeconds": 10},
            },
        },
        {
            "type": "event",
            "sessionId": session_id,
            "seq": 1,
            "event": "wait.started",
            "at": "2026-11-22T16:00:00.000Z",
            "data": {"interactionId": "D100001", "helpType": "chat"},
        },
    ]
    assert world.hub.count == 1


@pytest.mark.parametrize(
    ("after", "epoch", "recovered", "events"),
    [
        (0, None, True, [1]),
        (0, "this", True, [1]),
        (1, "this", True, []),
        (2, "this", False, []),
        (0, "another", False, []),
        (1, "another", False, []),
        (1, None, False, []),
    ],
)
async def test_what_follows_depends_on_what_the_client_has(
    world: World, after: int, epoch: str | None, *, recovered: bool, events: list[int]
) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    socket = world.hello(wait.session_id, after, await world.store.epoch() if epoch == "this" else epoch)
    await socket.heard(1)
    await world.settle()
    assert (socket.messages[0]["recovered"], socket.messages[0]["seq"]) == (recovered, 1)
    assert [event["seq"] for event in socket.events] == events
    await world.not_delivered(wait.session_id)
    assert [event["seq"] for event in socket.events] == [*events, 2]


async def test_an_unknown_token_is_refused(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    socket = world.hello(wait.session_id, token="guessed")
    assert await socket.close_code() == 4401
    assert socket.sent == []


async def test_an_unknown_session_is_refused(world: World) -> None:
    await world.customer("1")
    socket = world.hello("019a0000-0000-7000-8000-000000000001")
    assert await socket.close_code() == 4404


async def test_somebody_elses_session_is_refused_and_its_stream_untouched(world: World) -> None:
    theirs, session_id, _ = await _following(world)
    await world.customer("2")
    socket = world.hello(session_id, token="token of 2")
    assert await socket.close_code() == 4404
    await world.not_delivered(session_id)
    assert [event["seq"] for event in theirs.events] == [1, 2]


async def test_a_store_that_is_away_at_the_hello_means_come_back(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    world.store.away = {"token"}
    socket = world.hello(wait.session_id)
    assert await socket.close_code() == 1013
    assert world.notes.away == ["hello"]
    world.store.away = set()
    again = world.hello(wait.session_id)
    assert (await again.heard(1))[0]["type"] == "welcome"


async def test_an_unexpected_failure_closes_the_stream_and_is_reported(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    error = RuntimeError("planted")
    world.store.failures = {"token": error}
    socket = world.hello(wait.session_id)
    assert await socket.close_code() == 1011
    assert world.notes.failures == [error]
    assert world.hub.count == 0


async def test_nothing_is_read_while_the_hello_is_looked_up(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    hold = world.store.hold("token.before")
    socket = world.hello(wait.session_id)
    socket.say(type="ping")
    await hold.arrived()
    assert socket.paused
    assert socket.sent == []
    hold.release()
    assert [message["type"] for message in await socket.heard(3)] == ["welcome", "event", "pong"]


async def test_a_client_that_leaves_while_joining_leaves_nothing_behind(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    hold = world.store.hold("events.after")
    socket = world.hello(wait.session_id)
    await hold.arrived()
    socket.go()
    hold.release()
    await world.settle()
    assert socket.sent == []
    assert world.hub.count == 0
    assert world.hub._joining == {}
    assert ("present", (wait.row, True)) not in world.store.calls


# -- messages that are not legal


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nonsense 12345678901", "no JSON text"),
        ('{"type":"subscribe"}', "no legal message"),
        ('{"type":"hello","token":"t"}', "no legal message"),
        ('{"type":"ack","seq":0}', "not expected now"),
    ],
)
async def test_an_illegal_first_message_closes(world: World, text: str, reason: str) -> None:
    socket = world.open()
    socket.say_text(text)
    assert socket.closed_with() == (4400, reason)


async def test_a_second_hello_on_one_socket_is_illegal(world: World) -> None:
    socket, session_id, _ = await _following(world)
    socket.say(type="hello", token="token of 1", sessionId=session_id, after=0)
    assert socket.closed_with() == (4400, "not expected now")
    assert world.hub.count == 0


async def test_a_ping_is_answered_at_any_time(world: World) -> None:
    socket = world.open()
    socket.say(type="ping")
    assert socket.sent == [b'{"type":"pong"}']
    followed, _, _ = await _following(world)
    followed.say(type="ping")
    assert followed.sent[-1] == b'{"type":"pong"}'


async def test_too_many_messages_in_a_minute_close(world: World) -> None:
    socket = world.open()
    for _ in range(600):
        socket.say(type="ping")
    world.ticks.seconds += 60
    for _ in range(600):
        socket.say(type="ping")
    assert len(socket.sent) == 1200
    socket.say(type="ping")
    assert socket.closed_with() == (4400, "too many messages")
    assert len(socket.sent) == 1200


# -- deadlines


async def test_no_hello_in_time_closes(world: World) -> None:
    socket = world.open()
    world.ticks.seconds += 9.75
    world.hub.sweep()
    assert socket.closed_with() is None
    world.ticks.seconds += 0.25
    world.hub.sweep()
    assert socket.closed_with() == (4408, "no hello in time")
    socket.go()
    assert world.notes.closed == [(None, 4408, 10_000.0)]
    assert world.notes.open == 0


async def test_a_hello_that_came_while_the_node_stood_still_is_in_time(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    said, silent = world.open(), world.open()
    world.hub.sweep()
    world.ticks.seconds += 60
    world.hub.sweep()  # before anything that has arrived is read
    said.say(type="hello", token="token of 1", sessionId=wait.session_id, after=0)
    await said.heard(2)
    world.ticks.seconds += 0.5
    world.hub.sweep()
    assert said.closed_with() is None
    assert silent.closed_with() == (4408, "no hello in time")


async def test_a_hello_in_time_stands(world: World) -> None:
    socket, _, _ = await _following(world)
    world.ticks.seconds += 60
    world.hub.sweep()
    assert socket.closed_with() is None


# -- acknowledging


async def test_the_acknowledged_end_is_stored_and_closes(world: World) -> None:
    socket, session_id, _ = await _following(world)
    await world.not_delivered(session_id)
    world.ticks.ms += 120
    socket.say(type="ack", seq=2)
    assert await socket.close_code() == 1000
    assert await _acknowledged_at(world, session_id) == 1_795_363_200_120
    assert world.notes.acknowledged_after == [0.12]
    assert world.hub.count == 0


async def test_acknowledging_earlier_events_stores_nothing(world: World) -> None:
    socket, session_id, _ = await _following(world)
    socket.say(type="ack", seq=0)
    socket.say(type="ack", seq=1)
    await world.not_delivered(session_id)
    socket.say(type="ack", seq=1)
    await world.settle()
    assert socket.closed_with() is None
    assert not [call for call in world.store.calls if call[0] == "acknowledge"]


async def test_acknowledging_what_was_not_sent_is_illegal(world: World) -> None:
    socket, session_id, _ = await _following(world)
    socket.say(type="ack", seq=2)
    assert socket.closed_with() == (4400, "acknowledges what was not sent")
    await world.not_delivered(session_id)
    assert await _acknowledged_at(world, session_id) is None


async def test_an_end_that_the_snapshot_told_can_be_acknowledged(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    await world.not_delivered(wait.session_id)
    socket = world.hello(wait.session_id, 0, "another")
    welcome = (await socket.heard(1))[0]
    assert (welcome["recovered"], welcome["snapshot"]["outcome"]) == (False, "NOT_DELIVERED")
    socket.say(type="ack", seq=2)
    assert await socket.close_code() == 1000
    assert await _acknowledged_at(world, wait.session_id) == 1_795_363_200_000


async def test_an_end_seen_before_but_never_acknowledged_can_be_acknowledged(world: World) -> None:
    wait = await world.ask(await world.customer("1"), "1")
    await world.not_delivered(wait.session_id)
    socket = world.hello(wait.session_id, 2, await world.store.epoch())
    await socket.heard(1)
    assert socket.events == []
    socket.say(type="ack", seq=2)
    assert await socket.close_code() == 1000
    assert await _acknowledged_at(world, wait.session_id) == 1_795_363_200_000


async def test_an_acknowledgement_survives_a_store_that_is_away(world: World) -> None:
    socket, session_id, _ = await _following(world)
    await world.not_delivered(session_id)
    world.store.away = {"acknowledge"}
    socket.say(type="ack", seq=2)
    await world.settle()
    await world.upkeep.poll()
    assert socket.closed_with() is None
    assert world.notes.away == ["acknowledge", "acknowledge"]
    world.store.away = set()
    await world.upkeep.poll()
    assert socket.closed_with() == (1000, "")
    assert await _acknowledged_at(world, session_id) == 1_795_363_200_000
    assert world.notes.behind == 0


async def test_an_end_told_elsewhere_is_sent_and_the_stream_closed_a_little_later(world: World) -> None:
    customer = await world.customer("1")
    wait = await world.ask(customer, "1")
    socket = world.hello(wait.session_id)
    await socket.heard(2)
    await world.waiting.cancel(wait.session_id, customer)
    assert socket.events[-1]["data"] == {
        "outcome": "CANCELLED",
        "reason": "customer",
        "message": None,
        "interactionId": "D100001",
    }
    world.hub.sweep()
    assert socket.closed_with() is None
    world.ticks.seconds += 2
    world.hub.sweep()
    assert socket.closed_with() == (1000, "")


async def test_following_a_session_long_over_ends_with_1000(world: World) -> None:
    customer = await world.customer("1")
    wait = await world.ask(customer, "1")
    await world.waiting.cancel(wait.session_id, customer)
    socket = world.hello(wait.session_id)
    assert [message["type"] for message in await socket.heard(3)] == ["welcome", "event", "event"]
    world.ticks.seconds += 2
    world.hub.sweep()
    assert socket.closed_with() == (1000, "")


async def test_what_comes_after_the_goodbye_changes_nothing(world: World) -> None:
    socket, session_id, _ = await _following(world)
    await world.not_delivered(session_id)
    assert socket.stream is not None
    socket.say_text("nonsense")
    socket.stream.text('{"type":"ack","seq":2}')
    await world.settle()
    assert await _acknowledged_at(world, session_id) is None
    assert socket.closed_with() == (4400, "no JSON text")
    socket.go()
    assert world.notes.closed == [(session_id, 4400, 0.0)]


async def test_a_client_that_goes_by_itself_is_noted(world: World) -> None:
    socket, session_id, _ = await _following(world)
    world.ticks.seconds += 3
    socket.go()
    assert world.notes.closed == [(session_id, 1005, 3_000.0)]
    assert world.hub.count == 0
    await world.not_delivered(session_id)
    assert [event["seq"] for event in socket.events] == [1]
