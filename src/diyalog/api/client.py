"""The customer API: letting an app in, asking for help, looking, cancelling."""

import re
from dataclasses import dataclass
from typing import Final

import msgspec

from diyalog.api.bearer import CHALLENGE, STALE, Failures
from diyalog.api.bodies import ActivationAnswer, ActivationBody, HelpBody, text_of
from diyalog.api.client_gate import ClientGate
from diyalog.api.content import ContentLimits, read_content, require_json
from diyalog.api.exchange import JSON, PROBLEM, Answer, Exchange, Header
from diyalog.api.idempotency import idempotency_of
from diyalog.api.limits import RateLimit
from diyalog.api.problems import PROBLEMS, RefusedError, malformed, problem_answer
from diyalog.api.strict_json import MalformedError, StrictDecoder
from diyalog.domain.commands import Request
from diyalog.domain.ids import SessionId
from diyalog.domain.results import Verdict
from diyalog.domain.wait import HelpType, Outcome, Wait
from diyalog.protocol.help import HelpLimits, help_object
from diyalog.protocol.times import rfc3339
from diyalog.usecases.access import Access, AccessError, ActivationRequest, Identity, Kind
from diyalog.usecases.waiting import IdempotencyMismatchError, InConversationError, Started, Waiting

_encode = msgspec.json.Encoder().encode
_NO_STORE: Final[tuple[Header, ...]] = ((b"cache-control", b"no-store"),)
_SESSION: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_FIRST_REFUSAL: Final = 400

_FALLBACK: Final[dict[Kind, str]] = {
    "input": "MALFORMED",
    "refused": "DLGEXCPSRV_TKNNOTVLD",
    "barred": "DLGEXCPSRV_FRBDNCST",
    "service": "DLGEXCPSRV_AUTHSRVERR",
}
"""What a refusal is called whose own code is not in the table."""


@dataclass(frozen=True, slots=True)
class ClientPolicy:
    """Values of the customer API. `starts` limits requests for help per customer; `epoch` is the database's."""

    content: ContentLimits
    starts: RateLimit
    help_limits: HelpLimits
    epoch: str


