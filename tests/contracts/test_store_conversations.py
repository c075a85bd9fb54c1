"""Conversations in the store: an agent takes a wait, both sides write, one of them ends it. On both databases."""

import asyncio

import pytest

from contracts.conftest import RunSql, sealed_of
from diyalog.domain.commands import AcceptWait, EndConversation, QueueTook, Say
from diyalog.domain.ids import InteractionId, SessionId, StaffRef
from diyalog.domain.results import Said, Verdict
from diyalog.domain.transitions import Event
from diyalog.domain.wait import Outcome, Party, State, Wait
from diyalog.storage.store import DatabaseStore
from kit import stores
from kit.clock import SettableClock


def say(wait: Wait, message_id: str, text: str, staff: StaffRef | None = None) -> Say:
    customer = None if staff is not None else wait.customer
    return Say(wait.session_id, message_id, text, customer=customer, staff=staff)


def over(wait: Wait, by: Party, staff: StaffRef | None = None) -> EndConversation:
    customer = wait.customer if by is Party.CUSTOMER else None
    return EndConversation(stores.command_id(), wait.session_id, by, customer=customer, staff=staff)


async def waiting(store: DatabaseStore, clock: SettableClock, customer_id: str = "880214") -> Wait:
    return await stores.waiting(store, await stores.customer(store, customer_id), clock)


