"""Bearer tokens in requests, and the limit on those that are refused."""

from typing import Final

from diyalog.api.addresses import ClientAddresses
from diyalog.api.exchange import Exchange, Header
from diyalog.api.limits import RateLimit
from diyalog.api.problems import RefusedError

CHALLENGE: Final[Header] = (b"www-authenticate", b'Bearer realm="diyalog"')
"""Goes with a refusal of a request that shows no token."""
STALE: Final[Header] = (b"www-authenticate", b'Bearer realm="diyalog", error="invalid_token"')
"""Goes with a refusal of a token."""
_SCHEME: Final = b"bearer "


def bearer_token(exchange: Exchange) -> str | None:
    """The request's bearer token, if there is exactly one."""
    authorization = exchange.header(b"authorization") or b""
    scheme, token = authorization[: len(_SCHEME)], authorization[len(_SCHEME) :].strip()
    if scheme.lower() != _SCHEME or not token or exchange.repeated(b"authorization"):
        return None
    return token.decode("latin-1")


class Failures:
    """Counts refused hashes and tokens by address: past `limit` they are answered 429."""

    def __init__(self, limit: RateLimit, addresses: ClientAddresses) -> None:
        self._limit = limit
        self._addresses = addresses

    def count(self, exchange: Exchange) -> None:
        """Somebody was refused; raises RefusedError (TOO_MANY_REQUESTS) past the limit."""
        seconds = self._limit.take(self._addresses.of(exchange.scope))
        if seconds:
            raise RefusedError("TOO_MANY_REQUESTS", retry_after=seconds)
