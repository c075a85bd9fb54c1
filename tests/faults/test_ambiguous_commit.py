"""The COMMIT took place and its answer was lost: reported as unknown, read again, and never carried out twice."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import apsw
import pytest

from diyalog.domain.commands import EndWait, Idempotency, QueueFailed, QueueTook, StartWait
from diyalog.domain.ids import InteractionId
from diyalog.domain.results import EndResult, QueueResult, StartResult, Verdict
from diyalog.domain.transitions import Event
from diyalog.ports import StoreUnavailableError
from diyalog.storage.sealing import Sealer
from diyalog.storage.sqlite import DATABASE_NAME, SqliteStore
from faults.lost_answers import LostAnswers, everything, late_failures, losing_store
from kit import stores
from kit.checker import Told, check_database
from kit.clock import SettableClock
from usecases.company_world import world

Result = EndResult | QueueResult | StartResult
Command = EndWait | QueueTook | QueueFailed | StartWait


@dataclass
class Scene:
    """A customer whose wait is REQUESTED, and WAITING in the company's queue once `queued`."""

    store: SqliteStore
    clock: SettableClock
    row: int
    session: str
    delivery: int
    interaction: str

    async def carry_out(self, command: Command) -> Result:
        if isinstance(command, EndWait):
            return await self.store.end_wait(command)
        if isinstance(command, QueueTook):
            return await self.store.queue_took(command)
        if isinstance(command, QueueFailed):
            return await self.store.queue_failed(command)
        return await self.store.start_wait(command)


async def scene(store: SqliteStore, clock: SettableClock, *, queued: bool) -> Scene:
    result = await stores.started(store, await stores.customer(store, "880214"), clock)
    assert result.wait is not None
    assert result.delivery is not None
    made = Scene(store, clock, result.wait.row, result.wait.session_id, result.delivery.row, "7700418")
    if queued:
        await made.carry_out(took(made))
    return made


def took(here: Scene) -> QueueTook:
    return QueueTook(stores.command_id(), here.delivery, 1, InteractionId(here.interaction))


def failed(here: Scene, event: Event | None, how: str) -> QueueFailed:
    return QueueFailed(
        stores.command_id(),
        here.delivery,
        1,
        event,
        settled=how == "settled",
        unresolved=how == "unresolved",
        retry_at=here.clock.at + 1000 if how == "later" else None,
    )


def end(event: Event) -> Callable[[Scene], EndWait]:
    return lambda here: EndWait(stores.command_id(), event, row=here.row, told=event is Event.CANCEL)


def not_delivered(idempotency: Idempotency | None = None) -> Callable[[Scene], EndWait]:
    return lambda here: EndWait(
        stores.command_id(),
        Event.NOT_DELIVERED,
        interaction_id=InteractionId(here.interaction),
        message="Nobody is free.",
        caller=stores.CALLER,
        idempotency=idempotency,
    )


KEY = Idempotency(b"scope", b"body")
TRANSITIONS: dict[str, tuple[bool, str, str | None, Callable[[Scene], Command]]] = {
    # name: queued before, the state and the outcome that are stored afterwards, the command
    "cancel, not queued": (False, "ENDED", "CANCELLED", end(Event.CANCEL)),
    "cancel": (True, "ENDED", "CANCELLED", end(Event.CANCEL)),
    "cancel by an administrator": (True, "ENDED", "CANCELLED", end(Event.ADMINISTRATOR_CANCEL)),
    "expire": (True, "ENDED", "EXPIRED", end(Event.EXPIRE)),
    "abandon": (True, "ENDED", "EXPIRED", end(Event.ABANDON)),
    "not delivered": (True, "ENDED", "NOT_DELIVERED", not_delivered()),
    "not delivered, with a key": (True, "ENDED", "NOT_DELIVERED", not_delivered(KEY)),
    "the queue took it": (False, "WAITING", None, took),
    "the queue refused": (False, "ENDED", "FAILED", lambda here: failed(here, Event.QUEUE_REFUSED, "settled")),
    "the queue timed out": (False, "ENDED", "FAILED", lambda here: failed(here, Event.QUEUE_TIMEOUT, "unresolved")),
    "the queue timed out and is asked again": (
        False,
        "ENDED",
        "FAILED",
        lambda here: failed(here, Event.QUEUE_TIMEOUT, "later"),
    ),
    "the queue is asked again": (False, "REQUESTED", None, lambda here: failed(here, None, "later")),
}


async def lost(here: Scene, command: Command, fired: Callable[[], int]) -> None:
    before = fired()
    with pytest.raises(StoreUnavailableError):
        await here.carry_out(command)
    assert fired() == before + 1, "the answer was lost"


async def stored(here: Scene) -> tuple[str, str | None]:
    wait = await here.store.wait(here.session)  # type: ignore[arg-type]  # a session id is a text
    assert wait is not None
    return wait.state, wait.outcome


@pytest.mark.parametrize("name", TRANSITIONS)
async def test_a_lost_answer_is_read_again_and_never_run_again(tmp_path: Path, name: str) -> None:
    queued, state, outcome, make = TRANSITIONS[name]
    clock = SettableClock()
    async with losing_store(tmp_path, clock) as (store, answers):
        here = await scene(store, clock, queued=queued)
        clock.advance(stores.LIMIT_MS if "expire" in name else stores.ABANDON_MS if "abandon" in name else 0)
        command = make(here)
        answers.losing = True
        await lost(here, command, lambda: answers.fired)
        answers.losing = False
        assert await stored(here) == (state, outcome), "what was committed is there for whoever reads"
        before = everything(tmp_path)
        again = await here.carry_out(command)
        assert everything(tmp_path) == before, "the same command once more changes nothing"
        if isinstance(again, EndResult):
            assert again.verdict is Verdict.WON, "its own id stands there: it had won"
            assert again.replayed is ("key" in name)
        rival = await store.end_wait(EndWait(stores.command_id(), Event.CANCEL, row=here.row))
        assert rival.verdict is (Verdict.LOST if outcome else Verdict.WON), "another command meets what is stored"
    told = Told()
    told.note(here.session, outcome or "CANCELLED")
    check_database(tmp_path / DATABASE_NAME, told)


