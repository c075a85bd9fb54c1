"""The company API's out-of-office operations: switched on, off and read from another application."""

from typing import Final, TypeVar

import msgspec
from msgspec import UNSET

from diyalog.api.bodies import Envelope, OfficeEnvelope, OutOfOfficeRequest, StaffRequest, text_of
from diyalog.api.exchange import JSON, Answer, Exchange
from diyalog.api.problems import malformed
from diyalog.api.strict_json import MalformedError, StrictDecoder
from diyalog.usecases.out_of_office import Office

_T = TypeVar("_T", bound=msgspec.Struct)
_encode: Final = msgspec.json.Encoder().encode
_enable: Final = StrictDecoder(OutOfOfficeRequest)
_staff: Final = StrictDecoder(StaffRequest)
_NOBODY: Final = Answer(
    200, JSON, _encode(Envelope(False, "No member of the staff has this staffId.", error_code=400)), code="400"
)
_ENABLED: Final = Answer(200, JSON, _encode(Envelope(True, "Out of office is enabled.")))
_DISABLED: Final = Answer(200, JSON, _encode(Envelope(True, "Out of office is disabled.")))


class OutOfOfficeApi:
    """`POST /v1/application/*outofoffice*`. Every request is signed. Every method raises RefusedError."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def enable(self, exchange: Exchange) -> Answer:
        """A member of the staff is out of office."""
        body = _decoded(_enable, exchange)
        if body.staff_id is UNSET or body.staff_id is None:
            raise malformed("staffId must be provided.")
        staff_id = text_of(body.staff_id)
        forward = body.forward_to_staff_ids or ()
        names = forward.split(",") if isinstance(forward, str) else [text_of(one) or "" for one in forward]
        message = body.out_of_office_message or ""
        known = staff_id is not None and await self._office.leave(staff_id, message, names)
        return _ENABLED if known else _NOBODY

    async def disable(self, exchange: Exchange) -> Answer:
        """A member of the staff is in office again."""
        staff_id = _staff_id(exchange)
        known = staff_id is not None and await self._office.enter(staff_id)
        return _DISABLED if known else _NOBODY

    async def read(self, exchange: Exchange) -> Answer:
        """Whether a member of the staff is out of office."""
        staff_id = _staff_id(exchange)
        found = None if staff_id is None else await self._office.look(staff_id)
        if staff_id is None or found is None:
            return _NOBODY
        forward = ",".join(found.forward_to)
        message = "The out-of-office setting was read."
        envelope = OfficeEnvelope(True, message, staff_id, found.absent, found.message, forward)
        return Answer(200, JSON, _encode(envelope))


def _staff_id(exchange: Exchange) -> str | None:
    body = _decoded(_staff, exchange)
    if body.staff_id is UNSET or body.staff_id is None:
        raise malformed("staffId must be provided.")
    return text_of(body.staff_id)


def _decoded(decoder: StrictDecoder[_T], exchange: Exchange) -> _T:
    try:
        return decoder.decode(exchange.content)
    except MalformedError as error:
        raise malformed(str(error)) from None
