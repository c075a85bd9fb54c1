"""`diyalog interactions unresolved`: requests of which nobody knows whether the company's queue holds them."""

import argparse
import json

from diyalog.cli.settings_flags import add_settings_flags
from diyalog.cli.with_store import run_with_store
from diyalog.protocol.times import rfc3339
from diyalog.storage.store import DatabaseStore


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `interactions unresolved`."""
    parser = subparsers.add_parser("interactions", help="list interactions that the company's queue may still hold")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    line = "CreateInteraction calls whose result stayed unknown; look the sessionId up in the queue system"
    unresolved = actions.add_parser("unresolved", help=line, description=line)
    unresolved.add_argument("--json", action="store_true", help="print JSON")
    add_settings_flags(unresolved)
    unresolved.set_defaults(run=lambda arguments: run_with_store(arguments, _list))


async def _list(store: DatabaseStore, arguments: argparse.Namespace) -> int:
    rows = [
        {"sessionId": row.session_id, "askedAt": rfc3339(row.first_at), "attempts": row.attempts}
        for row in await store.unresolved()
    ]
    if arguments.json:
        print(json.dumps(rows))
        return 0
    for row in rows:
        print(f"{row['sessionId']}  asked {row['askedAt']}  attempts {row['attempts']}")
    if not rows:
        print("None.")
    return 0
