"""What every store must do with waits; run against each backend."""

import asyncio
from itertools import permutations

import pytest

from contracts.conftest import OpenStore
from diyalog.domain.commands import EndWait, Idempotency, QueueFailed, QueueTook, Request
from diyalog.domain.ids import InteractionId, NodeId
from diyalog.domain.results import StartResult, Verdict
from diyalog.domain.transitions import Event
from diyalog.domain.wait import Outcome, Reason, State
from diyalog.storage.store import DatabaseStore
from kit import stores
from kit.clock import SettableClock

IDEMPOTENCY = Idempotency(b"scope", b"body")


async def took(store: DatabaseStore, result: StartResult, interaction: str) -> None:
    assert result.delivery is not None
    answer = await store.queue_took(
        QueueTook(stores.command_id(), result.delivery.row, result.delivery.attempt, InteractionId(interaction))
    )
    assert not answer.stale


async def test_a_wait_begins_requested_and_waits_once_the_queue_named_it(
    store: DatabaseStore, clock: SettableClock
) -> None:
    result = await stores.started(store, await stores.customer(store, "1"), clock)
    assert result.wait is not None
    assert (result.wait.state, result.wait.seq, result.wait.interaction_id) == (State.REQUESTED, 0, None)
    await took(store, result, "7700418")
    wait = await store.wait(result.wait.session_id)
    assert wait is not None
    assert (wait.state, wait.seq, wait.interaction_id) == (State.WAITING, 1, "7700418")
    _, events = await store.events(wait.row, 0)
    assert [(event.seq, event.kind) for event in events] == [(1, "wait.started")]


