"""How long conversations and what was written in them are kept: counted from their own end. On both databases."""

from contracts.conftest import RunSql
from diyalog.domain.commands import EndConversation, Say
from diyalog.domain.ids import StaffRef
from diyalog.domain.transitions import Event
from diyalog.domain.wait import Party, State, Wait
from diyalog.storage.store import DatabaseStore
from kit import stores
from kit.clock import SettableClock

DAY_MS = 86_400_000
KEEP_MS = 30 * DAY_MS
TEXT_MS = 7 * DAY_MS


async def talking(store: DatabaseStore, clock: SettableClock, customer_id: str, who: StaffRef) -> Wait:
    """A conversation in which each side has written."""
    wait = await stores.waiting(store, await stores.customer(store, customer_id), clock)
    await stores.accepted(store, wait, who)
    await store.conversations.say(Say(wait.session_id, "m-1", "Merhaba", customer=wait.customer))
    await store.conversations.say(Say(wait.session_id, "a-1", "İyi günler", staff=who))
    return wait


async def over(store: DatabaseStore, wait: Wait) -> None:
    await store.conversations.end(EndConversation(stores.command_id(), wait.session_id, Party.CUSTOMER))


async def forget(store: DatabaseStore, text_ms: int | None = None) -> int:
    return await store.forget(KEEP_MS, KEEP_MS, 100, text_ms)


async def written(store: DatabaseStore, wait: Wait) -> list[str | None]:
    known = await store.wait(wait.session_id)
    assert known is not None
    return [event.text for event in await store.conversations.events(known, 0) if event.kind == "chat.message"]


async def test_a_long_conversation_is_kept_from_its_end_on(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await talking(store, clock, "880214", await stores.agent(store))
    clock.at += 3 * KEEP_MS
    await forget(store)
    assert await written(store, wait) == ["Merhaba", "İyi günler"], "they still talk"
    await over(store, wait)
    await forget(store)
    assert await written(store, wait) == ["Merhaba", "İyi günler"], "the customer may read it afterwards"
    clock.at += KEEP_MS - 1
    await forget(store)
    assert await written(store, wait) == ["Merhaba", "İyi günler"]
    clock.at += 1
    await forget(store)
    assert await store.wait(wait.session_id) is None


async def test_a_wait_without_conversation_is_kept_from_its_own_end_on(
    store: DatabaseStore, clock: SettableClock
) -> None:
    wait = await stores.waiting(store, await stores.customer(store, "880214"), clock)
    await stores.end(store, Event.CANCEL, wait.row)
    clock.at += KEEP_MS - 1
    await forget(store, TEXT_MS)
    assert await store.wait(wait.session_id) is not None
    clock.at += 1
    await forget(store, TEXT_MS)
    assert await store.wait(wait.session_id) is None


async def test_what_was_written_may_go_before_the_record(store: DatabaseStore, clock: SettableClock) -> None:
    who = await stores.agent(store)
    wait = await talking(store, clock, "880214", who)
    clock.at += KEEP_MS
    await forget(store, TEXT_MS)
    assert await written(store, wait) == ["Merhaba", "İyi günler"], "as long as they talk nothing goes"
    await over(store, wait)
    clock.at += TEXT_MS - 1
    assert await forget(store, TEXT_MS) == 0
    assert await written(store, wait) == ["Merhaba", "İyi günler"]
    clock.at += 1
    assert await forget(store, TEXT_MS) == 1
    assert await written(store, wait) == []
    assert list(await store.conversations.staff_events(who, 0)) == []
    known = await store.wait(wait.session_id)
    assert known is not None
    assert known.state is State.ENDED
    assert known.conversation is not None
    assert (known.conversation.agent_name, known.conversation.ended_by) == ("Selin Aksoy", Party.CUSTOMER)
    assert known.seq == 6, "the stream has a gap, over which the app is told how it stands"
    clock.at += KEEP_MS - TEXT_MS - 1
    assert await forget(store, TEXT_MS) == 0
    assert await store.wait(wait.session_id) is not None
    clock.at += 1
    await forget(store, TEXT_MS)
    assert await store.wait(wait.session_id) is None


async def test_one_that_goes_on_does_not_keep_what_others_wrote(store: DatabaseStore, clock: SettableClock) -> None:
    who = await stores.agent(store)
    waits = [await talking(store, clock, str(number), who) for number in range(4)]
    for wait in waits[1:]:
        await over(store, wait)
    clock.at += TEXT_MS
    assert await store.forget(KEEP_MS, KEEP_MS, 2, TEXT_MS) == 2
    assert await store.forget(KEEP_MS, KEEP_MS, 2, TEXT_MS) == 1
    assert await store.forget(KEEP_MS, KEEP_MS, 2, TEXT_MS) == 0
    assert [await written(store, wait) for wait in waits] == [["Merhaba", "İyi günler"], [], [], []]


async def test_an_open_outbox_keeps_the_wait_and_not_what_was_written(
    store: DatabaseStore, clock: SettableClock, run_sql: RunSql
) -> None:
    wait = await talking(store, clock, "880214", await stores.agent(store))
    await over(store, wait)
    run_sql(
        f"INSERT INTO outbox (kind, wait, attempt, first_at, due_at) VALUES ('delete', {wait.row}, 1, 0, 4000000000000)"
    )
    clock.at += KEEP_MS
    await forget(store, TEXT_MS)
    assert await written(store, wait) == []
