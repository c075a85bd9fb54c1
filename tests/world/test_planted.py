"""Planted bugs: each is the program with one mistake in it, and the simulated world notices every one of them."""

import ast
import inspect
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import apsw
import pytest

from diyalog.domain import signature
from diyalog.domain.commands import EndWait
from diyalog.domain.ids import CommandId
from diyalog.domain.results import Delivery, EndResult, Verdict
from diyalog.domain.transitions import ENDINGS, Event
from diyalog.domain.wait import State, Wait
from diyalog.ports import StoreUnavailableError
from diyalog.realtime.connection import CustomerStream
from diyalog.storage import deliveries, starting, store
from diyalog.storage.connection import migrate
from diyalog.storage.sqlite import SqliteStore
from diyalog.storage.sqlite_transaction import SqliteTransaction
from diyalog.storage.transaction import Transaction, each, through
from diyalog.storage.writer import Writer, _by_operation, _Pending
from diyalog.usecases.following import Followed, Following
from diyalog.usecases.waiting import Waiting
from world.faults import USUAL, Fault
from world.node import Times
from world.planting import STATEMENTS, caught, caught_with, without

# Deciding


def test_read_then_write_cancel(monkeypatch: pytest.MonkeyPatch) -> None:
    end_wait = SqliteStore.end_wait

    async def write(transaction: Transaction, command: EndWait) -> EndResult:
        assert isinstance(transaction, SqliteTransaction)
        transaction.connection.execute(
            "UPDATE wait SET state = 'ENDED', outcome = 'CANCELLED', reason = 'customer', ended_at = :now,"
            " seq = seq + 1, command = :command, sealed_message = NULL WHERE session_id = :session",
            {"now": transaction.now, "command": command.command, "session": command.session_id},
        )
        transaction.connection.execute("UPDATE tally SET count = count + 1 WHERE name = 'CANCELLED'")
        fields = await transaction.row("wait_by_session", session=command.session_id)
        assert fields is not None
        return EndResult(Verdict.WON, await starting.read_wait(transaction, fields[0]))

    blindly = each(write)

    async def read_then_write(self: SqliteStore, command: EndWait) -> EndResult:
        if command.event is Event.CANCEL and command.session_id is not None:
            wait = await self.wait(command.session_id)
            if wait is not None and wait.outcome is None:
                return await self._writer.submit(blindly, command)
        return await end_wait(self, command)

    monkeypatch.setattr(SqliteStore, "end_wait", read_then_write)
    caught("AssertionError")


def test_a_lost_guard_lets_two_outcomes_be_written() -> None:
    caught_with(
        "told|after its limit|not exactly one end|beside an older wait|may take",
        end_waits=without("end_waits", "AND instr(r.sources, wait.state) > 0"),
    )


def test_missing_customer_uniqueness(monkeypatch: pytest.MonkeyPatch) -> None:

    def without_index(connection: apsw.Connection) -> None:
        migrate(connection)
        connection.execute("DROP INDEX IF EXISTS wait_live_customer")

    monkeypatch.setattr("diyalog.storage.sqlite.migrate", without_index)
    caught_with("was open beside an older wait", before_start=without("before_start", "w.state <> 'ENDED'", "false"))


def test_early_expiry() -> None:
    caught_with(
        "early",
        end_waits=without("end_waits", "AND (NOT r.timed OR wait.due_at <= :now)"),
        due_waits=without("due_waits", "due_at <= :now", "due_at <= :now + 600"),
    )


def test_expiry_that_never_fires() -> None:
    caught_with("open waits and due calls are left", due_waits=without("due_waits", "WHERE", "WHERE false AND"))


def test_idempotency_key_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> None:
        """Every key is new."""

    monkeypatch.setattr(starting, "_earlier", never)
    caught("one Idempotency-Key started|no app was told")


# Commits


