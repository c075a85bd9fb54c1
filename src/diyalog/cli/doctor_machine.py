"""`diyalog doctor`: the data folder, the database, the clock, the descriptors, the pages. Changes nothing."""

import asyncio
import os
import resource
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Final

import apsw

from diyalog.cli.doctor_finding import Finding, fail, ok, warn
from diyalog.cli.doctor_postgres import check_postgres
from diyalog.clock import SystemClock
from diyalog.opening import KEY_FILE_NAME, OpeningError, opened_store
from diyalog.settings import Settings
from diyalog.storage.sqlite import DATABASE_NAME

FOLDER, DATABASE, CLOCK, DESCRIPTORS, PAGES = "data folder", "database", "clock", "descriptors", "pages"
_GIB, _MIB = 1024**3, 1024**2
_LITTLE_SPACE, _NO_SPACE = _GIB, 100 * _MIB
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_QUICK_CHECK_S: Final = 8.0
_BUSY_MS: Final = 2_000
_STEPS: Final = 10_000
_SOCKET_SHARE: Final = 0.8
_FEW_DESCRIPTORS: Final = 4_096
_BUILT: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""No clock that is right shows an earlier time to this program."""
_STEP_S: Final = 0.5


def check_folder(settings: Settings) -> list[Finding]:
    """The data folder: exists, writable, free space, who else may read."""
    folder = settings.data_dir
    if not folder.exists():
        return [
            warn(
                FOLDER,
                f"{folder} is not there yet",
                "`diyalog serve` makes it; or name the right one: DIYALOG_DATA_DIR",
            )
        ]
    if not folder.is_dir():
        return [fail(FOLDER, f"{folder} is no folder", "name a folder in DIYALOG_DATA_DIR")]
    return [*_writable(folder), *_space(folder), *_private(settings)]


def _writable(folder: Path) -> Iterator[Finding]:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"diyalog doctor")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        yield fail(
            FOLDER, f"{folder} cannot be written: {error.strerror}", "run as the server's user, or mend the disk"
        )
    else:
        yield ok(FOLDER, f"{folder} can be written")


def _space(folder: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(folder).free
    text = f"{free / _GIB:.1f} GiB free" if free >= _GIB else f"{free // _MIB} MiB free"
    if free < _NO_SPACE:
        yield fail(FOLDER, text, "free the disk: when it is full, requests are answered 503")
    elif free < _LITTLE_SPACE:
        yield warn(FOLDER, text, "free the disk soon")
    else:
        yield ok(FOLDER, text)


def _private(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    key = settings.secret_key_file or folder / KEY_FILE_NAME
    open_ones = [
        path for path in (folder, folder / DATABASE_NAME, key) if path.exists() and path.stat().st_mode & _OTHERS
    ]
    for path in open_ones:
        mode = stat.S_IMODE(path.stat().st_mode)
        then = f"chmod {'700' if path == folder else '600'} {path}"
        yield (fail if path == key else warn)(FOLDER, f"other users may open {path} (mode {mode:o})", then)
    if not open_ones:
        yield ok(FOLDER, "closed to other users")
    if not key.exists() and (folder / DATABASE_NAME).exists():
        then = "restore it: without it names, messages and access keys cannot be read"
        yield fail(FOLDER, f"there is a database, and no secret key at {key}", then)


def check_database(settings: Settings) -> list[Finding]:
    """The database: opens, schema version, integrity, epoch, newest row, and whether the secret key opens it."""
    if settings.database_url is not None:
        findings, usable = check_postgres(settings)
        return [*findings, _key_fits(settings)] if usable else findings
    path = settings.data_dir / DATABASE_NAME
    if not path.is_file():
        return [warn(DATABASE, f"there is none at {path} yet", "`diyalog serve` makes it")]
    then = "restore a back-up (docs/operations.md)"
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    except apsw.Error as error:
        return [fail(DATABASE, f"{path} does not open ({type(error).__name__})", then)]
    try:
        connection.set_busy_timeout(_BUSY_MS)
        version = connection.pragma("user_version")
        findings = [*_schema(version), *_intact(connection)]
        if any(finding.status == "fail" for finding in findings):
            return findings
        findings += _contents(connection)
    except apsw.Error as error:
        return [fail(DATABASE, f"{path} cannot be read ({type(error).__name__})", then)]
    finally:
        connection.close()
    # A database of an older version must not be migrated by looking at it.
    return findings if version != known_schema() else [*findings, _key_fits(settings)]


def known_schema() -> int:
    """The schema version of this program: the number of its migrations."""
    names = [file.name for file in (resources.files("diyalog") / "sql").iterdir()]
    return sum(1 for name in names if name.endswith(".sqlite.sql") and name[0].isdigit())


def schema_of(path: Path) -> object:
    """The schema version of a database file, which is only read. Raises apsw.Error."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        connection.set_busy_timeout(_BUSY_MS)
        return connection.pragma("user_version")
    finally:
        connection.close()


def _schema(version: object) -> Iterator[Finding]:
    known = known_schema()
    if version == known:
        yield ok(DATABASE, f"schema {version}")
    elif version == 0:
        yield fail(
            DATABASE, "it is empty or not ours (schema 0)", "name the right DIYALOG_DATA_DIR, or restore a back-up"
        )
    elif isinstance(version, int) and version < known:
        yield warn(DATABASE, f"schema {version}, this program has {known}", "back it up, then run `diyalog migrate`")
    else:
        yield fail(DATABASE, f"schema {version}, this program knows {known}", "run a newer version of Diyalog")


