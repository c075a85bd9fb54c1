"""What every store must do as time goes by: waits end when they are due, and calls to the queue keep their order."""

from diyalog.domain.commands import QueueFailed, QueueTook
from diyalog.domain.ids import InteractionId, NodeId
from diyalog.domain.results import Delivery, StartResult
from diyalog.domain.transitions import Event
from diyalog.domain.wait import Reason
from diyalog.storage.store import DatabaseStore
from kit import stores
from kit.clock import SettableClock

LEASE_MS = 1000
OTHER = NodeId("node-b")


async def end_due(store: DatabaseStore, limit: int = 10) -> tuple[list[tuple[int, Reason | None]], bool]:
    """The rows that were ended, each with its reason, and whether others may be due."""
    ended = await store.end_due(stores.command_id(), limit)
    return [(wait.row, wait.reason) for wait in ended.waits], ended.more


async def requested(store: DatabaseStore, clock: SettableClock, customer: str) -> Delivery:
    result: StartResult = await stores.started(store, await stores.customer(store, customer), clock)
    assert result.delivery is not None
    return result.delivery


async def took(store: DatabaseStore, delivery: Delivery, interaction: str) -> bool:
    """Whether the queue's answer counted."""
    command = QueueTook(stores.command_id(), delivery.row, delivery.attempt, InteractionId(interaction))
    return not (await store.queue_took(command)).stale


async def cancelled(store: DatabaseStore, clock: SettableClock, customer: str, interaction: str) -> None:
    """A delete is due under this id."""
    delivery = await requested(store, clock, customer)
    assert await took(store, delivery, interaction)
    wait = await store.wait(delivery.session_id)
    assert wait is not None
    await stores.end(store, Event.CANCEL, wait.row)


async def claimed(store: DatabaseStore, limit: int = 10, node: NodeId = stores.NODE) -> list[str | None]:
    return [delivery.interaction_id for delivery in await store.claim(node, limit, LEASE_MS)]


async def test_waits_end_at_their_time_each_for_its_own_reason(store: DatabaseStore, clock: SettableClock) -> None:
    stays = await stores.waiting(store, await stores.customer(store, "1"), clock)
    leaves = await stores.waiting(store, await stores.customer(store, "2"), clock)
    await store.present(stays.row, connected=True)
    clock.advance(stores.ABANDON_MS - 1)
    assert await end_due(store) == ([], False)
    clock.advance(1)
    assert await end_due(store) == ([(leaves.row, Reason.ABANDONED)], False)
    clock.advance(stores.LIMIT_MS - stores.ABANDON_MS - 1)
    assert await end_due(store) == ([], False)
    clock.advance(1)
    assert await end_due(store) == ([(stays.row, Reason.TIME_LIMIT)], False)
    assert await end_due(store) == ([], False)


async def test_no_more_waits_end_at_once_than_asked_for_and_those_first_that_are_due_longest(
    store: DatabaseStore, clock: SettableClock
) -> None:
    rows = []
    for number in range(3):
        clock.advance(-10)
        rows.append((await stores.waiting(store, await stores.customer(store, str(number)), clock)).row)
    clock.advance(30 + stores.ABANDON_MS)
    assert await end_due(store, 2) == ([(rows[2], Reason.ABANDONED), (rows[1], Reason.ABANDONED)], True)
    assert await end_due(store, 2) == ([(rows[0], Reason.ABANDONED)], False)


async def test_a_delete_of_an_id_that_came_late_is_due_since_it_came(
    store: DatabaseStore, clock: SettableClock
) -> None:
    late = await requested(store, clock, "1")
    wait = await store.wait(late.session_id)
    assert wait is not None
    await stores.end(store, Event.CANCEL, wait.row)
    clock.advance(5)
    await cancelled(store, clock, "2", "B")
    clock.advance(5)
    assert await took(store, late, "A")
    came_at = clock.at
    clock.advance(5)
    first, second = await store.claim(stores.NODE, 10, LEASE_MS)
    assert [first.interaction_id, second.interaction_id] == ["B", "A"]
    assert second.first_at == came_at


async def test_what_a_node_frees_stands_behind_what_was_due_before(store: DatabaseStore, clock: SettableClock) -> None:
    await cancelled(store, clock, "1", "A")
    assert await claimed(store) == ["A"]
    clock.advance(5)
    await cancelled(store, clock, "2", "B")
    clock.advance(5)
    await store.leave(stores.NODE)
    assert await claimed(store) == ["B", "A"]


async def test_a_request_in_hand_is_not_claimed_by_others_who_have_much_to_do(
    store: DatabaseStore, clock: SettableClock
) -> None:
    held = await requested(store, clock, "waits")
    for number in range(3):
        await cancelled(store, clock, str(number), f"I-{number}")
    assert await claimed(store, 2) == ["I-0", "I-1"]
    assert await took(store, held, "W"), "its fence is the newest"


async def test_requests_come_in_the_order_in_which_they_are_due(store: DatabaseStore, clock: SettableClock) -> None:
    first = await requested(store, clock, "first")
    second = await requested(store, clock, "second")
    for delivery, at in ((first, clock.at + 20), (second, clock.at + 10)):
        asked_again = QueueFailed(stores.command_id(), delivery.row, delivery.attempt, None, retry_at=at)
        await store.queue_failed(asked_again)
    for number in range(3):
        await cancelled(store, clock, str(number), f"I-{number}")
    clock.advance(20)
    taken = await store.claim(stores.NODE, 3, LEASE_MS)
    assert [delivery.session_id for delivery in taken[:2]] == [second.session_id, first.session_id]


async def test_what_can_never_be_found_out_takes_no_answer_any_more(store: DatabaseStore, clock: SettableClock) -> None:
    delivery = await requested(store, clock, "1")
    other = await requested(store, clock, "2")
    lost = QueueFailed(stores.command_id(), delivery.row, delivery.attempt, Event.QUEUE_TIMEOUT, unresolved=True)
    assert not (await store.queue_failed(lost)).stale
    assert not await took(store, delivery, "A")
    again = lost._replace(command=stores.command_id(), unresolved=False, settled=True)
    assert (await store.queue_failed(again)).stale
    assert [row.session_id for row in await store.unresolved()] == [delivery.session_id]
    assert await took(store, other, "B"), "the other one is not concerned"


async def test_a_wait_stands_in_the_queue_since_the_queue_answered(store: DatabaseStore, clock: SettableClock) -> None:
    delivery = await requested(store, clock, "1")
    clock.advance(7)
    assert await took(store, delivery, "A")
    wait = await store.wait(delivery.session_id)
    assert wait is not None
    _, events = await store.events(wait.row, 0)
    assert [(event.kind, event.at) for event in events] == [("wait.started", clock.at)]


async def test_what_can_never_be_found_out_is_not_claimed_while_its_wait_goes_on(
    store: DatabaseStore, clock: SettableClock
) -> None:
    delivery = await requested(store, clock, "waits")
    lost = QueueFailed(stores.command_id(), delivery.row, delivery.attempt, None, unresolved=True)
    assert not (await store.queue_failed(lost)).stale
    for number in range(3):
        await cancelled(store, clock, str(number), f"I-{number}")
    clock.advance(stores.QUEUE_TIMEOUT_MS + 200_000)
    assert await claimed(store, 2) == ["I-0", "I-1"]
