"""What everybody in the simulated world was told, and the checks at the end that need more than the database."""

from dataclasses import dataclass, field
from typing import Any, Final

import apsw

from diyalog.domain.results import StreamEvent
from diyalog.domain.wait import Wait
from kit.checker import Told
from world.loop import SimulatedLoop

_EXPIRY_MS: Final = 2_000
_SILENT_MS: Final = 20_000
"""What a server held that dies beside another is released after its 15 s of silence, at the other's next beat."""


@dataclass
class Memory:
    """What parties were told. `own_calls`: sessions whose end may have been the answer to the app's own call.

    `down`: when nobody served; `died_beside`: when a server died whose successor was at work (ms). `own_ends` as
    `own_calls`, of conversations. `learned_over`: sessions of which an app was told that the conversation is
    over; `over_at`: when somebody was answered that it is (seconds).
    """

    loop: SimulatedLoop
    told: Told = field(default_factory=Told)
    learned_by_app: set[str] = field(default_factory=set)
    own_calls: set[str] = field(default_factory=set)
    own_ends: set[str] = field(default_factory=set)
    learned_over: set[str] = field(default_factory=set)
    over_at: dict[str, float] = field(default_factory=dict)
    sessions_of_keys: dict[str, str] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    down: list[tuple[float, float]] = field(default_factory=list)
    died_beside: list[int] = field(default_factory=list)

    def learned(self, session_id: str, outcome: str) -> None:
        self.loop.note(f"told {outcome}")
        self.told.note(session_id, outcome)
        self.learned_by_app.add(session_id)

    def told_of(self, wait: Wait) -> None:
        """Somebody was shown a session: what that says of its outcome and its conversation."""
        self.told.note(wait.session_id, wait.outcome)
        if wait.conversation is not None:
            self.told.note_agent(wait.session_id, wait.conversation.agent_name, wait.conversation.ended_by)

    def told_of_message(self, session_id: str, message: StreamEvent) -> None:
        """Somebody was shown a message."""
        assert message.author is not None, "somebody wrote it"
        assert message.message_id is not None, "it has an id"
        assert message.text is not None, "it has a text"
        self.told.note_message(session_id, message.author, message.message_id, message.seq, message.text)

    def started(self, key: str, answer: dict[str, Any]) -> None:
        session_id = answer["sessionId"]
        known = self.sessions_of_keys.setdefault(key, session_id)
        assert known == session_id, f"one Idempotency-Key started {known} and {session_id}"
        if answer["interactionId"] is not None:
            self.told.taken.setdefault(session_id, answer["interactionId"])

    def down_ms(self, since_ms: int, until_ms: int) -> float:
        """For how long of a time nobody served, in ms of the simulated clock."""
        return sum(max(0.0, min(end, until_ms) - max(begin, since_ms)) for begin, end in self.down)


def check_waits(connection: apsw.Connection, memory: Memory, queue_timeout_ms: int) -> None:
    """One open wait per customer at every moment, deadlines kept and never early, nothing forgotten unseen."""
    rows: list[tuple[Any, ...]] = connection.execute(
        """SELECT session_id, customer, started_at, ended_at, reason, limit_at, acknowledged_at, seen_at,
                  abandon_ms, coalesce(queued_at, ended_at),
                  coalesce((SELECT c.ended_at FROM conversation AS c WHERE c.wait = wait.id), ended_at)
           FROM wait ORDER BY customer, id"""
    ).fetchall()
    ended: dict[int, int] = {}
    for row in rows:
        session_id, customer, started_at, ended_at, reason, limit_at, acknowledged_at, *times = row
        seen_at, abandon_ms, left_at, over_at = times
        assert ended_at is not None, f"{session_id} is still open"
        assert started_at >= ended.get(customer, 0), f"{session_id} was open beside an older wait of its customer"
        ended[customer] = over_at
        due_at = limit_at if reason == "time_limit" else min(limit_at, seen_at + abandon_ms)
        if reason in {"time_limit", "abandoned"}:
            assert ended_at >= due_at, f"{session_id} expired {due_at - ended_at} ms early"
        late_ms = ended_at - limit_at - memory.down_ms(limit_at - _EXPIRY_MS, ended_at)
        assert late_ms <= _EXPIRY_MS, f"{session_id} ended {late_ms:.0f} ms after its limit"
        answered_by = started_at + queue_timeout_ms
        late_ms = left_at - answered_by - memory.down_ms(answered_by - _EXPIRY_MS, left_at)
        if any(started_at <= at <= left_at for at in memory.died_beside):
            late_ms -= _SILENT_MS
        assert late_ms <= _EXPIRY_MS, f"{session_id} was REQUESTED {late_ms:.0f} ms longer than the queue may take"
        if acknowledged_at is not None:
            assert session_id in memory.learned_by_app | memory.own_calls, (
                f"{session_id} counts as acknowledged and no app was told"
            )


def check_conversations(connection: apsw.Connection, memory: Memory) -> None:
    """Every conversation is over, none because its customer was lost too early, and no end counts as acknowledged that
    no app was told.
    """
    rows: list[tuple[Any, ...]] = connection.execute(
        """SELECT w.session_id, c.ended_at, c.acknowledged_at, c.ended_by, w.abandon_ms, w.seen_at,
                  coalesce((SELECT max(e.at) FROM conversation_event AS e
                            WHERE e.wait = w.id AND e.kind = 'message' AND e.author = 'customer'), 0)
           FROM conversation AS c JOIN wait AS w ON w.id = c.wait"""
    ).fetchall()
    for session_id, ended_at, acknowledged_at, ended_by, abandon_ms, seen_at, wrote_at in rows:
        assert ended_at is not None, f"{session_id} is still in conversation"
        # Whoever was connected to a server that died counts from that one's last heartbeat.
        died = any(wrote_at <= since <= ended_at for since, _ in memory.down)
        early_ms = (seen_at if died else max(seen_at, wrote_at)) + abandon_ms - ended_at
        assert ended_by != "customer_lost" or early_ms <= 0, f"{session_id}: its customer was lost {early_ms} ms early"
        assert acknowledged_at is None or session_id in memory.learned_over | memory.own_ends, (
            f"{session_id}: the end of its conversation counts as acknowledged and no app was told"
        )