@pytest.mark.parametrize("key", [None, KEY], ids=["without a key", "with a key"])
@pytest.mark.parametrize("replacing", [False, True], ids=["first", "replacing"])
async def test_a_start_whose_answer_is_lost(tmp_path: Path, key: Idempotency | None, *, replacing: bool) -> None:
    clock = SettableClock()
    async with losing_store(tmp_path, clock) as (store, answers):
        who = await stores.customer(store, "880214")
        if replacing:
            await stores.waiting(store, who, clock)
        command = stores.start(who, clock, idempotency=key)
        answers.losing = True
        with pytest.raises(StoreUnavailableError):
            await store.start_wait(command)
        assert answers.fired == 1
        answers.losing = False
        found = await store.wait(command.session_id)
        current = await store.current_wait(who)
        assert found is not None
        assert current == found, "the app finds the request that it was not told of"
        before = everything(tmp_path)
        if key is None:
            with pytest.raises(apsw.ConstraintError):
                await store.start_wait(command)
        else:
            again = await store.start_wait(stores.start(who, clock, idempotency=key))
            assert (again.verdict, again.replayed, again.wait) == (Verdict.WON, True, found)
        assert everything(tmp_path) == before
    check_database(tmp_path / DATABASE_NAME, Told())


async def test_everything_that_was_committed_together_is_unknown_together(tmp_path: Path) -> None:
    clock = SettableClock()
    async with losing_store(tmp_path, clock) as (store, answers):
        waits = [await stores.waiting(store, await stores.customer(store, str(n)), clock) for n in range(50)]
        answers.losing = True
        unknown = await asyncio.gather(
            *[stores.end(store, Event.CANCEL, wait.row) for wait in waits], return_exceptions=True
        )
        answers.losing = False
        assert 1 <= answers.fired < 50, "one commit for many"
        assert [type(error) for error in unknown] == [StoreUnavailableError] * 50
        again = [await stores.not_delivered(store, session=wait.session_id) for wait in waits]
        assert {result.verdict for result in again} == {Verdict.LOST}
        assert {result.wait.outcome for result in again if result.wait is not None} == {"CANCELLED"}
    check_database(tmp_path / DATABASE_NAME, Told(outcomes={wait.session_id: {"CANCELLED"} for wait in waits}))


async def test_a_commit_whose_sync_failed_may_stand_after_a_crash(tmp_path: Path) -> None:
    """The disk wrote it and said no: not there for the running server, there again once the log is read anew."""
    clock, crashed = SettableClock(), tmp_path / "crashed"
    crashed.mkdir()
    with late_failures() as disk:
        store = SqliteStore(tmp_path, Sealer(b"k" * 32), clock, stores.NODE, vfs=disk.vfs_name)
        await store.start()
        wait = await stores.waiting(store, await stores.customer(store, "880214"), clock)
        disk.failing = True
        with pytest.raises(StoreUnavailableError):
            await stores.not_delivered(store, interaction=wait.interaction_id, idempotency=KEY)
        assert disk.fired == 1
        for name in (DATABASE_NAME, f"{DATABASE_NAME}-wal"):
            shutil.copy(tmp_path / name, crashed / name)  # what a crash leaves
        running = await store.wait(wait.session_id)
        assert running is not None
        assert running.outcome is None, "nobody was told of it and nobody reads it"
        disk.failing = False
        await store.stop()
    async with stores.sqlite_store(crashed, clock) as reopened:
        found = await reopened.wait(wait.session_id)
        assert found is not None
        assert found.outcome == "NOT_DELIVERED"
        again = await stores.not_delivered(reopened, interaction=wait.interaction_id, idempotency=KEY)
        assert (again.verdict, again.replayed) == (Verdict.WON, True), "the caller who asks again learns that it won"
        assert (await stores.end(reopened, Event.CANCEL, wait.row)).verdict is Verdict.LOST
    told = Told()
    told.note(wait.session_id, "NOT_DELIVERED")
    check_database(crashed / DATABASE_NAME, told)


@pytest.mark.parametrize(
    ("script", "repeatable", "state", "outcome"),
    [
        ("answer", True, "WAITING", None),
        ("answer", False, "WAITING", None),
        ("refuse=We are closed", True, "ENDED", "FAILED"),
        ("cut-after", False, "ENDED", "FAILED"),
    ],
)
async def test_what_the_queue_answered_is_told_though_the_commits_answer_was_lost(
    tmp_path: Path, script: str, *, repeatable: bool, state: str, outcome: str | None
) -> None:
    async with world(tmp_path, repeatable=repeatable) as w:
        answers = LostAnswers(w.store)
        wait, delivery = await w.start_wait(dispatch=False)
        w.company.script("create", script)
        answers.losing = True
        w.queueing.dispatch(delivery)
        await w.notes.until(lambda: bool(w.notes.alarms))
        assert answers.fired == 1
        answers.losing = False
        w.time.jump(1.0)
        told = await w.changed(wait)
        assert (told.state, told.outcome) == (state, outcome)
        assert [one.session_id for one in w.notes.waits] == [wait.session_id], "told once"
        assert len(w.company.ledger.received("create")) == 1, "the queue is not asked twice"
    check_database(tmp_path / DATABASE_NAME, Told())
