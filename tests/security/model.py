"""What the server must answer and change, kept beside it by rules of its own: the oracle of the fuzz tests."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import unquote

from kit.checker import Told

from .reference import MALFORMED, Digits, MalformedError, Sent, gate, id_of, strict_object, text_of
from .world import ACTIVATIONS, GET_HASH, HELP, KEYS, NOT_DELIVERED, SIGN_INS, Reply

STOPPED: Mapping[str, object] = {"isSuccess": True, "message": "Customer waiting will be stopped."}
NO_ID = {"isSuccess": False, "message": "interactionId or sessionId must be provided.", "errorCode": 400}
NOBODY = {"isSuccess": False, "message": "No customer is waiting in the given interaction.", "errorCode": 402}
ELSEWHERE = {"isSuccess": False, "message": "Customer is waiting for a different interaction.", "errorCode": 403}
BODY_BYTES = 65_536


@dataclass(frozen=True)
class Expected:
    """The answer that is due, and whom it is about.

    `says`: a company refusal begins with it, a customer refusal has it as `code`; empty where no document fixes it.
    `envelope`: the JSON of a company answer. `subject`: whose state is read or changed; without one the request
    must leave everything as it is. `after`: takes the answer into the model.
    """

    status: int
    says: str = ""
    envelope: Mapping[str, object] | None = None
    subject: str | None = None
    after: Callable[[Reply], None] | None = None


@dataclass
class Waited:
    """One wait as the model has it."""

    session_id: str
    interaction_id: str
    customer: str
    outcome: str | None = None
    acknowledged: bool = False
    """The app was told of the end in the answer to its own call."""


@dataclass
class Model:
    """Who waits, who may come in, and what is due to a request."""

    tokens: dict[str, str] = field(default_factory=dict)
    waits: dict[str, Waited] = field(default_factory=dict)
    live: dict[str, Waited] = field(default_factory=dict)
    hashes: dict[tuple[str, str], str] = field(default_factory=dict)
    told: Told = field(default_factory=Told)

    def expected(self, sent: Sent, now_ms: int) -> Expected:  # noqa: PLR0911 - a return for each rule, in their order
        """What is due to this request, by the documents."""
        path = unquote(sent.target.partition("?")[0])
        if path.startswith("/v1/client/"):
            return self._of_client(sent, path)
        if path.startswith("/v1/staff/"):
            return _of_staff(sent, path)
        if not path.startswith(("/v1/application/", "/v1/reporting/")):
            return Expected(404)
        refusal = gate(sent, KEYS, now_ms)
        if refusal is not None:
            return Expected(refusal[0], refusal[1] or "")
        if path not in {NOT_DELIVERED, GET_HASH}:
            return Expected(404)
        if sent.method != "POST":
            return Expected(405)
        if _media_type(sent) != "application/json":
            return Expected(415)
        try:
            fields = strict_object(sent.body)
            return self._not_delivered(sent, fields) if path == NOT_DELIVERED else self._hash(fields)
        except MalformedError:
            keyed = path == NOT_DELIVERED and _key(sent) == "illegal"
            return Expected(400, "" if keyed else MALFORMED)

    # The company

    def _not_delivered(self, sent: Sent, fields: Mapping[str, object]) -> Expected:
        interaction, session = id_of(fields, "interactionId"), id_of(fields, "sessionId")
        text_of(fields, "message")
        key = _key(sent)
        if key == "illegal":
            return Expected(400, "Idempotency-Key")
        used = None if key is None else "key"
        if interaction is None and session is None:
            return Expected(200, envelope=NO_ID, subject=used)
        wait = self.waits.get(f"i:{interaction}" if interaction is not None else f"s:{session}")
        if wait is None:
            return Expected(200, envelope=NOBODY, subject=used)
        if wait.outcome is None:
            ended = partial(self._ended, wait, "NOT_DELIVERED")
            return Expected(200, envelope=STOPPED, subject=wait.customer, after=ended)
        answer = ELSEWHERE if wait.customer in self.live else NOBODY
        return Expected(200, envelope=answer, subject=wait.customer)

    def _ended(self, wait: Waited, outcome: str, _: Reply) -> None:
        wait.outcome = outcome
        self.live.pop(wait.customer)
        self.told.note(wait.session_id, outcome)

    def _acknowledged(self, wait: Waited, _: Reply) -> None:
        wait.acknowledged = True

    def _hash(self, fields: Mapping[str, object]) -> Expected:
        customer, device = id_of(fields, "customerId"), text_of(fields, "deviceHash")
        interaction = id_of(fields, "interactionId")
        unusable = interaction is not None and (
            len(interaction) > 255 or interaction in {".", ".."} or re.search(r"[\x00-\x1f\x7f-\x9f]", interaction)
        )
        if customer is None or device is None or unusable:
            return Expected(200, envelope={"isSuccess": False})
        holder = self.waits.get(f"i:{interaction}")
        if holder is not None and holder.outcome is None and holder.customer != customer:
            return Expected(200, envelope={"isSuccess": False}, subject=holder.customer)

        def issued(reply: Reply) -> None:
            self.hashes[customer, device] = reply.json["transactionHash"]

        return Expected(200, envelope={"isSuccess": True}, subject=customer, after=issued)

    # The customers

    def _of_client(self, sent: Sent, path: str) -> Expected:  # noqa: PLR0911 - a return for each rule, in their order
        session = path.removeprefix(f"{HELP}/")
        below = path.startswith(f"{HELP}/") and session != "" and "/" not in session
        methods = {ACTIVATIONS: ("POST",), HELP: ("POST", "GET", "HEAD"), "/v1/client/events": ("GET", "HEAD")}
        allowed = ("GET", "HEAD", "DELETE") if below else methods.get(path)
        if allowed is None:
            return Expected(404, "NOT_FOUND")
        if sent.method == "OPTIONS":
            return Expected(204)
        if sent.method not in allowed:
            return Expected(405, "METHOD_NOT_ALLOWED")
        if path == "/v1/client/events":
            return Expected(426, "UPGRADE_REQUIRED")
        if path == ACTIVATIONS:
            return self._activation(sent)
        customer = self._bearer(sent)
        if customer is None:
            return Expected(401, "TOKEN_UNKNOWN")
        if below:
            return self._session(sent.method, session, customer)
        if sent.method == "POST":
            return self._start(sent, customer)
        return Expected(200, subject=customer) if customer in self.live else self._newest(customer)

    def _newest(self, customer: str) -> Expected:
        """Without an open wait the newest unacknowledged end is shown: one that the company brought about."""
        unknown_to_the_app = any(
            wait.customer == customer and wait.outcome in {"NOT_DELIVERED", "REPLACED"} and not wait.acknowledged
            for wait in self.waits.values()
        )
        return Expected(200, subject=customer) if unknown_to_the_app else Expected(404, "SESSION_NOT_FOUND")

    def _bearer(self, sent: Sent) -> str | None:
        shown = [value for name, value in sent.headers if name == b"authorization"]
        form = re.fullmatch(rb"[Bb][Ee][Aa][Rr][Ee][Rr] (.*)", shown[0], re.DOTALL) if len(shown) == 1 else None
        return self.tokens.get(form[1].strip(b" \t").decode("latin-1")) if form else None

    def _session(self, method: str, session: str, customer: str) -> Expected:
        wait = self.waits.get(f"s:{session}")
        if wait is None or wait.customer != customer:
            return Expected(404, "SESSION_NOT_FOUND")
        if method != "DELETE":
            return Expected(200, subject=customer)
        if wait.outcome is None:
            return Expected(200, subject=customer, after=partial(self._ended, wait, "CANCELLED"))
        after = partial(self._acknowledged, wait)
        if wait.outcome in {"CANCELLED", "REPLACED"}:
            return Expected(200, subject=customer, after=after)
        return Expected(409, "WAIT_ENDED", subject=customer, after=after)

    def _start(self, sent: Sent, customer: str) -> Expected:
        refusal = _content_refusal(sent)
        if refusal is not None:
            return refusal
        try:
            fields = strict_object(sent.body)
            kind = id_of(fields, "helpType")
            id_of(fields, "identityNumber")
            _texts(fields.get("attachedData"))
        except MalformedError:
            return Expected(400, "" if _key(sent) == "illegal" else "MALFORMED")
        if _key(sent) == "illegal":
            return Expected(400, "IDEMPOTENCY_KEY_INVALID")
        if kind not in {"chat", "voice_call", "video_call"}:
            return Expected(400, "DLGEXCPINP_INVALID_HELP_TYPE")
        return Expected(201, subject=customer, after=partial(self.started, customer))

    def started(self, customer: str, reply: Reply) -> None:
        """Take a wait in that was started just now; the open one was replaced."""
        before = self.live.pop(customer, None)
        if before is not None:
            before.outcome = "REPLACED"
            self.told.note(before.session_id, "CANCELLED")
        told = reply.json
        wait = Waited(told["sessionId"], told["interactionId"], customer)
        self.live[customer] = wait
        self.waits[f"s:{wait.session_id}"] = self.waits[f"i:{wait.interaction_id}"] = wait

    def _activation(self, sent: Sent) -> Expected:  # noqa: PLR0911 - a return for each rule, in their order
        refusal = _content_refusal(sent)
        if refusal is not None:
            return refusal
        try:
            fields = strict_object(sent.body)
            customer, device_id = id_of(fields, "customerId"), id_of(fields, "deviceId")
            id_of(fields, "phone")
            texts = ("customerName", "deviceHash", "transactionHash", "dlgToken", "email")
            name, device, shown, token, _ = (text_of(fields, one) for one in texts)
        except MalformedError:
            return Expected(400, "MALFORMED")
        if customer is None:
            return Expected(400, "DLGEXCPINP_CSTID")
        if token is not None or device_id is not None:
            return _company_token(device_id, token, name)
        if shown is None:
            return Expected(400, "DLGEXCPINP_TRXHASH_IS_EMPTY")
        if self.hashes.get((customer, device or "")) != shown:
            return Expected(401, "DLGEXCP_AUTH_REQUEST")

        def activated(reply: Reply) -> None:
            del self.hashes[customer, device or ""]
            self.tokens[reply.json["clientToken"]] = customer

        return Expected(201, subject=customer, after=activated)


def _company_token(device_id: str | None, token: str | None, name: str | None) -> Expected:
    """An activation by the company's token; this server was given no service that could confirm it."""
    if device_id is None:
        return Expected(400, "DLGEXCPINP_DVCID")
    if token is None:
        return Expected(400, "DLGEXCPINP_TKN")
    return Expected(400, "DLGEXCPINP_CSTNM") if name is None else Expected(502, "DLGEXCPSRV_AUTHSRVINACC")


