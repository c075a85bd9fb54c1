"""Planted bugs in conversations: each is the program with one mistake in it, and the simulated world notices it."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import apsw
import pytest

from diyalog.domain.commands import AcceptWait
from diyalog.domain.ids import StaffRef
from diyalog.domain.results import ConversationResult, Head, Verdict
from diyalog.domain.transitions import ENDINGS, Event
from diyalog.domain.wait import Conversation, Outcome, Party, State, Wait
from diyalog.ports import StoreUnavailableError
from diyalog.realtime.connection import CustomerStream
from diyalog.realtime.desks import Desks
from diyalog.realtime.hub import Hub
from diyalog.storage import conversing
from diyalog.storage.connection import migrate
from diyalog.storage.conversations import DatabaseConversations
from diyalog.storage.rows import open_wait
from diyalog.storage.sqlite_transaction import SqliteTransaction, fetch
from diyalog.storage.transaction import Transaction, each
from diyalog.usecases.following import Following
from diyalog.usecases.staff_following import StaffFollowing
from world.faults import USUAL, Fault
from world.node import Times
from world.plan import Plan
from world.planting import caught, without

AGENTS: Final = {31007: "Selin Aksoy", 31008: "Mert Kaya"}


def manned(plan: Plan, **rates: float) -> Plan:
    """The same world with two agents, and some faults at other rates."""
    return replace(plan, desks=2, rates={**USUAL, **{Fault[name]: rate for name, rate in rates.items()}})


def manned_with(**statements: str) -> Callable[[Plan], Plan]:
    return lambda plan: replace(manned(plan), statements=statements)


def without_index(monkeypatch: pytest.MonkeyPatch, index: str) -> None:
    def without(connection: apsw.Connection) -> None:
        migrate(connection)
        connection.execute(f"DROP INDEX IF EXISTS {index}")

    monkeypatch.setattr("diyalog.storage.sqlite.migrate", without)


async def named(store: DatabaseConversations, command: AcceptWait) -> Wait | None:
    """What a look at the wait shows before it is taken."""
    if command.session_id is None:
        return None
    found = await store._read("wait_by_session", session=command.session_id)
    return open_wait(found[0], store._sealer)


# Accepting


def test_read_then_write_accept(monkeypatch: pytest.MonkeyPatch) -> None:
    accept = DatabaseConversations.accept

    async def write(transaction: Transaction, ask: tuple[int, StaffRef]) -> ConversationResult:
        assert isinstance(transaction, SqliteTransaction)
        row, staff = ask
        execute, now = transaction.connection.execute, transaction.now
        execute(
            "UPDATE wait SET state = 'CONNECTED', outcome = 'CONNECTED', reason = NULL, ended_at = ?, seq = seq + 1"
            " WHERE id = ?",
            (now, row),
        )
        execute("INSERT INTO tally VALUES ('CONNECTED', 1) ON CONFLICT (name) DO UPDATE SET count = count + 1")
        execute("INSERT OR REPLACE INTO conversation (wait, staff, started_at) VALUES (?, ?, ?)", (row, staff, now))
        await conversing._write(transaction, row, staff, conversing._Event("began", Party.AGENT))
        return ConversationResult(Verdict.WON, await conversing._read(transaction, row))

    blindly = each(write)

    async def read_then_write(self: DatabaseConversations, command: AcceptWait) -> ConversationResult:
        wait = await named(self, command)
        if wait is not None and wait.outcome is None:
            return await self._writer.submit(blindly, (wait.row, command.staff))
        return await accept(self, command)

    monkeypatch.setattr(DatabaseConversations, "accept", read_then_write)
    caught("told|Constraint|gap|beginning|event|counted|deleted|beside", lambda plan: manned(plan, REPEATED=0.3))


def test_accept_answered_before_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    accept = DatabaseConversations.accept

    async def answer_first(self: DatabaseConversations, command: AcceptWait) -> ConversationResult:
        wait = await named(self, command)
        if wait is None or wait.outcome is not None:
            return await accept(self, command)
        [(lookup,)] = await self._read("staff_lookup", staff=command.staff)
        name = next(name for number, name in AGENTS.items() if self._sealer.lookup("staff", str(number)) == lookup)
        asyncio.get_running_loop().call_later(0.05, lambda: asyncio.ensure_future(accept(self, command)))
        talk = Conversation(command.staff, name, 0, None, None, None)
        taken = wait._replace(state=State.CONNECTED, outcome=Outcome.CONNECTED, conversation=talk)
        return ConversationResult(Verdict.WON, taken, replayed=True)

    monkeypatch.setattr(DatabaseConversations, "accept", answer_first)
    caught("told|not known to its own agent", manned_with(staff_lookup="SELECT lookup FROM staff WHERE id = :staff"))


def test_delete_after_accept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENDINGS, Event.ACCEPT, replace(ENDINGS[Event.ACCEPT], deletes_interaction=True))
    caught("was deleted (while it was|after CONNECTED)", manned)


def test_a_start_that_does_not_look_for_a_conversation(monkeypatch: pytest.MonkeyPatch) -> None:
    without_index(monkeypatch, "wait_live_customer")
    open_only = without("before_start", "w.state <> 'ENDED'", "w.state IN ('REQUESTED', 'WAITING')")
    caught("was open beside an older wait", manned_with(before_start=open_only))


# Events


def test_conversation_events_numbered_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: dict[tuple[apsw.Connection, int], int] = {}
    row = SqliteTransaction.row

    async def count(self: SqliteTransaction, statement: str, **values: Any) -> Any:  # noqa: ANN401  as it is
        found = await row(self, statement, **values)
        if statement != "next_event":
            return found
        assert found is not None
        key = (self.connection, values["wait"])
        [(own,)] = fetch(self.connection, "SELECT 1 + (queued_at IS NOT NULL) FROM wait WHERE id = :wait", **values)
        counted[key] = counted.get(key, own) + 1
        self.connection.execute("UPDATE wait SET seq = ? WHERE id = ?", (counted[key], values["wait"]))
        return (counted[key], found[1])

    monkeypatch.setattr(SqliteTransaction, "row", count)
    caught("gap|Constraint|numbered on|event", manned)


def test_event_missing_in_the_stream_of_the_staff() -> None:
    caught("stream of a member of the staff", manned_with(write_staff_event="SELECT :staff, :seq, :wait, :event_seq"))


def test_conversation_that_ends_without_its_event(monkeypatch: pytest.MonkeyPatch) -> None:
    write = conversing._write

    async def silently(transaction: Transaction, row: int, staff: StaffRef, event: Any) -> Any:  # noqa: ANN401
        if event.kind == "ended":
            return conversing._Written(0, 0, ())
        return await write(transaction, row, staff, event)

    monkeypatch.setattr(conversing, "_write", silently)
    caught("one beginning, messages and one end", manned)


def test_repeated_message_stored_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    without_index(monkeypatch, "conversation_event_message")
    never = without("find_message", "WHERE", "WHERE false AND")
    caught("taken for (a new message|another text)|told of|came twice", manned_with(find_message=never))


# Streams


def test_customer_who_is_told_only_at_the_next_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing_new(_: Following, rows: Sequence[int]) -> dict[int, Head]:
        return {row: Head(0, away=False) for row in rows}

    monkeypatch.setattr(Hub, "changed", lambda *_: None)
    monkeypatch.setattr(Following, "heads", nothing_new)
    caught("is not told for", lambda plan: replace(manned(plan), times=Times(abandon=20_000)))


def test_epoch_ignored_for_desks(monkeypatch: pytest.MonkeyPatch) -> None:
    follow = StaffFollowing.follow

    async def anyhow(self: StaffFollowing, staff: StaffRef, after: int, _: str | None) -> Any:  # noqa: ANN401
        return await follow(self, staff, after, await self._store.epoch())

    monkeypatch.setattr(StaffFollowing, "follow", anyhow)
    caught("recovered from another epoch", lambda plan: manned(plan, EPOCH_RENEWED=0.5))


def test_desk_that_is_told_only_when_it_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing_new(_: StaffFollowing, rows: Sequence[int]) -> dict[int, Head]:
        return {row: Head(0, away=False) for row in rows}

    monkeypatch.setattr(Desks, "changed", lambda *_: None)
    monkeypatch.setattr(StaffFollowing, "heads", nothing_new)
    caught("is not told that", manned)


# Ends


def test_end_of_a_conversation_forgotten_on_send(monkeypatch: pytest.MonkeyPatch) -> None:
    note = CustomerStream._note

    async def acknowledge(self: CustomerStream) -> None:
        with suppress(StoreUnavailableError):
            await self._context.following.acknowledge_end(self.row, self.seq)

    def forget(self: CustomerStream, wait: Wait) -> None:
        note(self, wait)
        if self.over and self._talked:
            self._context.hub.start(acknowledge(self))

    monkeypatch.setattr(CustomerStream, "_note", forget)
    rates = {"APP_RESTARTS": 0.5, "SOCKET_CUT": 0.3}
    # It stores that both ends were received, the wait's and the conversation's: either may be noticed first.
    caught("counts as acknowledged and no app was told", lambda plan: manned(plan, **rates))


def test_customer_lost_too_early() -> None:
    early = without("lost_conversations", "w.seen_at + w.abandon_ms <= :now", "w.seen_at + w.abandon_ms / 2 <= :now")
    caught("was lost .* early", manned_with(lost_conversations=early))


def test_message_that_is_no_sign_of_life() -> None:
    plan = manned_with(touch="SELECT :wait")
    caught("was lost .* early", lambda seed: replace(plan(seed), times=Times(abandon=6_000)))


def test_ended_conversation_that_is_ended_again() -> None:
    again = without("end_conversation", "AND state = 'CONNECTED'", "AND outcome = 'CONNECTED'")
    caught("told|one end|audit", manned_with(end_conversation=again))
