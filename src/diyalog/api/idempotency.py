"""The Idempotency-Key header: which earlier answer a repeated request means."""

from hashlib import sha256

from diyalog.api.exchange import Exchange
from diyalog.api.problems import RefusedError
from diyalog.domain.commands import Idempotency

_HEADER = b"idempotency-key"
_LONGEST = 255


def idempotency_of(exchange: Exchange, caller: str, body: bytes) -> Idempotency | None:
    """The request's key, within what `caller` does at this path; None without the header.

    Raises RefusedError (IDEMPOTENCY_KEY_INVALID) unless it stands there once with 1 to 255 printable ASCII characters.
    """
    key = exchange.header(_HEADER)
    if key is None:
        return None
    printable = key.isascii() and key.decode("latin-1").isprintable()
    if not 1 <= len(key) <= _LONGEST or not printable or exchange.repeated(_HEADER):
        raise RefusedError("IDEMPOTENCY_KEY_INVALID")
    # None of the three can hold a line feed, so what is joined cannot be read in two ways.
    scope = sha256(b"\n".join((caller.encode(), exchange.scope["path"].encode(), key))).digest()
    return Idempotency(scope, sha256(body).digest())
