"""What people in conversation do without a word: the other side learns that they write and have read."""

import asyncio
from typing import Any

import pytest

from diyalog.domain.wait import Wait
from diyalog.ports import StoreUnavailableError
from diyalog.realtime import marking

from .desk_world import DeskWorld
from .world import LIMIT_S, RecordingSocket

MARKS = ("chat.typing", "chat.read")


def said(socket: RecordingSocket) -> list[dict[str, Any]]:
    """What the client was told of the other side's marks: the names and the data, without numbers."""
    told = [message for message in socket.messages if message.get("event") in MARKS]
    assert all("seq" not in message for message in told)
    return [{"event": message["event"], **message["data"]} for message in told]


async def until_said(socket: RecordingSocket, count: int) -> list[dict[str, Any]]:
    """What it was told, once it is so much."""
    async with asyncio.timeout(LIMIT_S):
        while len(said(socket)) < count:
            await socket.heard(len(socket.sent) + 1)
    return said(socket)


@pytest.fixture
async def both(office: DeskWorld) -> tuple[Wait, RecordingSocket, RecordingSocket]:
    """A conversation, its customer's app and its desk."""
    selin = await office.agent()
    wait = await office.talk(selin)
    await office.say(wait, "Merhaba")
    await office.say(wait, "Buyrun", selin)
    app, desk = office.hello(wait.session_id), office.desk()
    await app.heard(6)  # welcome, wait.started, wait.ended, chat.state and two messages
    await desk.heard(4)
    office.ticks.ms += 1000
    return wait, app, desk


Both = tuple[Wait, RecordingSocket, RecordingSocket]


async def test_the_desk_learns_that_the_customer_writes(both: Both) -> None:
    wait, app, desk = both
    app.say(type="typing")
    assert await until_said(desk, 1) == [
        {"event": "chat.typing", "conversationId": wait.session_id, "author": "customer"}
    ]
    assert said(app) == [], "nobody is told of themselves"


async def test_the_app_learns_that_the_agent_writes(both: Both) -> None:
    wait, app, desk = both
    desk.say(type="typing", conversationId=wait.session_id)
    assert await until_said(app, 1) == [{"event": "chat.typing", "author": "agent"}]
    assert said(desk) == []


async def test_the_agent_learns_how_far_the_customer_is(both: Both) -> None:
    wait, app, desk = both
    about = {"event": "chat.read", "conversationId": wait.session_id, "author": "customer"}
    app.say(type="ack", seq=5)
    assert await until_said(desk, 1) == [{**about, "received": 5, "read": 0}]
    app.say(type="read", seq=5)
    assert (await until_said(desk, 2))[1:] == [{**about, "received": 5, "read": 5}]


async def test_the_customer_learns_how_far_the_agent_is(both: Both) -> None:
    wait, app, desk = both
    desk.say(type="received", conversationId=wait.session_id, seq=4)
    assert await until_said(app, 1) == [{"event": "chat.read", "author": "agent", "received": 4, "read": 0}]
    desk.say(type="read", conversationId=wait.session_id, seq=4)
    assert (await until_said(app, 2))[1:] == [{"event": "chat.read", "author": "agent", "received": 4, "read": 4}]


async def test_marks_are_in_the_welcome_and_told_once(both: Both, office: DeskWorld) -> None:
    wait, app, desk = both
    app.say(type="read", seq=5)
    desk.say(type="read", conversationId=wait.session_id, seq=4)
    await until_said(desk, 1)
    await until_said(app, 1)
    app_again, desk_again = office.hello(wait.session_id, after=5), office.desk(after=3)
    [welcome] = await app_again.heard(1)
    assert (welcome["snapshot"]["conversation"]["agentReceived"], welcome["snapshot"]["conversation"]["agentRead"]) == (
        4,
        4,
    )
    [talk] = (await desk_again.heard(1))[0]["snapshot"]["conversations"]
    assert (talk["customerReceived"], talk["customerRead"]) == (5, 5)
    await office.say(wait, "Son")
    await app_again.heard(2)
    await desk_again.heard(2)
    assert said(app_again) == said(desk_again) == [], "the welcome told them"


async def test_who_comes_meanwhile_learns_that_the_other_one_writes(both: Both, office: DeskWorld) -> None:
    wait, app, desk = both
    desk.say(type="typing", conversationId=wait.session_id)
    await until_said(app, 1)
    office.ticks.ms += marking.TYPING_MS - 1
    assert await until_said(office.hello(wait.session_id, after=5), 1) == [{"event": "chat.typing", "author": "agent"}]
    office.ticks.ms += 1
    late = office.hello(wait.session_id, after=5)
    await late.heard(1)
    await office.say(wait, "Burada")
    await late.heard(2)
    assert said(late) == [], "that was long ago"