class ClientApi:
    """`/v1/client/*`. Every method raises RefusedError."""

    def __init__(
        self, waiting: Waiting, access: Access, gate: ClientGate, failures: Failures, policy: ClientPolicy
    ) -> None:
        self._waiting = waiting
        self._access = access
        self._gate = gate
        self._failures = failures
        self._policy = policy
        self._activation = StrictDecoder(ActivationBody)
        self._help = StrictDecoder(HelpBody)

    async def activate(self, exchange: Exchange) -> Answer:
        """Let a customer's app in and give it a token."""
        content = await self._json(exchange)
        try:
            body = self._activation.decode(content)
        except MalformedError as error:
            raise malformed(str(error)) from None
        request = ActivationRequest(
            customer_id=text_of(body.customer_id),
            customer_name=text_of(body.customer_name),
            device_hash=text_of(body.device_hash),
            transaction_hash=text_of(body.transaction_hash),
            device_id=text_of(body.device_id),
            dlg_token=text_of(body.dlg_token),
            phone=text_of(body.phone),
            email=text_of(body.email),
        )
        try:
            activation = await self._access.activate(request)
        except AccessError as error:
            code = error.code if error.code in PROBLEMS else _FALLBACK[error.kind]
            refused = RefusedError(code)
            if refused.problem.status == 401:
                self._failures.count(exchange)
                refused.headers = (CHALLENGE,)
            raise refused from None
        answer = ActivationAnswer(activation.client_token, rfc3339(activation.expires_at), activation.customer_id)
        return Answer(201, JSON, _encode(answer), _NO_STORE)

    async def start(self, exchange: Exchange) -> Answer:
        """Start a wait; answered when the company's queue has answered. Repeats with one Idempotency-Key are one."""
        identity = await self._gate.identify(exchange)
        if identity.barred:
            raise RefusedError("DLGEXCPSRV_FRBDNCST")
        if not identity.may_start:
            raise RefusedError("TOKEN_EXPIRED", headers=(STALE,))
        content = await self._json(exchange)
        idempotency = idempotency_of(exchange, str(identity.customer), content)
        help_type, request = self._request(identity, content)
        seconds = self._policy.starts.take(identity.customer)
        if seconds and (idempotency is None or not await self._waiting.repeats(idempotency)):
            raise RefusedError("TOO_MANY_REQUESTS", retry_after=seconds)
        try:
            started = await self._waiting.start(identity.customer, help_type, request, identity.token_hash, idempotency)
        except InConversationError as error:
            members: dict[str, object] = {"sessionId": error.wait.session_id}
            raise RefusedError("DLGEXCP_USER_IS_IN_CALL_NOW", members=members) from None
        except IdempotencyMismatchError:
            raise RefusedError("IDEMPOTENCY_KEY_REUSED") from None
        exchange.session_id = None if started.wait is None else started.wait.session_id
        if started.answer is not None:
            if not seconds:
                self._policy.starts.give_back(identity.customer)
            status, body = started.answer
            return Answer(status, PROBLEM if status >= _FIRST_REFUSAL else JSON, body, _NO_STORE)
        answer = await self._started(exchange, started)
        if idempotency is not None:
            await self._waiting.remember(idempotency, answer.status, answer.body, started.wait)
        return answer

    async def current(self, exchange: Exchange) -> Answer:
        """The customer's open wait or conversation; without one the newest end that the app has not acknowledged."""
        identity = await self._gate.identify(exchange)
        return await self._found(exchange, await self._waiting.current(identity.customer))

    async def read(self, exchange: Exchange) -> Answer:
        """One session of the customer's."""
        identity = await self._gate.identify(exchange)
        return await self._found(exchange, await self._waiting.read(session_of(exchange), identity.customer))

    async def cancel(self, exchange: Exchange) -> Answer:
        """The customer stops waiting. Whoever ended the wait first has decided; a lost cancel is told how it ended."""
        identity = await self._gate.identify(exchange)
        result = await self._waiting.cancel(session_of(exchange), identity.customer)
        wait = result.wait
        if wait is None or result.verdict is Verdict.UNKNOWN:
            raise RefusedError("SESSION_NOT_FOUND")
        if wait.outcome is not Outcome.CANCELLED:
            exchange.session_id = wait.session_id
            raise RefusedError("WAIT_ENDED", members=how_it_ended(wait))
        return await self._found(exchange, wait)

    async def events(self, _: Exchange) -> Answer:
        """The event stream's address, asked for without an upgrade to WebSocket."""
        raise RefusedError("UPGRADE_REQUIRED", headers=((b"upgrade", b"websocket"),))

    async def _json(self, exchange: Exchange) -> bytes:
        require_json(exchange.header(b"content-type"))
        return await read_content(exchange, self._policy.content)

    def _request(self, identity: Identity, content: bytes) -> tuple[HelpType, Request]:
        try:
            body = self._help.decode(content)
        except MalformedError as error:
            raise malformed(str(error)) from None
        try:
            help_type = HelpType(text_of(body.help_type) or "")
        except ValueError:
            raise RefusedError("DLGEXCPINP_INVALID_HELP_TYPE") from None
        identity_number = text_of(body.identity_number) or ""
        return help_type, Request(
            customer_id=identity.customer_id,
            # The SDKs send 0 for "not given".
            identity_number="" if identity_number == "0" else identity_number,
            attached_data=tuple(body.attached_data.items()) if body.attached_data else (),
        )

    async def _started(self, exchange: Exchange, started: Started) -> Answer:
        wait = started.wait
        assert wait is not None, "without a wait there was an answer"
        if wait.outcome is Outcome.FAILED:
            return problem_answer(
                RefusedError("DLGEXCP_GENERAL_EXCEPTION", members=how_it_ended(wait)), exchange.request_id
            )
        return await self.answer(wait, 201)

    async def _found(self, exchange: Exchange, wait: Wait | None) -> Answer:
        if wait is None:
            raise RefusedError("SESSION_NOT_FOUND")
        exchange.session_id = wait.session_id
        return await self.answer(wait, 200)

    async def answer(self, wait: Wait, status: int) -> Answer:
        """The help object of a wait."""
        place = await self._waiting.place(wait)
        told = help_object(wait, epoch=self._policy.epoch, limits=self._policy.help_limits, place=place)
        return Answer(status, JSON, _encode(told), _NO_STORE)


def session_of(exchange: Exchange) -> SessionId:
    """The session of the path; raises RefusedError.

    What has not the form of our ids exists nowhere: it is neither logged nor remembered, and no database sees it
    (PostgreSQL refuses a statement with NUL).
    """
    if not _SESSION.match(exchange.parameter):
        raise RefusedError("SESSION_NOT_FOUND")
    return SessionId(exchange.parameter)


def how_it_ended(wait: Wait) -> dict[str, object]:
    """What a problem says of a wait that went otherwise than asked; `message` is the company's text or null."""
    return {
        "sessionId": wait.session_id,
        "outcome": wait.outcome,
        "reason": wait.reason,
        "message": wait.message,
    }
