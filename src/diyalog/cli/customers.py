"""`diyalog customers`: bar a customer from asking for help in the app, and let them in again."""

import argparse

from diyalog.cli.settings_flags import add_settings_flags
from diyalog.cli.with_store import run_with_store
from diyalog.storage.store import DatabaseStore


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `customers` with its two actions."""
    parser = subparsers.add_parser("customers", help="bar a customer from asking for help, or let them in again")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for name, line, barred in (
        ("bar", "refuse this customer help in the app (403, DLGEXCPSRV_FRBDNCST); an open wait goes on", True),
        ("unbar", "let this customer ask for help again", False),
    ):
        action = actions.add_parser(name, help=line, description=line)
        action.add_argument("customer_id", metavar="CUSTOMER-ID")
        add_settings_flags(action)
        action.set_defaults(run=lambda arguments: run_with_store(arguments, _bar), barred=barred)


async def _bar(store: DatabaseStore, arguments: argparse.Namespace) -> int:
    await store.bar(arguments.customer_id, barred=arguments.barred)
    print("barred" if arguments.barred else "not barred")
    return 0
