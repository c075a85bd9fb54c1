"""What one message on the bus says: decimal row numbers joined by commas. Anything else says nothing."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from diyalog.ports_bus import MOST_ROWS

LONGEST: Final = MOST_ROWS * 20
"""Most bytes that are looked at: as many rows as a message has, of 19 digits and a comma each."""
_LARGEST_ROW: Final = (1 << 63) - 1
_ROWS: Final = re.compile(r"[1-9][0-9]{0,18}(?:,[1-9][0-9]{0,18})*")


def payloads(rows: Iterable[int]) -> Iterator[str]:
    """Yield the messages that say these rows, as few as may be."""
    left = iter(rows)
    while part := list(islice(left, MOST_ROWS)):
        yield ",".join(map(str, part))


def rows_in(payload: str) -> list[int]:
    """The rows that a message says; none if any part of it is not ours. Never raises."""
    if len(payload) > LONGEST or _ROWS.fullmatch(payload) is None:
        return []
    rows = [int(row) for row in payload.split(",")]
    return rows if max(rows) <= _LARGEST_ROW else []
