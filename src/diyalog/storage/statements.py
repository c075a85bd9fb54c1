"""Named SQL statements: each `-- name: x` in a file of the sql folder starts one."""

import re
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


STORE_FILES = ("statements", "access", "staff", "conversations", "routing", "notes")
"""The files that a store works with, each once for every database."""


def load_statements(*file_names: str) -> dict[str, str]:
    """Read the statements of these files, by name."""
    statements: dict[str, str] = {}
    for file_name in file_names:
        text = (resources.files("diyalog") / "sql" / file_name).read_text(encoding="utf-8")
        parts = _NAME.split(text)
        statements |= {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}
    return statements


def store_files(engine: str) -> list[str]:
    """The names of the files of a store; `engine` is "sqlite" or "postgres"."""
    return [f"{name}.{engine}.sql" for name in STORE_FILES]
