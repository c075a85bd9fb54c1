"""The company's queue is away for ten minutes, by the clock, and ill when it comes back: nothing stays behind in it."""

from pathlib import Path

from diyalog.domain.transitions import Event
from diyalog.domain.wait import Wait
from diyalog.simulator.behaviour import Behaviour
from diyalog.simulator.ledger import Mark
from diyalog.storage.sqlite import DATABASE_NAME
from kit import stores
from kit.checker import Told, check_database
from usecases.company_world import TIMEOUT_S, World, world

OUTAGE_S = 600
EACH = 12
# Not "duplicate-id": a queue that names a stranger's id for a session is not repeatable: nothing is promised for it.
ILL_AT_CREATES = (
    "cut-before",
    "garbage",
    "missing-id",
    "wrong-types",
    "status=503",
    "status-after=500",
)
ILL_AT_DELETES = ("status=503", "cut-before", "cut-after", "status=500", "status-after=502", "redirect", "status=429")


async def queued(w: World, number: int) -> list[Wait]:
    """Waits that the queue holds and we know the ids of."""
    known = len(w.notes.waits)
    waits = [(await w.start_wait())[0] for _ in range(number)]
    await w.notes.until(lambda: len(w.notes.waits) == known + number)
    return [await w.wait_now(wait) for wait in waits]


async def doubtful(w: World, number: int) -> list[Wait]:
    """Waits that the queue holds and whose ids were lost on the way."""
    w.company.script("create", *["cut-after"] * number)
    waits = [(await w.start_wait())[0] for _ in range(number)]
    await w.company.wait_for(lambda ledger: len(ledger.received("create", "cut-after")) == number)
    return waits


async def ends(w: World, waits: list[Wait], event: Event, told: Told, outcome: str) -> None:
    for wait in waits:
        await stores.end(w.store, event, wait.row)
        told.note(wait.session_id, outcome)


async def test_ten_minutes_without_a_queue_and_an_ill_one_behind_them(tmp_path: Path) -> None:
    told = Told()
    async with world(tmp_path, repeatable=True) as w:
        cancelled, expired, given_up, kept = [await queued(w, EACH) for _ in range(4)]
        lost = await doubtful(w, EACH)
        await w.company.stop()
        await ends(w, cancelled, Event.CANCEL, told, "CANCELLED")
        await ends(w, given_up, Event.NOT_DELIVERED, told, "NOT_DELIVERED")
        for wait in given_up:
            assert wait.interaction_id is not None
            w.company.mark(wait.interaction_id, Mark.NOT_DELIVERED)
        before = len(w.company.ledger.requests)
        w.time.jump(TIMEOUT_S)
        for wait in lost:
            await w.changed(wait)
        await w.pass_time(OUTAGE_S)
        w.time.at += stores.LIMIT_MS
        await ends(w, expired, Event.EXPIRE, told, "EXPIRED")
        await w.pass_time(1)

        assert len(w.company.ledger.requests) == before, "nothing got through"
        assert sum(result == "connect" for _, result, _ in w.notes.calls) > OUTAGE_S, "it was really tried"
        assert (await w.store.tally()).outbox == {"create": EACH, "delete": 2 * EACH}
        for wait in lost:
            assert (await w.wait_now(wait)).outcome == "FAILED"
            told.note(wait.session_id, "FAILED")

        w.company.script("create", *ILL_AT_CREATES)
        w.company.script("delete", *ILL_AT_DELETES)
        await w.company.start()
        await w.outbox_empties(within_s=60)
        ledger = w.company.ledger
        for endpoint, scripted in (("create", ILL_AT_CREATES), ("delete", ILL_AT_DELETES)):
            for behaviour in scripted:
                assert ledger.received(endpoint, Behaviour.parse(behaviour).action), f"{behaviour} was met"
        assert {one.interaction_id for one in ledger.left_behind} == {wait.interaction_id for wait in kept}
        assert all(one.deleted_at is None for wait in (*kept, *given_up) for one in ledger.of_session(wait.session_id))
        fates = {one.interaction_id: "deleted" if one.deleted_at else "open" for one in ledger.interactions}
    check_database(tmp_path / DATABASE_NAME, told, fates, settled=True)