async def test_who_has_just_sent_a_message_is_not_shown_as_writing(both: Both, office: DeskWorld) -> None:
    wait, app, desk = both
    assert wait.conversation is not None
    app.say(type="typing")
    desk.say(type="typing", conversationId=wait.session_id)
    await until_said(app, 1)
    await until_said(desk, 1)
    await office.say(wait, "Tamam")
    await office.say(wait, "Peki", wait.conversation.staff)
    again = office.hello(wait.session_id)
    await again.heard(8)  # with the two messages
    office.ticks.ms += 100
    again.say(type="typing")  # said before the message, and stored after it
    desk.say(type="typing", conversationId=wait.session_id)
    again.say(type="read", seq=7)
    desk.say(type="read", conversationId=wait.session_id, seq=7)
    assert [one["event"] for one in await until_said(again, 1)] == ["chat.read"]
    assert [one["event"] for one in await until_said(desk, 2)] == ["chat.typing", "chat.read"], "the first before it"


async def test_what_is_said_together_is_told_together(both: Both) -> None:
    wait, app, desk = both
    app.say(type="typing")
    app.say(type="read", seq=4)
    app.say(type="read", seq=5)
    app.say(type="read", seq=3)
    told = await until_said(desk, 2)
    about = {"conversationId": wait.session_id, "author": "customer"}
    assert told == [{"event": "chat.typing", **about}, {"event": "chat.read", **about, "received": 5, "read": 5}]


async def test_nobody_has_read_what_was_not_sent(both: Both) -> None:
    wait, app, desk = both
    app.say(type="read", seq=2**53 - 1)
    desk.say(type="read", conversationId=wait.session_id, seq=2**53 - 1)
    assert [(one["received"], one["read"]) for one in await until_said(desk, 1)] == [(5, 5)]
    assert [(one["received"], one["read"]) for one in await until_said(app, 1)] == [(5, 5)]


async def test_a_desk_says_nothing_of_other_peoples_conversations(both: Both, office: DeskWorld) -> None:
    wait, app, _ = both
    await office.agent("31008", "Mert Kaya")
    other = office.desk(token="desk of 31008")
    await other.heard(1)
    other.say(type="typing", conversationId=wait.session_id)
    other.say(type="read", conversationId=wait.session_id, seq=5)
    other.say(type="received", conversationId="nobody's", seq=5)
    other.say(type="ping")
    await other.heard(2)
    await office.settle()
    assert said(app) == []
    assert other.closed_with() is None


async def test_without_a_conversation_it_has_no_effect(office: DeskWorld) -> None:
    wait = await office.ask(await office.customer("1"), "1")
    app = office.hello(wait.session_id)
    await app.heard(2)
    app.say(type="typing")
    app.say(type="read", seq=1)
    app.say(type="ping")
    await app.heard(3)
    assert app.closed_with() is None


async def test_before_the_hello_it_is_not_legal(office: DeskWorld) -> None:
    app = office.open()
    app.say(type="typing")
    assert await app.close_code() == 4400


async def test_after_the_end_nothing_is_told(both: Both, office: DeskWorld) -> None:
    wait, app, desk = both
    await office.end(wait)
    await desk.heard(5)
    app.say(type="typing")
    desk.say(type="typing", conversationId=wait.session_id)
    desk.say(type="read", conversationId=wait.session_id, seq=4)
    await office.settle()
    assert said(app) == said(desk) == []
    assert desk.closed_with() is None


async def test_what_the_store_did_not_take_is_stored_later(
    both: Both, office: DeskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marking, "_RETRY_S", 0.01)
    _, app, desk = both
    real, away = office.staff_store.conversations.mark, [True, True]

    async def mark(marks: Any) -> Any:  # noqa: ANN401  as the real one
        if away:
            away.pop()
            raise StoreUnavailableError("test")
        return await real(marks)

    monkeypatch.setattr(office.marking, "_store", mark)
    app.say(type="read", seq=5)
    app.say(type="typing")
    assert [one["event"] for one in await until_said(desk, 1)] == ["chat.read"], "who wrote then may not write now"
    assert office.notes.away == ["marks", "marks"]


async def test_another_node_is_heard(both: Both, office: DeskWorld) -> None:
    wait, app, desk = both
    assert wait.conversation is not None
    talk = wait.conversation
    elsewhere = wait._replace(
        conversation=talk._replace(
            customer=talk.customer._replace(received=5, typing_at=office.ticks.ms),
            agent=talk.agent._replace(received=5, read=4),
        )
    )
    office.hub.changed(elsewhere)
    office.desks.changed(elsewhere)
    assert said(app) == [{"event": "chat.read", "author": "agent", "received": 5, "read": 4}]
    about = {"conversationId": wait.session_id, "author": "customer"}
    assert said(desk) == [{"event": "chat.typing", **about}, {"event": "chat.read", **about, "received": 5, "read": 0}]


async def test_what_is_older_in_part_takes_nothing_back(both: Both, office: DeskWorld) -> None:
    wait, app, _ = both
    assert wait.conversation is not None
    talk = wait.conversation
    for received, read in ((4, 3), (5, 2), (3, 4), (4, 4)):
        office.hub.changed(
            wait._replace(conversation=talk._replace(agent=talk.agent._replace(received=received, read=read)))
        )
    assert [(one["received"], one["read"]) for one in said(app)] == [(4, 3), (5, 3), (5, 4)]
