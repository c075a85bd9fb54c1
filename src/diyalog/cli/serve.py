"""`diyalog serve`: the server."""

import argparse
import os
import sys
from collections.abc import Callable
from typing import Final

import uvloop
from msgspec import structs

from diyalog.bootstrap import run
from diyalog.cli.prefork import Prefork
from diyalog.cli.settings_flags import add_settings_flags, settings_from
from diyalog.opening import OpeningError
from diyalog.ports import StoreUnavailableError
from diyalog.server.server import StartError
from diyalog.settings import Settings

_WRONG_USE: Final = 2


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `serve`."""
    parser = subparsers.add_parser("serve", help="run the server", description="Run the server until SIGTERM.")
    add_settings_flags(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    """Serve; 0 after a stop in good order, 2 when a setting keeps the server from starting."""
    settings = settings_from(arguments, os.environ)
    if settings.workers == 1:
        return _serve(settings, _say_ready)
    host, port = settings.host, settings.port
    try:
        return Prefork(
            lambda free, ready: _serve(structs.replace(settings, port=free), ready),
            host,
            port,
            settings.workers,
            _say_ready,
        ).run()
    except OSError as error:
        return _refuse(_no_address(f"can't listen on {host}:{port}: {error.strerror or error}"))


def _serve(settings: Settings, say_ready: Callable[[str], None]) -> int:
    try:
        uvloop.run(run(settings, say_ready))
    except OpeningError as error:
        return _refuse(str(error))
    except StoreUnavailableError as error:  # while it started; a server that runs goes on without
        return _refuse(f"the database cannot be used now ({error}); try again, or see `diyalog doctor`")
    except StartError as error:
        return _refuse(_no_address(str(error)))
    return 0


def _no_address(why: str) -> str:
    return f"DIYALOG_HOST, DIYALOG_PORT: {why}: give an address of this machine and a free port"


def _refuse(line: str) -> int:
    sys.stderr.write(f"diyalog: {line}\n")
    return _WRONG_USE


def _say_ready(address: str) -> None:
    print(f"Diyalog is ready at {address}", flush=True)
