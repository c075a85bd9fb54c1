"""The head of a request: its size, and its target (RFC 9112, section 3.2)."""

import urllib.parse
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

_ASGI: Final = {"version": "3.0", "spec_version": "2.3"}


def http_scope(
    method: str, version: str, target: bytes, headers: list[tuple[bytes, bytes]], fields: dict[bytes, bytes]
) -> dict[str, Any]:
    """Make the ASGI scope of a request, but for its two ends. `fields`: the headers by name.

    Beyond ASGI: `target` as received, and `fields`, which is None when a name is repeated.
    """
    path, raw_path, query = split_target(target)
    return {
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
        "fields": fields if len(fields) == len(headers) else None,
    }


def is_acceptable(
    method: str, version: str, headers: Sequence[tuple[bytes, bytes]], fields: Mapping[bytes, bytes]
) -> bool:
    """Tell whether the head of a request leaves no doubt about whom it is for and where its body ends.

    HTTP/1.1 needs exactly one Host (RFC 9112, section 3.2). A body comes as it is or chunked: any other coding would
    reach the application still encoded. A CONNECT's target is none of ours.
    """
    if method == "CONNECT" or version not in {"1.1", "1.0"}:
        return False
    if len(fields) == len(headers) and b"host" in fields and b"transfer-encoding" not in fields:
        return True
    hosts = sum(name == b"host" for name, _ in headers)
    coded = any(name == b"transfer-encoding" and value.lower() != b"chunked" for name, value in headers)
    return not coded and hosts <= 1 and (hosts == 1 or version == "1.0")


@lru_cache(256)  # most requests are for the same few
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
