"""`diyalog doctor`: a PostgreSQL database, looked at on one connection that only reads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import asyncpg

from diyalog.cli.doctor_finding import Finding, fail, ok, warn
from diyalog.clock import SystemClock
from diyalog.opening import KEY_FILE_NAME, OpeningError, new_node_id, open_store
from diyalog.settings import Settings

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
    Row: TypeAlias = asyncpg.Record
else:
    Connection = Row = Any

DATABASE, CLOCK = "database", "clock"
CONNECTIONS_OF_A_PROCESS: Final = 9
"""At most: three that write, four that read, one for the audit chain, one that listens where no NATS does."""
OLDEST_SERVER: Final = 16
_CONNECT_S: Final = 5.0
_ANSWER_S: Final = 4.0
_PINGS: Final = 10
_SLOW_S: Final = 0.005
_LITTLE_SKEW_S, _MOST_SKEW_S = 0.5, 2.0
_FAILED: Final = (
    OSError,
    ValueError,
    OverflowError,  # the driver's word for a port beyond 65535
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


def check_postgres(settings: Settings) -> tuple[list[Finding], bool]:
    """What is found, and whether this program may open the database: it has this program's schema."""
    assert settings.database_url is not None, "the embedded database has checks of its own"
    return asyncio.run(_look(settings, settings.database_url))


async def _look(settings: Settings, url: str) -> tuple[list[Finding], bool]:
    try:
        connection = await asyncpg.connect(
            url, timeout=_CONNECT_S, command_timeout=_ANSWER_S, server_settings={"application_name": "diyalog doctor"}
        )
    except _FAILED as error:
        return [await _not_reached(settings, error)], False
    try:
        findings = [await _reached(connection)]
        row = await connection.fetchrow(_SERVER)
        assert row is not None, "one row"
        findings += [*keeping(dict(row)), *_connections(row, settings.workers)]
        findings.append(await _clock(connection))
        schema = await _schema(connection)
        usable = schema.status == "ok"
        findings.append(schema)
        if usable:
            findings += await _contents(connection)
    except _FAILED as error:
        found = f"the server does not answer as it should ({type(error).__name__})"
        return [fail(DATABASE, found, "look into its log; its user must be the server's own")], False
    else:
        return findings, usable
    finally:
        connection.terminate()


async def _not_reached(settings: Settings, error: Exception) -> Finding:
    """In the server's own words, which name what to do; these ask for the secret key first, and must not make one."""
    if (settings.secret_key_file or settings.data_dir / KEY_FILE_NAME).exists():
        try:
            store = await open_store(settings, SystemClock(), new_node_id())
        except OpeningError as line:
            return fail(DATABASE, f"it cannot be opened: {line}", "mend what the line names")
        await store.stop()
    found = f"no connection ({type(error).__name__})"
    return fail(DATABASE, found, "check host, port, user, password and database of DIYALOG_DATABASE_URL")


async def _reached(connection: Connection) -> Finding:
    times = []
    for _ in range(_PINGS):
        began = time.perf_counter()
        await connection.fetchval("SELECT 1")
        times.append(time.perf_counter() - began)
    best = min(times)  # the others tell of this machine, which does all checks at once
    version = connection.get_server_version()
    found = f"PostgreSQL {version.major}.{version.minor} answers in {best * 1000:.1f} ms"
    if version.major < OLDEST_SERVER:
        return fail(DATABASE, found, f"use {OLDEST_SERVER} or newer")
    if best > _SLOW_S:
        return warn(DATABASE, found, "each request waits for it several times: bring the nodes nearer to it")
    return ok(DATABASE, found)


