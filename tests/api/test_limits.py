"""Rates per minute."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diyalog.api.limits import RateLimit
from kit.clock import SettableClock

MINUTE_MS = 60_000


def test_so_many_and_no_more() -> None:
    clock = SettableClock()
    limit = RateLimit(3, clock.now_ms)
    assert [limit.take("a") for _ in range(3)] == [0, 0, 0]
    assert limit.take("a") > 0
    assert limit.take("b") == 0


def test_off() -> None:
    limit = RateLimit(0, SettableClock().now_ms)
    assert {limit.take("a") for _ in range(1000)} == {0}


@pytest.mark.parametrize("taken", [3, 30, 300])
def test_after_the_time_to_wait_there_is_room(taken: int) -> None:
    clock = SettableClock()
    limit = RateLimit(taken, clock.now_ms)
    for _ in range(taken):
        assert limit.take("a") == 0
        clock.advance(100)
    wait = limit.take("a")
    clock.advance(wait * 1000)
    assert limit.take("a") == 0


def test_the_minute_before_still_counts() -> None:
    clock = SettableClock()
    limit = RateLimit(10, clock.now_ms)
    for _ in range(10):
        limit.take("a")
    clock.advance(MINUTE_MS + MINUTE_MS // 2)
    assert [limit.take("a") == 0 for _ in range(6)] == [True] * 5 + [False]
    clock.advance(2 * MINUTE_MS)
    assert all(limit.take("a") == 0 for _ in range(10))


def test_given_back() -> None:
    limit = RateLimit(1, SettableClock().now_ms)
    assert limit.take("a") == 0
    limit.give_back("a")
    limit.give_back("nobody")
    assert [limit.take("a") == 0, limit.take("a") == 0] == [True, False]


def test_strangers_cannot_fill_the_memory() -> None:
    limit = RateLimit(1, SettableClock().now_ms, keys=2)
    assert limit.take("a") == 0
    for stranger in range(100):
        assert limit.take("a") > 0, "who keeps coming is not forgotten"
        assert limit.take(stranger) == 0
    assert len(limit._windows) == 2


@given(st.lists(st.integers(0, 20_000), max_size=60), st.integers(1, 5))
def test_never_twice_the_limit_within_a_minute(gaps: list[int], per_minute: int) -> None:
    clock = SettableClock()
    limit = RateLimit(per_minute, clock.now_ms)
    passed: list[int] = []
    for gap in gaps:
        clock.advance(gap)
        if limit.take("a") == 0:
            passed.append(clock.at)
    for at in passed:
        assert sum(at - MINUTE_MS < other <= at for other in passed) < 2 * per_minute + 1


def test_a_clock_that_goes_back_locks_nobody_out() -> None:
    clock = SettableClock()
    limit = RateLimit(1, clock.now_ms)
    limit.take("a")
    clock.advance(-3_600_000)
    assert limit.take("a") == 0