async def test_the_builtin_queue_takes_a_wait_at_once(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await stores.waiting(store, await stores.customer(store, "1"), clock)
    assert wait.state is State.WAITING
    assert wait.interaction_id == f"D{100000 + wait.row}"
    assert (await store.tally()).outbox == {}


@pytest.mark.parametrize("by", ["interaction", "session"])
async def test_not_delivered_ends_the_wait_with_its_message(
    store: DatabaseStore, clock: SettableClock, by: str
) -> None:
    wait = await stores.waiting(store, await stores.customer(store, "1"), clock)
    message = "Temsilcilerimiz meşgul 🙏\n<b>"
    if by == "interaction":
        result = await stores.not_delivered(store, interaction=wait.interaction_id, message=message)
    else:
        result = await stores.not_delivered(store, session=wait.session_id, message=message)
    assert result.verdict is Verdict.WON
    ended = await store.wait(wait.session_id)
    assert ended is not None
    assert (ended.state, ended.outcome, ended.reason) == (State.ENDED, Outcome.NOT_DELIVERED, Reason.QUEUE)
    assert (ended.message, ended.ended_at, ended.seq) == (message, clock.at, 2)
    again = await stores.not_delivered(store, interaction=wait.interaction_id, message="other")
    assert again.verdict is Verdict.LOST
    assert again.wait is not None
    assert again.wait.message == message


async def test_of_two_waits_with_one_interaction_id_the_open_one_is_meant(
    store: DatabaseStore, clock: SettableClock
) -> None:
    first = await stores.started(store, await stores.customer(store, "1"), clock)
    await took(store, first, "77")
    assert first.wait is not None
    assert (await stores.end(store, Event.CANCEL, first.wait.row)).verdict is Verdict.WON
    second = await stores.started(store, await stores.customer(store, "2"), clock)
    await took(store, second, "77")
    third = await stores.started(store, await stores.customer(store, "3"), clock)
    assert third.delivery is not None
    conflict = await store.queue_took(QueueTook(stores.command_id(), third.delivery.row, 1, InteractionId("77")))
    assert conflict.conflict
    assert not conflict.changed
    result = await stores.not_delivered(store, interaction="77")
    assert result.verdict is Verdict.WON
    assert result.wait is not None
    assert second.wait is not None
    assert result.wait.session_id == second.wait.session_id


async def test_a_customer_has_one_open_wait_and_the_newer_replaces_the_older(
    store: DatabaseStore, clock: SettableClock
) -> None:
    who = await stores.customer(store, "1")
    first = await stores.started(store, who, clock)
    await took(store, first, "A")
    second = await stores.started(store, who, clock)
    assert second.replaced is not None
    assert (second.replaced.outcome, second.replaced.reason) == (Outcome.CANCELLED, Reason.REPLACED)
    await took(store, second, "B")
    stale = await stores.not_delivered(store, interaction="A")
    assert (stale.verdict, stale.waits_elsewhere) == (Verdict.LOST, True)
    assert second.wait is not None
    assert (await store.wait(second.wait.session_id)).state is State.WAITING  # type: ignore[union-attr]  # it exists
    due = await store.claim(stores.NODE, 10, 1000)
    assert [(delivery.kind, delivery.interaction_id) for delivery in due] == [("delete", "A")]


async def test_starts_of_one_customer_that_arrive_together_leave_one_open_wait(
    store: DatabaseStore, clock: SettableClock
) -> None:
    who = await stores.customer(store, "1")
    results = await asyncio.gather(*[store.start_wait(stores.start(who, clock)) for _ in range(20)])
    assert all(result.verdict is Verdict.WON for result in results)
    waits = [await store.wait(result.wait.session_id) for result in results if result.wait]
    assert sum(wait is not None and wait.outcome is None for wait in waits) == 1
    assert sum(wait is not None and wait.reason is Reason.REPLACED for wait in waits) == 19


ENDS = (Event.CANCEL, Event.NOT_DELIVERED, Event.EXPIRE, Event.ABANDON, Event.ADMINISTRATOR_CANCEL)


@pytest.mark.parametrize("order", list(permutations(ENDS, 2)))
@pytest.mark.parametrize("together", [True, False])
async def test_of_two_ends_the_first_wins_and_the_other_is_told_so(
    store: DatabaseStore, clock: SettableClock, order: tuple[Event, Event], *, together: bool
) -> None:
    wait = await stores.waiting(store, await stores.customer(store, "1"), clock)
    clock.advance(stores.LIMIT_MS)
    commands = [EndWait(stores.command_id(), event, row=wait.row) for event in order]
    if together:
        results = await asyncio.gather(*[store.end_wait(command) for command in commands])
    else:
        results = [await store.end_wait(command) for command in commands]
    winners = [result for result in results if result.verdict is Verdict.WON]
    losers = [result for result in results if result.verdict is Verdict.LOST]
    assert (len(winners), len(losers)) == (1, 1)
    assert winners[0].wait is not None
    assert losers[0].wait is not None
    assert losers[0].wait.outcome == winners[0].wait.outcome
    if not together:
        assert results[0].verdict is Verdict.WON
    _, events = await store.events(wait.row, 0)
    assert [event.kind for event in events] == ["wait.started", "wait.ended"]


async def test_five_ends_of_each_of_many_waits_at_once_leave_one_outcome_each(
    store: DatabaseStore, clock: SettableClock
) -> None:
    waits = [await stores.waiting(store, await stores.customer(store, str(n)), clock) for n in range(200)]
    clock.advance(stores.LIMIT_MS)
    results = await asyncio.gather(*[stores.end(store, event, wait.row) for event in ENDS for wait in waits])
    assert sum(result.verdict is Verdict.WON for result in results) == len(waits)
    outcome = {wait.row: (await store.wait(wait.session_id)).outcome for wait in waits}  # type: ignore[union-attr]
    for result in results:
        assert result.wait is not None
        assert result.wait.outcome == outcome[result.wait.row]
    tally = await store.tally()
    assert tally.created == sum(tally.outcomes.values()) + sum(tally.open.values())
    assert sum(tally.outcomes.values()) == len(waits)


async def test_expiry_is_never_early(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await stores.waiting(store, await stores.customer(store, "1"), clock)
    await store.present(wait.row, connected=True)
    clock.advance(stores.LIMIT_MS - 1)
    assert list(await stores.due(store, 10)) == []
    assert (await stores.end(store, Event.EXPIRE, wait.row)).verdict is Verdict.LOST
    clock.advance(1)
    assert list(await stores.due(store, 10)) == [(wait.row, True)]
    assert (await stores.end(store, Event.EXPIRE, wait.row)).verdict is Verdict.WON


async def test_a_wait_is_abandoned_only_without_a_sign_of_life(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await stores.waiting(store, await stores.customer(store, "1"), clock)
    clock.advance(stores.ABANDON_MS - 1)
    await store.touch(wait.row)
    clock.advance(stores.ABANDON_MS - 1)
    assert list(await stores.due(store, 10)) == []
    await store.present(wait.row, connected=True)
    clock.advance(2 * stores.ABANDON_MS)
    assert list(await stores.due(store, 10)) == []
    await store.present(wait.row, connected=False)
    clock.advance(stores.ABANDON_MS)
    assert list(await stores.due(store, 10)) == [(wait.row, False)]


async def test_customers_of_a_dead_node_count_as_gone_since_its_last_beat(
    store: DatabaseStore, clock: SettableClock, open_store: OpenStore
) -> None:
    wait = await stores.waiting(store, await stores.customer(store, "1"), clock)
    await store.heartbeat(stores.NODE)
    await store.present(wait.row, connected=True)
    clock.advance(60_000)
    other = NodeId("node-b")
    async with open_store(other) as second:
        await second.enter(other)
        clock.advance(stores.ABANDON_MS - 60_000 - 1)
        assert list(await stores.due(second, 10)) == []
        clock.advance(1)
        assert list(await stores.due(second, 10)) == [(wait.row, False)]


@pytest.mark.parametrize(
    ("event", "deletes"),
    [
        (Event.CANCEL, True),
        (Event.EXPIRE, True),
        (Event.ABANDON, True),
        (Event.QUEUE_TIMEOUT, True),
        (Event.NOT_DELIVERED, False),
    ],
)
async def test_an_id_that_comes_after_the_end_is_stored_and_deleted_unless_the_queue_gave_up(
    store: DatabaseStore, clock: SettableClock, event: Event, *, deletes: bool
) -> None:
    result = await stores.started(store, await stores.customer(store, "1"), clock)
    assert result.wait is not None
    clock.advance(stores.LIMIT_MS)
    assert (await stores.end(store, event, result.wait.row)).verdict is Verdict.WON
    await took(store, result, "late-1")
    wait = await store.wait(result.wait.session_id)
    assert wait is not None
    assert (wait.interaction_id, wait.state, wait.seq) == ("late-1", State.ENDED, 1)
    due = await store.claim(stores.NODE, 10, 1000)
    assert [delivery.interaction_id for delivery in due] == (["late-1"] if deletes else [])
    assert (await stores.not_delivered(store, interaction="late-1")).verdict is Verdict.LOST


async def test_a_result_of_an_earlier_attempt_changes_nothing(store: DatabaseStore, clock: SettableClock) -> None:
    result = await stores.started(store, await stores.customer(store, "1"), clock)
    assert result.delivery is not None
    clock.advance(stores.QUEUE_TIMEOUT_MS + 200_000)
    claimed = await store.claim(stores.NODE, 10, 1000)
    assert [(delivery.row, delivery.attempt, delivery.maybe_sent) for delivery in claimed] == [
        (result.delivery.row, 2, True)
    ]
    assert claimed[0].request == Request("880214", "10000000146", ())
    stale = await store.queue_took(QueueTook(stores.command_id(), result.delivery.row, 1, InteractionId("X")))
    assert stale.stale
    refused = QueueFailed(stores.command_id(), result.delivery.row, 1, Event.QUEUE_REFUSED, settled=True)
    assert (await store.queue_failed(refused)).stale
    assert (await store.tally()).open == {"REQUESTED": 1, "WAITING": 0}


async def test_a_request_for_which_a_customer_waits_is_claimed_before_older_deletes(
    store: DatabaseStore, clock: SettableClock
) -> None:
    for number in range(4):
        ended = await stores.started(store, await stores.customer(store, str(number)), clock)
        await took(store, ended, f"old-{number}")
        assert ended.wait is not None
        await stores.end(store, Event.CANCEL, ended.wait.row)
    clock.advance(1000)
    result = await stores.started(store, await stores.customer(store, "waits"), clock)
    assert result.wait is not None
    clock.advance(stores.QUEUE_TIMEOUT_MS + 200_000)
    pages = [await store.claim(stores.NODE, 3, 1000) for _ in range(2)]
    assert [[delivery.interaction_id for delivery in page] for page in pages] == [
        [None, "old-0", "old-1"],
        ["old-2", "old-3"],
    ]
    assert pages[0][0].session_id == result.wait.session_id
    assert pages[0][0].request == Request("880214", "10000000146", ())


async def test_a_delete_is_dropped_when_its_id_is_waited_under_again(
    store: DatabaseStore, clock: SettableClock
) -> None:
    first = await stores.started(store, await stores.customer(store, "1"), clock)
    await took(store, first, "A")
    assert first.wait is not None
    await stores.end(store, Event.CANCEL, first.wait.row)
    second = await stores.started(store, await stores.customer(store, "2"), clock)
    await took(store, second, "A")
    assert list(await store.claim(stores.NODE, 10, 1000)) == []
    assert (await store.tally()).outbox == {}


async def test_an_unresolved_create_is_listed_and_never_claimed_again(
    store: DatabaseStore, clock: SettableClock
) -> None:
    result = await stores.started(store, await stores.customer(store, "1"), clock)
    assert result.delivery is not None
    assert result.wait is not None
    failed = QueueFailed(stores.command_id(), result.delivery.row, 1, Event.QUEUE_TIMEOUT, unresolved=True)
    answer = await store.queue_failed(failed)
    assert answer.changed
    assert answer.wait is not None
    assert (answer.wait.outcome, answer.wait.reason) == (Outcome.FAILED, Reason.QUEUE_TIMEOUT)
    clock.advance(10_000_000)
    assert list(await store.claim(stores.NODE, 10, 1000)) == []
    assert [row.session_id for row in await store.unresolved()] == [result.wait.session_id]
    assert (await store.tally()).unresolved == 1


async def test_an_idempotent_end_gets_its_first_answer_again(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await stores.waiting(store, await stores.customer(store, "1"), clock)
    first = await stores.not_delivered(store, interaction=wait.interaction_id, idempotency=IDEMPOTENCY)
    again = await stores.not_delivered(store, interaction=wait.interaction_id, idempotency=IDEMPOTENCY)
    other = await stores.not_delivered(
        store, interaction=wait.interaction_id, idempotency=Idempotency(b"scope", b"other body")
    )
    without = await stores.not_delivered(store, interaction=wait.interaction_id)
    assert (first.verdict, first.replayed) == (Verdict.WON, False)
    assert (again.verdict, again.replayed) == (Verdict.WON, True)
    assert other.verdict is Verdict.MISMATCH
    assert without.verdict is Verdict.LOST


async def test_idempotent_ends_that_arrive_together_are_carried_out_once(
    store: DatabaseStore, clock: SettableClock
) -> None:
    wait = await stores.waiting(store, await stores.customer(store, "1"), clock)
    results = await asyncio.gather(
        *[stores.not_delivered(store, interaction=wait.interaction_id, idempotency=IDEMPOTENCY) for _ in range(10)]
    )
    assert all(result.verdict is Verdict.WON for result in results)
    assert sum(not result.replayed for result in results) == 1


async def test_an_unknown_interaction_is_not_remembered_while_it_may_still_be_named(
    store: DatabaseStore, clock: SettableClock
) -> None:
    result = await stores.started(store, await stores.customer(store, "1"), clock)
    assert result.wait is not None
    held = await stores.not_delivered(store, interaction="E", idempotency=IDEMPOTENCY, may_hold=True)
    assert (held.verdict, held.outstanding) == (Verdict.UNKNOWN, (result.wait.session_id,))
    await took(store, result, "E")
    assert (await stores.not_delivered(store, interaction="E", idempotency=IDEMPOTENCY, may_hold=True)).verdict is (
        Verdict.WON
    )


async def test_a_start_repeated_with_its_key_is_the_same_wait(store: DatabaseStore, clock: SettableClock) -> None:
    who = await stores.customer(store, "1")
    assert not await store.repeats(IDEMPOTENCY)
    first = await store.start_wait(stores.start(who, clock, idempotency=IDEMPOTENCY))
    assert await store.repeats(IDEMPOTENCY)
    assert not await store.repeats(Idempotency(b"another scope", b"body"))
    again = await store.start_wait(stores.start(who, clock, idempotency=IDEMPOTENCY))
    assert first.wait is not None
    assert again.wait is not None
    assert (again.replayed, again.wait.session_id, again.answer) == (True, first.wait.session_id, None)
    await store.remember_answer(IDEMPOTENCY, 201, b'{"a":1}')
    await store.remember_answer(IDEMPOTENCY, 502, b'{"a":2}')
    assert (await store.start_wait(stores.start(who, clock, idempotency=IDEMPOTENCY))).answer == (201, b'{"a":1}')
    other = await store.start_wait(stores.start(who, clock, idempotency=Idempotency(b"scope", b"other")))
    assert other.verdict is Verdict.MISMATCH


async def test_the_current_wait_is_the_open_one_then_the_newest_unacknowledged_end(
    store: DatabaseStore, clock: SettableClock
) -> None:
    who = await stores.customer(store, "1")
    assert await store.current_wait(who) is None
    first = await stores.waiting(store, who, clock)
    second = await stores.waiting(store, who, clock)
    assert (await store.current_wait(who)).session_id == second.session_id  # type: ignore[union-attr]
    await stores.not_delivered(store, session=second.session_id)
    assert (await store.current_wait(who)).session_id == second.session_id  # type: ignore[union-attr]
    clock.advance(250)
    assert await store.acknowledge(second.row, 1) is None, "the outcome is event 2"
    assert await store.acknowledge(second.row, 2) == 250
    assert await store.acknowledge(second.row, 2) is None
    assert (await store.current_wait(who)).session_id == first.session_id  # type: ignore[union-attr]
    await store.acknowledge(first.row, 2)
    assert await store.current_wait(who) is None


async def test_an_end_told_to_the_app_counts_as_acknowledged(store: DatabaseStore, clock: SettableClock) -> None:
    who = await stores.customer(store, "1")
    wait = await stores.waiting(store, who, clock)
    await stores.end(store, Event.CANCEL, wait.row, told=True)
    assert await store.current_wait(who) is None


async def test_somebody_elses_wait_cannot_be_cancelled(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await stores.waiting(store, await stores.customer(store, "1"), clock)
    stranger = await stores.customer(store, "2")
    result = await store.end_wait(
        EndWait(stores.command_id(), Event.CANCEL, session_id=wait.session_id, customer=stranger)
    )
    assert (result.verdict, result.wait) == (Verdict.UNKNOWN, None)
    assert (await store.wait(wait.session_id)).state is State.WAITING  # type: ignore[union-attr]
