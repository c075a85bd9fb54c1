"""What every store must do with the calls that are due to the company's queue; run against each backend."""

from contracts.conftest import OpenStore, RunSql, sealed_of
from diyalog.domain.commands import QueueFailed, QueueTook, Request
from diyalog.domain.ids import InteractionId, NodeId
from diyalog.domain.results import Delivery, StartResult, Verdict
from diyalog.domain.transitions import Event
from diyalog.domain.wait import Outcome, State, Wait
from diyalog.storage.store import DatabaseStore
from kit import stores
from kit.clock import SettableClock

LEASE_MS = 1000
FREE_MS = stores.QUEUE_TIMEOUT_MS + 120_000
"""How long the node that starts a wait holds its request."""
REQUEST = Request("880214", "10000000146", ())


async def requested(store: DatabaseStore, clock: SettableClock, customer: str) -> tuple[Wait, Delivery]:
    """A wait whose CreateInteraction is held by the node that started it."""
    result: StartResult = await stores.started(store, await stores.customer(store, customer), clock)
    assert result.wait is not None
    assert result.delivery is not None
    return result.wait, result.delivery


async def cancelled(store: DatabaseStore, clock: SettableClock, customer: str, interaction: str) -> Wait:
    """A wait that the queue took under this id and the customer cancelled; its delete is due."""
    wait, delivery = await requested(store, clock, customer)
    await store.queue_took(QueueTook(stores.command_id(), delivery.row, delivery.attempt, InteractionId(interaction)))
    await stores.end(store, Event.CANCEL, wait.row)
    return wait


async def claimed(store: DatabaseStore, limit: int = 10) -> list[Delivery]:
    return list(await store.claim(stores.NODE, limit, LEASE_MS))


async def test_a_delete_is_claimed_without_what_the_customer_asked(store: DatabaseStore, clock: SettableClock) -> None:
    wait = await cancelled(store, clock, "1", "A")
    ended_at = clock.at
    clock.advance(20)
    [delivery] = await claimed(store)
    assert delivery == Delivery(
        row=delivery.row,
        kind="delete",
        attempt=1,
        session_id=wait.session_id,
        interaction_id=InteractionId("A"),
        request=None,
        first_at=ended_at,
        claimed_at=ended_at + 20,
        maybe_sent=False,
        state=State.ENDED,
        outcome=Outcome.CANCELLED,
    )


async def test_a_request_is_claimed_again_when_its_lease_is_over(store: DatabaseStore, clock: SettableClock) -> None:
    wait, first = await requested(store, clock, "1")
    started_at = clock.at
    clock.advance(FREE_MS - 1)
    assert await claimed(store) == []
    clock.advance(1)
    [delivery] = await claimed(store)
    assert delivery == Delivery(
        row=first.row,
        kind="create",
        attempt=2,
        session_id=wait.session_id,
        interaction_id=None,
        request=REQUEST,
        first_at=started_at,
        claimed_at=clock.at,
        maybe_sent=True,
        state=State.REQUESTED,
        outcome=None,
    )
    clock.advance(LEASE_MS - 1)
    assert await claimed(store) == []
    clock.advance(1)
    assert [(again.row, again.attempt) for again in await claimed(store)] == [(first.row, 3)]


async def test_a_request_that_cannot_be_opened_is_claimed_without_it_beside_the_others(
    store: DatabaseStore, clock: SettableClock, run_sql: RunSql
) -> None:
    wait, broken = await requested(store, clock, "1")
    other, whole = await requested(store, clock, "2")
    emptied, gone = await requested(store, clock, "3")
    await cancelled(store, clock, "4", "A")
    run_sql(f"UPDATE wait SET sealed_request = {sealed_of(other)} WHERE id = {wait.row}")
    run_sql(f"UPDATE wait SET sealed_request = NULL WHERE id = {emptied.row}")
    clock.advance(FREE_MS)
    taken = {delivery.row: delivery for delivery in await claimed(store)}
    assert len(taken) == 4
    assert (taken[broken.row].request, taken[broken.row].unreadable) == (None, True)
    assert (taken[whole.row].request, taken[whole.row].unreadable) == (REQUEST, False)
    assert (taken[gone.row].request, taken[gone.row].unreadable) == (None, False), "nothing is kept to open"
    given_up = QueueFailed(stores.command_id(), broken.row, 2, Event.QUEUE_TIMEOUT, unresolved=True)
    result = await store.queue_failed(given_up)
    assert result.wait is not None
    assert result.wait.outcome is Outcome.FAILED
    clock.advance(LEASE_MS)
    assert broken.row not in {delivery.row for delivery in await claimed(store)}


