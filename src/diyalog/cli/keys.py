"""`diyalog keys`: the access keys with which the company's applications sign their requests."""

import argparse
import base64
import json
import secrets
import sys
import uuid
from typing import Final

from diyalog.cli.settings_flags import add_settings_flags
from diyalog.cli.with_store import Act, run_with_store
from diyalog.domain.results import KeyRecord
from diyalog.protocol.times import rfc3339
from diyalog.storage.store import DatabaseStore

_SECRET_BYTES: Final = 48
_DONE: Final = 0
_FAILED: Final = 1


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `keys` with its four actions."""
    parser = subparsers.add_parser("keys", help="make, list, rotate and revoke access keys")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    _action(actions, "create", "make a key and print it; its secret is shown this once", _create, "NAME")
    _action(actions, "list", "list all keys, without secrets", _list)
    _action(actions, "rotate", "make a second key of the same name; the old one lives until revoked", _rotate, "ID")
    _action(actions, "revoke", "refuse a key for good, within a second on a running server", _revoke, "ID")


def _action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, line: str, act: Act, operand: str = ""
) -> None:
    parser = actions.add_parser(name, help=line, description=line)
    if operand:
        parser.add_argument("operand", metavar=operand)
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_settings_flags(parser)
    parser.set_defaults(run=lambda arguments: run_with_store(arguments, act))


async def _create(store: DatabaseStore, arguments: argparse.Namespace) -> int:
    return await _make(store, arguments.operand, as_json=arguments.json)


async def _make(store: DatabaseStore, name: str, *, as_json: bool) -> int:
    key_id = str(uuid.uuid4()).upper()
    secret = base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    await store.create_key(key_id, name, secret)
    if as_json:
        print(json.dumps({"accessKeyId": key_id, "accessKeySecret": secret}))
    else:
        print(f"accessKeyId      {key_id}\naccessKeySecret  {secret}\nThe secret is not shown again.")
    return _DONE


async def _list(store: DatabaseStore, arguments: argparse.Namespace) -> int:
    keys = await store.keys()
    if arguments.json:
        print(json.dumps([_public(key) for key in keys]))
        return _DONE
    for key in keys:
        fate = f"revoked {rfc3339(key.revoked_at)}" if key.revoked_at is not None else "live"
        print(f"{key.key_id}  {rfc3339(key.created_at)}  {fate}  {key.name}")
    return _DONE


def _public(key: KeyRecord) -> dict[str, str | None]:
    return {
        "accessKeyId": key.key_id,
        "name": key.name,
        "createdAt": rfc3339(key.created_at),
        "revokedAt": None if key.revoked_at is None else rfc3339(key.revoked_at),
    }


async def _rotate(store: DatabaseStore, arguments: argparse.Namespace) -> int:
    live = {key.key_id: key for key in await store.keys() if key.revoked_at is None}
    if arguments.operand not in live:
        return _unknown(arguments.operand)
    return await _make(store, live[arguments.operand].name, as_json=arguments.json)


async def _revoke(store: DatabaseStore, arguments: argparse.Namespace) -> int:
    if not await store.revoke_key(arguments.operand):
        return _unknown(arguments.operand)
    print(json.dumps({"accessKeyId": arguments.operand, "revoked": True}) if arguments.json else "revoked")
    return _DONE


def _unknown(key_id: str) -> int:
    sys.stderr.write(f"diyalog: no live access key has the id {key_id}; `diyalog keys list` shows them\n")
    return _FAILED
