from collections.abc import Iterator

import pytest

from client.checker import Checker, running_checker


@pytest.fixture
def checker() -> Iterator[Checker]:
    with running_checker() as running:
        yield running
