"""Real NATS servers for tests, from the program of a wheel."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Condition, Thread
from typing import TypeAlias

from kit.certificates import Authority
from kit.leash import Leash
from kit.ports import free_port

USER = "diyalog"
PASSWORD = "nats-test-secret"
TOKEN = "nats-test-token"
WITH_PASSWORD = {"authorization": {"user": USER, "password": PASSWORD}}
WITH_TOKEN = {"authorization": {"token": TOKEN}}
_PROGRAM = Path(sys.executable).with_name("nats-server")
_READY_S = 30.0
_START_TRIES = 5

Configuration: TypeAlias = Mapping[str, object]
"""Settings of nats-server's configuration file, nested."""


class NatsServer:
    """One server on 127.0.0.1, which keeps its port when it is started again; it then reads its configuration anew."""

    def __init__(self, configuration: Configuration | None = None, *, port: int = 0) -> None:
        self.configuration = configuration or {}
        self._process: subprocess.Popen[str] | None = None
        self._leash: Leash | None = None
        self._folder = Leash(Path(tempfile.mkdtemp(prefix="dlg-nats-")))
        self._lines: list[str] = []
        self._heard = Condition()
        self._reader: Thread | None = None
        self.port = port

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"nats://{self.address}"

    @property
    def log(self) -> str:
        """What the server has written since it was made."""
        with self._heard:
            return "\n".join(self._lines)

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        for _ in range(_START_TRIES if self.port == 0 else 1):
            port = self.port or free_port()
            before = len(self._lines)
            self._run(port)
            if self.wrote("Server is ready", after=before):
                self.port = port
                return
            self.kill()
        raise AssertionError(f"nats-server did not start: {self.log}")

    def wrote(self, text: str, times: int = 1, *, after: int = 0) -> bool:
        """Wait until so many lines after the first `after` hold a text; False when it ended or it took too long."""

        def count() -> int:
            return sum(text in line for line in self._lines[after:])

        with self._heard:
            self._heard.wait_for(lambda: count() >= times or not self._is_writing(), _READY_S)
            return count() >= times

    def stop(self) -> None:
        """Ask the server to end, and wait for it."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the server at once, as a lost machine would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def pause(self) -> None:
        """Let the server hang: its connections stay and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        """End the server and delete its folder."""
        try:
            self.kill()
        finally:
            self._folder.remove()

    def _run(self, port: int) -> None:
        path = self._folder.folder / "server.conf"
        path.write_text(_written({"host": "127.0.0.1", "port": port, **self.configuration}), encoding="utf-8")
        self._process = subprocess.Popen(
            [str(_PROGRAM), "--config", str(path)],
            cwd=self._folder.folder,
            env={"HOME": str(self._folder.folder), "PATH": os.defpath},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the tests
        )
        self._leash = Leash(self._folder.folder, self._process.pid)
        self._reader = Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            with self._heard:
                self._lines.append(line.rstrip())
                self._heard.notify_all()
        process.wait()
        with self._heard:
            self._heard.notify_all()

    def _is_writing(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _end(self, how: signal.Signals) -> None:
        if self._process is None or self._leash is None or self._reader is None:
            return
        self._process.send_signal(how)
        self._process.send_signal(signal.SIGCONT)
        self._process.wait(_READY_S)
        self._leash.release()
        self._reader.join(_READY_S)
        assert self._process.stderr is not None
        self._process.stderr.close()
        self._process = self._leash = self._reader = None


@contextmanager
def nats_server(configuration: Configuration | None = None) -> Iterator[NatsServer]:
    """A running server."""
    server = NatsServer(configuration)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@contextmanager
def nats_cluster(configuration: Configuration | None = None, size: int = 3) -> Iterator[list[NatsServer]]:
    """Running servers of which each has a route to every other."""
    routes = [free_port() for _ in range(size)]
    servers = [
        NatsServer(
            {
                **(configuration or {}),
                "server_name": f"n{number}",
                "cluster": {
                    "name": "test",
                    "listen": f"127.0.0.1:{port}",
                    "routes": [f"nats://127.0.0.1:{other}" for other in routes if other != port],
                    "pool_size": -1,
                },
            }
        )
        for number, port in enumerate(routes)
    ]
    try:
        for server in servers:
            server.start()
        for server in servers:
            assert server.wrote("Route connection created", size - 1), server.log
        yield servers
    finally:
        for server in servers:
            server.remove()


def tls(authority: Authority, *names: str) -> Configuration:
    """The configuration of a server that speaks TLS only, under these names."""
    certificate, key = authority.issue(*(names or ("127.0.0.1", "localhost")))
    return {"tls": {"cert_file": str(certificate), "key_file": str(key)}}


def _written(configuration: Mapping[str, object]) -> str:
    """As nats-server reads it: JSON is a part of its language, but for the outermost braces."""
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in configuration.items())
