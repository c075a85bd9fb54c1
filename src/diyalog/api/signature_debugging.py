"""DIYALOG_DEBUG_SIGNATURES: says in the log by which mistake a refused signature comes out.

Looks at one refused request a second at most, and at one with an unknown key: whoever sends wrong signatures can make
it cost neither time nor disk. Works after the request was answered, so that the time of the answer tells nothing.
"""

from collections.abc import Callable
from typing import Final

from diyalog.api.exchange import Exchange
from diyalog.clock import Clock
from diyalog.domain.signature import SignedHeaders, SigningKey
from diyalog.domain.signature_diagnosis import diagnose_quickly, too_large
from diyalog.domain.signature_mistakes import Parts, Surroundings

_INTERVAL_MS: Final = 1_000

Later = Callable[[Callable[[], None]], object]
Note = Callable[[str, str | None, tuple[str, ...]], None]


class SignatureDebugging:
    """Explains refused signatures. `later` runs what it is given soon; `note` takes request id, key id, findings."""

    def __init__(self, clock: Clock, later: Later, note: Note) -> None:
        self._clock = clock
        self._later = later
        self._note = note
        self._next_at = {True: 0, False: 0}
        """When a request with a known key (True) or an unknown one may be looked at again, ms since 1970."""

    def refused(
        self, exchange: Exchange, claimed: SignedHeaders, target: bytes, body: bytes, key: SigningKey | None
    ) -> None:
        """Take note of a refused signature over these bytes; `key` is None when the key id is unknown or revoked."""
        known, now = key is not None, self._clock.now_ms()
        # A clock that was set back must not silence this for long.
        if now < self._next_at[known] <= now + _INTERVAL_MS:
            return
        self._next_at[known] = now + _INTERVAL_MS
        request_id = exchange.request_id
        if key is None:
            self._later(lambda: self._note(request_id, None, ("unknown_key",)))
            return
        parts = Parts(exchange.method.encode(), claimed.content_type, claimed.date, body, target)
        headers = tuple(exchange.scope["headers"])
        around = Surroundings(headers, claimed.access_key.encode(), claimed.requester.encode())

        def explain() -> None:
            if too_large(parts):
                findings: tuple[str, ...] = ("request_too_large",)
            else:
                mistakes = diagnose_quickly(parts, around, claimed.signature, key)
                findings = ("nothing_fits",) if mistakes is None else tuple(mistake.name for mistake in mistakes)
            self._note(request_id, claimed.access_key, findings)

        self._later(explain)
