"""One queue of equal delays: cheaper than a timer for each of ten thousand sockets."""

from collections import deque
from collections.abc import Callable


class Deadlines:
    """Acts that are due a fixed time after they were added; whoever sweeps decides when they are looked at.

    `delay` is in seconds; `now` below is any monotonic time in seconds, such as the event loop's.
    """

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._queue: deque[tuple[float, Callable[[], None]]] = deque()

    def add(self, now: float, act: Callable[[], None]) -> None:
        """Have `act` called once, by the first sweep that comes `delay` after `now`. It must not raise."""
        self._queue.append((now + self._delay, act))

    def sweep(self, now: float) -> None:
        """Call what is due."""
        queue = self._queue
        while queue and queue[0][0] <= now:
            queue.popleft()[1]()
