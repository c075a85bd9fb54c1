"""What every store must do with the answers that are given to an app's own calls; run against each backend."""

from diyalog.domain.commands import Idempotency
from diyalog.domain.transitions import Event
from diyalog.storage.store import DatabaseStore
from kit import stores
from kit.clock import SettableClock

KEY = Idempotency(b"scope", b"body")
STARTED, FAILED = b'{"state":"WAITING"}', b'{"state":"ENDED"}'


async def ended(store: DatabaseStore, clock: SettableClock) -> tuple[int, int]:
    """A wait that was started with KEY and ended; its row and newest event."""
    who = await stores.customer(store, "1")
    result = await store.start_wait(stores.start(who, clock, idempotency=KEY))
    assert result.wait is not None
    wait = (await stores.end(store, Event.QUEUE_TIMEOUT, result.wait.row)).wait
    assert wait is not None
    return wait.row, wait.seq


async def acknowledged(store: DatabaseStore, row: int) -> bool:
    [wait] = await store.waits([row])
    return wait.acknowledged_at is not None


async def test_the_answer_that_is_kept_acknowledges_the_end_it_tells(
    store: DatabaseStore, clock: SettableClock
) -> None:
    told = await ended(store, clock)
    await store.remember_answer(KEY, 502, FAILED, told)
    assert await acknowledged(store, told[0])


async def test_an_answer_that_came_too_late_to_be_kept_acknowledges_nothing(
    store: DatabaseStore, clock: SettableClock
) -> None:
    told = await ended(store, clock)
    await store.remember_answer(KEY, 201, STARTED)
    await store.remember_answer(KEY, 502, FAILED, told)
    assert not await acknowledged(store, told[0])
    who = await stores.customer(store, "1")
    again = await store.start_wait(stores.start(who, clock, idempotency=KEY))
    assert again.answer == (201, STARTED)
