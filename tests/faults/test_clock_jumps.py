"""Somebody sets the machine's clock while customers wait. Deadlines are the clock's; pauses and timeouts are not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.driver import NOT_DELIVERED, signature
from api.node import running_node
from diyalog.domain.wait import Outcome, Reason, State, Wait
from diyalog.storage.sealing import Sealer
from diyalog.storage.sqlite import DATABASE_NAME, SqliteStore
from diyalog.usecases.changes import Changes
from diyalog.usecases.commanding import CommandIds
from diyalog.usecases.waiting import Waiting, WaitingPolicy
from diyalog.workers.deadlines import EVERY_S, deadlines
from kit import stores
from kit.checker import Told, check_database
from usecases.company_world import TIMEOUT_S, world
from workers.jumping import JumpingTime, Notes

SECOND, HOUR = 1000, 3_600_000
JUMPS = [SECOND, -SECOND, 40 * SECOND, -40 * SECOND, HOUR, -HOUR, 30 * HOUR, -30 * HOUR]
JUMP_IDS = [f"{jump / SECOND:+g} s" for jump in JUMPS]


class NoQueue:
    """The built-in queue has nothing to be told."""

    def dispatch(self, delivery: object) -> None:
        raise AssertionError("a call")

    def kick(self) -> None:
        """Nothing is ever due."""


@dataclass
class Node:
    """The store and the loop that ends what is due, on one clock."""

    time: JumpingTime
    store: SqliteStore
    ended: list[Wait]

    async def wait(self, customer_id: str, *, connected: bool) -> Wait:
        who = await stores.customer(self.store, customer_id)
        result = await self.store.start_wait(stores.start(who, self.time, builtin=True))  # type: ignore[arg-type]  # tells the time
        assert result.wait is not None
        if connected:
            await self.store.present(result.wait.row, connected=True)
        return result.wait

    async def turn(self) -> None:
        """Let one pause of the loop pass, whatever the clock says meanwhile."""
        self.time.jump(EVERY_S)
        await self.asleep()

    async def asleep(self) -> None:
        await self.time.notes.until(lambda: self.time.sleeps_until(self.time.at + round(EVERY_S * 1000)))


@asynccontextmanager
async def node(folder: Path) -> AsyncIterator[Node]:
    notes = Notes()
    time = JumpingTime(notes)
    store = SqliteStore(folder, Sealer(b"k" * 32), time, stores.NODE)
    await store.start()
    ended: list[Wait] = []
    changes = Changes()
    changes.subscribe(notes_of(ended))
    policy = WaitingPolicy(stores.LIMIT_MS, stores.ABANDON_MS, stores.QUEUE_TIMEOUT_MS, builtin=True)
    waiting = Waiting(store, NoQueue(), changes=changes, clock=time, commands=CommandIds(stores.NODE), policy=policy)
    loop = deadlines(waiting, time.sleep)
    running = asyncio.create_task(loop.run())
    made = Node(time, store, ended)
    await made.asleep()
    try:
        yield made
    finally:
        loop.stop()
        async with asyncio.timeout(10):
            await running
        await store.stop()
    told = Told()
    for wait in ended:
        told.note(wait.session_id, wait.outcome)
    check_database(folder / DATABASE_NAME, told)


class notes_of:  # noqa: N801  reads as a function
    def __init__(self, ended: list[Wait]) -> None:
        self._ended = ended

    def changed(self, wait: Wait) -> None:
        self._ended.append(wait)


@pytest.mark.parametrize("jump", JUMPS, ids=JUMP_IDS)
async def test_a_wait_expires_at_its_deadline_by_the_clock_and_never_before(tmp_path: Path, jump: int) -> None:
    async with node(tmp_path) as here:
        wait = await here.wait("880214", connected=True)
        deadline = wait.started_at + stores.LIMIT_MS
        await here.turn()
        here.time.set_by += jump
        await here.turn()
        assert bool(here.ended) is (here.time.now_ms() >= deadline)
        if not here.ended:  # so much is left, by the clock that now counts
            here.time.set_by += deadline - here.time.now_ms() - 1 - round(EVERY_S * 1000)
            await here.turn()
            assert here.ended == [], "a millisecond is left"
            await here.turn()
        [ended] = here.ended
        assert (ended.outcome, ended.reason) == (Outcome.EXPIRED, Reason.TIME_LIMIT)
        assert ended.ended_at is not None
        assert ended.ended_at >= deadline
        if jump < stores.LIMIT_MS - 2 * SECOND:
            assert ended.ended_at - deadline <= 2 * SECOND


@pytest.mark.parametrize("jump", JUMPS, ids=JUMP_IDS)
async def test_an_app_that_is_away_is_abandoned_by_the_clock_and_one_that_is_here_is_not(
    tmp_path: Path, jump: int
) -> None:
    async with node(tmp_path) as here:
        away, present = await here.wait("1", connected=False), await here.wait("2", connected=True)
        here.time.set_by += jump
        await here.turn()
        late = here.time.now_ms() >= away.started_at + stores.ABANDON_MS
        assert [wait.session_id for wait in here.ended if wait.reason is Reason.ABANDONED] == (
            [away.session_id] if late and here.time.now_ms() < away.started_at + stores.LIMIT_MS else []
        )
        kept = await here.store.wait(present.session_id)
        assert kept is not None
        assert (kept.outcome is None) is (here.time.now_ms() < present.started_at + stores.LIMIT_MS)


@pytest.mark.parametrize("jump", JUMPS, ids=JUMP_IDS)
@pytest.mark.parametrize("repeatable", [True, False], ids=["repeatable", "once"])
async def test_a_customer_waits_for_the_queue_no_longer_than_its_timeout(
    tmp_path: Path, jump: int, *, repeatable: bool
) -> None:
    async with world(tmp_path, repeatable=repeatable) as w:
        w.company.script("create", "never*forever")
        wait, _ = await w.start_wait()
        await w.company.wait_for(lambda ledger: len(ledger.received("create")) == 1)
        w.time.set_by += jump
        w.time.jump(TIMEOUT_S / 2)
        w.time.jump(TIMEOUT_S / 2 - 0.001)
        assert (await w.wait_now(wait)).state is State.REQUESTED
        w.time.jump(0.001)
        told = await w.changed(wait)
        assert (told.outcome, told.reason) == (Outcome.FAILED, Reason.QUEUE_TIMEOUT)
    check_database(tmp_path / DATABASE_NAME, Told(outcomes={wait.session_id: {"FAILED"}}))


@pytest.mark.parametrize("jump", JUMPS, ids=JUMP_IDS)
async def test_the_queues_answer_counts_whatever_the_clock_says(tmp_path: Path, jump: int) -> None:
    async with world(tmp_path, repeatable=True) as w:
        w.company.script("create", "cut-before")
        wait, _ = await w.start_wait()
        await w.notes.until(lambda: w.time.sleeps_until(w.time.at + 125))  # the pause before it is asked again
        w.time.set_by += jump
        w.time.jump(0.125)
        assert (await w.changed(wait)).state is State.WAITING
        [interaction] = w.company.ledger.interactions
    check_database(
        tmp_path / DATABASE_NAME,
        Told(taken={wait.session_id: interaction.interaction_id}),
        {interaction.interaction_id: "open"},
        settled=True,
    )


async def test_the_window_of_a_signature_follows_the_clock(tmp_path: Path) -> None:
    async with running_node(tmp_path) as here:
        body = b'{"sessionId": "unknown"}'
        signed = signature(here.clock.at, "POST", NOT_DELIVERED, body)
        answers = []
        for jump in (0, 900 * SECOND, SECOND, -SECOND, -1800 * SECOND, -SECOND, 901 * SECOND, 30 * HOUR, -30 * HOUR):
            here.clock.advance(jump)
            answers.append((await here.client.send("POST", NOT_DELIVERED, signed, body)).status)
        assert answers == [200, 200, 403, 200, 200, 403, 200, 403, 200]
