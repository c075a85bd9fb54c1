"""The checker of the guarantees over what a PostgreSQL database stores when a test is over."""

from kit.checker import CONVERSATIONS_WRONG, Told
from kit.postgres import PostgresServer

_WRONG = {
    **CONVERSATIONS_WRONG,
    # what is wrong: the rows that are
    "a wait that ended without one outcome": """
        SELECT session_id FROM wait
        WHERE (state IN ('ENDED', 'CONNECTED')) <> (outcome IS NOT NULL) OR (outcome IS NULL) <> (ended_at IS NULL)""",
    "a customer with two open waits": """
        SELECT customer FROM wait WHERE state <> 'ENDED' GROUP BY customer HAVING count(*) > 1""",
    "a stream with a gap, a repeat or not exactly one end": """
        SELECT session_id, seq FROM wait
        WHERE seq <> (queued_at IS NOT NULL)::int + (ended_at IS NOT NULL)::int
            + (SELECT count(*) FROM conversation_event AS e WHERE e.wait = wait.id)
          OR (state = 'WAITING' AND queued_at IS NULL) OR (state = 'REQUESTED' AND queued_at IS NOT NULL)""",
    "a wait whose audit rows are not its start, its time in the queue and its one end": """
        SELECT w.session_id, array_agg(a.event ORDER BY a.id)
        FROM wait AS w
        LEFT JOIN audit AS a ON a.wait = w.id AND a.event NOT IN ('conversation_ended', 'profile_shown') GROUP BY w.id
        HAVING count(*) FILTER (WHERE a.event = 'start') <> 1
          OR count(*) FILTER (WHERE a.event = 'queue_took') > (w.queued_at IS NOT NULL AND w.queue = 'http')::int
          OR count(*) FILTER (WHERE a.outcome IS NOT NULL) <> (w.outcome IS NOT NULL)::int
          OR count(*) FILTER (WHERE a.outcome <> w.outcome) > 0
          OR count(*) FILTER (WHERE a.event <> 'queue_took') <> 1 + (w.outcome IS NOT NULL)::int""",
    "a count that does not add up": """
        SELECT coalesce(t.name, w.name), t.total, w.total
        FROM (SELECT name, sum(count)::bigint AS total FROM tally GROUP BY name) AS t
        FULL JOIN (SELECT outcome AS name, count(*) AS total FROM wait WHERE outcome IS NOT NULL GROUP BY 1
                   UNION ALL SELECT 'created', count(*) FROM wait HAVING count(*) > 0) AS w ON w.name = t.name
        WHERE t.total IS DISTINCT FROM w.total""",
    "a call to the queue that is due twice": """
        SELECT kind, wait, interaction_id FROM outbox GROUP BY 1, 2, 3 HAVING count(*) > 1""",
    "a delete that is due for a wait that is open or was not delivered": """
        SELECT w.session_id, w.state, w.outcome FROM outbox AS o JOIN wait AS w ON w.id = o.wait
        WHERE o.kind = 'delete' AND (w.state <> 'ENDED' OR w.outcome IN ('CONNECTED', 'NOT_DELIVERED'))""",
}
_LEFT_BEHIND = """
    SELECT w.session_id, w.outcome FROM wait AS w
    WHERE w.queue = 'http' AND w.interaction_id IS NOT NULL AND w.outcome IN ('CANCELLED', 'EXPIRED', 'FAILED')
      AND NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.kind = 'delete' AND o.interaction_id = w.interaction_id)"""


def check_postgres(server: PostgresServer, url: str, told: Told, *, deletes_kept: bool = False) -> None:
    """Assert every guarantee that the database and the parties' memories can show.

    `deletes_kept`: nothing was deleted from the queue yet, so that each delete that is owed must be due.
    """
    database = url.rpartition("/")[2]
    for wrong, statement in _WRONG.items():
        assert server.execute(statement, database) == "", wrong
    if deletes_kept:
        assert server.execute(_LEFT_BEHIND, database) == "", "an interaction is left behind in the queue"
    rows = server.execute("SELECT session_id, coalesce(outcome, '') FROM wait", database).splitlines()
    stored: dict[str, str] = {session: outcome for session, _, outcome in (row.partition("|") for row in rows)}
    for session, outcomes in told.outcomes.items():
        assert outcomes == {stored.get(session)}, f"{session}: told {outcomes}, stored {stored.get(session)}"
    for session, outcomes in told.denied.items():
        assert stored[session] not in outcomes, f"{session}: told that {stored[session]} did not happen"
