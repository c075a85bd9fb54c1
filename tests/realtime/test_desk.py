"""A desk's stream: what it is told, and where it goes on."""

import pytest

from diyalog.storage import conversations
from diyalog.usecases import staff_following
from diyalog.usecases.access import token_digest

from .desk_world import SELIN, DeskWorld, numbers, texts
from .world import DAY_MS

AT = "2026-11-22T16:00:00.000Z"


async def test_a_desk_is_welcomed_and_told_everything(office: DeskWorld) -> None:
    selin = await office.agent()
    wait = await office.talk(selin)
    await office.say(wait, "Merhaba")
    socket = office.desk()
    await socket.heard(3)
    await office.say(wait, "Buyrun", selin)
    await socket.heard(4)
    office.ticks.ms += 1_500
    await office.end(wait)
    welcome, *events = await socket.heard(5)
    talk: dict[str, object] = {
        "conversationId": wait.session_id,
        "sessionId": wait.session_id,
        "customerId": "1",
        "customerName": None,
        "helpType": "chat",
        "interactionId": "D100001",
        "state": "CONNECTED",
        "startedAt": AT,
        "present": False,
        "seq": 4,
        "customerReceived": 0,
        "customerRead": 0,
        "attachedData": {},
    }
    assert welcome == {
        "type": "welcome",
        "userId": SELIN,
        "seq": 2,
        "epoch": await office.store.epoch(),
        "serverTime": AT,
        "recovered": True,
        "snapshot": {"userId": SELIN, "userName": "Selin Aksoy", "conversations": [talk]},
    }
    told = {"conversationId": wait.session_id}
    assert [(event["seq"], event["event"], event["at"], event["data"]) for event in events] == [
        (1, "chat.state", AT, {**told, "seq": 3, "state": "CHAT_INPROGRESS", "agentName": "Selin Aksoy"}),
        (2, "chat.message", AT, {**told, "seq": 4, "id": "m-1", "author": "customer", "text": "Merhaba"}),
        (3, "chat.message", AT, {**told, "seq": 5, "id": "m-2", "author": "agent", "text": "Buyrun"}),
        (4, "chat.state", "2026-11-22T16:00:01.500Z", {**told, "seq": 6, "state": "CHAT_ENDED", "endedBy": "customer"}),
    ]


async def test_a_desk_without_any_conversation_is_told_the_first_one(office: DeskWorld) -> None:
    selin = await office.agent()
    socket = office.desk()
    [welcome] = await socket.heard(1)
    assert (welcome["seq"], welcome["recovered"], welcome["snapshot"]["conversations"]) == (0, True, [])
    wait = await office.talk(selin)
    await socket.heard(2)
    assert socket.events[0]["data"]["conversationId"] == wait.session_id


async def test_all_conversations_of_an_agent_are_in_one_stream_and_nobody_elses(office: DeskWorld) -> None:
    selin, mert = await office.agent(), await office.agent("31008", "Mert Kaya")
    hers, his = office.desk(), office.desk(token="desk of 31008")
    await hers.heard(1)
    await his.heard(1)
    first, second, third = [await office.talk(who, f"{n}") for n, who in enumerate((selin, mert, selin))]
    for wait, text in ((third, "c"), (second, "b"), (first, "a")):
        await office.say(wait, text)
    await hers.heard(5)
    await his.heard(3)
    await office.settle()
    assert numbers(hers) == [1, 2, 3, 4]
    assert texts(hers) == ["CHAT_INPROGRESS", "CHAT_INPROGRESS", "c", "a"]
    assert texts(his) == ["CHAT_INPROGRESS", "b"]
    again = office.desk(2, await office.store.epoch())
    snapshot = (await again.heard(1))[0]["snapshot"]
    assert [talk["customerId"] for talk in snapshot["conversations"]] == ["0", "2"]


# -- where it goes on


@pytest.mark.parametrize("after", [0, 1, 3, 4])
async def test_a_desk_that_comes_back_is_told_what_it_missed(office: DeskWorld, after: int) -> None:
    wait = await office.talk(await office.agent())
    for text in "abc":
        await office.say(wait, text)
    socket = office.desk(after, await office.store.epoch())
    welcome = (await socket.heard(1 + 4 - after))[0]
    await office.settle()
    assert (welcome["seq"], welcome["recovered"]) == (4, True)
    assert numbers(socket) == list(range(after + 1, 5))
    await office.say(wait, "d")
    await office.settle()
    assert numbers(socket) == list(range(after + 1, 6))


