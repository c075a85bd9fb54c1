"""When the collector is frozen anew, and that frozen waiters are still freed."""

import gc
import weakref

from diyalog.server.collector import THRESHOLDS, Collector


class Waiter:
    pass


def test_freezes_once_a_ramp_is_over() -> None:
    collector = Collector()
    collector.started()
    assert gc.get_threshold() == THRESHOLDS
    assert [collector.tick(sockets) for sockets in (0, 500, 900, 1500, 1500, 1505, 1505)] == [
        False,  # nothing has happened
        False,
        False,
        False,
        True,  # the ramp is over
        False,
        False,
    ]
    assert [collector.tick(sockets) for sockets in (1000, 700, 700, 700)] == [False, False, True, False]


def test_frozen_waiters_are_freed_by_reference_counting() -> None:
    collector = Collector()
    collector.started()
    waiters = [Waiter() for _ in range(10)]
    last = weakref.ref(waiters[-1])
    collector.tick(2000)
    assert collector.tick(2000)
    assert gc.get_freeze_count() > 0
    waiters.clear()
    assert last() is None
