"""Background loops: started in order, started again when they raise, stopped in the reverse order."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from diyalog.ports import StoreUnavailableError
from diyalog.ports_callouts import Alarm
from diyalog.workers.service import Periodic, Supervisor, Worker

from .jumping import JumpingTime, Notes


class Diary:
    """A worker that writes down what happens to it."""

    def __init__(self, name: str, notes: Notes, diary: list[str], raises: Sequence[Exception] = ()) -> None:
        self.name = name
        self.notes = notes
        self.diary = diary
        self.raises = list(raises)
        self.asked = asyncio.Event()
        self.deaf = False

    async def run(self) -> None:
        self.diary.append(f"{self.name} runs")
        self.notes.tell()
        if self.raises:
            raise self.raises.pop(0)
        try:
            await self.asked.wait()
            if self.deaf:
                await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            self.diary.append(f"{self.name} is cancelled")
            raise
        self.diary.append(f"{self.name} ends")

    def stop(self) -> None:
        self.asked.set()


@asynccontextmanager
async def supervised(workers: Sequence[Worker], time: JumpingTime) -> AsyncIterator[None]:
    async with asyncio.timeout(10):
        async with Supervisor(
            workers, clock=time, sleep=time.sleep, random=lambda: 0.5, journal=time.notes, stop_s=2.0
        ):
            yield


async def sleeping(time: JumpingTime, seconds: float) -> None:
    """Wait until somebody sleeps exactly that long from now."""
    moment = time.at + round(seconds * 1000)
    await time.notes.until(lambda: time.sleeps_until(moment))


async def failing_server(worker: Diary, time: JumpingTime) -> None:
    async with supervised([worker], time):
        await time.notes.until(lambda: worker.diary != [])
        raise KeyError("planned")


@pytest.fixture
def time() -> JumpingTime:
    return JumpingTime(Notes())


async def test_workers_start_in_order_and_stop_in_the_reverse_order(time: JumpingTime) -> None:
    diary: list[str] = []
    workers = [Diary(name, time.notes, diary) for name in "abc"]
    async with supervised(workers, time):
        await time.notes.until(lambda: len(diary) == 3)
    assert diary == ["a runs", "b runs", "c runs", "c ends", "b ends", "a ends"]
    assert time.notes.alarms == []


async def test_a_worker_that_raises_is_started_again_after_a_growing_pause(time: JumpingTime) -> None:
    diary: list[str] = []
    worker = Diary("a", time.notes, diary, [ValueError("1"), StoreUnavailableError("2"), ValueError("3")])
    async with supervised([worker, Diary("b", time.notes, diary)], time):
        for pause in (0.1, 0.2, 0.4):
            await sleeping(time, pause)
            time.jump(pause)
        await time.notes.until(lambda: diary.count("a runs") == 4)
    assert diary.count("b runs") == 1
    assert [alarm for alarm, _ in time.notes.alarms] == [
        Alarm.WORKER_FAILED,
        Alarm.STORE_UNAVAILABLE,
        Alarm.WORKER_FAILED,
    ]
    # A store that is away is no fault of the program.
    assert [where for where, _ in time.notes.failures] == ["a", "a"]


async def test_a_worker_that_ran_well_before_it_raised_waits_little_again(time: JumpingTime) -> None:
    turns = 0

    async def turn() -> bool:
        nonlocal turns
        turns += 1
        if turns in {1, 2, 4}:
            raise ValueError("planned")
        return False

    async with supervised([Periodic("p", 40.0, turn, time.sleep)], time):
        for pause in (0.1, 0.2, 40.0, 0.1):
            await sleeping(time, pause)
            time.jump(pause)
        await time.notes.until(lambda: turns == 5 and time.sleeps_until(time.at + 40_000))


async def test_a_store_that_was_away_for_long_is_used_again_soon(time: JumpingTime) -> None:
    diary: list[str] = []
    away = Diary("a", time.notes, diary, [StoreUnavailableError(str(number)) for number in range(9)])
    async with supervised([away], time):
        for pause in (0.1, 0.2, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4):
            await sleeping(time, pause)
            time.jump(pause)
        await time.notes.until(lambda: diary.count("a runs") == 10)


async def test_a_stop_does_not_wait_for_a_pause_after_a_failure(time: JumpingTime) -> None:
    diary: list[str] = []
    async with supervised([Diary("a", time.notes, diary, [ValueError("1")])], time):
        await time.notes.until(lambda: time.sleeps_until(time.at + 100))
    assert diary == ["a runs"]


async def test_a_worker_that_does_not_stop_is_cancelled_and_the_others_still_stop(time: JumpingTime) -> None:
    diary: list[str] = []
    workers = [Diary(name, time.notes, diary) for name in "ab"]
    workers[1].deaf = True

    async def impatience() -> None:
        await time.notes.until(lambda: time.sleeps_until(time.at + 2000))
        time.jump(2)

    jumping = asyncio.ensure_future(impatience())
    async with supervised(workers, time):
        await time.notes.until(lambda: len(diary) == 2)
    await jumping
    assert diary[2:] in (["a ends", "b is cancelled"], ["b is cancelled", "a ends"])


async def test_a_failure_of_the_server_itself_is_passed_on_after_the_stop(time: JumpingTime) -> None:
    diary: list[str] = []
    with pytest.raises(KeyError):
        await failing_server(Diary("a", time.notes, diary), time)
    assert diary == ["a runs", "a ends"]


async def test_starting_and_stopping_at_any_moment_leaves_nothing_running(time: JumpingTime) -> None:
    for moment in range(20):
        diary: list[str] = []
        workers = [Diary(name, time.notes, diary, [ValueError("x")] * (moment % 3)) for name in "abc"]
        async with supervised(workers, time):
            for _ in range(moment):
                await asyncio.sleep(0)
        assert diary.count("a is cancelled") == 0
        await asyncio.sleep(0)  # what was cancelled ends at the loop's next turn
        assert time.sleepers == []
    assert len(asyncio.all_tasks()) == 1


async def test_a_turn_in_progress_is_finished(time: JumpingTime) -> None:
    begun, go_on, finished = asyncio.Event(), asyncio.Event(), []

    async def turn() -> bool:
        begun.set()
        await go_on.wait()
        finished.append(1)
        return True

    worker = Periodic("p", 5.0, turn, time.sleep)
    running = asyncio.ensure_future(worker.run())
    await begun.wait()
    worker.stop()
    go_on.set()
    await asyncio.wait_for(running, 5)
    assert finished == [1]


async def test_a_worker_stopped_before_it_ran_does_nothing(time: JumpingTime) -> None:
    async def turn() -> bool:
        raise AssertionError("a turn")

    worker = Periodic("p", 5.0, turn, time.sleep)
    worker.stop()
    await asyncio.wait_for(worker.run(), 5)
    assert time.sleepers == []
