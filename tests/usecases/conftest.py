"""The databases that the tests of the audit trail run against, and the event loop that the server runs on."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import uvloop

from usecases.audit_databases import BACKENDS, AuditDatabase, audit_database


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run these tests on the event loop that the server runs on: connections differ between loops."""
    del config, item
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(params=BACKENDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AuditDatabase]:
    """A fresh database of each kind."""
    with audit_database(request, tmp_path) as made:
        yield made
