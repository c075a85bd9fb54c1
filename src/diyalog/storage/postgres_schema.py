"""The schema of a PostgreSQL database: setting it up, bringing it forward, and whether this program may work with it.

Numbered scripts lead forward only. A newer program's scripts say which older programs still work beside it, so that
nodes can be replaced one after the other: the database stores the oldest schema version whose program is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources
from typing import Final, NamedTuple

import asyncpg

from diyalog.storage.connection import SchemaError
from diyalog.storage.postgres_connection import Connection

OLDEST_SERVER: Final = 16
_LOCK: Final = 4_404_115_972
"""An advisory lock of our own, so that of several nodes that start at once one sets the schema up."""
_SCRIPT_S: Final = 3600.0
"""How long one script may take, or a wait for another node that carries one out."""
_TABLE: Final = re.compile(r"^CREATE TABLE (\w+)", re.MULTILINE)
_OLDEST: Final = re.compile(r"^-- oldest: (\d+)$", re.MULTILINE)


class Script(NamedTuple):
    """One step forward. `oldest`: the oldest schema version whose program still works after it."""

    text: str
    oldest: int


class Schema(NamedTuple):
    """What a database says of itself; version 0: it is empty."""

    version: int
    oldest: int


def scripts() -> Sequence[Script]:
    """The numbered scripts, in order. One that says nothing of the oldest program allows its own version only."""
    folder = resources.files("diyalog") / "sql"
    names = sorted(
        file.name for file in folder.iterdir() if file.name.endswith(".postgres.sql") and file.name[0].isdigit()
    )
    texts = [(folder / name).read_text(encoding="utf-8") for name in names]
    return [
        Script(text, int(found[1]) if (found := _OLDEST.search(text)) else number)
        for number, text in enumerate(texts, start=1)
    ]


async def check_server(connection: Connection, *, production: bool) -> None:
    """Raise SchemaError unless the server keeps what it was given and understands this program."""
    version = connection.get_server_version()
    if version.major < OLDEST_SERVER:
        raise SchemaError(f"the server is PostgreSQL {version.major}; use {OLDEST_SERVER} or newer")
    found = await connection.fetchrow(_SERVER)
    assert found is not None, "one row"
    if found["encoding"] != "UTF8":
        raise SchemaError(f"the database has the encoding {found['encoding']}; make one with ENCODING 'UTF8'")
    if found["read_only"] == "on":
        raise SchemaError("the database takes no writes; name the primary server, or set transactions to read write")
    if found["synchronous_commit"] in {"off", "local"}:
        raise SchemaError("synchronous_commit is not on for us, and answers could be lost; take it out of the options")
    for name in ("fsync", "full_page_writes"):
        if production and found[name] != "on":
            raise SchemaError(f"the server runs with {name}=off and loses what was answered; set {name}=on")


async def set_up(connection: Connection, known: Sequence[Script] | None = None, *, forward: bool) -> None:
    """Set an empty database up; with `forward` also bring an older one to this program's version.

    `known`: the scripts, else this program's own. Of several that begin at once one does it, and the others wait for
    it. A script that fails leaves the database as it was. Raises SchemaError when this program cannot work with it.
    """
    known = scripts() if known is None else known
    found = await read_schema(connection)
    if found.version == 0 or (forward and found.version < len(known)):
        async with connection.transaction():
            await connection.execute(f"SET LOCAL statement_timeout = '{_SCRIPT_S:.0f}s'")
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK, timeout=_SCRIPT_S)
            found = await read_schema(connection)  # another node may have been first
            if found.version == 0 or forward:
                for number, script in enumerate(known[found.version :], start=found.version + 1):
                    await connection.execute(script.text, timeout=_SCRIPT_S)
                    await connection.execute(_WRITE, number, script.oldest)
                found = await read_schema(connection)
    check_schema(found, len(known))
    await _check_rights(connection, known)


async def _check_rights(connection: Connection, known: Sequence[Script]) -> None:
    tables = sorted({name for script in known for name in _TABLE.findall(script.text)})
    if not await connection.fetchval(_MAY_WORK, tables):
        raise asyncpg.InsufficientPrivilegeError("not on all tables")


def check_schema(found: Schema, known: int) -> None:
    """Raise SchemaError unless a program that knows `known` scripts may work with this database."""
    if found.version < known:
        raise SchemaError(
            f"the database has schema {found.version}, this program needs {known}: run `diyalog migrate` with it"
        )
    if found.oldest > known:
        raise SchemaError(
            f"the database has schema {found.version}, which needs a program that knows at least {found.oldest}; this "
            f"one knows {known}: use a newer one"
        )


async def read_schema(connection: Connection) -> Schema:
    """What the database says of itself."""
    if not await connection.fetchval(_IS_THERE):
        return Schema(0, 0)
    row = await connection.fetchrow("SELECT version, oldest FROM schema_version")
    return Schema(0, 0) if row is None else Schema(row["version"], row["oldest"])


_WRITE: Final = """
INSERT INTO schema_version (version, oldest) VALUES ($1, $2)
ON CONFLICT (only_one) DO UPDATE SET version = excluded.version, oldest = excluded.oldest
"""

_SERVER: Final = """
SELECT current_setting('server_encoding') AS encoding, current_setting('transaction_read_only') AS read_only,
  current_setting('synchronous_commit') AS synchronous_commit, current_setting('fsync') AS fsync,
  current_setting('full_page_writes') AS full_page_writes
"""

# Asked of the catalogue's table: to_regclass answers from a cache, which a wait for an advisory lock does not refresh.
_IS_THERE: Final = """
SELECT EXISTS (SELECT FROM pg_class WHERE relname = 'schema_version' AND pg_table_is_visible(oid))
"""

_MAY_WORK: Final = """
SELECT coalesce(bool_and(has_table_privilege(to_regclass(name), 'SELECT')
  AND has_table_privilege(to_regclass(name), 'INSERT')
  AND has_table_privilege(to_regclass(name), 'UPDATE')
  AND has_table_privilege(to_regclass(name), 'DELETE')), true)
FROM unnest($1::text[]) AS tables (name)
WHERE to_regclass(name) IS NOT NULL  -- a newer schema may have done without one
"""
