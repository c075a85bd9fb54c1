"""The event loop's lag is what a timer came late by."""

import asyncio

from diyalog.workers.lag import EVERY_S, Lag

LATE_S = 0.03


async def test_a_loop_that_is_held_up_is_noticed() -> None:
    """The clock goes on by what the sleep asked for and 30 ms more."""
    time = 100.0
    noted: list[float] = []
    enough = asyncio.Event()

    async def sleep(seconds: float) -> None:
        nonlocal time
        time += seconds + (LATE_S if seconds else 0.0)
        await asyncio.sleep(0)

    def note(seconds: float) -> None:
        noted.append(seconds)
        if len(noted) == 3:
            enough.set()

    worker = Lag(lambda: time, note, sleep)
    running = asyncio.create_task(worker.run())
    async with asyncio.timeout(5):
        await enough.wait()
    worker.stop()
    await running
    assert EVERY_S > LATE_S
    assert all(abs(seconds - LATE_S) < 1e-6 for seconds in noted)
