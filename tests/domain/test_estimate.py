"""Estimates are of what happened lately, and none is made up."""

import pytest

from diyalog.domain.estimate import estimated_wait_ms, pace_of

MINUTE = 60_000
NOW = 1_795_000_000_000


def ago(*minutes: float) -> list[int]:
    return [NOW - round(one * MINUTE) for one in minutes]


@pytest.mark.parametrize(
    ("position", "accepted_at", "expected"),
    [
        (1, ago(1, 2, 3), MINUTE),
        (4, ago(1, 2, 3), 4 * MINUTE),
        (2, ago(0, 0, 0), 0),
        (1, ago(2, 5, 10, 20), 5 * MINUTE),
        (1, ago(1, 2, 29.9), 598_000),
        (1, ago(1, 2, 30), None),
        (1, ago(1, 2), None),
        (1, [], None),
    ],
)
def test_it_is_the_place_times_the_mean_time_between_accepts(
    position: int, accepted_at: list[int], expected: int | None
) -> None:
    assert estimated_wait_ms(position, pace_of(accepted_at, NOW, available=True)) == expected


def test_nobody_there_makes_it_unknown() -> None:
    assert estimated_wait_ms(1, pace_of(ago(1, 2, 3), NOW, available=False)) is None


def test_only_the_newest_twenty_count() -> None:
    quick = ago(*([1] * 20))
    assert estimated_wait_ms(20, pace_of(quick + ago(25, 26), NOW, available=True)) == MINUTE
