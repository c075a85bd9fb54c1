"""What becomes of CreateInteraction and DeleteInteraction when the company's queue misbehaves."""

import asyncio
from pathlib import Path

import pytest

from diyalog.domain.transitions import Event
from diyalog.domain.wait import Outcome, Reason, State
from diyalog.ports_callouts import Alarm
from diyalog.simulator.behaviour import Action, Endpoint
from kit import stores

from .company_world import TIMEOUT_S, World, world

QUEUE_TIMEOUT = (State.ENDED, Outcome.FAILED, Reason.QUEUE_TIMEOUT)
QUEUE_REFUSED = (State.ENDED, Outcome.FAILED, Reason.QUEUE_REFUSED)

DONE_BUT_UNKNOWN = ("cut-after", "status-after=500", "status-after=429", "garbage", "huge", "wrong-types", "missing-id")
NOT_DONE_AND_UNKNOWN = ("cut-before", "status=503", "status=408", "status=425", "redirect", "status=302")


def action(script: str) -> Action:
    return Action(script.partition("=")[0])


def creates(w: World) -> int:
    return len(w.company.ledger.received(Endpoint.CREATE))


def end_of(wait: object) -> tuple[State, Outcome | None, Reason | None]:
    return wait.state, wait.outcome, wait.reason  # type: ignore[attr-defined]


@pytest.mark.parametrize("repeatable", [True, False])
async def test_the_queues_id_makes_a_wait_waiting(tmp_path: Path, *, repeatable: bool) -> None:
    async with world(tmp_path, repeatable=repeatable) as w:
        wait, _ = await w.start_wait()
        changed = await w.changed(wait)
        [interaction] = w.company.ledger.interactions
        assert (changed.state, changed.interaction_id) == (State.WAITING, interaction.interaction_id)
        assert interaction.session_id == wait.session_id
        [request] = w.company.ledger.received(Endpoint.CREATE)
        assert request.idempotency_key == wait.session_id
        assert (await w.store.tally()).outbox == {}


@pytest.mark.parametrize("script", [*DONE_BUT_UNKNOWN, *NOT_DONE_AND_UNKNOWN])
async def test_a_repeatable_queue_is_asked_again_while_the_customer_waits(tmp_path: Path, script: str) -> None:
    async with world(tmp_path, repeatable=True) as w:
        w.company.script("create", script)
        wait, _ = await w.start_wait()
        await w.notes.until(lambda: w.time.sleeps_until(w.time.at + 125))  # the first pause: half of 0.25 s
        assert len(w.company.ledger.received(Endpoint.CREATE, action(script))) == 1
        w.time.jump(0.125)
        assert (await w.changed(wait)).state is State.WAITING
        assert len(w.company.ledger.interactions) == 1


async def test_a_request_that_hangs_is_asked_again_beside_after_half_the_timeout(tmp_path: Path) -> None:
    async with world(tmp_path, repeatable=True) as w:
        w.company.script("create", "never")
        wait, _ = await w.start_wait()
        await w.company.wait_for(lambda ledger: len(ledger.received(Endpoint.CREATE, Action.NEVER)) == 1)
        w.time.jump(TIMEOUT_S / 2)
        assert (await w.changed(wait)).state is State.WAITING
        assert len(w.company.ledger.interactions) == 1


@pytest.mark.parametrize("repeatable", [True, False])
async def test_a_wait_ends_at_the_queue_timeout_though_an_answer_is_outstanding(
    tmp_path: Path, *, repeatable: bool
) -> None:
    async with world(tmp_path, repeatable=repeatable) as w:
        w.company.script("create", "never*forever")
        wait, delivery = await w.start_wait()
        await w.company.wait_for(lambda ledger: len(ledger.received(Endpoint.CREATE)) == 1)
        deadline = delivery.first_at + stores.QUEUE_TIMEOUT_MS
        w.time.jump(TIMEOUT_S - 0.001)
        await w.notes.until(lambda: w.time.sleeps_until(deadline))
        assert (await w.wait_now(wait)).state is State.REQUESTED
        assert w.notes.waits == []
        w.time.jump(0.001)
        changed = await w.changed(wait)
        assert end_of(changed) == QUEUE_TIMEOUT
        assert changed.ended_at == deadline


