"""The access keys in memory, over a real store."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from diyalog.domain.ids import AccessKeyId
from diyalog.domain.results import KeyRecord
from diyalog.storage.sealing import Sealer
from diyalog.storage.sqlite import SqliteStore
from diyalog.usecases.keyring import KeyRing
from kit import stores
from kit.clock import SettableClock

NEW, STRANGER = AccessKeyId("AK-NEW"), AccessKeyId("AK-STRANGER")


class CountingStore(SqliteStore):
    """Counts how often the keys are read."""

    reads = 0

    async def keys(self) -> Sequence[KeyRecord]:
        self.reads += 1
        return await super().keys()


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def store(tmp_path: Path, clock: SettableClock) -> AsyncIterator[CountingStore]:
    made = CountingStore(tmp_path, Sealer(b"k" * 32), clock, stores.NODE)
    await made.start()
    yield made
    await made.stop()


async def test_a_key_made_right_after_a_reading_is_found(store: CountingStore, clock: SettableClock) -> None:
    ring = KeyRing(store, clock)
    await ring.refresh()
    await store.create_key(NEW, "bank", "s" * 43)
    assert await ring.find(NEW) is not None


async def test_a_known_key_causes_no_reading(store: CountingStore, clock: SettableClock) -> None:
    await store.create_key(NEW, "bank", "s" * 43)
    ring = KeyRing(store, clock)
    await ring.refresh()
    for _ in range(30):
        assert await ring.find(NEW) is not None
    assert store.reads == 1


async def test_strangers_cause_twenty_readings_a_second(store: CountingStore, clock: SettableClock) -> None:
    ring = KeyRing(store, clock)
    for _ in range(100):
        assert await ring.find(STRANGER) is None
    assert store.reads == 20
    clock.advance(100)
    for _ in range(100):
        assert await ring.find(STRANGER) is None
    assert store.reads == 22
    clock.advance(-3_600_000)
    assert await ring.find(STRANGER) is None
    clock.advance(60_000)
    for _ in range(100):
        assert await ring.find(STRANGER) is None
    assert store.reads == 42


async def test_strangers_who_come_at_once_share_a_reading(store: CountingStore, clock: SettableClock) -> None:
    ring = KeyRing(store, clock)
    assert await asyncio.gather(*(ring.find(STRANGER) for _ in range(500))) == [None] * 500
    assert store.reads == 2, "the first one's, and the next for all who came during it"