async def test_what_is_due_longest_comes_first_and_no_more_than_asked_for(
    store: DatabaseStore, clock: SettableClock
) -> None:
    for number in range(3):
        clock.advance(-10)
        await cancelled(store, clock, str(number), f"I-{number}")
    clock.advance(30)
    assert [delivery.interaction_id for delivery in await claimed(store, 2)] == ["I-2", "I-1"]
    assert [delivery.interaction_id for delivery in await claimed(store, 2)] == ["I-0"]


async def test_a_request_that_is_due_with_more_deletes_than_are_taken_is_claimed_once(
    store: DatabaseStore, clock: SettableClock
) -> None:
    _, first = await requested(store, clock, "waits")
    _, second = await requested(store, clock, "waits too")
    clock.advance(FREE_MS)
    for number in range(4):
        await cancelled(store, clock, str(number), f"I-{number}")
    taken = await claimed(store, 4)
    assert [delivery.row for delivery in taken[:2]] == [first.row, second.row]
    assert [delivery.interaction_id for delivery in taken[2:]] == ["I-0", "I-1"]
    assert [delivery.attempt for delivery in taken] == [2, 2, 1, 1]
    assert [delivery.interaction_id for delivery in await claimed(store, 4)] == ["I-2", "I-3"]


async def test_only_the_newest_attempt_at_a_delete_counts(store: DatabaseStore, clock: SettableClock) -> None:
    await cancelled(store, clock, "1", "A")
    [first] = await claimed(store)
    clock.advance(LEASE_MS)
    [second] = await claimed(store)
    await store.deleted(first.row, first.attempt)
    await store.retry_delete(first.row, first.attempt, clock.at)
    assert (await store.tally()).outbox == {"delete": 1}
    assert await claimed(store) == []
    await store.deleted(second.row, second.attempt)
    assert (await store.tally()).outbox == {}


async def test_a_delete_is_tried_again_when_asked_for(store: DatabaseStore, clock: SettableClock) -> None:
    await cancelled(store, clock, "1", "A")
    await cancelled(store, clock, "2", "B")
    first, other = await claimed(store)
    await store.retry_delete(first.row, first.attempt, clock.at + 500)
    clock.advance(499)
    assert await claimed(store) == []
    clock.advance(1)
    assert [(again.row, again.attempt, again.maybe_sent) for again in await claimed(store)] == [(first.row, 2, True)]
    await store.deleted(other.row, other.attempt)
    assert (await store.tally()).outbox == {"delete": 1}


async def test_a_node_that_leaves_frees_what_it_held_and_only_that(
    store: DatabaseStore, clock: SettableClock, open_store: OpenStore
) -> None:
    await cancelled(store, clock, "1", "A")
    [held] = await claimed(store)
    other = NodeId("node-b")
    async with open_store(other) as second:
        await cancelled(store, clock, "2", "B")
        [held_by_other] = await second.claim(other, 10, LEASE_MS)
        await store.leave(stores.NODE)
        assert [delivery.row for delivery in await second.claim(other, 10, LEASE_MS)] == [held.row]
        assert held_by_other.row != held.row
        await store.leave(other)
        assert [delivery.row for delivery in await claimed(store)] == [held.row, held_by_other.row]