@pytest.mark.parametrize("script", ["never*forever", "cut-after*forever", "status-after=500*forever"])
async def test_after_the_timeout_a_repeatable_queue_is_asked_for_the_id_and_told_to_delete(
    tmp_path: Path, script: str
) -> None:
    async with world(tmp_path, repeatable=True) as w:
        w.company.script("create", script)
        wait, _ = await w.start_wait()
        await w.company.wait_for(lambda ledger: len(ledger.received(Endpoint.CREATE)) == 1)
        w.time.jump(TIMEOUT_S)
        assert end_of(await w.changed(wait)) == QUEUE_TIMEOUT
        assert len(w.company.ledger.left_behind) == 1
        w.company.script("create")
        await w.stored("later")
        await w.outbox_empties()
        [interaction] = w.company.ledger.interactions
        assert interaction.deleted_at is not None
        assert (await w.wait_now(wait)).interaction_id == interaction.interaction_id
        assert w.store.stored == ["later", "took", "deleted"]


async def test_a_queue_that_is_not_repeatable_is_asked_once_and_its_late_answer_deleted(tmp_path: Path) -> None:
    async with world(tmp_path, repeatable=False) as w:
        w.company.script("create", "slow=0.3")
        wait, delivery = await w.start_wait()
        await w.company.wait_for(lambda ledger: len(ledger.received(Endpoint.CREATE, Action.SLOW)) == 1)
        w.time.jump(TIMEOUT_S)
        assert end_of(await w.changed(wait)) == QUEUE_TIMEOUT
        # Kept for whoever comes after a crash, until nobody can be reading the answer any more.
        assert w.store.due_times(tmp_path) == [delivery.first_at + stores.QUEUE_TIMEOUT_MS + 90_000]
        await w.stored("deleted")
        assert creates(w) == 1
        assert w.company.ledger.left_behind == []
        assert await w.store.unresolved() == []


@pytest.mark.parametrize("script", [*DONE_BUT_UNKNOWN, *NOT_DONE_AND_UNKNOWN])
async def test_without_repeats_an_unknown_result_fails_and_is_listed(tmp_path: Path, script: str) -> None:
    async with world(tmp_path, repeatable=False) as w:
        w.company.script("create", script)
        wait, _ = await w.start_wait()
        assert end_of(await w.changed(wait)) == QUEUE_TIMEOUT
        await w.notes.until(lambda: w.notes.alarm_count(Alarm.QUEUE_RESULT_UNRESOLVED) == 1)
        assert [entry.session_id for entry in await w.store.unresolved()] == [wait.session_id]
        await w.pass_time(5)
        assert [request.action for request in w.company.ledger.received(Endpoint.CREATE)] == [action(script)]
        assert (await w.store.tally()).unresolved == 1


async def test_a_late_answer_that_says_nothing_leaves_the_wait_unresolved(tmp_path: Path) -> None:
    async with world(tmp_path, repeatable=False) as w:
        w.company.script("create", "never")
        wait, _ = await w.start_wait()
        await w.company.wait_for(lambda ledger: len(ledger.received(Endpoint.CREATE, Action.NEVER)) == 1)
        w.time.jump(TIMEOUT_S)
        assert end_of(await w.changed(wait)) == QUEUE_TIMEOUT
        await w.company.stop()  # cuts what was never answered
        await w.stored("unresolved")
        assert [entry.session_id for entry in await w.store.unresolved()] == [wait.session_id]


async def test_a_request_that_was_not_sent_leaves_nothing_to_find_out(tmp_path: Path) -> None:
    async with world(tmp_path, repeatable=False, listening=False) as w:
        wait, _ = await w.start_wait()
        assert end_of(await w.changed(wait)) == QUEUE_TIMEOUT
        assert ("create_interaction", "connect", None) in w.notes.calls
        assert w.store.stored == ["settled"]
        assert (await w.store.tally()).outbox == {}
        assert await w.store.unresolved() == []


