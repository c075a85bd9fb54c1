"""The gate before `/v1/application/` and `/v1/reporting/`: nothing unsigned gets past it.

Checks in the order of the HMAC Authentication page: headers, format, date (400), signature (401), clock (403); only
then whether the operation exists (404, 405) and the media type (415). The signature is verified over the raw bytes
of the body and the request target as received, before anything of them is parsed.
"""

from typing import Final, Protocol

from diyalog.api.addresses import ClientAddresses
from diyalog.api.content import ContentLimits, read_content, require_json
from diyalog.api.exchange import TEXT, Answer, Exchange, Scope
from diyalog.api.limits import RateLimit
from diyalog.api.problems import RefusedError
from diyalog.api.routing import Place
from diyalog.api.signature_debugging import SignatureDebugging
from diyalog.clock import Clock
from diyalog.domain.ids import AccessKeyId
from diyalog.domain.signature import Fault, SignatureRefusal, SigningKey, read_headers, verify

_REFUSALS: Final = {
    fault: Answer(fault.value[0], TEXT, fault.value[1].encode(), code=f"SIGNATURE_{fault.name}") for fault in Fault
}
"""The documented answers, to the letter."""


class Keys(Protocol):
    """The live access keys (usecases/keyring.py)."""

    def lookup(self, key_id: AccessKeyId) -> SigningKey | None:
        """The key as last read."""
        ...

    async def find(self, key_id: AccessKeyId) -> SigningKey | None:
        """The key, also when it was made just now."""
        ...


class CompanyGate:
    """Lets signed requests through to the company API's operations.

    `failures` limits failed authentications per address: past it they are answered 429. It is asked after the
    check, so a correctly signed request always passes. `debugging` is told of wrong signatures within that limit.
    """

    def __init__(
        self,
        keys: Keys,
        clock: Clock,
        limits: ContentLimits,
        failures: RateLimit,
        addresses: ClientAddresses,
        *,
        debugging: SignatureDebugging | None = None,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._limits = limits
        self._failures = failures
        self._addresses = addresses
        self._debugging = debugging

    async def answer(self, exchange: Exchange, place: Place | None) -> Answer:
        """Verify the request, then run its operation. Raises RefusedError."""
        scope = exchange.scope
        try:
            claimed = read_headers(scope["headers"], scope.get("fields"))
            body = await read_content(exchange, self._limits)
            key = self._keys.lookup(claimed.access_key) or await self._keys.find(claimed.access_key)
            caller = verify(
                claimed,
                method=exchange.method.encode(),
                target=_target(scope),
                body=body,
                now_ms=self._clock.now_ms(),
                known=() if key is None else (key,),
            )
        except SignatureRefusal as refusal:
            seconds = self._failures.take(self._addresses.of(scope))
            if seconds:
                raise RefusedError("TOO_MANY_REQUESTS", retry_after=seconds) from None
            if self._debugging is not None and refusal.fault is Fault.SIGNATURE:
                self._debugging.refused(exchange, claimed, _target(scope), body, key)
            return _REFUSALS[refusal.fault]
        exchange.asker = caller.access_key
        if place is None:
            raise RefusedError("NOT_FOUND")
        handle = place.handlers.get(exchange.method)
        if handle is None:
            raise RefusedError("METHOD_NOT_ALLOWED", headers=((b"allow", place.allow),))
        require_json(claimed.content_type)
        exchange.caller = caller
        exchange.content = body
        return await handle(exchange)


def _target(scope: Scope) -> bytes:
    """Path and query as received; of a target in absolute form what follows the server's address."""
    target: bytes = scope.get("target", b"")
    if target.startswith(b"/"):
        return target
    path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    return path + b"?" + query if query else path
