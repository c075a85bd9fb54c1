"""Sessions follow each other until the bus is stopped, and each change is reported once."""

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest

from diyalog.bus.standing import SessionEndedError, Standing
from diyalog.ports_bus import BusFault
from kit.buses import BusReports

pytestmark = pytest.mark.usefixtures("nothing_unseen")
LIMIT_S = 10


async def test_faults_are_told_when_they_change_and_the_pauses_are_drawn_anew() -> None:
    faults = [BusFault.UNREACHABLE, BusFault.UNREACHABLE, BusFault.REFUSED, BusFault.REFUSED, None]
    drawn: list[float] = []
    reports = BusReports()

    async def session(up: Callable[[], None]) -> None:
        fault = faults.pop(0)
        if fault is not None:
            raise SessionEndedError(fault)
        up()
        await asyncio.Event().wait()

    def draw() -> float:
        drawn.append(0.01)
        return 0.01

    standing = Standing(session, reports, draw)
    standing.start()
    await reports.connected()
    was_connected = standing.connected
    await standing.stop()
    assert (was_connected, standing.connected) == (True, False)
    assert reports.said == ["unreachable", "refused", "connected"]
    assert len(drawn) == 4


async def test_pauses_grow_with_failures_up_to_a_limit() -> None:
    times: list[float] = []
    enough = asyncio.Event()
    clock = asyncio.get_running_loop().time

    async def session(_up: Callable[[], None]) -> None:
        times.append(clock())
        if len(times) == 5:
            enough.set()
        raise SessionEndedError(BusFault.UNREACHABLE)

    standing = Standing(session, BusReports(), lambda: 0.1)
    standing.start()
    async with asyncio.timeout(LIMIT_S):
        await enough.wait()
    await standing.stop()
    pauses = [later - earlier for earlier, later in pairwise(times)]
    for pause, least in zip(pauses, [0.01, 0.02, 0.04, 0.08], strict=True):
        assert pause >= least * 0.9


async def test_a_fault_of_the_program_is_reported_and_does_not_end_it() -> None:
    reports = BusReports()
    errors: list[Exception] = [KeyError("a bug")]

    async def session(up: Callable[[], None]) -> None:
        if errors:
            raise errors.pop()
        up()
        await asyncio.Event().wait()

    standing = Standing(session, reports, lambda: 0.0)
    standing.start()
    await reports.connected()
    await standing.stop()
    assert [type(error) for error in reports.errors] == [KeyError]
    assert reports.said == ["broken", "connected"]


async def test_it_stops_though_a_cancellation_is_swallowed() -> None:
    swallowed = 0
    reports = BusReports()

    async def session(up: Callable[[], None]) -> None:
        nonlocal swallowed
        up()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed += 1

    standing = Standing(session, reports, lambda: 0.0)
    standing.start()
    await reports.connected()
    async with asyncio.timeout(LIMIT_S):
        await standing.stop()
    assert swallowed == 1
    assert reports.said == ["connected"]


async def test_stopping_before_it_started() -> None:
    standing = Standing(lambda _: asyncio.sleep(0), BusReports(), lambda: 0.0)
    await standing.stop()
    assert not standing.connected