def test_reply_before_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    def commit(self: Any, group: Sequence[_Pending]) -> list[Any]:  # noqa: ANN401  the simulated writer
        connection = self._connection

        def late() -> None:
            if connection.in_transaction:
                connection.execute("COMMIT")

        late()
        connection.execute("BEGIN IMMEDIATE")
        transaction = self._begin(connection)
        results: list[Any] = [None] * len(group)
        for operation, places in _by_operation(group).items():
            outcome = through(operation(transaction, [group[place][1] for place in places]))
            for place, result in zip(places, outcome, strict=True):
                results[place] = result
        self._lane._loop.call_later(0.05, late)
        return results

    monkeypatch.setattr(Writer, "_commit", commit)
    caught("Error")


def test_hub_notice_before_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    end = Waiting._end

    async def tell_first(self: Waiting, command: EndWait) -> EndResult:
        found = await self._store._reader.read(  # type: ignore[attr-defined]  # the embedded store's
            lambda connection: connection.execute(
                "SELECT id FROM wait WHERE id = ? OR interaction_id = ? OR session_id = ?",
                (command.row, command.interaction_id, command.session_id),
            ).fetchall()
        )
        for (row,) in found:
            wait, _ = await self._store.events(row, 0)
            if wait.outcome is None:
                self._changed(_ended(wait, command.event, self._clock.now_ms()))
        return await end(self, command)

    monkeypatch.setattr(Waiting, "_end", tell_first)
    caught("told|acknowledged and not stored", lambda plan: replace(plan, rates={**USUAL, Fault.STORE_AWAY: 0.08}))


def test_retry_on_unknown_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    end_wait = SqliteStore.end_wait

    async def again(self: SqliteStore, command: EndWait) -> EndResult:
        try:
            return await end_wait(self, command)
        except StoreUnavailableError:
            return await end_wait(self, command._replace(command=CommandId(f"{command.command}-again")))

    monkeypatch.setattr(SqliteStore, "end_wait", again)
    caught("did not happen", lambda plan: replace(plan, rates={**USUAL, Fault.COMMIT_ANSWER_LOST: 0.1}))


def test_lost_commit_answer_taken_for_done(monkeypatch: pytest.MonkeyPatch) -> None:
    end_wait = SqliteStore.end_wait

    async def believe(self: SqliteStore, command: EndWait) -> EndResult:
        wait = None if command.session_id is None else await self.wait(command.session_id)
        try:
            return await end_wait(self, command)
        except StoreUnavailableError:
            if wait is None or wait.outcome is not None:
                raise
            return EndResult(Verdict.WON, _ended(wait, command.event, self._clock.now_ms()))

    monkeypatch.setattr(SqliteStore, "end_wait", believe)
    caught("told", lambda plan: replace(plan, rates={**USUAL, Fault.STORE_AWAY: 0.03}))


def _ended(wait: Wait, event: Event, now: int) -> Wait:
    ending = ENDINGS[event]
    return wait._replace(
        state=State.ENDED, outcome=ending.outcome, reason=ending.reason, ended_at=now, seq=wait.seq + 1
    )


# The queue


def test_missing_delete_row() -> None:
    caught_with("was left behind after", write_deletes="SELECT :now")


def test_late_id_without_delete() -> None:
    caught_with("was left behind after", insert_delete="SELECT :now")


