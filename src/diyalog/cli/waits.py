"""`diyalog waits cancel`: an administrator closes a customer's request."""

import argparse
import sys
from typing import Final

from diyalog.cli.settings_flags import add_settings_flags
from diyalog.cli.with_store import run_with_store
from diyalog.domain.commands import EndWait
from diyalog.domain.ids import CommandId, SessionId
from diyalog.domain.results import Verdict
from diyalog.domain.transitions import Event
from diyalog.opening import new_node_id
from diyalog.storage.store import DatabaseStore

_FAILED: Final = 1


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `waits cancel`."""
    parser = subparsers.add_parser("waits", help="close a customer's request as an administrator")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    line = "end an open wait (CANCELLED, reason administrator); a running server tells the customer within seconds"
    cancel = actions.add_parser("cancel", help=line, description=line)
    cancel.add_argument("session_id", metavar="SESSION-ID")
    add_settings_flags(cancel)
    cancel.set_defaults(run=lambda arguments: run_with_store(arguments, _cancel))


async def _cancel(store: DatabaseStore, arguments: argparse.Namespace) -> int:
    command = CommandId(f"{new_node_id()}-1")
    session = SessionId(arguments.session_id)
    result = await store.end_wait(EndWait(command, Event.ADMINISTRATOR_CANCEL, session_id=session))
    if result.verdict is Verdict.WON:
        print("CANCELLED")
        return 0
    if result.wait is not None:
        sys.stderr.write(f"diyalog: the wait had ended before: {result.wait.outcome}, {result.wait.reason}\n")
    else:
        sys.stderr.write("diyalog: no wait has this session id\n")
    return _FAILED
