"""One queue of equal delays: cheaper than a timer for each of ten thousand sockets."""

from collections import OrderedDict
from collections.abc import Callable


class Deadlines:
    """Acts that are due a fixed time after they were added; whoever sweeps decides when they are looked at.

    `delay` is in seconds; `now` below is any monotonic time in seconds, such as the event loop's. A key has one
    deadline at a time, the first that was added.
    """

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._queue: OrderedDict[object, tuple[float, Callable[[], None]]] = OrderedDict()

    def add(self, now: float, key: object, act: Callable[[], None]) -> None:
        """Have `act` called once, by the first sweep that comes `delay` after `now`. It must not raise."""
        self._queue.setdefault(key, (now + self._delay, act))

    def drop(self, key: object) -> None:
        """Forget a key's deadline, if it has one: whoever is gone is not kept in memory until then."""
        self._queue.pop(key, None)

    def sweep(self, now: float) -> None:
        """Call what is due."""
        queue = self._queue
        while queue:
            key, (due_at, act) = queue.popitem(last=False)
            if due_at > now:
                queue[key] = due_at, act
                queue.move_to_end(key, last=False)
                return
            act()
