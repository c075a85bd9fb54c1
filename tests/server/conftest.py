"""The fixtures of the server's tests."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import pytest
import uvloop

from .world import Served, serving


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run these tests on the event loop that the server runs on: transports differ between loops."""
    del config, item
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
def collector_as_before() -> Iterator[None]:
    """A server tunes the process's garbage collector; give it back."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as running:
        yield running
        assert running.errors == []
