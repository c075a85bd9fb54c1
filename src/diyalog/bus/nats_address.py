"""Where the NATS servers are and how to speak to them, read from one URL."""

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from diyalog.ports_bus import BusUnusableError

_PORT: Final = 4222
_UNFIT: Final = re.compile(r"[\x00-\x20\x7f]")
_HOW: Final = "write nats://user:password@host:4222 or tls://..., several servers separated by commas"


@dataclass(frozen=True, slots=True)
class NatsServer:
    """One server of the cluster."""

    host: str
    port: int

    @property
    def name(self) -> str:
        """Host and port as in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class NatsAddress:
    """All servers of a cluster, which share credentials and a way to encrypt.

    With `tls` nothing is said to a server that does not encrypt; without it TLS is used where the server asks for it.
    """

    servers: tuple[NatsServer, ...]
    tls: bool
    context: ssl.SSLContext = field(repr=False)
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    @property
    def names(self) -> str:
        """The servers, for people."""
        return ", ".join(server.name for server in self.servers)


def nats_address(url: str) -> NatsAddress:
    """Read `nats://user:password@host:port`, `nats://token@host` or `tls://...`; several are separated by commas.

    A part without scheme takes that of the first; parts may leave credentials out, but not have different ones.
    `?ca=FILE` names the certificates to trust in place of the system's. User, password, token and file are
    percent-decoded. Raises BusUnusableError.
    """
    parts = [_split(part, url) for part in url.split(",")]
    schemes = {part.scheme for part in parts}
    if len(schemes) > 1:
        raise _wrong("tls:// and nats:// are mixed")
    credentials = {part.netloc.rpartition("@")[0] for part in parts} - {""}
    if len(credentials) > 1:
        raise _wrong("its servers have different credentials")
    user, colon, password = "".join(credentials).partition(":")
    named = unquote(user) if user else None
    return NatsAddress(
        servers=tuple(map(_server, parts)),
        tls=schemes == {"tls"},
        context=_context(parts),
        user=named if colon else None,
        password=unquote(password) if colon else None,
        token=None if colon else named,
    )


def _split(part: str, url: str) -> SplitResult:
    if _UNFIT.search(part):
        raise _wrong("it holds a blank or a control character")
    scheme = url.partition("://")[0]
    try:
        split = urlsplit(part if "://" in part else f"{scheme}://{part}")
    except ValueError:
        raise _wrong("it cannot be read") from None
    if split.scheme not in {"nats", "tls"}:
        raise _wrong("it does not begin with nats:// or tls://")
    if split.path not in {"", "/"} or split.fragment:
        raise _wrong("something follows the port; special characters of a password are percent-encoded")
    return split


def _server(part: SplitResult) -> NatsServer:
    try:
        host, port = part.hostname, part.port
    except ValueError:
        raise _wrong("a port is no number from 1 to 65535") from None
    if not host:
        raise _wrong("a server has no host")
    if port == 0:
        raise _wrong("a port is no number from 1 to 65535")
    return NatsServer(host, port or _PORT)


def _context(parts: list[SplitResult]) -> ssl.SSLContext:
    options = [parse_qs(part.query, keep_blank_values=True, strict_parsing=False) for part in parts]
    if any(option.keys() - {"ca"} for option in options):
        raise _wrong("only ?ca=FILE may follow a server")
    files = {file for option in options for file in option.get("ca", ())}
    if len(files) > 1:
        raise _wrong("it names several files of certificates")
    for file in files:
        try:
            return ssl.create_default_context(cafile=Path(file))
        except OSError:  # ssl.SSLError is one
            raise BusUnusableError(
                f"DIYALOG_BUS_URL: {file} cannot be read as certificates: name a PEM file that this user may read"
            ) from None
    return ssl.create_default_context()


def _wrong(why: str) -> BusUnusableError:
    return BusUnusableError(f"DIYALOG_BUS_URL is not an address of NATS servers, {why}: {_HOW}")
