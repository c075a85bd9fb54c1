"""What is stored of ends that are committed in one group: each wait's own message, and who asked for each."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from diyalog.domain.commands import Caller, EndWait, Idempotency, QueueTook
from diyalog.domain.ids import AccessKeyId, InteractionId, SessionId
from diyalog.domain.results import EndResult, Verdict
from diyalog.domain.transitions import Event
from diyalog.domain.wait import Wait
from diyalog.storage.auditing import SqliteAudit
from diyalog.storage.sqlite import DATABASE_NAME, SqliteStore
from faults.lost_answers import everything
from kit import stores
from kit.clock import SettableClock

SECRET = b"k" * 32
ASKED = [
    ("Kimse boş değil. 🙏", Caller(AccessKeyId("KEY"), "31007")),
    (None, Caller(AccessKeyId("KEY"), "a much longer name of a requester")),
    ("", Caller(AccessKeyId("OTHER"), "7")),
    ("Nobody is free.", None),
    ("Try again tomorrow.", Caller(AccessKeyId("OTHER"), "31007")),
]


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def store(tmp_path: Path, clock: SettableClock) -> AsyncIterator[SqliteStore]:
    async with stores.sqlite_store(tmp_path, clock) as opened:
        yield opened


def command(
    session: SessionId, message: str | None, caller: Caller | None, idempotency: Idempotency | None = None
) -> EndWait:
    return EndWait(
        stores.command_id(),
        Event.NOT_DELIVERED,
        session_id=session,
        message=message,
        caller=caller,
        idempotency=idempotency,
    )


async def test_each_keeps_its_own_message_and_requester(
    store: SqliteStore, clock: SettableClock, tmp_path: Path
) -> None:
    waits = [await stores.waiting(store, await stores.customer(store, str(n)), clock) for n in range(len(ASKED))]
    ends = [command(wait.session_id, *asked) for wait, asked in zip(waits, ASKED, strict=True)]
    results = await asyncio.gather(*[store.end_wait(end) for end in ends])
    assert [result.verdict for result in results] == [Verdict.WON] * len(ASKED)
    stored = [await store.wait(wait.session_id) for wait in waits]
    assert [wait and wait.message for wait in stored] == [message for message, _ in ASKED]
    audit = SqliteAudit(tmp_path, SECRET)
    named = (await audit.names(0, 100, 100, requesters=True)).values()
    await audit.close()
    assert {name.session_id: name.requester for name in named if name.requester is not None} == {
        wait.session_id: caller.requester for wait, (_, caller) in zip(waits, ASKED, strict=True) if caller is not None
    }


async def test_of_one_key_in_one_group_the_first_is_carried_out(store: SqliteStore, clock: SettableClock) -> None:
    """Every repeat gets its answer, whatever else stands between them, and so does one that comes later."""
    waits = [await stores.waiting(store, await stores.customer(store, str(n)), clock) for n in range(2)]
    key, changed = Idempotency(b"scope", b"body"), Idempotency(b"scope", b"other body")

    async def ask() -> list[tuple[Verdict, bool]]:
        ends = [
            command(waits[0].session_id, "first", None, key),
            command(waits[1].session_id, "unkeyed", None),
            command(waits[0].session_id, "second", None, key),
            command(waits[1].session_id, "third", None, changed),
        ]
        return seen(await asyncio.gather(*[store.end_wait(end) for end in ends]))

    won, repeated, mismatch = (Verdict.WON, False), (Verdict.WON, True), (Verdict.MISMATCH, False)
    assert await ask() == [won, won, repeated, mismatch]
    assert await ask() == [repeated, (Verdict.LOST, False), repeated, mismatch]
    assert await message(store, waits[0]) == "first"
    assert await message(store, waits[1]) == "unkeyed"


async def test_an_end_that_was_held_and_then_won_is_remembered_as_won(store: SqliteStore, clock: SettableClock) -> None:
    begun = await stores.started(store, await stores.customer(store, "1"), clock)
    assert begun.delivery is not None
    key = Idempotency(b"scope", b"body")

    async def ask() -> EndResult:
        return await stores.not_delivered(store, interaction="E", idempotency=key, may_hold=True)

    assert (await ask()).verdict is Verdict.UNKNOWN
    await take(store, begun.delivery.row, "E")
    assert seen([await ask(), await ask(), await ask()]) == [
        (Verdict.WON, False),
        (Verdict.WON, True),
        (Verdict.WON, True),
    ]


async def test_only_an_end_that_may_be_held_and_names_nothing_is_told_what_is_still_to_come(
    store: SqliteStore, clock: SettableClock
) -> None:
    begun = await stores.started(store, await stores.customer(store, "1"), clock)
    known = await stores.waiting(store, await stores.customer(store, "2"), clock)
    assert begun.delivery is not None
    assert begun.wait is not None
    key = Idempotency(b"scope", b"body")
    final, won, held = await asyncio.gather(
        stores.not_delivered(store, interaction="E", idempotency=key),
        stores.not_delivered(store, session=known.session_id, may_hold=True),
        stores.not_delivered(store, interaction="E", may_hold=True),
    )
    assert [(result.verdict, result.outstanding) for result in (final, won, held)] == [
        (Verdict.UNKNOWN, ()),
        (Verdict.WON, ()),
        (Verdict.UNKNOWN, (begun.wait.session_id,)),
    ]
    await take(store, begun.delivery.row, "E")
    assert seen([await stores.not_delivered(store, interaction="E", idempotency=key)]) == [(Verdict.UNKNOWN, True)]


async def test_once_its_time_is_over_no_answer_is_still_to_come(store: SqliteStore, clock: SettableClock) -> None:
    await stores.started(store, await stores.customer(store, "1"), clock)
    clock.advance(stores.QUEUE_TIMEOUT_MS - 1)
    assert len((await stores.not_delivered(store, interaction="E", may_hold=True)).outstanding) == 1
    clock.advance(1)
    assert (await stores.not_delivered(store, interaction="E", may_hold=True)).outstanding == ()


async def test_customers_end_their_own_waits_only(store: SqliteStore, clock: SettableClock) -> None:
    own, stranger = await stores.customer(store, "1"), await stores.customer(store, "2")
    wait = await stores.waiting(store, own, clock)
    results = await asyncio.gather(
        *[
            store.end_wait(EndWait(stores.command_id(), Event.CANCEL, session_id=wait.session_id, customer=who))
            for who in (stranger, own, own, stranger)
        ]
    )
    assert [result.verdict for result in (results[0], results[3])] == [Verdict.UNKNOWN] * 2
    assert {result.verdict for result in results[1:3]} == {Verdict.WON, Verdict.LOST}, "which is first is open"
    assert [result.wait and result.wait.row for result in results] == [None, wait.row, wait.row, None]


async def test_a_late_end_is_remembered_with_the_wait_that_goes_on(store: SqliteStore, clock: SettableClock) -> None:
    who = await stores.customer(store, "1")
    first = await stores.started(store, who, clock)
    assert first.delivery is not None
    await take(store, first.delivery.row, "A")
    await stores.started(store, who, clock)
    key = Idempotency(b"scope", b"body")
    results = [await stores.not_delivered(store, interaction="A", idempotency=key) for _ in range(2)]
    assert [(result.verdict, result.waits_elsewhere, result.replayed) for result in results] == [
        (Verdict.LOST, True, False),
        (Verdict.LOST, True, True),
    ]


async def test_answers_are_remembered_in_words_that_the_next_version_of_the_server_knows(
    store: SqliteStore, clock: SettableClock, tmp_path: Path
) -> None:
    who = await stores.customer(store, "1")
    first = await stores.started(store, who, clock)
    assert first.delivery is not None
    await take(store, first.delivery.row, "A")
    second = await stores.started(store, who, clock)
    assert second.wait is not None
    for scope, interaction in ((b"elsewhere", "A"), (b"held", "B")):
        key = Idempotency(scope, b"body")
        await stores.not_delivered(store, interaction=interaction, idempotency=key, may_hold=True)
    for scope in (b"won", b"lost"):
        key = Idempotency(scope, b"body")
        await stores.not_delivered(store, session=second.wait.session_id, idempotency=key)
    with closing(apsw.Connection(str(tmp_path / DATABASE_NAME), flags=apsw.SQLITE_OPEN_READONLY)) as database:
        stored = database.execute("SELECT scope, verdict FROM idempotency ORDER BY scope").fetchall()
    assert stored == [(b"elsewhere", "LOST_ELSEWHERE"), (b"held", "HELD"), (b"lost", "LOST"), (b"won", "WON")]


async def test_only_those_who_say_not_delivered_are_told_that_the_customer_waits_elsewhere(
    store: SqliteStore, clock: SettableClock
) -> None:
    older, newer = await replaced(store, clock)
    cancelled = await store.end_wait(EndWait(stores.command_id(), Event.CANCEL, row=older.row))
    late = await stores.not_delivered(store, session=older.session_id)
    assert [(one.verdict, one.waits_elsewhere) for one in (cancelled, late)] == [
        (Verdict.LOST, False),
        (Verdict.LOST, True),
    ]
    await stores.end(store, Event.CANCEL, newer.row)
    assert not (await stores.not_delivered(store, session=older.session_id)).waits_elsewhere


async def test_a_customer_in_conversation_waits_nowhere(
    store: SqliteStore, clock: SettableClock, tmp_path: Path
) -> None:
    older, newer = await replaced(store, clock)
    with closing(apsw.Connection(str(tmp_path / DATABASE_NAME))) as database:
        database.execute("UPDATE wait SET state = 'CONNECTED', outcome = 'CONNECTED' WHERE id = ?", (newer.row,))
    assert not (await stores.not_delivered(store, session=older.session_id)).waits_elsewhere


async def test_an_id_of_ended_waits_only_names_the_newest(store: SqliteStore, clock: SettableClock) -> None:
    rows = []
    for customer in ("1", "2"):
        begun = await stores.started(store, await stores.customer(store, customer), clock)
        assert begun.delivery is not None
        assert begun.wait is not None
        await take(store, begun.delivery.row, "A")
        await stores.end(store, Event.CANCEL, begun.wait.row)
        rows.append(begun.wait.row)
    result = await stores.not_delivered(store, interaction="A")
    assert (result.verdict, result.wait and result.wait.row) == (Verdict.LOST, rows[1])


async def test_the_record_says_when_each_ended_and_why(
    store: SqliteStore, clock: SettableClock, tmp_path: Path
) -> None:
    waits = [await stores.waiting(store, await stores.customer(store, str(n)), clock) for n in range(2)]
    clock.advance(7)
    await asyncio.gather(
        stores.not_delivered(store, session=waits[0].session_id), stores.end(store, Event.CANCEL, waits[1].row)
    )
    with closing(apsw.Connection(str(tmp_path / DATABASE_NAME), flags=apsw.SQLITE_OPEN_READONLY)) as database:
        written = database.execute(
            "SELECT wait, at, event, outcome, access_key, node FROM audit WHERE outcome IS NOT NULL ORDER BY wait"
        ).fetchall()
    assert written == [
        (waits[0].row, clock.at, "not_delivered", "NOT_DELIVERED", "KEY", stores.NODE),
        (waits[1].row, clock.at, "cancel", "CANCELLED", None, stores.NODE),
    ]


async def test_an_end_that_the_app_is_told_counts_as_acknowledged_since_then(
    store: SqliteStore, clock: SettableClock
) -> None:
    waits = [await stores.waiting(store, await stores.customer(store, str(n)), clock) for n in range(2)]
    clock.advance(7)
    results = await asyncio.gather(
        *[stores.end(store, Event.CANCEL, wait.row, told=told) for wait, told in zip(waits, (True, False), strict=True)]
    )
    assert [result.wait and result.wait.acknowledged_at for result in results] == [clock.at, None]


async def test_an_end_that_lost_leaves_nothing_behind(store: SqliteStore, clock: SettableClock, tmp_path: Path) -> None:
    begun = await stores.started(store, await stores.customer(store, "1"), clock)
    assert begun.delivery is not None
    assert begun.wait is not None
    await take(store, begun.delivery.row, "A")
    assert (await stores.not_delivered(store, interaction="A")).verdict is Verdict.WON
    before = everything(tmp_path)
    for event in (Event.CANCEL, Event.NOT_DELIVERED, Event.ABANDON):
        assert (await stores.end(store, event, begun.wait.row)).verdict is Verdict.LOST
    assert everything(tmp_path) == before
    assert len(before["audit"]) == 3, "it started, the queue took it, and it ended once"
    assert before["outbox"] == []


async def replaced(store: SqliteStore, clock: SettableClock) -> tuple[Wait, Wait]:
    """A wait that another one of its customer has replaced, and the other one."""
    who = await stores.customer(store, "1")
    return await stores.waiting(store, who, clock), await stores.waiting(store, who, clock)


async def take(store: SqliteStore, delivery: int, interaction: str) -> None:
    await store.queue_took(QueueTook(stores.command_id(), delivery, 1, InteractionId(interaction)))


async def message(store: SqliteStore, wait: Wait) -> str | None:
    stored = await store.wait(wait.session_id)
    assert stored is not None
    return stored.message


def seen(results: list[EndResult]) -> list[tuple[Verdict, bool]]:
    return [(result.verdict, result.replayed) for result in results]
