"""The outbox's rows: claimed after a restart, deleted at the queue for as long as it takes, left behind at a stop."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from diyalog.domain.commands import Request
from diyalog.domain.ids import InteractionId, SessionId
from diyalog.domain.transitions import Event
from diyalog.domain.wait import Outcome, Reason, State
from diyalog.ports_callouts import Alarm, CreateAnswer, DeleteAnswer, Done, Took
from diyalog.simulator.behaviour import Action, Endpoint
from kit import stores

from .company_world import TIMEOUT_S, cancelled_wait, crashed, world

DAY_S = 24 * 3600


@dataclass
class GatedQueue:
    """A queue system that answers when the test says so."""

    tell: Callable[[], None] = lambda: None
    created: list[SessionId] = field(default_factory=list)
    deleted: Counter[InteractionId] = field(default_factory=Counter)
    create_gate: asyncio.Event = field(default_factory=asyncio.Event)
    delete_gate: asyncio.Event = field(default_factory=asyncio.Event)
    raises: bool = False
    cancelled: int = 0

    async def create(self, session_id: SessionId, request: Request, timeout_s: float) -> CreateAnswer:
        assert request.attached_data == (("topic", "Kart"),)
        self.created.append(session_id)
        self.tell()
        if self.raises:
            raise ValueError("planned")
        try:
            await self.create_gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return Took(InteractionId(f"I-{session_id}"))

    async def delete(self, interaction_id: InteractionId) -> DeleteAnswer:
        self.deleted[interaction_id] += 1
        self.tell()
        if self.raises:
            raise ValueError("planned")
        await self.delete_gate.wait()
        return Done()


@pytest.mark.parametrize("dispatch", [True, False])
async def test_after_a_restart_a_repeatable_queue_is_asked_again(tmp_path: Path, *, dispatch: bool) -> None:
    async with world(tmp_path, repeatable=True) as w:
        wait = await crashed(w, dispatch=dispatch)
        w.time.jump(1)
        await w.restart()
        assert (await w.changed(wait)).state is State.WAITING
        assert len(w.company.ledger.interactions) == 1


async def test_after_a_restart_past_the_timeout_the_wait_ends_at_once_and_the_id_is_learned(tmp_path: Path) -> None:
    async with world(tmp_path, repeatable=True) as w:
        wait = await crashed(w, dispatch=True)
        w.time.jump(TIMEOUT_S + 1)
        await w.restart()
        assert (await w.changed(wait)).reason is Reason.QUEUE_TIMEOUT
        await w.outbox_empties()
        [interaction] = w.company.ledger.interactions
        assert interaction.deleted_at is not None


async def test_after_a_restart_a_queue_that_is_not_repeatable_is_not_asked_again(tmp_path: Path) -> None:
    async with world(tmp_path, repeatable=False) as w:
        wait = await crashed(w, dispatch=True)
        w.time.jump(1)
        await w.restart()
        changed = await w.changed(wait)
        assert (changed.outcome, changed.reason) == (Outcome.FAILED, Reason.QUEUE_TIMEOUT)
        await w.notes.until(lambda: w.notes.alarm_count(Alarm.QUEUE_RESULT_UNRESOLVED) == 1)
        assert [entry.session_id for entry in await w.store.unresolved()] == [wait.session_id]
        assert len(w.company.ledger.received(Endpoint.CREATE)) == 1


async def test_a_wait_that_was_not_delivered_meanwhile_needs_no_create_any_more(tmp_path: Path) -> None:
    async with world(tmp_path, repeatable=True) as w:
        wait = await crashed(w, dispatch=False)
        await stores.not_delivered(w.store, session=wait.session_id)
        await w.restart()
        await w.stored("settled")
        assert w.company.ledger.requests == []
        assert (await w.store.tally()).outbox == {}


@pytest.mark.parametrize(
    "script",
    ["status=500", "status=408", "status=400", "status=409", "cut-after", "cut-before", "redirect", "status=302"],
)
async def test_a_delete_is_repeated_until_it_is_done(tmp_path: Path, script: str) -> None:
    async with world(tmp_path, repeatable=True) as w:
        w.company.script("delete", script)
        await cancelled_wait(w)
        await w.outbox_empties()
        assert len(w.company.ledger.received(Endpoint.DELETE, Action(script.partition("=")[0]))) == 1
        assert len(w.company.ledger.received(Endpoint.DELETE)) == 2
        assert w.company.ledger.left_behind == []
        assert w.notes.alarms == []


@pytest.mark.parametrize("status", [200, 204, 404, 410])
async def test_a_delete_that_is_done_is_not_sent_again(tmp_path: Path, status: int) -> None:
    async with world(tmp_path, repeatable=True) as w:
        w.company.script("delete", f"status-after={status}")
        await cancelled_wait(w)
        await w.outbox_empties(2)
        await w.pass_time(3)
        assert len(w.company.ledger.received(Endpoint.DELETE, Action.STATUS_AFTER)) == 1


@pytest.mark.parametrize("status", [401, 403])
async def test_a_denied_delete_alarms_at_once_and_is_repeated(tmp_path: Path, status: int) -> None:
    async with world(tmp_path, repeatable=True) as w:
        w.company.script("delete", f"status={status}")
        wait = await cancelled_wait(w)
        w.time.jump(1)
        await w.stored("delete later")
        assert w.notes.alarms == [(Alarm.QUEUE_DELETE_DENIED, wait.session_id)]
        await w.outbox_empties()
        assert w.company.ledger.left_behind == []


async def test_pauses_grow_to_half_a_minute_and_after_a_day_to_an_hour_with_an_alarm(tmp_path: Path) -> None:
    async with world(tmp_path, repeatable=True) as w:
        w.company.script("delete", "status=503*forever")
        await cancelled_wait(w)
        pauses = []
        for times in range(1, 9):
            w.time.jump(30)
            await w.stored("delete later", times)
            await w.idle()
            pauses.append(w.store.due_times(tmp_path)[0] - w.time.at)
        assert pauses == [500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]  # every draw is a half
        assert w.notes.alarms == []
        w.time.jump(DAY_S)
        await w.stored("delete later", 9)
        assert w.store.due_times(tmp_path) == [w.time.at + 3_600_000]
        assert w.notes.alarm_count(Alarm.QUEUE_DELETE_OVERDUE) == 1
        w.company.script("delete")
        await w.idle()
        w.time.jump(3600)
        await w.stored("deleted")
        assert w.company.ledger.left_behind == []


async def test_an_id_that_cannot_be_learned_for_a_day_alarms(tmp_path: Path) -> None:
    async with world(tmp_path, repeatable=True) as w:
        w.company.script("create", "status-after=500*forever")
        wait, _ = await w.start_wait()
        await w.notes.until(lambda: w.time.sleeps_until(w.time.at + 125))
        w.time.jump(TIMEOUT_S)
        await w.stored("later")
        await w.idle()
        w.time.jump(DAY_S)
        await w.stored("later", 2)
        assert (Alarm.QUEUE_CREATE_OVERDUE, wait.session_id) in w.notes.alarms
        assert w.store.due_times(tmp_path) == [w.time.at + 3_600_000]


async def test_after_an_outage_of_the_queue_the_outbox_is_empty_within_a_minute(tmp_path: Path) -> None:
    async with world(tmp_path, repeatable=True) as w:
        waits = [(await w.start_wait())[0] for _ in range(150)]
        await w.notes.until(lambda: len(w.notes.waits) == len(waits))
        await w.company.stop()
        for wait in waits:
            await stores.end(w.store, Event.CANCEL, wait.row)
        w.time.jump(1)
        await w.stored("delete later", 150)
        await w.pass_time(100)
        assert len(w.company.ledger.left_behind) == 150
        await w.company.start()
        await w.outbox_empties(within_s=60)
        assert w.company.ledger.left_behind == []


async def test_a_delete_whose_result_cannot_be_stored_is_stored_later(tmp_path: Path) -> None:
    queue = GatedQueue()
    queue.create_gate.set()
    async with world(tmp_path, repeatable=True, queue=queue) as w:
        queue.tell = w.notes.tell
        wait, _ = await w.start_wait()
        assert (await w.changed(wait)).state is State.WAITING
        await stores.end(w.store, Event.CANCEL, wait.row)
        w.time.jump(1)
        await w.notes.until(lambda: sum(queue.deleted.values()) == 1)
        w.store.outages = 1
        queue.delete_gate.set()
        await w.notes.until(lambda: w.time.sleeps_until(w.time.at + 50))
        assert w.store.outages == 0
        w.time.jump(0.05)
        await w.stored("deleted")
        assert sum(queue.deleted.values()) == 1


async def test_an_outage_of_the_store_only_delays_claiming(tmp_path: Path) -> None:
    async with world(tmp_path, repeatable=True) as w:
        await cancelled_wait(w)
        w.store.outages = 2
        w.time.jump(1)
        for pause in (50, 100):
            await w.notes.until(lambda moment=w.time.at + pause: w.time.sleeps_until(moment))  # type: ignore[misc]
            w.time.jump(pause / 1000)
        await w.stored("deleted")
        assert w.store.outages == 0


async def test_a_row_claimed_again_by_its_own_holder_is_worked_on_once(tmp_path: Path) -> None:
    queue = GatedQueue()
    async with world(tmp_path, repeatable=False, queue=queue) as w:
        wait, _ = await w.start_wait()
        await w.notes.until(lambda: w.time.sleeps_until(w.time.at + 10_000))
        w.time.jump(TIMEOUT_S)
        assert (await w.changed(wait)).outcome is Outcome.FAILED
        await w.notes.until(lambda: w.time.sleeps_until(w.time.at + 1000))
        w.time.jump(91)  # past the lease of the late answer
        await w.notes.until(lambda: len(w.store.claimed) == 1)
        queue.create_gate.set()
        await w.stored("took")
        assert queue.created == [wait.session_id]
        assert (await w.wait_now(wait)).interaction_id == f"I-{wait.session_id}"
        queue.delete_gate.set()
        await w.stored("deleted")


async def test_an_id_that_is_being_stored_when_its_lease_runs_out_is_not_lost(tmp_path: Path) -> None:
    queue = GatedQueue()
    queue.create_gate.set()
    async with world(tmp_path, repeatable=False, queue=queue) as w:
        queue.tell = w.notes.tell
        w.store.took_gate.clear()
        wait, _ = await w.start_wait()
        await w.notes.until(lambda: queue.created != [])
        w.time.jump(200)
        await w.notes.until(lambda: len(w.store.claimed) == 1)
        w.store.took_gate.set()
        changed = await w.changed(wait)
        assert (changed.state, changed.interaction_id) == (State.WAITING, f"I-{wait.session_id}")
        assert queue.created == [wait.session_id]
        assert w.store.stored == ["took", "took"]  # the first under a fence that was not the newest any more


async def test_a_queue_that_hangs_on_deletes_does_not_keep_customers_waiting(tmp_path: Path) -> None:
    queue = GatedQueue()
    queue.create_gate.set()
    async with world(tmp_path, repeatable=True, queue=queue) as w:
        queue.tell = w.notes.tell
        waits = [(await w.start_wait())[0] for _ in range(230)]
        await w.notes.until(lambda: len(w.notes.waits) == len(waits))
        for wait in waits:
            await stores.end(w.store, Event.CANCEL, wait.row)
        w.time.jump(1)
        await w.notes.until(lambda: sum(queue.deleted.values()) == 64)
        await w.stored("delete later", 36)  # the rest of the first page
        wait, _ = await w.start_wait()
        assert (await w.changed(wait)).state is State.WAITING
        assert sum(queue.deleted.values()) == 64
        queue.delete_gate.set()
        await w.outbox_empties()
        assert set(queue.deleted.values()) == {1}
        assert len(queue.deleted) == 230


async def test_old_deletes_that_find_no_free_place_come_again_soon_without_an_alarm(tmp_path: Path) -> None:
    queue = GatedQueue()
    queue.create_gate.set()
    async with world(tmp_path, repeatable=True, queue=queue) as w:
        queue.tell = w.notes.tell
        waits = [(await w.start_wait())[0] for _ in range(100)]
        await w.notes.until(lambda: len(w.notes.waits) == len(waits))
        await w.stop()
        for wait in waits:
            await stores.end(w.store, Event.CANCEL, wait.row)
        w.time.jump(DAY_S)
        await w.restart()
        await w.notes.until(lambda: sum(queue.deleted.values()) == 64)
        await w.stored("delete later", 36)  # nobody tried these
        assert w.notes.alarms == []
        soon = [due for due in w.store.due_times(tmp_path) if due <= w.time.at + 30_000]
        assert len(soon) == 36
        queue.delete_gate.set()
        await w.outbox_empties(within_s=30)
        assert set(queue.deleted.values()) == {1}
        assert len(queue.deleted) == 100


async def test_one_rows_bug_does_not_stop_the_others(tmp_path: Path) -> None:
    queue = GatedQueue()
    queue.create_gate.set()
    async with world(tmp_path, repeatable=True, queue=queue) as w:
        wait, _ = await w.start_wait()
        assert (await w.changed(wait)).state is State.WAITING
        queue.raises = True
        await stores.end(w.store, Event.CANCEL, wait.row)
        w.time.jump(1)
        await w.notes.until(lambda: w.notes.alarm_count(Alarm.DELIVERY_FAILED) == 1)
        queue.raises = False
        other, _ = await w.start_wait()
        assert (await w.changed(other)).state is State.WAITING
        queue.delete_gate.set()
        w.time.jump(150)  # the lease of the row that failed
        await w.stored("deleted")
        assert queue.deleted[InteractionId(f"I-{wait.session_id}")] == 2
        assert [where for where, _ in w.notes.failures] == ["queueing"]
        w.notes.failures.clear()


async def test_a_stop_lets_requests_in_flight_finish(tmp_path: Path) -> None:
    queue = GatedQueue()
    async with world(tmp_path, repeatable=False, queue=queue) as w:
        wait, _ = await w.start_wait()
        await w.notes.until(lambda: w.time.sleeps_until(w.time.at + 10_000))
        w.queueing.stop()
        await w.notes.until(lambda: w.time.sleeps_until(w.time.at + 3000))  # the grace
        queue.create_gate.set()
        await w.stop()
        assert (await w.wait_now(wait)).state is State.WAITING
        assert queue.cancelled == 0


async def test_a_stop_leaves_what_does_not_finish_to_the_outbox(tmp_path: Path) -> None:
    queue = GatedQueue()
    async with world(tmp_path, repeatable=True, queue=queue) as w:
        wait, _ = await w.start_wait()
        await w.notes.until(lambda: w.time.sleeps_until(w.time.at + 5000))
        w.queueing.stop()
        await w.notes.until(lambda: w.time.sleeps_until(w.time.at + 3000))
        w.time.jump(3)
        await w.stop()
        assert queue.cancelled == 1
        assert (await w.wait_now(wait)).state is State.REQUESTED
        assert (await w.store.tally()).outbox == {"create": 1}
        after, _ = await w.start_wait()  # a stopped sender takes nothing in hand
        assert len(queue.created) == 1
        await w.store.leave(stores.NODE)
        queue.create_gate.set()
        await w.restart()
        assert (await w.changed(wait)).state is State.WAITING
        assert (await w.changed(after)).state is State.WAITING
