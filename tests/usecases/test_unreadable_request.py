"""A stored request that cannot be opened costs its own wait, and no other call to the queue."""

from contextlib import closing
from pathlib import Path

import apsw
import pytest

from diyalog.domain.wait import Outcome, Reason, State, Wait
from diyalog.ports_callouts import Alarm
from diyalog.storage.rows import request_place
from diyalog.storage.sealing import Sealer
from diyalog.storage.sqlite import DATABASE_NAME

from .company_world import cancelled_wait, crashed, world


def spoil(folder: Path, wait: Wait, text: str | None) -> None:
    """Let the wait's stored request be one that does not open, or that holds this text instead of a request."""
    sealed = b"\0" * 40 if text is None else Sealer(b"k" * 32).seal(request_place(wait.session_id), text)
    with closing(apsw.Connection(str(folder / DATABASE_NAME))) as database:
        database.execute("UPDATE wait SET sealed_request = ? WHERE id = ?", (sealed, wait.row))


@pytest.mark.parametrize("text", [None, "[]", '{"customer_id": 1}'])
@pytest.mark.parametrize("repeatable", [True, False])
async def test_a_request_that_cannot_be_opened_is_given_up_and_the_others_go_on(
    tmp_path: Path, text: str | None, *, repeatable: bool
) -> None:
    async with world(tmp_path, repeatable=repeatable) as w:
        in_queue = await cancelled_wait(w)
        wait = await crashed(w, dispatch=False)
        spoil(tmp_path, wait, text)
        w.time.jump(1)
        await w.restart()
        changed = await w.changed(wait)
        assert (changed.outcome, changed.reason) == (Outcome.FAILED, Reason.QUEUE_TIMEOUT)
        await w.stored("deleted")
        other, _ = await w.start_wait()
        assert (await w.changed(other)).state is State.WAITING
        await w.idle()
        w.time.jump(200)  # past every lease
        await w.idle()
        alarms = [Alarm.REQUEST_UNREADABLE, Alarm.QUEUE_RESULT_UNRESOLVED]
        assert w.notes.alarms == [(alarm, wait.session_id) for alarm in alarms]
        assert [entry.session_id for entry in await w.store.unresolved()] == [wait.session_id]
        assert (await w.store.tally()).outbox == {}
        assert [delivery.session_id for delivery in w.store.claimed if delivery.unreadable] == [wait.session_id]
        assert {entry.session_id for entry in w.company.ledger.interactions} == {in_queue.session_id, other.session_id}
