"""The head of a request: its size, and its target (RFC 9112, section 3.2)."""

import urllib.parse
from collections.abc import Sequence
from typing import Final, cast

from uvicorn._types import HTTPScope

_ASGI: Final = {"version": "3.0", "spec_version": "2.3"}


def http_scope(method: str, version: str, target: bytes, headers: list[tuple[bytes, bytes]]) -> HTTPScope:
    """Make the ASGI scope of a request, but for its two ends. `target`, beyond ASGI, is the target as received."""
    path, raw_path, query = split_target(target)
    scope = {
        "type": "http",
        "asgi": _ASGI,
        "http_version": version,
        "method": method,
        "root_path": "",
        "path": path,
        "raw_path": raw_path,
        "query_string": query,
        "target": target,
        "headers": headers,
    }
    return cast("HTTPScope", scope)


def split_target(target: bytes) -> tuple[str, bytes, bytes]:
    """Give the percent-decoded path, the path as received and the query.

    The parser has let through only origin form, absolute form and `*`, in ASCII. Bytes that are not UTF-8 once decoded
    become U+FFFD, which is in no route.
    """
    local = target
    if not target.startswith((b"/", b"*")):
        _, _, rest = target.partition(b"://")
        authority_end = min((at for at in (rest.find(b"/"), rest.find(b"?")) if at >= 0), default=len(rest))
        local = rest[authority_end:]
        if not local.startswith(b"/"):
            local = b"/" + local
    raw_path, _, query = local.partition(b"?")
    path = raw_path.decode("ascii")
    return urllib.parse.unquote(path) if "%" in path else path, raw_path, query


def head_size(method: str, target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> int:
    """Count the bytes of request line and headers, with their line ends and the empty line."""
    line = len(method) + len(target) + len("  HTTP/1.1\r\n")
    return line + sum(len(name) + len(value) + len(": \r\n") for name, value in headers) + len("\r\n")
