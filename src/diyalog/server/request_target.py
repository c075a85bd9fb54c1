"""The target of a request line (RFC 9112, section 3.2)."""

import urllib.parse


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
