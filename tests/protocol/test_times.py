"""Known times as RFC 3339 texts."""

import pytest

from diyalog.protocol.times import rfc3339


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1, "1970-01-01T00:00:00.001Z"),
        (1_795_363_200_123, "2026-11-22T16:00:00.123Z"),
        (1_795_363_199_999, "2026-11-22T15:59:59.999Z"),
        (1_709_164_800_000, "2024-02-29T00:00:00.000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"),
    ],
)
def test_a_time_is_written_with_milliseconds_in_utc(ms: int, text: str) -> None:
    assert rfc3339(ms) == text


def test_a_time_past_the_year_9999_is_refused() -> None:
    with pytest.raises(OverflowError):
        rfc3339(253_402_300_800_000)
