import pytest
from hypothesis import given
from hypothesis import strategies as st

from diyalog.domain.retry import delay


@pytest.mark.parametrize(
    ("attempt", "random", "seconds"),
    [
        (0, 0.0, 0.0),
        (0, 0.5, 0.5),
        (1, 0.5, 1.0),
        (2, 0.25, 1.0),
        (4, 0.5, 8.0),
        (5, 0.5, 15.0),
        (1_000_000, 0.5, 15.0),
    ],
)
def test_the_window_doubles_up_to_the_cap(attempt: int, random: float, seconds: float) -> None:
    assert delay(attempt, random, base=1.0, cap=30.0) == seconds


@given(
    st.integers(min_value=0),
    st.floats(min_value=0, max_value=1, exclude_max=True),
    st.floats(min_value=0.001, max_value=60),
    st.floats(min_value=0.001, max_value=3600),
)
def test_a_delay_is_never_negative_nor_over_the_cap(attempt: int, random: float, base: float, cap: float) -> None:
    assert 0 <= delay(attempt, random, base=base, cap=cap) <= cap


def test_a_negative_attempt_is_refused() -> None:
    with pytest.raises(ValueError, match="counts from 0"):
        delay(-1, 0.5, base=1.0, cap=30.0)
