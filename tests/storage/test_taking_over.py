"""What a server that starts on an existing file takes over from the one before it."""

from pathlib import Path

from diyalog.domain.commands import QueueTook
from diyalog.domain.ids import InteractionId, NodeId
from diyalog.domain.transitions import Event
from diyalog.storage.sqlite import SqliteStore
from kit import stores
from kit.clock import SettableClock

LEASE_MS = 60_000


async def cancelled(store: SqliteStore, clock: SettableClock, customer: str, interaction: str) -> None:
    """A delete is due under this id."""
    begun = await stores.started(store, await stores.customer(store, customer), clock)
    assert begun.delivery is not None
    assert begun.wait is not None
    await store.queue_took(QueueTook(stores.command_id(), begun.delivery.row, 1, InteractionId(interaction)))
    await stores.end(store, Event.CANCEL, begun.wait.row)


async def test_what_another_process_held_stands_behind_what_was_due_before(tmp_path: Path) -> None:
    clock, first, second = SettableClock(), NodeId("first"), NodeId("second")
    async with stores.sqlite_store(tmp_path, clock, first) as store:
        await cancelled(store, clock, "1", "A")
        assert [delivery.interaction_id for delivery in await store.claim(first, 10, LEASE_MS)] == ["A"]
        clock.advance(5)
        await cancelled(store, clock, "2", "B")
    clock.advance(5)
    async with stores.sqlite_store(tmp_path, clock, second) as store:
        await store.enter(second)
        assert [delivery.interaction_id for delivery in await store.claim(second, 10, LEASE_MS)] == ["B", "A"]
