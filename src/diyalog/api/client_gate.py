"""The gate before what customers' apps may do."""

from diyalog.api.bearer import CHALLENGE, STALE, Failures, bearer_token
from diyalog.api.exchange import Exchange
from diyalog.api.problems import RefusedError
from diyalog.usecases.access import Access, Identity


class ClientGate:
    """Tells which customer asks."""

    def __init__(self, access: Access, failures: Failures) -> None:
        self._access = access
        self._failures = failures

    async def identify(self, exchange: Exchange) -> Identity:
        """The customer whose token the request carries; raises RefusedError (TOKEN_UNKNOWN)."""
        token = bearer_token(exchange)
        if token is None:
            raise RefusedError("TOKEN_UNKNOWN", headers=(CHALLENGE,))
        identity = await self._access.identify(token)
        if identity is None:
            self._failures.count(exchange)
            raise RefusedError("TOKEN_UNKNOWN", headers=(STALE,))
        exchange.asker = str(identity.customer)
        return identity
