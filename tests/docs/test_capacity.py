"""The worked table of the capacity page is what its sums say."""

import math
import re
from typing import Final

import pytest

from .pages import DOCS, column

PAGE: Final = DOCS / "capacity.md"
WAIT_S, RECONNECTS, KEEP_DAYS, DAY_S = 600, 1, 30, 14_400


def number(text: str) -> float:
    return float(re.sub(r"[^\d.]", "", text))


def measured() -> list[tuple[float, float, float]]:
    """CPU of the node and of PostgreSQL in seconds, and bytes of log, in the order of the page."""
    rows = column(PAGE, "| for each | CPU of the node | CPU of PostgreSQL | write-ahead log |")
    return [(number(node) / 1e6, number(database) / 1e6, number(log)) for _, node, database, log in rows]


@pytest.mark.parametrize("row", range(4))
def test_the_worked_table(row: int) -> None:
    start, connection, told, closed, idle, alone = measured()
    cells = column(PAGE, "| N | M | cores of nodes | P | memory of nodes | cores of PostgreSQL | log, MB/s | "
                         "connections | NATS messages/s | disk, GB |")[row]  # fmt: skip
    waiting = number(cells[0])
    lives = waiting / WAIT_S
    connections = lives * (1 + RECONNECTS)

    def cores(part: int) -> float:
        return waiting * idle[part] + lives * (start[part] + told[part] + closed[part]) + connections * connection[part]

    processes = max(2, math.ceil(waiting / 50_000))
    while processes * 0.6 < cores(0) + processes * alone[0]:
        processes += 1
    worked = (
        lives,
        cores(0) + processes * alone[0],
        processes,
        (waiting * 7.4 / 1024 + processes * 65) / 1024,
        cores(1) + processes * alone[1] + processes * waiting * 20e-9 / 15,
        (lives * (start[2] + told[2] + closed[2]) + connections * connection[2]) / 1e6,
        processes * 8,
        lives * (processes - 1) / processes,
        lives * DAY_S * KEEP_DAYS * 2e3 / 1e9,
    )
    assert [number(cell) for cell in cells[1:]] == [
        round(value, 1 if "." in cell else 0) for value, cell in zip(worked, cells[1:], strict=True)
    ]
