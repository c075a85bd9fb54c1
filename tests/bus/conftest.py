"""The buses' tests run on the event loop that the server runs on; nothing may go wrong unseen."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import uvloop

from kit.buses import nothing_goes_wrong_unseen
from kit.certificates import Authority


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run these tests on the event loop that the server runs on: connections differ between loops."""
    del config, item
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def nothing_unseen(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> AsyncIterator[None]:
    """Fails when something is printed or logged, an exception is seen by nobody, or a task is left."""
    with nothing_goes_wrong_unseen():
        yield
    assert asyncio.all_tasks() == {asyncio.current_task()}, "tasks were left"
    assert [record.getMessage() for record in caplog.get_records("call")] == []
    assert tuple(capfd.readouterr()) == ("", "")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)