async def test_an_unreachable_repeatable_queue_is_tried_until_the_timeout_and_then_forgotten(tmp_path: Path) -> None:
    async with world(tmp_path, repeatable=True, listening=False) as w:
        wait, delivery = await w.start_wait()
        for pause in (125, 250, 500, 1000, 2000):  # half of 0.25 s, doubling
            await w.notes.until(lambda moment=w.time.at + pause: w.time.sleeps_until(moment))  # type: ignore[misc]
            assert (await w.wait_now(wait)).state is State.REQUESTED
            w.time.jump(pause / 1000)
        deadline = delivery.first_at + stores.QUEUE_TIMEOUT_MS
        await w.notes.until(lambda: w.notes.calls.count(("create_interaction", "connect", None)) == 6)
        await w.notes.until(lambda: w.time.sleeps_until(w.time.at + 4000))
        w.time.at = deadline
        w.time.jump(0)
        assert end_of(await w.changed(wait)) == QUEUE_TIMEOUT
        assert w.store.stored == ["settled"]
        await w.company.start()
        await w.pass_time(40)
        assert creates(w) == 0


async def test_a_queue_that_comes_back_in_time_takes_the_customer(tmp_path: Path) -> None:
    async with world(tmp_path, repeatable=True, listening=False) as w:
        wait, _ = await w.start_wait()
        await w.notes.until(lambda: w.time.sleeps_until(w.time.at + 125))
        await w.company.start()
        w.time.jump(0.125)
        assert (await w.changed(wait)).state is State.WAITING


@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize("script", ["refuse", "status=400", "status=401", "status=422"])
async def test_a_refusal_ends_the_wait_and_is_final(tmp_path: Path, script: str, *, repeatable: bool) -> None:
    async with world(tmp_path, repeatable=repeatable) as w:
        w.company.script("create", script)
        wait, _ = await w.start_wait()
        assert end_of(await w.changed(wait)) == QUEUE_REFUSED
        assert w.store.stored == ["settled"]
        await w.pass_time(3)
        assert creates(w) == 1


async def test_the_queues_own_refusal_covers_an_earlier_request_in_doubt(tmp_path: Path) -> None:
    async with world(tmp_path, repeatable=True) as w:
        w.company.script("create", "cut-before", "refuse")
        wait, _ = await w.start_wait()
        await w.notes.until(lambda: w.time.sleeps_until(w.time.at + 125))
        w.time.jump(0.125)
        assert end_of(await w.changed(wait)) == QUEUE_REFUSED
        assert w.store.stored == ["settled"]
        assert creates(w) == 2


async def test_a_bare_4xx_does_not_cover_an_earlier_request_in_doubt(tmp_path: Path) -> None:
    async with world(tmp_path, repeatable=True) as w:
        w.company.script("create", "cut-after", "status=403")
        wait, _ = await w.start_wait()
        await w.notes.until(lambda: w.time.sleeps_until(w.time.at + 125))
        w.time.jump(0.125)
        assert end_of(await w.changed(wait)) == QUEUE_REFUSED
        assert w.store.stored == ["later"]
        assert len(w.company.ledger.left_behind) == 1
        await w.outbox_empties()
        assert w.company.ledger.left_behind == []


@pytest.mark.parametrize("repeatable", [True, False])
async def test_a_wait_cancelled_while_the_queue_is_asked_is_deleted_there(tmp_path: Path, *, repeatable: bool) -> None:
    async with world(tmp_path, repeatable=repeatable) as w:
        w.company.script("create", "slow=0.2")
        wait, _ = await w.start_wait()
        await w.company.wait_for(lambda ledger: len(ledger.received(Endpoint.CREATE, Action.SLOW)) == 1)
        await stores.end(w.store, Event.CANCEL, wait.row)
        await w.stored("deleted")
        assert w.company.ledger.left_behind == []
        assert (await w.wait_now(wait)).outcome is Outcome.CANCELLED
        assert w.notes.waits == []


