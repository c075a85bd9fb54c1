"""`diyalog migrate`: bring the database to this program's schema."""

import argparse

from diyalog.cli.settings_flags import add_settings_flags
from diyalog.cli.with_store import run_with_store
from diyalog.storage.store import DatabaseStore


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `migrate`."""
    parser = subparsers.add_parser("migrate", help="bring an older database to this version")
    add_settings_flags(parser)
    parser.set_defaults(run=lambda arguments: run_with_store(arguments, _migrated, forward=True))


async def _migrated(store: DatabaseStore, arguments: argparse.Namespace) -> int:
    print("The database has this version's schema.")
    return 0
