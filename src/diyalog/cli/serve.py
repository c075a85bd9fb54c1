"""`diyalog serve`: the server."""

import argparse
import os
import sys
from typing import Final

import uvloop

from diyalog.bootstrap import run
from diyalog.cli.settings_flags import add_settings_flags, settings_from
from diyalog.opening import OpeningError
from diyalog.server.server import StartError

_WRONG_USE: Final = 2


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `serve`."""
    parser = subparsers.add_parser("serve", help="run the server", description="Run the server until SIGTERM.")
    add_settings_flags(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    """Serve; 0 after a stop in good order, 2 when a setting keeps the server from starting."""
    settings = settings_from(arguments, os.environ)
    try:
        uvloop.run(run(settings, _say_ready))
    except OpeningError as error:
        return _refuse(str(error))
    except StartError as error:
        return _refuse(f"DIYALOG_HOST, DIYALOG_PORT: {error}: give an address of this machine and a free port")
    return 0


def _refuse(line: str) -> int:
    sys.stderr.write(f"diyalog: {line}\n")
    return _WRONG_USE


def _say_ready(address: str) -> None:
    print(f"Diyalog is ready at {address}", flush=True)
