"""A node for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .desk_world import DeskWorld
from .world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path)
    await made.store.start()
    yield made
    await made.settle()
    await made.store.stop()


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[DeskWorld]:
    """A node with desks, which fails at nothing unless the test says so."""
    made = DeskWorld(tmp_path)
    await made.store.start()
    made.open_for_business()
    yield made
    await made.settle()
    assert made.notes.failures == made.expected_failures
    await made.store.stop()
