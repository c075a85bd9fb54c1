"""The schema of a PostgreSQL database: setting it up, bringing it forward, and whether this program may work with it.

Numbered scripts lead forward only. A newer program's scripts say which older programs still work beside it, so that
nodes can be replaced one after the other: the database stores the oldest schema version whose program is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources
from typing import Final, NamedTuple

from diyalog.storage.connection import SchemaError
from diyalog.storage.postgres_connection import Connection

OLDEST_SERVER: Final = 16
_LOCK: Final = 4_404_115_972
"""An advisory lock of our own, so that of several nodes that start at once one sets the schema up."""
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
    if production and await connection.fetchval("SHOW fsync") != "on":
        raise SchemaError("the server runs with fsync=off and loses what was answered; set fsync=on")


async def set_up(connection: Connection, *, forward: bool) -> None:
    """Set an empty database up; with `forward` also bring an older one to this program's version.

    Raises SchemaError when this program cannot work with the database.
    """
    known = scripts()
    found = await read_schema(connection)
    if found.version == 0 or (forward and found.version < len(known)):
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            found = await read_schema(connection)  # another node may have been first
            if found.version == 0 or forward:
                for script in known[found.version :]:
                    await connection.execute(script.text)
                    await connection.execute(_WRITE, known.index(script) + 1, script.oldest)
                found = await read_schema(connection)
    check_schema(found, len(known))


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
    if await connection.fetchval("SELECT to_regclass('schema_version') IS NULL"):
        return Schema(0, 0)
    row = await connection.fetchrow("SELECT version, oldest FROM schema_version")
    return Schema(0, 0) if row is None else Schema(row["version"], row["oldest"])


_WRITE: Final = """
INSERT INTO schema_version (version, oldest) VALUES ($1, $2)
ON CONFLICT (only_one) DO UPDATE SET version = excluded.version, oldest = excluded.oldest
"""
