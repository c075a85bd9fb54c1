"""The databases that the tests of the audit trail run against."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from usecases.audit_databases import BACKENDS, AuditDatabase, audit_database


@pytest.fixture(params=BACKENDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AuditDatabase]:
    """A fresh database of each kind."""
    with audit_database(request, tmp_path) as made:
        yield made
