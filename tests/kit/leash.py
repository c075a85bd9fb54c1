"""Servers that tests start, and their folders, must not outlive the tests, however these end."""

import shutil
import subprocess
from pathlib import Path
from signal import SIGKILL, Signals

_WATCH = '[ -z "$2" ] || { kill -"$1" "$2"; kill -CONT "$2"; }; rm -rf "$3"'  # a paused server ends once it goes on


class Leash:
    """Ends a server when the tests' process is gone: a shell waits for the end of a pipe that only we hold.

    Then the process `pid` (None: there is none) gets `signal`, and `folder`, made for the server, is removed.
    """

    def __init__(self, folder: Path, pid: int | None = None, signal: Signals = SIGKILL) -> None:
        self.folder = folder
        arguments = [str(signal.value), "" if pid is None else str(pid), str(folder)]
        self._watch = subprocess.Popen(
            ["/bin/sh", "-c", f"read -r _; {_WATCH}", "leash", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the tests, which then end their servers themselves
        )

    @property
    def pid(self) -> int:
        """The process id of the watch."""
        return self._watch.pid

    def release(self) -> None:
        """The server has ended, or is about to be ended by us."""
        self._watch.kill()
        self._watch.communicate()

    def remove(self) -> None:
        """Delete the folder ourselves."""
        self.release()
        shutil.rmtree(self.folder)
