"""Fill an embedded database with waits that ended, as a server has that ran for weeks.

    python bench/seed_history.py DATABASE COUNT

Rows are inserted directly: a quarter as many customers as waits, and for each wait its events, its audit rows and
a token, ended over the last 29 days, so that retention keeps them all. Sealed columns hold random bytes of the usual
length; nothing reads them. The server must not be running.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from pathlib import Path
from typing import Final

_DAY_MS: Final = 86_400_000
_WAITS_A_CUSTOMER: Final = 4

_STATEMENTS: Final = (
    """
    INSERT INTO customer (id, lookup, sealed_profile, seen_at)
    SELECT i, randomblob(32), randomblob(80), :now FROM temp.number WHERE i <= :customers
    """,
    """
    INSERT INTO wait (id, session_id, customer, interaction_id, queue, help_type, state, outcome, reason,
                      sealed_message, command, seq, started_at, queued_at, ended_at, acknowledged_at, limit_at,
                      abandon_ms, answer_by, due_at, seen_at)
    SELECT i, printf('%012x', ended - 60000) || lower(hex(randomblob(10))), 1 + i % :customers,
           'D' || (100000 + i),
           'builtin', 'chat', 'ENDED', 'NOT_DELIVERED', 'queue', randomblob(90), lower(hex(randomblob(16))), 2,
           ended - 60000, ended - 60000, ended, ended + 50, ended + 1740000,
           300000, ended - 50000, ended + 1740000, ended
    FROM (SELECT i, :now - :span + i * :span / :waits AS ended FROM temp.number)
    """,
    """
    INSERT INTO audit (at, wait, event, outcome, access_key, sealed_requester, node)
    SELECT started_at, id, 'start', NULL, NULL, NULL, 'n0' FROM wait UNION ALL
    SELECT ended_at, id, 'not_delivered', outcome, 'BENCH-0001', randomblob(40), 'n0' FROM wait ORDER BY 2, 1
    """,
    """
    INSERT INTO client_token (digest, customer, issued_at)
    SELECT randomblob(32), customer, started_at - 100 FROM wait
    """,
    """
    INSERT INTO tally (name, count) VALUES ('created', :waits), ('NOT_DELIVERED', :waits)
    ON CONFLICT (name) DO UPDATE SET count = count + excluded.count
    """,
)


def seed(database: Path, waits: int) -> None:
    """Write `waits` ended waits into a database that has its schema and no wait yet. Raises sqlite3.Error."""
    values = {
        "waits": waits,
        "customers": max(1, waits // _WAITS_A_CUSTOMER),
        "now": int(time.time() * 1000),
        "span": 29 * _DAY_MS,
    }
    connection = sqlite3.connect(database, isolation_level=None)
    try:
        connection.execute("PRAGMA cache_size = -512000")
        connection.execute("CREATE TEMP TABLE number (i INTEGER PRIMARY KEY)")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :waits) "
            "INSERT INTO temp.number SELECT i FROM n",
            values,
        )
        for statement in _STATEMENTS:
            connection.execute(statement, values)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


if __name__ == "__main__":
    seed(Path(sys.argv[1]), int(sys.argv[2]))
