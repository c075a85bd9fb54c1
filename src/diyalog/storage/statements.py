"""Named SQL statements: each `-- name: x` in a file of the sql folder starts one."""

import re
from importlib import resources

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def load_statements(file_name: str) -> dict[str, str]:
    """Read the statements of one file, by name."""
    text = (resources.files("diyalog") / "sql" / file_name).read_text(encoding="utf-8")
    parts = _NAME.split(text)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}