async def test_what_can_never_be_found_out_is_not_freed_with_a_node(store: DatabaseStore, clock: SettableClock) -> None:
    wait, delivery = await requested(store, clock, "1")
    await store.queue_failed(
        QueueFailed(stores.command_id(), delivery.row, delivery.attempt, Event.QUEUE_TIMEOUT, unresolved=True)
    )
    await store.leave(stores.NODE)
    await store.enter(NodeId("node-b"))
    clock.advance(FREE_MS)
    assert await claimed(store) == []
    assert [row.session_id for row in await store.unresolved()] == [wait.session_id]


async def test_an_id_that_is_taken_anew_drops_its_own_delete_at_once_and_no_other(
    store: DatabaseStore, clock: SettableClock
) -> None:
    await cancelled(store, clock, "1", "A")
    await cancelled(store, clock, "2", "B")
    _, delivery = await requested(store, clock, "3")
    await store.queue_took(QueueTook(stores.command_id(), delivery.row, delivery.attempt, InteractionId("A")))
    assert (await store.tally()).outbox == {"delete": 1}
    assert [due.interaction_id for due in await claimed(store)] == ["B"]


async def test_a_delete_that_was_written_while_its_id_was_taken_anew_is_dropped_by_the_claim(
    store: DatabaseStore, clock: SettableClock, run_sql: RunSql
) -> None:
    """Two nodes at the same moment: one ends a wait, the other stores that the queue gave its id to the next one."""
    ended = await cancelled(store, clock, "1", "A")
    wait, delivery = await requested(store, clock, "2")
    await store.queue_took(QueueTook(stores.command_id(), delivery.row, delivery.attempt, InteractionId("A")))
    run_sql(
        "INSERT INTO outbox (kind, wait, interaction_id, attempt, first_at, due_at)"
        f" VALUES ('delete', {ended.row}, 'A', 0, {clock.at}, {clock.at})"
    )
    await cancelled(store, clock, "3", "B")
    assert (await store.tally()).outbox == {"delete": 2}
    assert [due.interaction_id for due in await claimed(store)] == ["B"]
    assert (await store.tally()).outbox == {"delete": 1}
    await stores.end(store, Event.CANCEL, wait.row)
    assert [due.interaction_id for due in await claimed(store)] == ["A"], "now nobody waits under it"


async def test_ends_in_the_builtin_queue_and_ends_that_lost_make_no_delete_due(
    store: DatabaseStore, clock: SettableClock
) -> None:
    builtin = await stores.waiting(store, await stores.customer(store, "1"), clock)
    assert (await stores.end(store, Event.CANCEL, builtin.row)).verdict is Verdict.WON
    wait, delivery = await requested(store, clock, "2")
    await store.queue_took(QueueTook(stores.command_id(), delivery.row, delivery.attempt, InteractionId("A")))
    assert (await stores.not_delivered(store, interaction="A")).verdict is Verdict.WON
    assert (await stores.end(store, Event.CANCEL, wait.row)).verdict is Verdict.LOST
    assert await claimed(store) == []
    assert (await store.tally()).outbox == {}


async def test_a_second_answer_under_the_same_id_is_no_conflict(
    store: DatabaseStore, clock: SettableClock, run_sql: RunSql
) -> None:
    """The queue was asked twice for one wait, and twice it named the same interaction."""
    wait, delivery = await requested(store, clock, "1")
    run_sql(
        "INSERT INTO outbox (kind, wait, attempt, first_at, due_at)"
        f" VALUES ('create', {wait.row}, 1, {clock.at}, {clock.at})"
    )
    await store.queue_took(QueueTook(stores.command_id(), delivery.row, 1, InteractionId("A")))
    [second] = await claimed(store)
    answer = await store.queue_took(QueueTook(stores.command_id(), second.row, second.attempt, InteractionId("A")))
    assert (answer.changed, answer.stale, answer.conflict) == (False, False, False)
    assert (await store.tally()).outbox == {}
