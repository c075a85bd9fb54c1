"""The text of a message: known answers, and every list of rows comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diyalog.bus.payload import LONGEST, payloads, rows_in
from diyalog.ports_bus import MOST_ROWS

POSTGRES_LIMIT = 8000
"""A payload of NOTIFY must be shorter, in bytes."""
LARGEST = (1 << 63) - 1


@pytest.mark.parametrize(
    ("payload", "rows"),
    [("1", [1]), ("7,12,7", [7, 12, 7]), ("9223372036854775807", [LARGEST]), ("9223372036854775808", []), ("1,0", [])],
)
def test_known_answers(payload: str, rows: list[int]) -> None:
    assert rows_in(payload) == rows


@given(st.lists(st.integers(1, LARGEST), max_size=3 * MOST_ROWS))
def test_rows_come_back_in_as_few_messages_as_may_be(rows: list[int]) -> None:
    said = list(payloads(rows))
    assert [row for payload in said for row in rows_in(payload)] == rows
    assert len(said) == -(-len(rows) // MOST_ROWS)


def test_the_longest_message_fits_into_a_notification() -> None:
    [longest] = payloads([LARGEST] * MOST_ROWS)
    assert len(longest) == LONGEST - 1 < POSTGRES_LIMIT
    assert len(rows_in(longest)) == MOST_ROWS


@given(st.text())
def test_whatever_comes_is_rows_or_nothing(payload: str) -> None:
    assert all(0 < row <= LARGEST for row in rows_in(payload))
