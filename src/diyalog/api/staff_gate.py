"""The gate before what the staff may do: a bearer token, and the limit on failures."""

from typing import Final

from diyalog.api.addresses import ClientAddresses
from diyalog.api.exchange import Exchange, Header
from diyalog.api.limits import RateLimit
from diyalog.api.problems import RefusedError
from diyalog.usecases.staff_access import StaffAccess, StaffIdentity

CHALLENGE: Final[Header] = (b"www-authenticate", b'Bearer realm="diyalog"')
_STALE: Final[Header] = (b"www-authenticate", b'Bearer realm="diyalog", error="invalid_token"')
_BEARER: Final = b"bearer "
_UNKNOWN: Final = "The staff token is missing, unknown or too old; sign in again."


class StaffGate:
    """Tells who asks. `failures` limits refused tokens per address: past it they are answered 429."""

    def __init__(self, access: StaffAccess, failures: RateLimit, addresses: ClientAddresses) -> None:
        self._access = access
        self._failures = failures
        self._addresses = addresses

    async def identify(self, exchange: Exchange) -> StaffIdentity:
        """The member of the staff whose token the request carries; raises RefusedError (TOKEN_UNKNOWN)."""
        token = _token(exchange)
        if token is None:
            raise RefusedError("TOKEN_UNKNOWN", detail=_UNKNOWN, headers=(CHALLENGE,))
        identity = await self._access.identify(token)
        if identity is None:
            self.count_failure(exchange)
            raise RefusedError("TOKEN_UNKNOWN", detail=_UNKNOWN, headers=(_STALE,))
        exchange.asker = f"staff-{identity.staff}"
        return identity

    def count_failure(self, exchange: Exchange) -> None:
        """Somebody was refused; raises RefusedError (TOO_MANY_REQUESTS) past the limit."""
        seconds = self._failures.take(self._addresses.of(exchange.scope))
        if seconds:
            raise RefusedError("TOO_MANY_REQUESTS", retry_after=seconds)


def _token(exchange: Exchange) -> str | None:
    """The bearer token, if there is exactly one."""
    authorization = exchange.header(b"authorization") or b""
    scheme, token = authorization[: len(_BEARER)], authorization[len(_BEARER) :].strip()
    if scheme.lower() != _BEARER or not token or exchange.repeated(b"authorization"):
        return None
    return token.decode("latin-1")
