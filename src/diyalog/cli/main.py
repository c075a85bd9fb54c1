"""The `diyalog` command line: one sub-command a module, imported only when it is the one that was asked for.

A sub-command `NAME` lives in `cli/NAME.py` and offers `add_parser(subparsers) -> None`, which adds its parser there and
sets the default `run: Callable[[argparse.Namespace], int]` on it; what `run` returns is the exit status.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Final

COMMANDS: Final = {
    "serve": "run the server",
    "keys": "make, list, rotate and revoke access keys of calling applications",
    "sign": "sign a request to the company API and show how it is sent",
    "simulate": "play the company's systems, for trying out and tests",
    "customers": "bar a customer from asking for help, or let them in again",
    "waits": "close a customer's request as an administrator",
    "interactions": "list interactions that the company's queue may still hold",
    "audit": "verify, export and cut the audit trail",
    "migrate": "bring an older database to this version",
    "doctor": "check this server's surroundings; `doctor signature`: why a request is refused",
    "epoch": "tell all apps to read afresh, after the database was restored",
}
"""Every sub-command with the line that `diyalog --help` shows for it."""

WRONG_USE: Final = 2
INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 done, 1 failed, 2 wrong use or settings, 130 interrupted."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    parsed = parser_for(given).parse_args(given)
    run: Callable[[argparse.Namespace], int] = parsed.run
    try:
        return _run(run, parsed)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (`| head`) has left; keep the interpreter from complaining about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def parser_for(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Make the parser, complete for the command named in `arguments`, by name and help line for the others."""
    parser = argparse.ArgumentParser(prog="diyalog", description="Live-assistance server.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"diyalog {version('diyalog')}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    chosen = next((word for word in arguments if not word.startswith("-")), None)
    for name, line in COMMANDS.items():
        if name == chosen:
            import_module(f"diyalog.cli.{name}").add_parser(subparsers)
        else:
            subparsers.add_parser(name, help=line)
    return parser


def _run(run: Callable[[argparse.Namespace], int], parsed: argparse.Namespace) -> int:
    try:
        return run(parsed)
    except Exception as error:
        # Imported late: commands without settings must not pay for loading them.
        from diyalog.settings import SettingsError

        if not isinstance(error, SettingsError):
            raise
        sys.stderr.write(f"diyalog: {' '.join(str(error).split())}\n")
        return WRONG_USE
