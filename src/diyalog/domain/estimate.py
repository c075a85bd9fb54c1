"""How long a customer will probably wait, from how fast customers were taken lately."""

from collections.abc import Sequence
from typing import Final, NamedTuple

WINDOW_MS: Final = 1_800_000
"""What happened longer ago says nothing of now."""
SAMPLES: Final = 20
"""How many of the newest accepts are looked at."""
_FEWEST: Final = 3


class Pace(NamedTuple):
    """How fast customers were taken lately: so many of them in `ms` milliseconds."""

    ms: int
    accepts: int


def pace_of(accepted_at: Sequence[int], now_ms: int, *, available: bool) -> Pace | None:
    """How fast customers are taken: from the last accepts until now.

    `accepted_at`: when waits were accepted (ms since 1970), the newest first; `available`: somebody takes offers. None
    when nobody does, or when fewer than three were accepted within the last half hour: unknown is no made-up number.
    """
    recent = [at for at in accepted_at[:SAMPLES] if now_ms - at < WINDOW_MS]
    if not available or len(recent) < _FEWEST:
        return None
    return Pace(max(0, now_ms - recent[-1]), len(recent))


def estimated_wait_ms(position: int, pace: Pace | None) -> int | None:
    """The place in the line, counted from 1, times the mean time between accepts; None when that is not known."""
    return None if pace is None else position * pace.ms // pace.accepts
