"""The staff API of the built-in queue: taking offers or not, and letting one pass."""

from typing import Final

import msgspec

from diyalog.api.bodies import AvailabilityBody
from diyalog.api.client import session_of
from diyalog.api.content import ContentLimits, read_content, require_json
from diyalog.api.exchange import JSON, Answer, Exchange
from diyalog.api.messages import NO_STORE
from diyalog.api.problems import RefusedError, malformed
from diyalog.api.staff_gate import StaffGate
from diyalog.api.strict_json import MalformedError, StrictDecoder
from diyalog.protocol.staff_stream import availability_object
from diyalog.usecases.routing import Routing

_encode: Final = msgspec.json.Encoder().encode
_decoder: Final = StrictDecoder(AvailabilityBody)
_PASSED: Final = Answer(200, JSON, b"{}", NO_STORE)


class AvailabilityApi:
    """`/v1/staff/availability` and `/v1/staff/offers*`. Every method raises RefusedError.

    `routing` is None when the company's own queue routes.
    """

    def __init__(self, routing: Routing | None, gate: StaffGate, content: ContentLimits) -> None:
        self._routing = routing
        self._gate = gate
        self._content = content

    async def change(self, exchange: Exchange) -> Answer:
        """Take offers from now on, or no longer; said again it stays."""
        identity = await self._gate.identify(exchange)
        require_json(exchange.header(b"content-type"))
        try:
            body = _decoder.decode(await read_content(exchange, self._content))
        except MalformedError as error:
            raise malformed(str(error)) from None
        if not isinstance(body.available, bool):
            raise malformed("available must be true or false.")
        now = await self._queue.set_availability(identity.staff, identity.user_id, available=body.available)
        return Answer(200, JSON, _encode(availability_object(now)), NO_STORE)

    async def decline(self, exchange: Exchange) -> Answer:
        """Let an offered wait pass; it goes to the next, and keeps its place."""
        identity = await self._gate.identify(exchange)
        session = exchange.session_id = session_of(exchange)
        if not await self._queue.decline(session, identity.staff):
            raise RefusedError("SESSION_NOT_FOUND")
        return _PASSED

    @property
    def _queue(self) -> Routing:
        if self._routing is None:
            raise RefusedError("ROUTING_ELSEWHERE")
        return self._routing
