"""Cross-origin requests of browsers to the customer and staff APIs (Fetch standard, CORS protocol)."""

from collections.abc import Iterable
from typing import Final

from diyalog.api.exchange import TEXT, Answer, Exchange, Header
from diyalog.api.problems import RefusedError
from diyalog.api.routing import Place

_HEADERS: Final = b"authorization, content-type, idempotency-key"
_REMEMBER_SECONDS: Final = b"600"
_VARY: Final[Header] = (b"vary", b"origin")


class Origins:
    """Which origins' pages may use the API: the server's own, which browsers let through by themselves, and `allowed`.

    Each of `allowed` is `scheme://host[:port]` (DIYALOG_ALLOWED_ORIGINS).
    """

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = frozenset(origin.lower().encode() for origin in allowed)

    def headers(self, exchange: Exchange) -> tuple[Header, ...]:
        """What an answer carries so that the page that asked may read it."""
        origin = exchange.header(b"origin")
        if origin is None:
            return ()
        if origin.lower() not in self._allowed:
            return (_VARY,)
        return (
            _VARY,
            (b"access-control-allow-origin", origin),
            (b"access-control-expose-headers", b"retry-after"),
        )

    def preflight(self, exchange: Exchange, place: Place) -> Answer:
        """Answer OPTIONS: a browser's question before a request, or just what the path can do.

        Raises RefusedError (ORIGIN_NOT_ALLOWED).
        """
        allow = place.allow + b", OPTIONS"
        headers: tuple[Header, ...] = ((b"allow", allow),)
        if exchange.header(b"access-control-request-method") is not None:
            origin = exchange.header(b"origin")
            if origin is None or origin.lower() not in self._allowed:
                raise RefusedError("ORIGIN_NOT_ALLOWED")
            headers += (
                (b"access-control-allow-methods", allow),
                (b"access-control-allow-headers", _HEADERS),
                (b"access-control-max-age", _REMEMBER_SECONDS),
            )
        return Answer(204, TEXT, b"", headers)
