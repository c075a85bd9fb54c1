"""What only supervisors may do with waits, over HTTP."""

from typing import Final

import msgspec
from msgspec import Struct

from diyalog.api.client import session_of
from diyalog.api.conversations import lost_wait, requester
from diyalog.api.exchange import JSON, Answer, Exchange
from diyalog.api.messages import NO_STORE
from diyalog.api.problems import RefusedError
from diyalog.api.staff_gate import StaffGate
from diyalog.domain.results import Verdict
from diyalog.domain.wait import Outcome, Reason
from diyalog.usecases.waiting import Waiting

_encode: Final = msgspec.json.Encoder().encode


class _Closed(Struct, rename="camel"):
    session_id: str
    outcome: Outcome
    reason: Reason


class StaffWaits:
    """`/v1/staff/waits/{sessionId}`. Every method raises RefusedError."""

    def __init__(self, waiting: Waiting, gate: StaffGate) -> None:
        self._waiting = waiting
        self._gate = gate

    async def cancel(self, exchange: Exchange) -> Answer:
        """Close a request as an administrator does; whoever ended the wait before has decided."""
        identity = await self._gate.identify(exchange)
        if not identity.supervises:
            raise RefusedError("RIGHT_MISSING")
        result = await self._waiting.cancel_by_administrator(session_of(exchange), requester(identity))
        wait = result.wait
        if result.verdict is Verdict.UNKNOWN or wait is None or wait.outcome is None:
            raise RefusedError("SESSION_NOT_FOUND")
        exchange.session_id = wait.session_id
        if wait.reason is not Reason.ADMINISTRATOR:
            raise RefusedError("WAIT_ENDED", detail="Nobody is waiting there any more.", members=lost_wait(wait))
        return Answer(200, JSON, _encode(_Closed(wait.session_id, wait.outcome, wait.reason)), NO_STORE)