def test_delete_after_not_delivered(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = replace(ENDINGS[Event.NOT_DELIVERED], deletes_interaction=True)
    monkeypatch.setitem(ENDINGS, Event.NOT_DELIVERED, wrong)
    caught("was deleted (while it was|after NOT_DELIVERED)")


def test_id_ordered_outbox(monkeypatch: pytest.MonkeyPatch) -> None:
    newest: dict[apsw.Connection, int] = {}

    async def claim(transaction: Transaction, ask: tuple[str, int, int]) -> Sequence[Delivery]:
        assert isinstance(transaction, SqliteTransaction)
        seen = newest.get(transaction.connection, 0)
        claimed = await deliveries.claim(transaction, ask)
        newest[transaction.connection] = max([seen, *(one.row for one in claimed)])
        return [one for one in claimed if one.row > seen]

    monkeypatch.setattr(store, "_CLAIM", each(claim))
    caught("Error")


def test_outbox_forgotten_on_send() -> None:
    caught_with("was left behind", claim_delivery="DELETE FROM outbox WHERE id = :delivery")


def test_double_claim_without_the_fence() -> None:
    fence = re.compile(r" AND (c\.)?attempt = :attempt")
    unfenced = {name: fence.sub("", text) for name, text in STATEMENTS.items() if fence.search(text)}
    assert len(unfenced) >= 4
    rates = {Fault.ZOMBIE: 1.0, Fault.QUEUE_NOT_REACHED: 0.6, Fault.QUEUE_ANSWERS_LATE: 0.7}
    times = Times(limit=12_000, abandon=12_000, queue_timeout=2_500)
    caught(
        "was left behind",
        lambda plan: replace(plan, rates=rates, statements=unfenced, times=times, customers=2, devices=1),
    )


def test_leases_of_the_dead_are_kept() -> None:
    caught(
        "was REQUESTED",
        lambda plan: replace(
            plan,
            times=Times(limit=15_000, abandon=15_000),
            statements={"release_all_deliveries": "SELECT :now, :node", "release_deliveries": "SELECT :now, :gone"},
        ),
    )


# What apps are told


def test_forget_on_send(monkeypatch: pytest.MonkeyPatch) -> None:
    note = CustomerStream._note

    async def acknowledge(self: CustomerStream) -> None:
        with suppress(StoreUnavailableError):
            await self._context.following.acknowledge(self.row, self._ended)

    def forget(self: CustomerStream, wait: Wait) -> None:
        if self._ended:
            self._context.hub.start(acknowledge(self))
        note(self, wait)

    monkeypatch.setattr(CustomerStream, "_note", forget)
    caught("counts as acknowledged and no app was told")


def test_epoch_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    follow = Following.follow

    async def anyhow(self: Following, client_token: str, session_id: str, after: int, _: str | None) -> Any:  # noqa: ANN401
        return await follow(self, client_token, session_id, after, await self._store.epoch())

    monkeypatch.setattr(Following, "follow", anyhow)
    caught("recovered from another epoch", lambda plan: replace(plan, rates={**USUAL, Fault.EPOCH_RENEWED: 0.5}))


def test_repeats_are_not_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    follow = Following.follow

    async def from_the_start(self: Following, client_token: str, session_id: str, after: int, epoch: str | None) -> Any:  # noqa: ANN401
        found = await follow(self, client_token, session_id, after, epoch)
        if isinstance(found, Followed) and found.recovered and after > 0:
            _, events = await self._store.events(found.wait.row, after - 1)
            return replace(found, events=events)
        return found

    monkeypatch.setattr(Following, "follow", from_the_start)
    monkeypatch.setattr(CustomerStream, "_deliver", _deliver_all)
    caught(r"event (\d) after \1")


def _deliver_all(self: CustomerStream, wait: Wait, events: Sequence[Any]) -> None:
    from diyalog.protocol import frames

    for event in events:
        self._socket.send(frames.event(wait, event))
        self.seq = event.seq
        if event.kind == frames.WAIT_ENDED:
            self._ended = event.seq
    self._note(wait)


# What no schedule can show: it is in how long an answer takes


def test_equality_on_signatures() -> None:
    source = inspect.getsource(signature)
    assert _leaking_comparisons(source) == []
    careful = "return compare_digest(self.sign(text), signature)"
    assert careful in source
    assert len(_leaking_comparisons(source.replace(careful, "return self.sign(text) == signature"))) == 1


def _leaking_comparisons(source: str) -> list[str]:
    """Comparisons of a signature that stop at the first difference."""
    compared = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Compare)]
    return [text for text in map(ast.unparse, compared) if "signature" in text or ".sign(" in text]