def _of_staff(sent: Sent, path: str) -> Expected:  # noqa: PLR0911 - a return for each rule, in their order
    """A sign-in: nobody gets in, because this server was given no service that could confirm anybody."""
    if path != SIGN_INS:
        return Expected(404, "NOT_FOUND")
    if sent.method == "OPTIONS":
        return Expected(204)
    if sent.method != "POST":
        return Expected(405, "METHOD_NOT_ALLOWED")
    refusal = _content_refusal(sent)
    if refusal is not None:
        return refusal
    try:
        fields = strict_object(sent.body)
        user, session = id_of(fields, "userId"), id_of(fields, "sessionId")
        name, token = text_of(fields, "userName"), text_of(fields, "token")
    except MalformedError:
        return Expected(400, "MALFORMED")
    rules = ((user, 255, "USRID"), (name, 255, "USRNM"), (session, 1024, "SESID"), (token, 4096, "TKN"))
    if any(value is not None and len(value) > most for value, most, _ in rules):
        return Expected(400, "MALFORMED")
    missing = (Expected(400, f"DLGEXCPINP_{code}") for value, _, code in rules if value is None)
    return next(missing, Expected(502, "DLGEXCPSRV_AUTHSRVINACC"))


def _content_refusal(sent: Sent) -> Expected | None:
    if _media_type(sent) != "application/json":
        return Expected(415, "UNSUPPORTED_MEDIA_TYPE")
    return Expected(413, "BODY_TOO_LARGE") if len(sent.body) > BODY_BYTES else None


def _media_type(sent: Sent) -> str:
    """Of the first Content-Type, as this is all that is left where a repeated one is no fault by itself."""
    found = next((value for name, value in sent.headers if name == b"content-type"), b"")
    return found.decode("latin-1").split(";")[0].strip(" \t").lower()


def _key(sent: Sent) -> str | None:
    """The Idempotency-Key, "illegal" for one that may not be."""
    keys = [value for name, value in sent.headers if name == b"idempotency-key"]
    if not keys:
        return None
    legal = len(keys) == 1 and re.fullmatch(rb"[ -~]{1,255}", keys[0])
    return keys[0].decode() if legal else "illegal"


def _texts(value: object) -> None:
    """`attachedData`: an object of texts, or null. Raises MalformedError."""
    if value is None:
        return
    if not isinstance(value, dict) or any(
        not isinstance(one, str) or isinstance(one, Digits) for one in value.values()
    ):
        raise MalformedError
