"""When to try again."""

from math import ldexp

_DOUBLINGS = 64


def delay(attempt: int, random: float, *, base: float, cap: float) -> float:
    """Seconds to wait before the next try: full jitter over a window that doubles with every failure.

    `attempt` counts the failures before this wait from 0, so that the first window is `base` seconds; no window is
    longer than `cap` seconds. `random` is drawn evenly from 0 to 1 (1 excluded) by the caller. The whole window is
    used, so that callers who failed together do not come back together.

    Raises ValueError for a negative `attempt`.
    """
    if attempt < 0:
        raise ValueError("attempt counts from 0")
    # Bounded doublings: after that many the cap rules anyway, and a float must not overflow on the millionth attempt.
    return random * min(cap, ldexp(base, min(attempt, _DOUBLINGS)))
