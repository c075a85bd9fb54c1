"""The gate before what customers' apps may do: a bearer token, and the limit on failures."""

from typing import Final

from diyalog.api.addresses import ClientAddresses
from diyalog.api.exchange import Exchange, Header
from diyalog.api.limits import RateLimit
from diyalog.api.problems import RefusedError
from diyalog.usecases.access import Access, Identity

CHALLENGE: Final[Header] = (b"www-authenticate", b'Bearer realm="diyalog"')
STALE: Final[Header] = (b"www-authenticate", b'Bearer realm="diyalog", error="invalid_token"')
_BEARER: Final = b"bearer "


class ClientGate:
    """Tells who asks. `failures` limits refused hashes and tokens per address: past it they are answered 429."""

    def __init__(self, access: Access, failures: RateLimit, addresses: ClientAddresses) -> None:
        self._access = access
        self._failures = failures
        self._addresses = addresses

    async def identify(self, exchange: Exchange) -> Identity:
        """The customer whose token the request carries; raises RefusedError (TOKEN_UNKNOWN)."""
        authorization = exchange.header(b"authorization") or b""
        scheme, token = authorization[: len(_BEARER)], authorization[len(_BEARER) :].strip()
        identity = None
        if scheme.lower() == _BEARER and token and not exchange.repeated(b"authorization"):
            identity = await self._access.identify(token.decode("latin-1"))
            if identity is None:
                self.count_failure(exchange)
        if identity is None:
            raise RefusedError("TOKEN_UNKNOWN", headers=(STALE if token else CHALLENGE,))
        exchange.asker = str(identity.customer)
        return identity

    def count_failure(self, exchange: Exchange) -> None:
        """Somebody was refused; raises RefusedError (TOO_MANY_REQUESTS) past the limit."""
        seconds = self._failures.take(self._addresses.of(exchange.scope))
        if seconds:
            raise RefusedError("TOO_MANY_REQUESTS", retry_after=seconds)
