"""Notes in the store: sealed, one under each id, read with all of the customer's, kept as messages are. On both."""

import asyncio

from contracts.conftest import RunSql
from diyalog.domain.commands import EndConversation
from diyalog.domain.ids import SessionId, StaffRef
from diyalog.domain.notes import LeaveNote, NoteLeft
from diyalog.domain.results import Verdict
from diyalog.domain.wait import Party, Wait
from diyalog.storage.store import DatabaseStore
from kit import stores
from kit.clock import SettableClock

DAY_MS = 86_400_000
KEEP_MS = 30 * DAY_MS
TEXT_MS = 7 * DAY_MS


async def talking(store: DatabaseStore, clock: SettableClock, who: StaffRef, customer_id: str = "880214") -> Wait:
    wait = await stores.waiting(store, await stores.customer(store, customer_id), clock)
    return await stores.accepted(store, wait, who)


async def over(store: DatabaseStore, wait: Wait) -> None:
    await store.conversations.end(EndConversation(stores.command_id(), wait.session_id, Party.COMPANY))


async def leave(store: DatabaseStore, wait: Wait, who: StaffRef, note_id: str, text: str) -> NoteLeft:
    return await store.staff_notes.leave(LeaveNote(wait.session_id, note_id, text, who))


async def texts(store: DatabaseStore, wait: Wait, limit: int = 100) -> list[str]:
    return [note.text for note in (await store.staff_notes.about(wait.row, limit)).notes]


async def test_a_note_is_read_with_who_wrote_it_and_when(store: DatabaseStore, clock: SettableClock) -> None:
    selin = await stores.agent(store)
    wait = await talking(store, clock, selin)
    clock.at += 1000
    assert await leave(store, wait, selin, "n-1", "Kartı bloke, çağrı 4711") == NoteLeft(Verdict.WON, clock.at)
    [note] = (await store.staff_notes.about(wait.row, 10)).notes
    assert note == (wait.session_id, "n-1", "Selin Aksoy", clock.at, "Kartı bloke, çağrı 4711")


async def test_the_next_agent_reads_the_notes_of_all_conversations(store: DatabaseStore, clock: SettableClock) -> None:
    selin, can = await stores.agent(store), await stores.agent(store, "31008", "Can Öztürk")
    first = await talking(store, clock, selin)
    await leave(store, first, selin, "n-1", "eins")
    await over(store, first)
    other = await talking(store, clock, selin, "880215")
    await leave(store, other, selin, "n-1", "über jemand anderen")
    second = await talking(store, clock, can)
    await leave(store, second, can, "n-1", "zwei")
    await leave(store, first, selin, "n-2", "drei")
    assert await texts(store, second) == await texts(store, first) == ["eins", "zwei", "drei"]
    assert [note.author for note in (await store.staff_notes.about(second.row, 10)).notes] == [
        "Selin Aksoy",
        "Can Öztürk",
        "Selin Aksoy",
    ]
    assert await texts(store, second, 2) == ["zwei", "drei"], "the newest"
    assert await texts(store, other) == ["über jemand anderen"]


async def test_one_id_is_one_note(store: DatabaseStore, clock: SettableClock) -> None:
    selin = await stores.agent(store)
    wait = await talking(store, clock, selin)
    results = await asyncio.gather(*(leave(store, wait, selin, "n-1", "Merhaba") for _ in range(5)))
    assert {result.verdict for result in results} == {Verdict.WON}
    assert [result.replayed for result in results].count(False) == 1
    clock.at += 1000
    assert await leave(store, wait, selin, "n-1", "Merhaba") == NoteLeft(Verdict.WON, clock.at - 1000, replayed=True)
    assert await leave(store, wait, selin, "n-1", "Selam") == NoteLeft(Verdict.MISMATCH)
    assert await texts(store, wait) == ["Merhaba"]


async def test_only_who_has_the_conversation_writes(store: DatabaseStore, clock: SettableClock) -> None:
    selin, can = await stores.agent(store), await stores.agent(store, "31008", "Can Öztürk")
    wait = await talking(store, clock, selin)
    waiting = await stores.waiting(store, await stores.customer(store, "880215"), clock)
    unknown = NoteLeft(Verdict.UNKNOWN)
    assert await leave(store, wait, can, "n-1", "x") == unknown
    assert await leave(store, waiting, selin, "n-1", "x") == unknown
    assert await store.staff_notes.leave(LeaveNote(SessionId("nobody"), "n-1", "x", selin)) == unknown
    assert await texts(store, wait) == await texts(store, waiting) == []


async def test_a_damaged_note_hides_no_other(store: DatabaseStore, clock: SettableClock, run_sql: RunSql) -> None:
    selin = await stores.agent(store)
    wait = await talking(store, clock, selin)
    for note_id in ("n-1", "n-2", "n-3"):
        await leave(store, wait, selin, note_id, note_id)
    run_sql("UPDATE note SET note_id = 'moved' WHERE note_id = 'n-2'")
    assert await texts(store, wait) == ["n-1", "n-3"]
    assert (await store.staff_notes.about(wait.row, 10)).unreadable == 1


async def test_notes_go_with_the_conversation(store: DatabaseStore, clock: SettableClock) -> None:
    selin = await stores.agent(store)
    first = await talking(store, clock, selin)
    await leave(store, first, selin, "n-1", "eins")
    clock.at += KEEP_MS
    await store.forget(KEEP_MS, KEEP_MS, 100)
    assert await texts(store, first) == ["eins"], "as long as they talk"
    await over(store, first)
    clock.at += KEEP_MS - 1
    second = await talking(store, clock, selin)
    assert await texts(store, second) == ["eins"]
    clock.at += 1
    await store.forget(KEEP_MS, KEEP_MS, 100)
    assert await texts(store, second) == []


async def test_notes_may_go_before_the_record(store: DatabaseStore, clock: SettableClock) -> None:
    selin = await stores.agent(store)
    wait = await talking(store, clock, selin)
    await leave(store, wait, selin, "n-1", "eins")
    await leave(store, wait, selin, "n-2", "zwei")
    await over(store, wait)
    clock.at += 1000
    await leave(store, wait, selin, "n-3", "nachgetragen")
    clock.at += TEXT_MS - 1001
    assert await store.forget(KEEP_MS, KEEP_MS, 1, TEXT_MS) == 0
    assert await texts(store, wait) == ["eins", "zwei", "nachgetragen"]
    clock.at += 1
    assert await store.forget(KEEP_MS, KEEP_MS, 1, TEXT_MS) == 2, "its messages, and one note"
    assert await texts(store, wait) == ["zwei", "nachgetragen"]
    assert await store.forget(KEEP_MS, KEEP_MS, 1, TEXT_MS) == 1
    assert await texts(store, wait) == ["nachgetragen"], "written later, it counts from then"
    clock.at += 1000
    await store.forget(KEEP_MS, KEEP_MS, 1, TEXT_MS)
    assert await texts(store, wait) == []
    assert await store.wait(wait.session_id) is not None
