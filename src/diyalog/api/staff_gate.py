"""The gate before what the staff may do."""

from typing import Final

from diyalog.api.bearer import CHALLENGE, STALE, Failures, bearer_token
from diyalog.api.exchange import Exchange
from diyalog.api.problems import RefusedError
from diyalog.usecases.staff_access import StaffAccess, StaffIdentity

_UNKNOWN: Final = "The staff token is missing, unknown or too old; sign in again."


class StaffGate:
    """Tells who of the staff asks."""

    def __init__(self, access: StaffAccess, failures: Failures) -> None:
        self._access = access
        self._failures = failures

    async def identify(self, exchange: Exchange) -> StaffIdentity:
        """The member of the staff whose token the request carries; raises RefusedError (TOKEN_UNKNOWN)."""
        token = bearer_token(exchange)
        if token is None:
            raise RefusedError("TOKEN_UNKNOWN", detail=_UNKNOWN, headers=(CHALLENGE,))
        identity = await self._access.identify(token)
        if identity is None:
            self._failures.count(exchange)
            raise RefusedError("TOKEN_UNKNOWN", detail=_UNKNOWN, headers=(STALE,))
        exchange.asker = f"staff-{identity.staff}"
        return identity
