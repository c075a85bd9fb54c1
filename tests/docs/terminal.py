"""The terminal of somebody who types in a page's commands, one block after the other."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

BLOCK_S = 60.0
_DONE = "\x04block done\x04"


class Terminal:
    """One bash for all blocks, so that variables, functions and jobs carry over. Errors go where output goes."""

    def __init__(self, bash: asyncio.subprocess.Process) -> None:
        self._bash = bash

    async def run(self, commands: str) -> str:
        """What the commands printed; fails when the last of them fails to be done within the limit."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write(f"{commands}\nprintf '%s\\n' '{_DONE}'\n".encode())
        printed = await asyncio.wait_for(self._bash.stdout.readuntil(f"{_DONE}\n".encode()), BLOCK_S)
        return printed.decode().removesuffix(f"{_DONE}\n").replace("\r\n", "\n")


@asynccontextmanager
async def terminal(folder: Path, environ: Mapping[str, str]) -> AsyncIterator[Terminal]:
    """A terminal in `folder`; whatever was started in it ends with it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DIYALOG_")}
    bash = await asyncio.create_subprocess_exec(
        "bash",
        "--noprofile",
        "--norc",
        cwd=folder,
        env={**kept, "LC_ALL": "C.UTF-8", **environ},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield Terminal(bash)
    finally:
        # Its process group is the session that was made for it: bash and the jobs that it left.
        os.killpg(bash.pid, signal.SIGKILL)
        await bash.wait()