async def test_an_agent_takes_a_wait(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await waiting(store, clock)
    who = await stores.agent(store)
    clock.at += 5000
    taken = await stores.accepted(store, wait, who)
    assert (taken.state, taken.outcome, taken.reason) == (State.CONNECTED, Outcome.CONNECTED, None)
    assert taken.ended_at == clock.at
    assert taken.conversation is not None
    assert taken.conversation.staff == who
    assert taken.conversation.agent_name == "Selin Aksoy"
    assert taken.conversation.started_at == clock.at
    assert taken.conversation.ended_at is None
    _, events = await store.events(wait.row, 0)
    assert [(event.seq, event.kind) for event in events] == [(1, "wait.started"), (2, "wait.ended"), (3, "chat.began")]
    assert taken.seq == 3
    assert await store.current_wait(wait.customer) == await store.wait(wait.session_id)


@pytest.mark.parametrize("named", ["session", "interaction", "customer"])
async def test_a_wait_is_taken_by_any_of_its_names(store: DatabaseStore, clock: SettableClock, named: str) -> None:
    wait = await waiting(store, clock)
    names = {
        "session": {"session_id": wait.session_id},
        "interaction": {"interaction_id": wait.interaction_id},
        "customer": {"customer_id": "880214"},
    }
    command = AcceptWait(stores.command_id(), await stores.agent(store), **names[named])  # type: ignore[arg-type]
    result = await store.conversations.accept(command)
    assert result.verdict is Verdict.WON
    assert result.wait is not None
    assert result.wait.session_id == wait.session_id


async def test_nobody_is_taken_by_an_unknown_name(store: DatabaseStore, clock: SettableClock) -> None:
    await waiting(store, clock)
    who = await stores.agent(store)
    for names in (
        {"session_id": SessionId("nobody")},
        {"interaction_id": InteractionId("nobody")},
        {"customer_id": "nobody"},
    ):
        result = await store.conversations.accept(AcceptWait(stores.command_id(), who, **names))
        assert result.verdict is Verdict.UNKNOWN


async def test_the_same_agent_gets_the_same_conversation_again(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await waiting(store, clock)
    who = await stores.agent(store)
    taken = await stores.accepted(store, wait, who)
    again = await store.conversations.accept(AcceptWait(stores.command_id(), who, session_id=wait.session_id))
    assert (again.verdict, again.replayed) == (Verdict.WON, True)
    assert again.wait is not None
    assert again.wait == taken._replace(present=again.wait.present)


async def test_of_two_agents_one_wins(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await waiting(store, clock)
    agents = [await stores.agent(store, str(number)) for number in range(5)]
    results = await asyncio.gather(
        *(
            store.conversations.accept(AcceptWait(stores.command_id(), who, session_id=wait.session_id))
            for who in agents
        )
    )
    won = [who for who, result in zip(agents, results, strict=True) if result.verdict is Verdict.WON]
    assert len(won) == 1
    for result in results:
        assert result.wait is not None
        assert result.wait.conversation is not None
        assert result.wait.conversation.staff == won[0], "every loser is told the winner"


@pytest.mark.parametrize("event", [Event.CANCEL, Event.NOT_DELIVERED])
async def test_who_comes_too_late_is_told_the_outcome(store: DatabaseStore, clock: SettableClock, event: Event) -> None:
    wait = await waiting(store, clock)
    await stores.end(store, event, wait.row)
    result = await store.conversations.accept(
        AcceptWait(stores.command_id(), await stores.agent(store), session_id=wait.session_id)
    )
    assert result.verdict is Verdict.LOST
    assert result.wait is not None
    assert result.wait.outcome is (Outcome.CANCELLED if event is Event.CANCEL else Outcome.NOT_DELIVERED)
    assert result.wait.conversation is None


async def test_a_taken_wait_is_ended_by_nothing_else(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await waiting(store, clock)
    await stores.accepted(store, wait, await stores.agent(store))
    for event in (Event.CANCEL, Event.NOT_DELIVERED, Event.ADMINISTRATOR_CANCEL):
        result = await stores.end(store, event, wait.row)
        assert result.verdict is Verdict.LOST
        assert result.wait is not None
        assert result.wait.outcome is Outcome.CONNECTED
    clock.at += stores.LIMIT_MS + 1
    assert (await store.end_due(stores.command_id(), 10)).waits == []
    started = await stores.started(store, wait.customer, clock)
    assert started.verdict is Verdict.LOST
    assert started.wait is not None
    assert started.wait.session_id == wait.session_id
    assert (await store.tally()).outcomes["CONNECTED"] == 1


async def test_no_delete_is_due_for_a_taken_interaction(store: DatabaseStore, clock: SettableClock) -> None:
    """Nor for one whose id the queue tells only after the agent came."""
    started = await stores.started(store, await stores.customer(store, "1"), clock)
    assert started.wait is not None
    assert started.delivery is not None
    wait = await stores.accepted(store, started.wait, await stores.agent(store))
    assert wait.interaction_id is None
    late = QueueTook(stores.command_id(), started.delivery.row, started.delivery.attempt, InteractionId("77"))
    result = await store.queue_took(late)
    assert result.wait is not None
    assert (result.wait.interaction_id, result.wait.state) == ("77", State.CONNECTED)
    await store.conversations.end(over(wait, Party.CUSTOMER))
    clock.at += 200_000
    assert await store.claim(stores.NODE, 10, 1000) == []


async def test_both_sides_write_in_one_order(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await waiting(store, clock)
    who = await stores.agent(store)
    await stores.accepted(store, wait, who)
    said: list[Said] = await asyncio.gather(
        *(store.conversations.say(say(wait, f"c{number}", f"from the customer {number}")) for number in range(10)),
        *(store.conversations.say(say(wait, f"a{number}", f"from the agent {number}", who)) for number in range(10)),
    )
    assert all(one.verdict is Verdict.WON for one in said)
    numbers = [one.event.seq for one in said if one.event is not None]
    assert sorted(numbers) == list(range(4, 24))
    read, events = await store.events(wait.row, 3)
    assert [event.seq for event in events] == list(range(4, 24))
    assert read.seq == 23
    texts = {event.seq: (event.author, event.text) for event in events}
    for one, (side, number) in zip(
        said, [("customer", n) for n in range(10)] + [("agent", n) for n in range(10)], strict=True
    ):
        assert one.event is not None
        assert texts[one.event.seq] == (side, f"from the {side} {number}")
    desk = await store.conversations.staff_events(who, 0)
    assert [one.seq for one in desk] == list(range(1, 22))
    assert [one.event for one in desk[1:]] == list(events)


async def test_a_message_that_is_sent_again_is_one_message(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await waiting(store, clock)
    who = await stores.agent(store)
    await stores.accepted(store, wait, who)
    first = await store.conversations.say(say(wait, "m1", "Merhaba"))
    again = await store.conversations.say(say(wait, "m1", "Merhaba"))
    assert (again.verdict, again.replayed, again.event) == (Verdict.WON, True, first.event)
    assert (await store.conversations.say(say(wait, "m1", "Selam"))).verdict is Verdict.MISMATCH
    other = await store.conversations.say(say(wait, "m1", "Merhaba", who))
    assert (other.verdict, other.replayed) == (Verdict.WON, False), "the two sides choose their ids for themselves"
    await store.conversations.end(over(wait, Party.CUSTOMER))
    late = await store.conversations.say(say(wait, "m1", "Merhaba"))
    assert (late.verdict, late.event) == (Verdict.WON, first.event), "also once the conversation is over"


async def test_only_the_two_of_them_write_and_end(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await waiting(store, clock)
    who, stranger = await stores.agent(store), await stores.agent(store, "666")
    other = await stores.customer(store, "other")
    assert (await store.conversations.say(say(wait, "m0", "Alo"))).verdict is Verdict.LOST, "nobody is there yet"
    assert (await store.conversations.say(say(wait, "m0", "Alo", who))).verdict is Verdict.UNKNOWN
    await stores.accepted(store, wait, who)
    assert (await store.conversations.say(say(wait, "m1", "Alo", stranger))).verdict is Verdict.UNKNOWN
    foreign = wait._replace(customer=other)
    assert (await store.conversations.say(say(foreign, "m1", "Alo"))).verdict is Verdict.UNKNOWN
    assert (await store.conversations.end(over(wait, Party.AGENT, stranger))).verdict is Verdict.UNKNOWN
    assert (await store.conversations.end(over(foreign, Party.CUSTOMER))).verdict is Verdict.UNKNOWN
    stored, events = await store.events(wait.row, 3)
    assert (stored.state, events) == (State.CONNECTED, [])


async def test_a_conversation_ends_once(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await waiting(store, clock)
    who = await stores.agent(store)
    await stores.accepted(store, wait, who)
    clock.at += 1000
    ends = await asyncio.gather(
        *(store.conversations.end(over(wait, by, who if by is Party.AGENT else None)) for by in Party for _ in range(3))
    )
    assert all(end.verdict is Verdict.WON for end in ends)
    [first] = [end for end in ends if not end.replayed]
    assert first.wait is not None
    assert first.wait.conversation is not None
    assert first.wait.conversation.ended_at == clock.at
    stored = await store.wait(wait.session_id)
    assert stored is not None
    assert (stored.state, stored.outcome) == (State.ENDED, Outcome.CONNECTED)
    for end in ends:
        assert end.wait is not None
        assert end.wait.conversation == stored.conversation, "everybody is told the same end"
    _, events = await store.events(wait.row, 3)
    assert [(event.seq, event.kind, event.author) for event in events] == [
        (4, "chat.ended", first.wait.conversation.ended_by)
    ]
    assert (await store.conversations.say(say(wait, "late", "Alo"))).verdict is Verdict.LOST
    assert await store.conversations.live(who) == []


async def test_a_wait_that_led_to_no_conversation_has_none_to_end(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await waiting(store, clock)
    own = await store.conversations.end(over(wait, Party.CUSTOMER))
    assert own.verdict is Verdict.LOST
    assert own.wait is not None
    assert own.wait.state is State.WAITING
    assert (
        await store.conversations.end(over(wait, Party.AGENT, await stores.agent(store)))
    ).verdict is Verdict.UNKNOWN


async def test_an_end_is_kept_for_the_customer_until_it_is_acknowledged(
    store: DatabaseStore, clock: SettableClock
) -> None:
    wait = await waiting(store, clock)
    who = await stores.agent(store)
    await stores.accepted(store, wait, who)
    assert await store.acknowledge(wait.row, 2) == 0, "wait.ended is acknowledged under its own number"
    end = await store.conversations.end(over(wait, Party.AGENT, who))
    assert end.wait is not None
    found = await store.current_wait(wait.customer)
    assert found is not None
    assert found.session_id == wait.session_id
    await store.conversations.acknowledge_end(wait.row, end.wait.seq - 1)
    assert await store.current_wait(wait.customer) is not None, "the end itself was not received"
    await store.conversations.acknowledge_end(wait.row, end.wait.seq)
    assert await store.current_wait(wait.customer) is None


async def test_the_line_as_the_staff_sees_it(store: DatabaseStore, clock: SettableClock) -> None:
    customers = [await stores.customer(store, str(number)) for number in range(3)]
    waits = []
    for number, who in enumerate(customers):
        clock.at += 10
        started = await store.start_wait(stores.start(who, clock, builtin=True, attached=(("topic", f"t{number}"),)))
        assert started.wait is not None
        waits.append(started.wait)
    await store.present(waits[1].row, connected=True)
    await stores.accepted(store, waits[0], await stores.agent(store))
    line = await store.conversations.waiting(10)
    assert [one.wait.session_id for one in line] == [waits[1].session_id, waits[2].session_id]
    assert [(one.customer_id, one.present, one.attached_data) for one in line] == [
        ("1", True, (("topic", "t1"),)),
        ("2", False, (("topic", "t2"),)),
    ]
    assert len(await store.conversations.waiting(1)) == 1
    taken = await store.wait(waits[0].session_id)
    assert taken is not None
    seen = await store.conversations.customer_of(taken)
    assert seen is not None
    assert (seen.customer_id, seen.attached_data) == ("0", (("topic", "t0"),)), "kept as long as they talk"
    await store.conversations.end(over(waits[0], Party.CUSTOMER))
    seen = await store.conversations.customer_of(taken)
    assert seen is not None
    assert seen.attached_data == (), "and no longer"


async def test_what_was_attached_and_cannot_be_opened_is_left_out_of_the_line(
    store: DatabaseStore, clock: SettableClock, run_sql: RunSql
) -> None:
    waits = []
    for number in range(2):
        who = await stores.customer(store, str(number))
        started = await store.start_wait(stores.start(who, clock, builtin=True, attached=(("topic", f"t{number}"),)))
        assert started.wait is not None
        waits.append(started.wait)
    run_sql(f"UPDATE wait SET sealed_request = {sealed_of(waits[1])} WHERE id = {waits[0].row}")
    line = await store.conversations.waiting(10)
    assert [(one.customer_id, one.attached_data) for one in line] == [("0", ()), ("1", (("topic", "t1"),))]
    seen = await store.conversations.customer_of(waits[0])
    assert seen is not None
    assert (seen.customer_id, seen.attached_data) == ("0", ())


async def test_a_live_conversation_is_found_by_its_two_sides(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await waiting(store, clock)
    assert await store.conversations.between("880214", "31007") is None
    await stores.accepted(store, wait, await stores.agent(store))
    assert await store.conversations.between("880214", "31007") == wait.session_id
    assert await store.conversations.between("880214", "31008") is None
    assert await store.conversations.between("880215", "31007") is None
    await store.conversations.end(over(wait, Party.COMPANY))
    assert await store.conversations.between("880214", "31007") is None


async def test_a_gone_node_serves_neither_side(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await waiting(store, clock)
    who = await stores.agent(store)
    await stores.accepted(store, wait, who)
    await store.heartbeat(stores.NODE)
    await store.present(wait.row, connected=True)
    await store.conversations.staff_present(who, connected=True)
    assert (await store.conversations.staff_heads([who]))[who] == (1, stores.NODE)
    assert not (await store.heads([wait.row]))[wait.row].away
    await store.leave(stores.NODE)
    assert (await store.conversations.staff_heads([who]))[who] == (1, None)
    assert (await store.heads([wait.row]))[wait.row].away


async def test_what_is_forgotten_leaves_nothing(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await waiting(store, clock)
    who = await stores.agent(store)
    await stores.accepted(store, wait, who)
    await store.conversations.say(say(wait, "m1", "Merhaba"))
    keep_ms = 86_400_000
    clock.at += 2 * keep_ms
    await store.forget(keep_ms, keep_ms, 100)
    assert len((await store.events(wait.row, 0))[1]) == 4, "as long as they talk nothing goes"
    await store.conversations.end(over(wait, Party.AGENT, who))
    clock.at += keep_ms
    await store.forget(keep_ms, keep_ms, 100)
    assert await store.wait(wait.session_id) is None
    assert list(await store.conversations.staff_events(who, 0)) == []


AGENT_MS = 60_000


async def end_lost(store: DatabaseStore) -> list[tuple[str, str | None]]:
    results = await store.conversations.end_lost(stores.command_id(), AGENT_MS, 10)
    ended = [result.wait for result in results if result.wait is not None]
    return [(wait.session_id, None if wait.conversation is None else wait.conversation.ended_by) for wait in ended]


async def test_a_conversation_whose_agent_is_gone_ends(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await waiting(store, clock)
    who = await stores.agent(store)
    await stores.accepted(store, wait, who)
    await store.heartbeat(stores.NODE)
    await store.present(wait.row, connected=True)
    await store.conversations.staff_present(who, connected=True)
    clock.at += 10 * AGENT_MS
    assert await end_lost(store) == [], "both are here"
    await store.conversations.staff_present(who, connected=False)
    clock.at += AGENT_MS - 1
    assert await end_lost(store) == [], "not yet"
    await store.touch_staff(who)
    clock.at += AGENT_MS - 1
    assert await end_lost(store) == [], "there was a sign of life"
    clock.at += 1
    assert await end_lost(store) == [(wait.session_id, "agent_lost")]
    assert await end_lost(store) == [], "once"
    _, events = await store.events(wait.row, 3)
    assert [(event.kind, event.author) for event in events] == [("chat.ended", "agent_lost")]


async def test_a_conversation_whose_customer_is_gone_ends(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await waiting(store, clock)
    who = await stores.agent(store)
    await stores.accepted(store, wait, who)
    await store.heartbeat(stores.NODE)
    await store.conversations.staff_present(who, connected=True)
    await store.present(wait.row, connected=True)
    await store.present(wait.row, connected=False)
    clock.at += stores.ABANDON_MS - 1
    assert await end_lost(store) == []
    clock.at += 1
    assert await end_lost(store) == [(wait.session_id, "customer_lost")]
    found = await store.current_wait(wait.customer)
    assert found is not None
    assert found.state is State.ENDED, "the customer's app is told when it comes back"
