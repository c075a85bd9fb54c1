"""The one checker of the guarantees, over what is stored when a test is over."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import apsw

_KEPT = {"CONNECTED", "NOT_DELIVERED"}

CONVERSATIONS_WRONG: Final = {
    # what is wrong: the rows that are, in words that both databases know
    "a conversation of a wait that nobody took, or none of one that an agent took": """
        SELECT w.session_id FROM wait AS w LEFT JOIN conversation AS c ON c.wait = w.id
        WHERE (c.wait IS NOT NULL) <> (coalesce(w.outcome, '') = 'CONNECTED')""",
    "a conversation of no wait, or an event of no conversation": """
        SELECT 'conversation', wait FROM conversation WHERE wait NOT IN (SELECT id FROM wait)
        UNION ALL SELECT 'event', wait FROM conversation_event WHERE wait NOT IN (SELECT wait FROM conversation)""",
    "a session in conversation whose conversation is over, or the other way round": """
        SELECT w.session_id, w.state, c.ended_by FROM conversation AS c JOIN wait AS w ON w.id = c.wait
        WHERE (w.state = 'CONNECTED') <> (c.ended_at IS NULL) OR c.started_at <> w.ended_at OR c.ended_at < c.started_at
          OR (c.ended_at IS NULL AND c.acknowledged_at IS NOT NULL)""",
    "a conversation whose events are not one beginning, messages and one end, numbered on from the wait's": """
        SELECT w.session_id, w.seq, count(*)
        FROM conversation AS c JOIN wait AS w ON w.id = c.wait JOIN conversation_event AS e ON e.wait = c.wait
        GROUP BY w.session_id, w.seq, w.queued_at, c.ended_at, c.ended_by
        HAVING min(e.seq) <> CASE WHEN w.queued_at IS NULL THEN 2 ELSE 3 END
          OR max(e.seq) <> w.seq OR count(*) <> w.seq - min(e.seq) + 1
          OR sum(CASE WHEN e.kind = 'began' THEN 1 ELSE 0 END) <> 1
          OR min(CASE WHEN e.kind = 'began' THEN e.seq END) <> min(e.seq)
          OR sum(CASE WHEN e.kind = 'ended' THEN 1 ELSE 0 END) <> CASE WHEN c.ended_at IS NULL THEN 0 ELSE 1 END
          OR max(CASE WHEN e.kind = 'ended' THEN e.seq ELSE w.seq END) <> w.seq
          OR min(CASE WHEN e.kind = 'ended' THEN e.seq ELSE w.seq END) <> w.seq
          OR max(CASE WHEN e.kind = 'ended' AND (e.author <> c.ended_by OR e.at <> c.ended_at) THEN 1 ELSE 0 END) <> 0
          OR max(CASE WHEN (e.kind = 'message') <> (e.message_id IS NOT NULL) THEN 1 ELSE 0 END) <> 0""",
    "a conversation without events": """
        SELECT wait FROM conversation WHERE wait NOT IN (SELECT wait FROM conversation_event)""",
    "a message that is stored twice": """
        SELECT wait, author, message_id FROM conversation_event WHERE message_id IS NOT NULL
        GROUP BY wait, author, message_id HAVING count(*) > 1""",
    "a stream of a member of the staff with a gap": """
        SELECT s.id, s.seq, count(e.seq) FROM staff AS s LEFT JOIN staff_event AS e ON e.staff = s.id
        GROUP BY s.id, s.seq HAVING count(e.seq) <> s.seq OR coalesce(max(e.seq), 0) <> s.seq
          OR coalesce(min(e.seq), 1) <> 1""",
    "a stream of a member of the staff that does not tell each event of their conversations once": """
        SELECT coalesce(p.staff, c.staff), coalesce(p.wait, e.wait), coalesce(p.event_seq, e.seq), count(*)
        FROM conversation AS c JOIN conversation_event AS e ON e.wait = c.wait
        FULL JOIN staff_event AS p ON p.wait = e.wait AND p.event_seq = e.seq AND p.staff = c.staff
        GROUP BY 1, 2, 3, p.staff, e.wait HAVING count(*) > 1 OR p.staff IS NULL OR e.wait IS NULL""",
    "a stream of a member of the staff in another order than the session's": """
        SELECT a.staff, a.seq, b.seq
        FROM staff_event AS a JOIN staff_event AS b ON b.staff = a.staff AND b.wait = a.wait
        WHERE b.seq > a.seq AND b.event_seq <= a.event_seq""",
    "a conversation whose audit rows are not its one end": """
        SELECT c.wait, c.ended_by, count(a.id) FROM conversation AS c
        LEFT JOIN audit AS a ON a.wait = c.wait AND a.event = 'conversation_ended'
        GROUP BY c.wait, c.ended_at, c.ended_by HAVING count(a.id) <> CASE WHEN c.ended_at IS NULL THEN 0 ELSE 1 END""",
    "a call to the queue to delete what is or was in conversation": """
        SELECT w.session_id FROM outbox AS o JOIN wait AS w ON w.id = o.wait
        WHERE o.kind = 'delete' AND w.outcome = 'CONNECTED'""",
}


@dataclass
class Told:
    """What parties were told, each by session id.

    `outcomes`: those named to anybody. `denied`: those of which a party was told that they did not happen. `taken`:
    the interaction id under which a start was answered. `received`: the app's acknowledgement of the end was confirmed.

    Of conversations: `agents` named as the customer's, and `ends`: who ended it, as anybody was told. `messages`: the
    number and text under which somebody was told of a message, by its author and id; `refused`: messages (session,
    author, id) of which the author was told that they are not in. `left`: the app's acknowledgement of the
    conversation's end was confirmed, after the event of this number.
    """

    outcomes: dict[str, set[str]] = field(default_factory=dict)
    denied: dict[str, set[str]] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)
    received: set[str] = field(default_factory=set)
    agents: dict[str, set[str]] = field(default_factory=dict)
    ends: dict[str, set[str]] = field(default_factory=dict)
    messages: dict[str, dict[tuple[str, str], tuple[int, str]]] = field(default_factory=dict)
    refused: set[tuple[str, str, str]] = field(default_factory=set)
    left: dict[str, int] = field(default_factory=dict)

    def note(self, session_id: str, outcome: str | None) -> None:
        if outcome is not None:
            self.outcomes.setdefault(session_id, set()).add(outcome)

    def deny(self, session_id: str, outcome: str) -> None:
        self.denied.setdefault(session_id, set()).add(outcome)

    def note_agent(self, session_id: str, agent_name: str, ended_by: str | None = None) -> None:
        """Somebody was told who took a session's customer, and who ended that conversation if it is over."""
        self.note(session_id, "CONNECTED")
        self.agents.setdefault(session_id, set()).add(agent_name)
        if ended_by is not None:
            self.ends.setdefault(session_id, set()).add(ended_by)

    def note_message(self, session_id: str, author: str, message_id: str, seq: int, text: str) -> None:
        known = self.messages.setdefault(session_id, {}).setdefault((author, message_id), (seq, text))
        assert known == (seq, text), f"{session_id}: told of {author}'s {message_id} as {known}, then as {(seq, text)}"


