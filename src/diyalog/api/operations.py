"""What operators and their tools ask: is it alive, is it ready, what are its numbers."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from diyalog.api.exchange import JSON, TEXT, Answer, Exchange, Header

_NO_STORE: Final[tuple[Header, ...]] = ((b"cache-control", b"no-store"),)
_METRICS: Final = b"text/plain; version=0.0.4; charset=utf-8"
_ALIVE: Final = Answer(200, TEXT, b"ok", _NO_STORE)
_STORE_SECONDS: Final = 2.0
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Health:
    """`store_answers`: one small read of the store, False or an exception when it is away. `draining`: the server
    is going away. `clock_agrees`: this machine's clock is that of the store. `bus_answers`: other nodes are heard;
    without it everything works, slower. `render`: all metrics as Prometheus text.
    """

    store_answers: Callable[[], Awaitable[bool]]
    draining: Callable[[], bool]
    clock_agrees: Callable[[], bool]
    bus_answers: Callable[[], bool]
    render: Callable[[], Awaitable[bytes]]


class OperationsApi:
    """`/livez`, `/readyz`, `/metrics`."""

    def __init__(self, health: Health) -> None:
        self._health = health

    async def livez(self, _: Exchange) -> Answer:
        """The process answers; nothing else is asked, so that a slow store never gets it restarted."""
        return _ALIVE

    async def readyz(self, _: Exchange) -> Answer:
        """200 when requests may be sent here, 503 while draining, without a store, or with a clock of its own."""
        store, draining, clock = await self._store_answers(), self._health.draining(), self._health.clock_agrees()
        body = {
            "ready": store and clock and not draining,
            "store": "ok" if store else "unavailable",
            "clock": "ok" if clock else "skewed",
            "bus": "ok" if self._health.bus_answers() else "unavailable",
            "draining": draining,
        }
        return Answer(200 if body["ready"] else 503, JSON, _encode(body), _NO_STORE)

    async def metrics(self, _: Exchange) -> Answer:
        """All metrics."""
        return Answer(200, _METRICS, await self._health.render(), _NO_STORE)

    async def _store_answers(self) -> bool:
        try:
            async with asyncio.timeout(_STORE_SECONDS):
                return await self._health.store_answers()
        except Exception:  # noqa: BLE001 - whatever is wrong with the store, the answer is "not ready"
            return False