async def test_nothing_is_deleted_after_not_delivered(tmp_path: Path) -> None:
    async with world(tmp_path, repeatable=True) as w:
        w.company.script("create", "slow=0.2")
        wait, _ = await w.start_wait()
        await w.company.wait_for(lambda ledger: len(ledger.received(Endpoint.CREATE, Action.SLOW)) == 1)
        await stores.not_delivered(w.store, session=wait.session_id)
        await w.stored("took")
        await w.pass_time(3)
        assert w.company.ledger.received(Endpoint.DELETE) == []
        assert (await w.store.tally()).outbox == {}


async def test_doubt_about_a_wait_that_was_not_delivered_is_dropped(tmp_path: Path) -> None:
    async with world(tmp_path, repeatable=False) as w:
        w.company.script("create", "never")
        wait, _ = await w.start_wait()
        await w.company.wait_for(lambda ledger: len(ledger.received(Endpoint.CREATE, Action.NEVER)) == 1)
        await stores.not_delivered(w.store, session=wait.session_id)
        await w.company.stop()
        await w.stored("settled")
        assert await w.store.unresolved() == []
        assert w.notes.alarms == []


@pytest.mark.parametrize(("script", "word"), [("status=503", "later"), (None, "settled")])
async def test_a_wait_that_ended_is_not_asked_for_again_unless_in_doubt(
    tmp_path: Path, script: str | None, word: str
) -> None:
    async with world(tmp_path, repeatable=True, listening=script is not None) as w:
        if script is not None:
            w.company.script("create", script)
        wait, _ = await w.start_wait()
        await w.notes.until(lambda: w.time.sleeps_until(w.time.at + 125))
        await stores.end(w.store, Event.CANCEL, wait.row)
        w.company.script("create", "status=503*forever")
        w.time.jump(0.125)
        await w.stored(word)
        assert (await w.wait_now(wait)).outcome is Outcome.CANCELLED


async def test_an_id_of_another_open_wait_is_not_used(tmp_path: Path) -> None:
    async with world(tmp_path, repeatable=False) as w:
        first, _ = await w.start_wait()
        assert (await w.changed(first)).state is State.WAITING
        w.company.script("create", "duplicate-id")
        second, _ = await w.start_wait()
        assert end_of(await w.changed(second)) == QUEUE_TIMEOUT
        assert len(w.company.ledger.received(Endpoint.CREATE, Action.DUPLICATE_ID)) == 1
        assert (await w.wait_now(first)).state is State.WAITING
        assert (Alarm.QUEUE_ID_CONFLICT, second.session_id) in w.notes.alarms
        assert [entry.session_id for entry in await w.store.unresolved()] == [second.session_id]


async def test_a_result_is_stored_again_and_again_while_the_store_is_away(tmp_path: Path) -> None:
    async with world(tmp_path, repeatable=False) as w:
        w.store.outages = 4
        wait, _ = await w.start_wait()
        for pause in (50, 100, 200, 400):
            await w.notes.until(lambda moment=w.time.at + pause: w.time.sleeps_until(moment))  # type: ignore[misc]
            w.time.jump(pause / 1000)
        assert (await w.changed(wait)).state is State.WAITING
        assert w.store.outages == 0
        assert (Alarm.STORE_UNAVAILABLE, wait.session_id) in w.notes.alarms
        assert creates(w) == 1


async def test_many_customers_start_at_once(tmp_path: Path) -> None:
    async with world(tmp_path, repeatable=True) as w:
        waits = [wait for wait, _ in await asyncio.gather(*[w.start_wait() for _ in range(200)])]
        await w.notes.until(lambda: len(w.notes.waits) == len(waits))
        assert {wait.state for wait in w.notes.waits} == {State.WAITING}
        assert {wait.session_id for wait in w.notes.waits} == {wait.session_id for wait in waits}
        assert len(w.company.ledger.interactions) == 200
