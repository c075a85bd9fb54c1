"""The servers that are measured, each started afresh, pinned to one core and stopped again."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

from toolchain import CACHE, Programs, install_peer, required

CORES: Final = sorted(os.sched_getaffinity(0))
SERVER_CORE: Final = CORES[0]
OTHER_CORE: Final = CORES[-1]

_READY_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 20.0
_ADDRESS: Final = re.compile(rb"https?://[^\s:/]+:(\d+)")


class StartError(Exception):
    """A server did not say that it is ready; the text ends with what it said instead."""


@dataclass(frozen=True)
class Key:
    """An access key of the company API."""

    id: str
    secret: str

    def environment(self) -> dict[str, str]:
        return {"BENCH_ACCESS_KEY_ID": self.id, "BENCH_ACCESS_KEY_SECRET": self.secret}


OWN_KEY: Final = Key("BENCH-0001", "a secret of this benchmark only, good for nothing else")


@dataclass(frozen=True)
class Running:
    """A server that said it is ready."""

    pid: int
    port: int
    key: Key
    ready_seconds: float
    """From the start of its process to its address on stdout."""
    more: tuple[Running, ...] = ()
    """Further nodes on the same state, on the same core."""
    store_pids: tuple[int, ...] = ()
    """The first processes of what keeps its state or carries its messages, on the other core."""

    @property
    def nodes(self) -> tuple[Running, ...]:
        """All nodes; customers are connected to the first."""
        return (self, *self.more)


class Contestant(Protocol):
    """A server that can be started any number of times."""

    @property
    def name(self) -> str:
        """How the tables call it."""

    @property
    def generator_options(self) -> Sequence[str]:
        """What the generator must know about its wire format."""

    def start(self) -> contextlib.AbstractContextManager[Running]:
        """Run it for as long as the context lasts. Raises StartError, MissingToolError."""


@contextlib.contextmanager
def pinned(core: int) -> Iterator[None]:
    """Processes started inside inherit this one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def clean_environment() -> dict[str, str]:
    """The environment without settings of a server that the caller may run besides."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("DIYALOG_", "BENCH_"))}


@contextlib.contextmanager
def process(
    command: Sequence[str], extra: Mapping[str, str], core: int, cwd: Path | None = None
) -> Iterator[tuple[int, int, float]]:
    """Run a server and wait for the line with its address; gives pid, port and seconds until then."""
    with tempfile.NamedTemporaryFile(prefix="bench-", suffix=".log") as log:
        began = time.perf_counter()
        with pinned(core):
            child = subprocess.Popen(
                command, env={**clean_environment(), **extra}, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=cwd
            )
        try:
            port = int(wait_for_line(child, Path(log.name), _ADDRESS)[1])
            yield child.pid, port, time.perf_counter() - began
        finally:
            stop(child)


def wait_for_line(child: subprocess.Popen[bytes], log: Path, line: re.Pattern[bytes]) -> re.Match[bytes]:
    """Wait until a server has written what says that it is ready. Raises StartError."""
    began = time.perf_counter()
    while time.perf_counter() - began < _READY_SECONDS and child.poll() is None:
        if found := line.search(log.read_bytes()):
            return found
        time.sleep(0.002)  # fine enough for the start-up figure
    said = log.read_bytes()[-2000:].decode(errors="replace")
    raise StartError(f"{child.args!r} is not ready (exit status {child.poll()}): {said}")


def stop(child: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> None:
    """Ask a process to end and wait for it, not for ever."""
    child.send_signal(how)
    try:
        child.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True)
class Limit:
    """One epoll thread in C, everything in memory."""

    programs: Programs
    lie: str = "none"
    name: str = "limit (C, memory)"
    generator_options: Sequence[str] = ()

    @contextlib.contextmanager
    def start(self) -> Iterator[Running]:
        command = [str(self.programs.limit), "--lie", self.lie]
        with process(command, OWN_KEY.environment(), SERVER_CORE) as (pid, port, seconds):
            yield Running(pid, port, OWN_KEY, seconds)


@dataclass(frozen=True)
class Peer:
    """A Node server of the kind others write, its state in a Redis of its own on the other core, never fsynced."""

    folder: str
    name: str
    generator_options: Sequence[str] = ()
    program: str = "server.js"

    @contextlib.contextmanager
    def start(self) -> Iterator[Running]:
        node, redis, port = required("node", "nodejs"), required("redis-server", "redis-server"), free_port()
        installed = install_peer(self.folder)
        storeless = ["--save", "", "--appendonly", "no", "--bind", "127.0.0.1"]
        with pinned(OTHER_CORE):
            store = subprocess.Popen(
                [redis, "--port", str(port), *storeless], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
        extra = OWN_KEY.environment() | {"BENCH_REDIS_PORT": str(port), "BENCH_PORT": "0", "NODE_ENV": "production"}
        try:
            with process([node, self.program], extra, SERVER_CORE, installed) as (pid, listening, seconds):
                yield Running(pid, listening, OWN_KEY, seconds, store_pids=(store.pid,))
        finally:
            stop(store)


EXPRESS: Final = Peer("express", "Express + Socket.IO + Redis", ("--socketio",))
FASTIFY: Final = Peer("fastify", "Fastify + ws + Redis")
FASTIFY_CHATS: Final = replace(FASTIFY, program="chats.js")


@dataclass(frozen=True)
class Diyalog:
    """The real server. Its data lies on the disk of this checkout, fresh each time unless a folder is given."""

    program: Path
    name: str = "Diyalog, SQLite FULL"
    data: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    generator_options: Sequence[str] = ()

    @property
    def environment(self) -> Path:
        """The Python environment that it is installed in, and with it the wheels of PostgreSQL and NATS."""
        return self.program.parent.parent

    @contextlib.contextmanager
    def start(self) -> Iterator[Running]:
        if not self.program.exists():
            raise StartError(f"{self.program} is not there: ./dev setup, or --diyalog PATH")
        CACHE.mkdir(exist_ok=True)
        with contextlib.ExitStack() as stack:
            data = self.data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="data-", dir=CACHE)))
            key = self.key(data)
            command = [str(self.program), "serve"]
            running = stack.enter_context(process(command, self._settings(data), SERVER_CORE))
            pid, port, seconds = running
            yield Running(pid, port, key, seconds)

    def key(self, data: Path) -> Key:
        """Make an access key in a data folder, and the database with it where there is none. Raises StartError."""
        done = subprocess.run(
            [str(self.program), "keys", "create", "bench", "--json"],
            env=clean_environment() | {"DIYALOG_DATA_DIR": str(data), **self.settings},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        if done.returncode != 0:
            raise StartError(f"diyalog keys create failed: {done.stderr[-2000:]}")
        made = json.loads(done.stdout)
        return Key(made["accessKeyId"], made["accessKeySecret"])

    def _settings(self, data: Path) -> dict[str, str]:
        return {
            "DIYALOG_OPEN_ACCESS": "true",
            "DIYALOG_DATA_DIR": str(data),
            "DIYALOG_PORT": str(free_port()),
            "DIYALOG_QUEUE": "builtin",
            "DIYALOG_DRAIN_SECONDS": "1",
            "DIYALOG_LIMIT_STARTS": "0",
            "DIYALOG_LIMIT_AUTH_FAILURES": "0",
            **self.settings,
        }
