"""How far the two sides of conversations are, in the store. On both databases."""

import asyncio

from diyalog.domain.commands import EndConversation, Mark
from diyalog.domain.wait import Conversation, Marks, Party, Wait
from diyalog.storage.store import DatabaseStore
from kit import stores
from kit.clock import SettableClock

CUSTOMER, AGENT = Party.CUSTOMER, Party.AGENT


async def talking(store: DatabaseStore, clock: SettableClock, customer_id: str = "880214") -> Wait:
    """A customer in conversation with the one agent."""
    wait = await stores.waiting(store, await stores.customer(store, customer_id), clock)
    return await stores.accepted(store, wait, await stores.agent(store))


async def conversation(store: DatabaseStore, wait: Wait) -> Conversation:
    found = await store.wait(wait.session_id)
    assert found is not None
    assert found.conversation is not None
    return found.conversation


async def test_nobody_is_anywhere_at_first(store: DatabaseStore, clock: SettableClock) -> None:
    talk = await conversation(store, await talking(store, clock))
    assert (talk.customer, talk.agent) == (Marks(0, 0, None), Marks(0, 0, None))


async def test_each_side_has_its_own_marks(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await talking(store, clock)
    clock.at += 700
    marked = await store.conversations.mark(
        [Mark(wait.row, CUSTOMER, received=5, read=4), Mark(wait.row, AGENT, received=7, typing=True)]
    )
    assert wait.conversation is not None
    assert {(one.row, one.session_id, one.staff, one.side, one.marks) for one in marked} == {
        (wait.row, wait.session_id, wait.conversation.staff, CUSTOMER, Marks(5, 4, None)),
        (wait.row, wait.session_id, wait.conversation.staff, AGENT, Marks(7, 0, clock.at)),
    }
    talk = await conversation(store, wait)
    assert (talk.customer, talk.agent) == (Marks(5, 4, None), Marks(7, 0, clock.at))


async def test_marks_only_grow_and_what_says_nothing_new_is_not_told(
    store: DatabaseStore, clock: SettableClock
) -> None:
    wait = await talking(store, clock)
    await store.conversations.mark([Mark(wait.row, CUSTOMER, received=6, read=5)])
    assert await store.conversations.mark([Mark(wait.row, CUSTOMER, received=6, read=5)]) == []
    assert await store.conversations.mark([Mark(wait.row, CUSTOMER, received=1, read=1)]) == []
    [one] = await store.conversations.mark([Mark(wait.row, CUSTOMER, received=2, read=6)])
    assert one.marks == Marks(6, 6, None)
    assert (await conversation(store, wait)).customer == Marks(6, 6, None)


async def test_writing_is_told_every_time(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await talking(store, clock)
    await store.conversations.mark([Mark(wait.row, AGENT, typing=True)])
    clock.at += 3000
    [one] = await store.conversations.mark([Mark(wait.row, AGENT, typing=True)])
    assert one.marks.typing_at == clock.at


async def test_a_conversation_that_is_over_is_marked_no_more(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await talking(store, clock)
    await store.conversations.mark([Mark(wait.row, AGENT, received=3)])
    await store.conversations.end(EndConversation(stores.command_id(), wait.session_id, CUSTOMER, wait.customer))
    assert await store.conversations.mark([Mark(wait.row, AGENT, received=4, read=4, typing=True)]) == []
    assert (await conversation(store, wait)).agent == Marks(3, 0, None)


async def test_a_wait_without_a_conversation_has_no_marks(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await stores.waiting(store, await stores.customer(store, "1"), clock)
    assert await store.conversations.mark([Mark(wait.row, CUSTOMER, received=1), Mark(999, AGENT, read=1)]) == []


async def test_the_other_side_is_found_where_it_is(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await talking(store, clock)
    assert wait.conversation is not None
    await store.present(wait.row, connected=True)
    await store.conversations.staff_present(wait.conversation.staff, connected=True)
    marked = await store.conversations.mark([Mark(wait.row, CUSTOMER, read=3), Mark(wait.row, AGENT, read=3)])
    assert [one.elsewhere for one in marked] == [None, None], "both are at this node"


async def test_many_marks_at_once_do_not_wait_for_each_other(store: DatabaseStore, clock: SettableClock) -> None:
    waits = [await talking(store, clock, str(number)) for number in range(8)]
    rows = [wait.row for wait in waits]

    async def mark(seq: int, side: Party, order: list[int]) -> None:
        await store.conversations.mark([Mark(row, side, received=seq, read=seq) for row in order])

    async def end(wait: Wait) -> None:
        await store.conversations.end(EndConversation(stores.command_id(), wait.session_id, CUSTOMER, wait.customer))

    async with asyncio.timeout(20):
        await asyncio.gather(
            *(mark(seq, side, rows if seq % 2 else rows[::-1]) for seq in range(1, 21) for side in (CUSTOMER, AGENT)),
            *(end(wait) for wait in waits[:2]),
        )
    for wait in waits[2:]:
        talk = await conversation(store, wait)
        assert (talk.customer, talk.agent) == (Marks(20, 20, None), Marks(20, 20, None))
