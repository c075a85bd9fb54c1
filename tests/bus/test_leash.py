"""Servers of tests end with the tests, however these end."""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

TESTS_THAT_DIE = """
import os, signal
from kit.{module} import {name}
server = {name}()
server.start()
print(server.pid, server._leash.pid, server._leash.folder, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(("module", "name"), [("postgres", "PostgresServer"), ("nats", "NatsServer")])
def test_no_server_is_left_when_the_tests_are_killed(module: str, name: str) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", TESTS_THAT_DIE.format(module=module, name=name)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert killed.returncode == -9
    pid, watch, folder = killed.stdout.split()
    has_ended(int(watch))
    has_ended(int(pid))
    assert not Path(folder).exists()


def has_ended(pid: int) -> None:
    """Wait for the end of a process that is not a child of this one."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ended, _, _ = select.select([process], [], [], 30)
        assert ended, "the process is still there"
    finally:
        os.close(process)