Open = Callable[[str, bytes], str]
"""Opens a text that is sealed for a place, as the server's own Sealer does."""


def check_database(path: Path, told: Told, queue: Mapping[str, str] | None = None, *, settled: bool = False) -> None:
    """Assert every guarantee that the database and the parties' memories can show, as long as nothing was forgotten.

    `queue`: interaction id -> "open" or "deleted", the queue system's own ledger. `settled`: the outbox had time to
    empty, so nothing may be left behind in the queue.
    """
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        check(connection, told, queue, settled=settled)
    finally:
        connection.close()


def check(
    connection: apsw.Connection,
    told: Told,
    queue: Mapping[str, str] | None = None,
    *,
    settled: bool = False,
    open_text: Open | None = None,
) -> None:
    """The same on an open connection; with `open_text` names and texts are compared, too."""
    _one_outcome(connection)
    _one_open_wait(connection)
    _streams_without_gap(connection)
    _conversations(connection)
    _told_what_is_stored(connection, told)
    _told_of_conversations(connection, told, open_text)
    _told_of_messages(connection, told, open_text)
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
           + (SELECT count(*) FROM conversation_event AS e WHERE e.wait = wait.id)
           OR (state = 'WAITING' AND queued_at IS NULL) OR (state = 'REQUESTED' AND queued_at IS NOT NULL)"""
    ).fetchall()
    assert wrong == [], f"streams with a gap, a repeat or not exactly one end: {wrong}"


def _conversations(connection: apsw.Connection) -> None:
    for what, statement in CONVERSATIONS_WRONG.items():
        wrong = connection.execute(statement).fetchall()
        assert wrong == [], f"{what}: {wrong}"


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


def _told_of_conversations(connection: apsw.Connection, told: Told, open_text: Open | None) -> None:
    rows: list[tuple[Any, ...]] = connection.execute(
        """SELECT w.session_id, c.ended_by, c.acknowledged_at, w.seq, s.lookup, s.sealed_profile
           FROM conversation AS c JOIN wait AS w ON w.id = c.wait JOIN staff AS s ON s.id = c.staff"""
    ).fetchall()
    ends = {str(session): by for session, by, *_ in rows}
    for session_id, named in told.ends.items():
        assert named == {ends.get(session_id)}, (
            f"{session_id}: told that {named} ended it, it was {ends.get(session_id)}"
        )
    acknowledged = {str(session): seq for session, _, at, seq, *_ in rows if at is not None}
    for session_id, seq in told.left.items():
        assert session_id in acknowledged, f"{session_id}: the end of the conversation was acknowledged and not stored"
        assert acknowledged[session_id] == seq, f"{session_id}: over at {seq}, the last is {acknowledged[session_id]}"
    if open_text is None:
        return
    profiles = {
        str(row[0]): open_text(f"staff.profile:{row[4].hex()}", row[5]) for row in rows if row[0] in told.agents
    }
    for session_id, agents in told.agents.items():
        stored = profiles.get(session_id)
        name = None if stored is None else json.loads(stored)["userName"]
        assert agents == {name}, f"{session_id}: told that {agents} took it, it was {name}"


def _told_of_messages(connection: apsw.Connection, told: Told, open_text: Open | None) -> None:
    rows: list[tuple[Any, ...]] = connection.execute(
        """SELECT w.session_id, e.author, e.message_id, e.seq, e.sealed_text
           FROM conversation_event AS e JOIN wait AS w ON w.id = e.wait WHERE e.kind = 'message'"""
    ).fetchall()
    stored = {(session, author, message_id): (seq, sealed) for session, author, message_id, seq, sealed in rows}
    for session_id, messages in told.messages.items():
        for (author, message_id), (seq, text) in messages.items():
            place = f"{session_id}:{author}:{message_id}"
            found = stored.get((session_id, author, message_id))
            assert found is not None, f"{place}: told as {seq} and not stored"
            assert found[0] == seq, f"{place}: told as {seq}, stored as {found[0]}"
            if open_text is not None:
                assert open_text(f"conversation.text:{place}", found[1]) == text, f"{place}: told with another text"
    assert not told.refused & stored.keys(), f"told that they are not in, and stored: {told.refused & stored.keys()}"


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
