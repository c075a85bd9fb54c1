"""The tests' application as a process of its own: `python -m server.process DRAIN_SECONDS`.

Its standard output is its address, and a line when it begins to drain.
"""

import sys

from diyalog.server.options import ServerOptions
from diyalog.server.server import Server

from .world import Application


def main() -> None:
    server = Server(
        Application(),
        ServerOptions(port=0, drain_seconds=float(sys.argv[1])),
        on_ready=lambda address: print(address, flush=True),  # noqa: T201 - the parent waits for it
        on_draining=lambda: print("draining", flush=True),  # noqa: T201
    )
    server.run()


if __name__ == "__main__":
    main()
