"""How PostgreSQL carries the statements out: by an index, however much is stored, and however little was at first."""

import asyncio
import re
from collections.abc import Iterator
from typing import Final

import pytest

from diyalog.domain.transitions import Event
from diyalog.storage.postgres_connection import load_postgres_statements, open_postgres
from diyalog.storage.statements import store_files
from kit import stores
from kit.clock import SettableClock
from kit.postgres import PostgresServer

ENDED, OPEN = 200_000, 10_000
ALL = ENDED + OPEN
LIMIT_S = 60
FILL: Final = (
    f"""INSERT INTO customer (lookup, sealed_profile, seen_at)
        SELECT int8send(n), 'x', n FROM generate_series(1, {ALL}) n""",
    f"""INSERT INTO wait (session_id, customer, interaction_id, queue, help_type, state, outcome, command, seq,
                          started_at, queued_at, ended_at, acknowledged_at, limit_at, abandon_ms, answer_by, due_at,
                          seen_at, present)
        SELECT 's-' || n, n, 'i-' || n, 'http', 'CHAT',
               CASE WHEN n <= {ENDED} THEN 'ENDED' WHEN n % 2 = 0 THEN 'WAITING' ELSE 'REQUESTED' END,
               CASE WHEN n <= {ENDED} THEN 'CANCELLED' END, 'c-' || n, 2, 0, 0, CASE WHEN n <= {ENDED} THEN 1 END,
               CASE WHEN n <= {ENDED} AND n % 3 = 0 THEN 1 END, 4000000000000, 1, 4000000000000, 4000000000000, 0,
               CASE WHEN n > {ENDED} THEN 'node-' || n % 5 END
        FROM generate_series(1, {ALL}) n""",
    f"""INSERT INTO audit (at, wait, event, node, sealed_requester)
        SELECT n, n, 'start', 'a', CASE WHEN n % 4 = 0 THEN 'x'::bytea END FROM generate_series(1, {ALL}) n""",
    """INSERT INTO outbox (kind, wait, interaction_id, attempt, first_at, due_at, lease_node)
       SELECT 'delete', n, 'i-' || n, 1, 0, 4000000000000, 'node-' || n % 5 FROM generate_series(1, 20000) n""",
    f"""INSERT INTO outbox (kind, wait, attempt, first_at, due_at, lease_node)
        SELECT 'create', n, 1, 0, 4000000000000, 'node-' || n % 5 FROM generate_series({ENDED + 1}, {ALL}) n""",
    f"INSERT INTO client_token (digest, customer, issued_at) SELECT int8send(n), n, n FROM generate_series(1, {ALL}) n",
    "INSERT INTO staff (lookup, sealed_profile, seen_at) SELECT int8send(n), 'x', n FROM generate_series(1, 20000) n",
    f"INSERT INTO staff_token (digest, staff, issued_at) SELECT int8send(n), n, n FROM generate_series(1, {ALL}) n",
    f"""INSERT INTO conversation (wait, staff, started_at, ended_at, ended_by)
        SELECT n, n % 20000 + 1, 0, CASE WHEN n > 500 THEN 1 END, CASE WHEN n > 500 THEN 'agent' END
        FROM generate_series(1, {ENDED}) n""",
    f"""INSERT INTO conversation_event (wait, seq, kind, at, author, message_id)
        SELECT n, 4, 'message', n, 'agent', 'm-' || n FROM generate_series(1, {ENDED}) n""",
    f"""INSERT INTO staff_event (staff, seq, wait, event_seq)
        SELECT n % 20000, n, n, 4 FROM generate_series(1, {ENDED}) n""",
    f"""INSERT INTO note (wait, staff, note_id, at, sealed_text)
        SELECT n, n % 20000 + 1, 'n-' || n, n, 'x' FROM generate_series(1, {ENDED}) n""",
    """INSERT INTO transaction_hash
       SELECT int8send(n), int8send(n), int8send(n), NULL, n FROM generate_series(1, 50000) n""",
    """INSERT INTO idempotency (scope, body, at, verdict)
       SELECT int8send(n), 'b', n, 'WON' FROM generate_series(1, 50000) n""",
)
LARGE: Final = frozenset(
    {"wait", "outbox", "audit", "customer", "client_token", "transaction_hash", "idempotency", "staff", "staff_token"}
    | {"conversation", "conversation_event", "staff_event", "note"}
)
MAY_READ_ALL: Final = {
    "accepted_lately": "the newest twenty, from the end of the index",
    "anybody_available": "those who take offers, by an index of their own",
    "claimed_before": "the outbox, once after an answer was lost",
    "due_requests": "the requests that are with the queue, when more is due than is claimed at once",
    "free_agents": "those who take offers, by an index of their own",
    "hold_available_staff": "those who take offers, by an index of their own",
    "lapsed_staff": "those who take offers, by an index of their own",
    "routing_is_due": "those who take offers, by an index of their own, until the first who is here",
    "staff_presence": "the staff, when the rules end waits without hope",
    "forget_hashes": "hashes live for minutes",
    "forget_old_notes": "in order, some times as many as are asked for",
    "old_waits": "in order, as many as are asked for",
    "read_line": "it is asked for all open waits",
    "read_tally": "it counts the open waits and the outbox",
    "read_unresolved": "for an administrator, or at a scrape",
    "release_customers": "the open waits, once after a node died",
    "lost_conversations": "the live conversations",
    "release_deliveries": "the outbox, once after a node died",
    "release_staff": "the staff, once after a node died",
}
_SCAN: Final = re.compile(r"(Seq Scan|Index (?:Only )?Scan(?: Backward)? using \w+|Bitmap Heap Scan) on (\w+)")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Nothing is analysed unless the test does it."""
    own = PostgresServer(autovacuum="off", log_statement="all")
    try:
        own.start()
        yield own
    finally:
        own.remove()


def read_from_end_to_end(plan: list[str]) -> set[str]:
    """The large tables of which a plan reads all rows, or all rows of an index."""
    found = set()
    for line, below in zip(plan, [*plan[1:], ""], strict=True):
        scan = _SCAN.search(line)
        if scan is not None and scan[2] in LARGE and "Cond:" not in below:
            found.add(scan[2])
    return found


@pytest.mark.parametrize("analysed", [False, True], ids=["never analysed", "analysed"])
async def test_no_statement_of_the_hot_path_reads_a_table_from_end_to_end(
    server: PostgresServer, *, analysed: bool
) -> None:
    url = server.create_database()
    async with stores.postgres_store(url):
        connection = await open_postgres(url)
    slow, judged = {}, 0
    try:
        await connection.execute("SET statement_timeout = 0")
        for insert in FILL:
            await connection.execute(insert, timeout=LIMIT_S)
        if analysed:
            await connection.execute("ANALYZE", timeout=LIMIT_S)
        for name, statement in load_postgres_statements(*store_files("postgres")).items():
            values = ", ".join(["NULL"] * len(statement.parameters))
            await connection.execute(f"PREPARE own_{name} AS {statement.text}")
            rows = await connection.fetch(f"EXPLAIN EXECUTE own_{name}{f'({values})' if values else ''}")
            judged += 1
            if name not in MAY_READ_ALL and (tables := read_from_end_to_end([row[0] for row in rows])):
                slow[name] = tables
    finally:
        await connection.close()
        server.drop_database(url)
    assert slow == {}, sorted(slow)
    assert judged > 110


async def test_plans_made_while_the_tables_were_empty_are_made_anew(server: PostgresServer) -> None:
    url = server.create_database()
    renewed = "DISCARD PLANS"
    async with stores.postgres_store(url) as store, asyncio.timeout(LIMIT_S):
        wait = await stores.waiting(store, await stores.customer(store, "1"), SettableClock())
        before = server.log.count(renewed)
        while server.log.count(renewed) < before + 4:  # both of the writer and of the readers
            await stores.end(store, Event.CANCEL, wait.row)
            await store.heads([wait.row])
        processes = {line.split("[")[1].split("]")[0] for line in server.log.splitlines() if renewed in line}
    server.drop_database(url)
    assert len(processes) >= 2