def keeping(row: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether the server keeps what it was given, and from whom. `row`: what it says of itself."""
    unsafe = [name for name in ("fsync", "full_page_writes") if row[name] != "on"]
    for name in unsafe:
        found = f"{name}=off: what was answered is lost when the machine stops"
        yield fail(DATABASE, found, f"set {name} = on in postgresql.conf")
    if row["read_only"] == "on":
        yield fail(DATABASE, "it takes no writes", "name the primary server, or set its transactions to read write")
    if row["encoding"] != "UTF8":
        yield fail(DATABASE, f"its encoding is {row['encoding']}", "make a database with ENCODING 'UTF8'")
    if not unsafe:
        others = row["standbys"]
        where = f"on its own disk and on standbys ({others})" if others else "on its own disk; no standby confirms them"
        yield ok(DATABASE, f"commits are kept {where}")
    if row["far"] and not row["encrypted"]:
        found = "the connection is not encrypted: ids and times go there in clear"
        yield warn(DATABASE, found, "append ?sslmode=verify-full to DIYALOG_DATABASE_URL")


def _connections(row: Row, workers: int) -> Iterator[Finding]:
    left, need = row["left_over"], workers * CONNECTIONS_OF_A_PROCESS
    found = f"{left} of {row['most']} connections are free; a node of {workers} process(es) takes up to {need}"
    if left < need:
        then = "if no server of this node runs yet: raise max_connections, or the limits of the role and the database"
        yield warn(DATABASE, found, then)
    else:
        yield ok(DATABASE, found)


async def _clock(connection: Connection) -> Finding:
    """The database's clock is the one by which deadlines are counted."""
    began = time.time()
    theirs = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
    return compare_clocks(began, theirs, time.time())


def compare_clocks(began: float, theirs: float, ended: float) -> Finding:
    """This machine's clock before the database's was read, that, and ours afterwards, in seconds."""
    ahead = theirs - (began + ended) / 2
    unsure = (ended - began) / 2
    size = max(abs(ahead) - unsure, 0.0)
    found = f"this machine's clock is {size:.1f} s {'behind' if ahead > 0 else 'ahead of'} the database's"
    if size > _MOST_SKEW_S:
        return fail(CLOCK, found, "set both right (NTP): a node turns itself unready beyond 2 s")
    if size > _LITTLE_SKEW_S:
        return warn(CLOCK, found, "set both right (NTP)")
    return ok(CLOCK, "it agrees with the database's")


def known_schema() -> int:
    """The schema version of this program: the number of its scripts."""
    names = [file.name for file in (resources.files("diyalog") / "sql").iterdir()]
    return sum(1 for name in names if name.endswith(".postgres.sql") and name[0].isdigit())


async def _schema(connection: Connection) -> Finding:
    if not await connection.fetchval(_IS_THERE):
        return warn(DATABASE, "it is empty", "the first command sets it up; or name the right database")
    try:
        row = await connection.fetchrow("SELECT version, oldest FROM schema_version")
    except asyncpg.UndefinedColumnError:
        row = None
    if row is None:
        return fail(DATABASE, "it holds tables of another program", "name an empty database")
    version, oldest, known = row["version"], row["oldest"], known_schema()
    if version < known:
        then = "back it up, then run `diyalog migrate`: no server starts before"
        return fail(DATABASE, f"schema {version}, this program needs {known}", then)
    if oldest > known:
        found = f"schema {version}, which needs a program that knows {oldest}; this one knows {known}"
        return fail(DATABASE, found, "run a newer version of Diyalog")
    return ok(DATABASE, f"schema {version}" + ("" if version == known else f", which this program ({known}) may use"))


async def _contents(connection: Connection) -> list[Finding]:
    epoch = await connection.fetchval("SELECT value FROM setting WHERE name = 'epoch'")
    nodes = await connection.fetchval("SELECT count(*) FROM node WHERE beat_at > now_ms() - 15000")
    newest = await connection.fetchval("SELECT at - now_ms() FROM audit ORDER BY id DESC LIMIT 1") or 0
    findings = [
        warn(DATABASE, "no epoch yet", "`diyalog serve` makes it") if epoch is None else ok(DATABASE, f"epoch {epoch}"),
        ok(DATABASE, f"{nodes} server processes work with it now"),
    ]
    if newest > _MOST_SKEW_S * 1000:
        found = f"the newest entry of the database is {newest / 1000:.0f} s in the future of its own clock"
        then = "set its clock right (NTP); after that, waits started in between end later than they should"
        findings.append(fail(CLOCK, found, then))
    return findings


_IS_THERE: Final = "SELECT EXISTS (SELECT FROM pg_class WHERE relname = 'schema_version' AND pg_table_is_visible(oid))"

_SERVER: Final = """
SELECT current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
  current_setting('transaction_read_only') AS read_only, current_setting('server_encoding') AS encoding,
  current_setting('synchronous_standby_names') AS standbys,
  coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS encrypted,
  coalesce(NOT inet_client_addr() <<= '127.0.0.0/8' AND inet_client_addr() <> '::1', false) AS far,
  limits.most, limits.most - limits.used AS left_over
FROM (
  SELECT most, used FROM (
    SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true)::int, 0) AS most,
      (SELECT sum(numbackends) FROM pg_stat_database)::int AS used
    UNION ALL
    SELECT datconnlimit, (SELECT numbackends FROM pg_stat_database d WHERE d.datname = current_database())
    FROM pg_database WHERE datname = current_database() AND datconnlimit >= 0
    UNION ALL
    SELECT rolconnlimit, (SELECT count(*)::int FROM pg_stat_activity WHERE usename = current_user)
    FROM pg_roles WHERE rolname = current_user AND rolconnlimit >= 0
  ) AS every (most, used)
  ORDER BY most - used LIMIT 1
) AS limits
"""
