"""Keep Python's cyclic garbage collector from stopping the event loop while many customers wait."""

import gc
from typing import Final

THRESHOLDS: Final = (50_000, 20, 100)
RAMP: Final = 1_000


class Collector:
    """Freezes what lives long, so that a collection only looks at what is young.

    A full collection costs time for every object alive, and 10,000 waiters are some 100,000 objects. Frozen objects
    are skipped; they are still freed by reference counting when their connection goes. Only unreachable cycles among
    them would stay, so everything is collected and frozen anew when half of the frozen waiters have gone.
    """

    def __init__(self) -> None:
        self._frozen_at = 0
        self._last = 0

    def started(self) -> None:
        """Freeze what start-up has made: modules, tables, the application."""
        gc.collect()
        gc.freeze()
        gc.set_threshold(*THRESHOLDS)

    def tick(self, sockets: int) -> bool:
        """Look, about once a second, whether a ramp of waiters is over; True when frozen anew."""
        moved = abs(sockets - self._last)
        self._last = sockets
        if moved * 100 > sockets:
            return False  # still ramping up or down
        if sockets - self._frozen_at >= RAMP:
            gc.collect(0)  # the young ones only: dead cycles of the ramp's last moments need not be kept
            gc.freeze()
        elif self._frozen_at >= RAMP and sockets * 2 <= self._frozen_at:
            gc.unfreeze()
            gc.collect()
            gc.freeze()
        else:
            return False
        self._frozen_at = sockets
        return True
