"""What can be said of a PostgreSQL URL before anybody is called, and its servers for people; never its password."""

import re
from typing import Final
from urllib.parse import urlsplit

_UNFIT: Final = re.compile(r"[\x00-\x20\x7f\ud800-\udfff]")
_SERVER: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^:@/\[\]]*)(?::(?P<port>\d*))?")
_ENCODE: Final = "special characters of user and password are percent-encoded"
_PORT: Final = "5432"


class AddressError(ValueError):
    """The text is no address of PostgreSQL servers; says why, and repeats nothing of it."""


def server_names(url: str) -> str:
    """Hosts and ports of a URL, several parted by a comma; raises AddressError for a URL that nobody can call."""
    if _UNFIT.search(url):
        raise AddressError("it holds a blank or a control character")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise AddressError("its host cannot be read") from None
    credentials, at, hosts = parts.netloc.rpartition("@")
    if "@" in credentials or (parts.netloc and not at and "@" in parts.path):
        raise AddressError(_ENCODE)
    if parts.fragment:
        raise AddressError(f"a # stands in it; {_ENCODE}")
    if not hosts:
        return "the server's socket"
    return ", ".join(map(_server_name, hosts.split(",")))


def _server_name(text: str) -> str:
    found = _SERVER.fullmatch(text)
    if found is None:
        raise AddressError(f"its host and port cannot be read; {_ENCODE}")
    port = found["port"] or _PORT
    if not 1 <= int(port) <= 65_535:
        raise AddressError("a port is no number from 1 to 65535")
    return f"{found['host'] or 'localhost'}:{port}"