def _intact(connection: apsw.Connection) -> Iterator[Finding]:
    began = time.perf_counter()
    connection.set_progress_handler(lambda: time.perf_counter() - began > _QUICK_CHECK_S, _STEPS)
    try:
        answers = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)").fetchall()]
    except apsw.InterruptError:
        found = f"too large to be checked in {_QUICK_CHECK_S:g} s"
        yield warn(DATABASE, found, "check a copy of it: sqlite3 copy.sqlite3 'PRAGMA quick_check'")
        return
    finally:
        connection.set_progress_handler(None)
    if answers == ["ok"]:
        yield ok(DATABASE, f"intact (checked in {time.perf_counter() - began:.1f} s)")
    else:
        yield fail(
            DATABASE, "it is damaged (quick_check)", "stop the server and restore a back-up (docs/operations.md)"
        )


def _contents(connection: apsw.Connection) -> list[Finding]:
    epoch = connection.execute("SELECT value FROM setting WHERE name = 'epoch'").fetchall()
    newest = connection.execute("SELECT at FROM audit ORDER BY id DESC LIMIT 1").fetchall()
    found = (
        ok(DATABASE, f"epoch {epoch[0][0]}") if epoch else warn(DATABASE, "no epoch yet", "`diyalog serve` makes it")
    )
    newest_ms = newest[0][0] if newest else 0
    ahead = newest_ms / 1000 - time.time() if isinstance(newest_ms, int) else 0.0
    if ahead < 2:
        return [found]
    then = "set the clock right (NTP); after that, waits started in between end later than they should"
    return [found, fail(CLOCK, f"the newest entry of the database is {ahead:.0f} s in the future", then)]


def _key_fits(settings: Settings) -> Finding:
    async def count() -> int:
        async with opened_store(settings, SystemClock()) as store:
            return sum(1 for key in await store.keys() if key.revoked_at is None)

    key = settings.secret_key_file or settings.data_dir / KEY_FILE_NAME
    if not key.exists():
        return fail(DATABASE, "it cannot be opened without the secret key", f"restore {key}")
    try:
        live = asyncio.run(count())
    except OpeningError as error:
        return fail(DATABASE, f"the server cannot open it: {error}", "mend what the line names")
    except Exception as error:  # noqa: BLE001 - a seal that does not open, and whatever else a damaged row does
        found = f"its access keys cannot be opened ({type(error).__name__})"
        return fail(DATABASE, found, "give the secret key that it was made with: DIYALOG_SECRET_KEY_FILE")
    if live == 0:
        return warn(DATABASE, "no live access key: signed requests are all refused", "diyalog keys create NAME")
    return ok(DATABASE, f"the secret key opens it, {live} live access key{'s' if live > 1 else ''}")


def now_both() -> tuple[float, float]:
    """The time of day and the monotonic clock, in seconds."""
    return time.time(), time.perf_counter()


def check_clock(before: tuple[float, float], after: tuple[float, float]) -> list[Finding]:
    """The time of day against the monotonic clock, from two readings of both (`now_both`)."""
    (wall, steady), (wall_after, steady_after) = before, after
    stepped = (wall_after - wall) - (steady_after - steady)
    if wall_after < _BUILT.timestamp():
        year = datetime.fromtimestamp(max(wall_after, 0), UTC).year
        return [fail(CLOCK, f"the clock shows the year {year}", "set it right (NTP): all signed requests are refused")]
    if abs(stepped) > _STEP_S:
        then = "let NTP slew the clock instead of stepping it; look for two services that set it"
        return [warn(CLOCK, f"the time of day jumped by {stepped:+.1f} s while this ran", then)]
    return [ok(CLOCK, "the time of day runs evenly")]


def check_descriptors(settings: Settings, limits: tuple[int, int] | None = None) -> list[Finding]:
    """The limit of open descriptors of this shell, which a server started here would have."""
    soft, hard = limits or resource.getrlimit(resource.RLIMIT_NOFILE)
    sockets = settings.limits.sockets or int(soft * _SOCKET_SHARE)
    found = f"limit {soft} here (at most {hard}), room for {sockets} waiting customers"
    if sockets > soft * _SOCKET_SHARE:
        then = "raise `ulimit -n` (LimitNOFILE of the service), or lower DIYALOG_LIMIT_SOCKETS"
        return [fail(DESCRIPTORS, f"limit_sockets={sockets} with a limit of {soft} descriptors", then)]
    if soft < _FEW_DESCRIPTORS:
        return [warn(DESCRIPTORS, found, "raise `ulimit -n` (LimitNOFILE of the service), if more may wait at a time")]
    return [ok(DESCRIPTORS, found)]


def check_pages(static: Path) -> list[Finding]:
    """The built pages and the SDK, which the server takes from `static` when it starts."""
    wanted = ("app/help.html", "app/agentchat.html", "sdk/diyalog.js")
    missing = [name for name in wanted if not (static / name).is_file() or not (static / name).stat().st_size]
    if missing:
        then = "run ./dev setup (or npm ci && npm run build), then start the server again"
        return [fail(PAGES, f"not built: {', '.join(missing)}", then)]
    return [ok(PAGES, "the waiting page, the agent desk and the SDK are there")]