@pytest.mark.parametrize(
    ("after", "epoch"), [(1, None), (0, "another"), (1, "another"), (3, "ours"), (2**53 - 1, "ours")]
)
async def test_what_cannot_be_recovered_is_told_by_the_snapshot(
    office: DeskWorld, after: int, epoch: str | None
) -> None:
    wait = await office.talk(await office.agent())
    await office.say(wait, "a")
    socket = office.desk(after, await office.store.epoch() if epoch == "ours" else epoch)
    [welcome] = await socket.heard(1)
    assert (welcome["seq"], welcome["recovered"]) == (2, False)
    assert [talk["seq"] for talk in welcome["snapshot"]["conversations"]] == [4]
    await office.say(wait, "b")
    await socket.heard(2)
    assert numbers(socket) == [3]


async def test_everything_is_recovered_page_by_page(office: DeskWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "PAGE", 3)
    wait = await office.talk(await office.agent())
    for number in range(10):
        await office.say(wait, f"{number}")
    socket = office.desk(1, await office.store.epoch())
    await office.settle()
    assert numbers(socket) == list(range(2, 12))
    assert texts(socket) == [f"{number}" for number in range(10)]


async def test_news_that_fill_pages_come_too(office: DeskWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "PAGE", 3)
    wait = await office.talk(await office.agent())
    socket = office.desk()
    await office.settle()
    for number in range(10):
        await office.commit_message(wait, f"{number}")
    await office.say(wait, "the last")
    await office.settle()
    assert numbers(socket) == list(range(1, 13))


async def test_who_has_missed_very_much_gets_a_snapshot(office: DeskWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staff_following, "MOST_RECOVERED", 3)
    wait = await office.talk(await office.agent())
    for text in "abc":
        await office.say(wait, text)
    everything, enough = office.desk(), office.desk(1, await office.store.epoch())
    [welcome] = await everything.heard(1)
    assert (welcome["seq"], welcome["recovered"]) == (4, False)
    await enough.heard(4)
    assert numbers(enough) == [2, 3, 4]


async def _forget(office: DeskWorld) -> None:
    """Let the retention forget everything that is over."""
    office.ticks.ms += 40 * DAY_MS
    while await office.store.forget(30 * DAY_MS, 80 * DAY_MS, 100):
        pass


async def test_what_is_forgotten_is_not_passed_over_in_silence(office: DeskWorld) -> None:
    selin = await office.agent()
    old, young = await office.talk(selin, "1"), await office.talk(selin, "2")
    await office.say(old, "a")
    await office.end(old)
    await office.say(young, "b")
    epoch = await office.store.epoch()
    await _forget(office)
    assert (await office.store.staff_token(token_digest(f"desk of {SELIN}"))) is not None
    office.ticks.ms -= 40 * DAY_MS  # so that the token is not too old
    for after, recovered in ((0, False), (1, False), (2, False), (4, True), (5, True)):
        socket = office.desk(after, epoch)
        welcome = (await socket.heard(1))[0]
        assert (welcome["seq"], welcome["recovered"]) == (5, recovered), after
        assert [talk["customerId"] for talk in welcome["snapshot"]["conversations"]] == ["2"]
        assert numbers(socket) == ([5] if after == 4 else [])


@pytest.mark.parametrize("found_by", ["news", "poll"])
async def test_a_desk_from_which_events_were_kept_until_they_were_forgotten_comes_back(
    office: DeskWorld, found_by: str
) -> None:
    selin = await office.agent()
    old, young = await office.talk(selin, "1"), await office.talk(selin, "2")
    socket = office.desk()
    await office.settle()
    await office.commit_message(old, "a")
    await office.staff_store.conversations.end(office.ended_by_customer(old))
    await _forget(office)
    if found_by == "news":
        await office.say(young, "b")
        await office.settle()
    else:
        await office.desk_upkeep.poll()
    assert socket.closed_with() == (1013, "come back for a snapshot")
    assert numbers(socket) == [1, 2]


async def test_a_message_that_is_written_here_is_sent_without_being_read(office: DeskWorld) -> None:
    selin = await office.agent()
    wait = await office.talk(selin)
    app, desk = office.hello(wait.session_id), office.desk()
    await app.heard(4)
    await desk.heard(2)
    await office.settle()
    office.store.calls.clear()
    await office.say(wait, "Merhaba")
    await office.say(wait, "Buyrun", selin)
    assert texts(desk)[1:] == texts(app)[3:] == ["Merhaba", "Buyrun"]
    assert [name for name, _ in office.store.calls if name in {"events", "staff_events"}] == []


async def test_one_that_comes_after_a_gap_waits_for_what_is_missing(office: DeskWorld) -> None:
    selin = await office.agent()
    wait = await office.talk(selin)
    app, desk = office.hello(wait.session_id), office.desk()
    await app.heard(4)
    await desk.heard(2)
    await office.commit_message(wait, "unheard")
    await office.say(wait, "heard", selin)
    await app.heard(6)
    await desk.heard(4)
    assert texts(desk)[1:] == texts(app)[3:] == ["unheard", "heard"]
    assert numbers(desk) == [1, 2, 3]
