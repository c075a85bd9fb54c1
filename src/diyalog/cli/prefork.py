"""Several server processes on one port: started, watched and stopped together.

Each is a node of its own; the kernel spreads new connections over them. The parent serves nothing and opens nothing.
"""

import os
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Final

_AGAIN_S: Final = 1.0
"""Pause before a process that died is started again."""

Serve = Callable[[int, Callable[[str], None]], int]
"""Serves on a port until SIGTERM and returns the exit status; tells its address once it takes connections."""


class Prefork:
    """Runs `serve` in so many processes. `run` returns the exit status: 0 after a stop in good order."""

    def __init__(self, serve: Serve, host: str, port: int, processes: int, say_ready: Callable[[str], None]) -> None:
        self._serve = serve
        self._host = host
        self._port = port
        self._processes = processes
        self._say_ready = say_ready
        self._children: set[int] = set()
        self._status = 0
        self._stopping = threading.Event()

    def run(self) -> int:
        """Start the processes, start those that die again, and stop all on SIGTERM or SIGINT. Raises OSError."""
        with self._reserved() as reserved:
            port = reserved.getsockname()[1]
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: self._stop())
            reading, writing = os.pipe()
            address = None
            for wanted in (1, self._processes - 1):  # what is wrong with the settings, the first one says for all
                if not self._stopping.is_set():
                    for _ in range(wanted):
                        self._fork(port, reading, writing)
                    address = self._ready(reading, wanted)
            if address is not None:
                self._say_ready(address)
            self._watch(port, reading, writing)
        return self._status

    def _reserved(self) -> socket.socket:
        """A socket that keeps the port without taking connections."""
        family, kind, _, _, address = socket.getaddrinfo(
            self._host.strip("[]"), self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        reserved = socket.socket(family, kind)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            reserved.bind(address)
        except OSError:
            reserved.close()
            raise
        return reserved

    def _fork(self, port: int, reading: int, writing: int) -> None:
        sys.stdout.flush()
        child = os.fork()
        if child:
            self._children.add(child)
            if self._stopping.is_set():
                os.kill(child, signal.SIGTERM)
            return
        status = 1
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.close(reading)
            status = self._serve(port, lambda address: _tell(writing, address))
        except BaseException:  # noqa: BLE001  a child never returns into its parent's code
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(status)

    def _ready(self, reading: int, wanted: int) -> str | None:
        """The address, once so many more processes take connections; None when one ended instead."""
        told = b""
        while told.count(b"\n") < wanted:
            if self._ended_one():
                return None
            if select.select([reading], [], [], 0.1)[0]:
                told += os.read(reading, 65_536)
        return told.decode().split("\n", 1)[0]

    def _ended_one(self) -> bool:
        """Whether a process ended before all were ready: then none goes on, and its status is everybody's."""
        for child in list(self._children):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                self._children.discard(child)
                self._status = os.waitstatus_to_exitcode(status)
                self._stop()
        return self._stopping.is_set()

    def _watch(self, port: int, reading: int, writing: int) -> None:
        while self._children:
            child, status = os.wait()
            self._children.discard(child)
            if self._stopping.is_set():
                self._status = self._status or max(0, os.waitstatus_to_exitcode(status))
            elif not self._stopping.wait(_AGAIN_S):
                self._fork(port, reading, writing)

    def _stop(self) -> None:
        self._stopping.set()
        for child in list(self._children):
            os.kill(child, signal.SIGTERM)


def _tell(writing: int, address: str) -> None:
    os.write(writing, f"{address}\n".encode())
