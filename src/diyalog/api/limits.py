"""Rates per minute, in bounded memory."""

import math
from collections.abc import Callable, Hashable
from typing import Final

_WINDOW_MS: Final = 60_000


class _Window:
    """What one key did in its present minute and in the one before."""

    __slots__ = ("before", "count", "since")

    def __init__(self, since: int) -> None:
        self.since = since
        self.count = 0
        self.before = 0


class RateLimit:
    """So many a minute for each key: a sliding window, the minute before weighed by how much of it still counts.

    `per_minute` 0 switches it off. At most `keys` keys are remembered; past that the one that came longest ago is
    forgotten first, so strangers cannot fill the memory. `now_ms` tells the time in milliseconds.
    """

    def __init__(self, per_minute: int, now_ms: Callable[[], int], keys: int = 50_000) -> None:
        self._per_minute = per_minute
        self._now_ms = now_ms
        self._most = keys
        self._windows: dict[Hashable, _Window] = {}

    def take(self, key: Hashable) -> int:
        """Count one for `key` and return 0; past the limit count nothing and return the seconds to wait."""
        if not self._per_minute:
            return 0
        now = self._now_ms()
        window = self._windows.pop(key, None) or _Window(now)
        self._windows[key] = window  # now the newest
        if len(self._windows) > self._most:
            del self._windows[next(iter(self._windows))]
        age = now - window.since
        if not 0 <= age < _WINDOW_MS:
            window.before = window.count if 0 <= age < 2 * _WINDOW_MS else 0
            window.count = 0
            window.since = window.since + _WINDOW_MS if 0 <= age < 2 * _WINDOW_MS else now
            age = now - window.since
        if window.count + window.before * (_WINDOW_MS - age) / _WINDOW_MS < self._per_minute:
            window.count += 1
            return 0
        return math.ceil((self._wait_ms(window, age) + 1) / 1000)

    def give_back(self, key: Hashable) -> None:
        """What was counted last for `key` does not count after all."""
        window = self._windows.get(key)
        if window is not None and window.count:
            window.count -= 1

    def _wait_ms(self, window: _Window, age: int) -> float:
        """How long until the weighed count is down to the limit; a moment later it is below."""
        spare = self._per_minute - window.count
        if spare > 0:
            return _WINDOW_MS * (1 - spare / window.before) - age
        # The present minute is full by itself: it has to end, and to lose weight as the one before.
        return _WINDOW_MS - age + _WINDOW_MS * (1 - self._per_minute / window.count)
