"""The one checker of the guarantees, over what is stored when a test is over."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

_KEPT = {"CONNECTED", "NOT_DELIVERED"}


@dataclass
class Told:
    """What parties were told, each by session id.

    `outcomes`: those named to anybody. `denied`: those of which a party was told that they did not happen. `taken`:
    the interaction id under which a start was answered. `received`: the app's acknowledgement of the end was confirmed.
    """

    outcomes: dict[str, set[str]] = field(default_factory=dict)
    denied: dict[str, set[str]] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)
    received: set[str] = field(default_factory=set)

    def note(self, session_id: str, outcome: str | None) -> None:
        if outcome is not None:
            self.outcomes.setdefault(session_id, set()).add(outcome)

    def deny(self, session_id: str, outcome: str) -> None:
        self.denied.setdefault(session_id, set()).add(outcome)


def check_database(path: Path, told: Told, queue: Mapping[str, str] | None = None, *, settled: bool = False) -> None:
    """Assert every guarantee that the database and the parties' memories can show.

    `queue`: interaction id -> "open" or "deleted", the queue system's own ledger. `settled`: the outbox had time to
    empty, so nothing may be left behind in the queue.
    """
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        check(connection, told, queue, settled=settled)
    finally:
        connection.close()


def check(
    connection: apsw.Connection, told: Told, queue: Mapping[str, str] | None = None, *, settled: bool = False
) -> None:
    """The same on an open connection."""
    _one_outcome(connection)
    _one_open_wait(connection)
    _streams_without_gap(connection)
    _told_what_is_stored(connection, told)
    _tally_adds_up(connection)
    if queue is not None:
        _queue_is_clean(connection, queue, settled=settled)


def _pairs(connection: apsw.Connection, statement: str) -> dict[str, Any]:
    """The rows of a statement with two columns."""
    return {str(key): value for key, value in connection.execute(statement).fetchall()}


def _one_outcome(connection: apsw.Connection) -> None:
    wrong = connection.execute(
        """SELECT session_id FROM wait WHERE (state = 'ENDED' OR state = 'CONNECTED') <> (outcome IS NOT NULL)
           OR (outcome IS NOT NULL) <> (ended_at IS NOT NULL)"""
    ).fetchall()
    assert wrong == [], f"waits that ended without one outcome: {wrong}"


def _one_open_wait(connection: apsw.Connection) -> None:
    wrong = connection.execute(
        "SELECT customer FROM wait WHERE state <> 'ENDED' GROUP BY customer HAVING count(*) > 1"
    ).fetchall()
    assert wrong == [], f"customers with two open waits: {wrong}"


def _streams_without_gap(connection: apsw.Connection) -> None:
    wrong = connection.execute(
        """SELECT session_id, seq FROM wait WHERE seq <> (queued_at IS NOT NULL) + (ended_at IS NOT NULL)
           OR (state = 'WAITING' AND queued_at IS NULL) OR (state = 'REQUESTED' AND queued_at IS NOT NULL)"""
    ).fetchall()
    assert wrong == [], f"streams with a gap, a repeat or not exactly one end: {wrong}"


def _told_what_is_stored(connection: apsw.Connection, told: Told) -> None:
    stored = _pairs(connection, "SELECT session_id, outcome FROM wait")
    for session_id, outcomes in told.outcomes.items():
        assert outcomes == {stored.get(session_id)}, f"{session_id}: told {outcomes}, stored {stored.get(session_id)}"
    for session_id, outcomes in told.denied.items():
        assert stored[session_id] not in outcomes, f"{session_id}: told that {stored[session_id]} did not happen"
    interactions = _pairs(connection, "SELECT session_id, interaction_id FROM wait")
    for session_id, interaction in told.taken.items():
        assert interactions.get(session_id) == interaction, f"{session_id}: told {interaction}, stored another"
    acknowledged = _pairs(connection, "SELECT session_id, acknowledged_at FROM wait WHERE acknowledged_at IS NOT NULL")
    assert told.received <= acknowledged.keys(), f"acknowledged and not stored: {told.received - acknowledged.keys()}"


def _tally_adds_up(connection: apsw.Connection) -> None:
    counts = _pairs(connection, "SELECT name, count FROM tally")
    stored = _pairs(connection, "SELECT outcome, count(*) FROM wait WHERE outcome IS NOT NULL GROUP BY 1")
    [(total,)] = connection.execute("SELECT count(*) FROM wait").fetchall()
    created = counts.pop("created", 0)
    assert counts == stored, f"counted {counts}, stored {stored}"
    assert created == total, f"counted {created} waits, stored {total}"


def _queue_is_clean(connection: apsw.Connection, queue: Mapping[str, str], *, settled: bool) -> None:
    rows = connection.execute(
        """SELECT interaction_id, state, outcome FROM wait
           WHERE interaction_id IS NOT NULL AND queue = 'http' ORDER BY id"""
    ).fetchall()
    newest = {str(interaction): (state, outcome) for interaction, state, outcome in rows}
    pending = {
        str(row[0]) for row in connection.execute("SELECT interaction_id FROM outbox WHERE kind = 'delete'").fetchall()
    }
    for interaction, fate in queue.items():
        state, outcome = newest.get(interaction, (None, None))
        if fate == "deleted":
            assert state == "ENDED", f"{interaction} was deleted while its wait was {state}"
            assert outcome not in _KEPT, f"{interaction} was deleted after {outcome}"
        elif settled:
            assert state is not None, f"{interaction} was left behind: no wait knows it"
            kept = state != "ENDED" or outcome in _KEPT
            assert kept, f"{interaction} was left behind after {outcome} (still due: {interaction in pending})"
