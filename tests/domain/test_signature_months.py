"""Every month of a signed request's date, against days counted by hand."""

import pytest

from diyalog.domain.signature import parse_date

DAY_MS = 86_400_000
NEW_YEAR_2026 = 1_767_225_600_000
DAYS_BEFORE = {
    b"Jan": 0,
    b"Feb": 31,
    b"Mar": 59,
    b"Apr": 90,
    b"May": 120,
    b"Jun": 151,
    b"Jul": 181,
    b"Aug": 212,
    b"Sep": 243,
    b"Oct": 273,
    b"Nov": 304,
    b"Dec": 334,
}


@pytest.mark.parametrize("month", DAYS_BEFORE)
def test_month(month: bytes) -> None:
    assert parse_date(b"Mon, 01 " + month + b" 2026 00:00:00 GMT") == NEW_YEAR_2026 + DAYS_BEFORE[month] * DAY_MS
