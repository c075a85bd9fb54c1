"""`diyalog epoch renew`: after the database was restored from a backup, have every app read afresh."""

import argparse

from diyalog.cli.settings_flags import add_settings_flags
from diyalog.cli.with_store import run_with_store
from diyalog.storage.store import DatabaseStore


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `epoch renew`."""
    parser = subparsers.add_parser("epoch", help="tell all apps to read afresh, after the database was restored")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    renew = actions.add_parser("renew", help="give the event streams a new epoch")
    add_settings_flags(renew)
    renew.set_defaults(run=lambda arguments: run_with_store(arguments, _renew))


async def _renew(store: DatabaseStore, arguments: argparse.Namespace) -> int:
    print(f"epoch {await store.renew_epoch()}")
    return 0
