"""Calling the company API of a Diyalog server from a back end: signing, its operations, typed errors.

    CallError                        everything a call can end with instead of an answer
    ├── RequestRefusedError          4xx: repeating the same request changes nothing
    │   └── AuthenticationRefusedError   headers, signature, date or clock; `text` says which
    ├── UnreachableError             no answer; whether the server acted is unknown
    └── ServerFailedError            5xx, 429 or an answer that cannot be read

Standard library only; a `CompanyClient` opens a connection for each call and may be shared by threads.
"""

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from random import random
from typing import Final
from urllib.parse import urlsplit

from diyalog.domain.retry import delay
from diyalog.domain.signature import SCHEME, Fault, SigningKey, string_to_sign

JSON: Final = "application/json"

_ACCESS_KEY_ID: Final = re.compile(r"[!-9;-~]{1,400}")
_HEADER_VALUE: Final = re.compile(r"[!-~](?:[ -~]{0,510}[!-~])?")
_METHOD: Final = re.compile(r"[A-Za-z]{1,20}")
_TARGET: Final = re.compile(r"/[!-\"$-~]*")
_IDEMPOTENCY_KEY: Final = re.compile(r"[ -~]{1,255}")


def sign(
    method: str,
    target: str,
    body: bytes,
    *,
    access_key_id: str,
    access_key_secret: str,
    requester_user_id: str,
    date: str | None = None,
    content_type: str = JSON,
) -> dict[str, str]:
    """Return the headers that sign one request; send them with exactly these `body` bytes and this `target`.

    `target` is what follows the server's address: path, and `?query` if there is one. `requester_user_id` is the
    person in your own system on whose behalf the call is made. `date` is by default the present time in GMT; the
    server allows 15 minutes of difference. With an empty `content_type` the request must be sent without one.

    Raises ValueError for a value that no header can carry.
    """
    _require(_METHOD, method, "method: GET, POST, PUT or DELETE")
    _require(_TARGET, target, "target: a path that starts with / and has only printable ASCII, percent-encoded")
    _require(_ACCESS_KEY_ID, access_key_id, "access_key_id: printable ASCII without blanks and colons")
    _require(_HEADER_VALUE, requester_user_id, "requester_user_id: 1 to 512 printable ASCII characters")
    date = formatdate(usegmt=True) if date is None else date
    _require(_HEADER_VALUE, date, "date: printable ASCII")
    if content_type:
        _require(_HEADER_VALUE, content_type, "content_type: printable ASCII")
    text = string_to_sign(method.upper().encode("ascii"), content_type.encode(), date.encode(), body, target.encode())
    signature = SigningKey(access_key_secret).sign(text)
    headers = {
        "x-dlg-date": date,
        "x-dlg-requester-userid": requester_user_id,
        "x-dlg-authorization": f"{SCHEME.decode()}{access_key_id}:{signature.decode()}",
    }
    return {"Content-Type": content_type, **headers} if content_type else headers


def _require(form: re.Pattern[str], value: str, meaning: str) -> None:
    if not form.fullmatch(value):
        raise ValueError(meaning)


class CallError(Exception):
    """A call brought no answer of the operation."""


class RequestRefusedError(CallError):
    """The server refused the request: HTTP `status` (4xx) and its plain `text`."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"HTTP {status}: {text}")
        self.status = status
        self.text = text


class AuthenticationRefusedError(RequestRefusedError):
    """Refused by the signature's checks: `status` and the documented `text` say by which."""


class UnreachableError(CallError):
    """No answer came: no connection, a cut, or longer than the timeout. The server may or may not have acted."""


class ServerFailedError(CallError):
    """The server could not do it now, or its answer cannot be read: HTTP `status` and `text`.

    `retry_after` is what the server asked for, in seconds, 0 when it did not say.
    """

    def __init__(self, status: int, text: str, retry_after: float = 0.0) -> None:
        super().__init__(f"HTTP {status}: {text}")
        self.status = status
        self.text = text
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answered that only does something. `error_code` is None on success, else a number of its page:
    400, 402 or 403.
    """

    is_success: bool
    message: str
    error_code: int | None


@dataclass(frozen=True, slots=True)
class TransactionHashAnswer:
    """What gettransactionhashforonlinehelp answered; `transaction_hash` is for the customer's app, None on failure."""

    is_success: bool
    message: str
    transaction_hash: str | None


@dataclass(frozen=True, slots=True)
class OutOfOfficeAnswer:
    """What getuseroutofofficeinfo answered.

    `message` is the operation's own; `out_of_office_message` and `forward_to_staff_ids` are what was enabled last.
    """

    is_success: bool
    message: str
    error_code: int | None
    is_out_of_office: bool
    out_of_office_message: str
    forward_to_staff_ids: tuple[str, ...]


_DOCUMENTED_REFUSALS: Final = frozenset(fault.value for fault in Fault)
_ANSWER_LIMIT: Final = 262_144
_RETRY_BASE, _RETRY_CAP = 0.5, 30.0


class CompanyClient:
    """Calls one Diyalog server with one access key.

    `base_url` is `https://host[:port]`; signatures cover the path, so it has none. `timeout` is in seconds, for each
    network operation. `retries` is how often a call that may safely be repeated is tried again; each wait before that
    is full jitter, at least what the server's Retry-After asks for. `sleep` and `draw` are time and chance.
    """

    def __init__(
        self,
        base_url: str,
        access_key_id: str,
        access_key_secret: str,
        requester_user_id: str,
        timeout: float = 10.0,
        *,
        retries: int = 3,
        sleep: Callable[[float], None] = time.sleep,
        draw: Callable[[], float] = random,
    ) -> None:
        address = urlsplit(base_url)
        if address.scheme not in {"http", "https"} or not address.hostname:
            raise ValueError("base_url: http:// or https:// and a host")
        if address.path.rstrip("/") or address.query or address.fragment or address.username:
            raise ValueError("base_url: nothing may follow the host and port, because the path is signed")
        self._open = HTTPSConnection if address.scheme == "https" else HTTPConnection
        self._host, self._port = address.hostname, address.port
        self._access_key_id = access_key_id
        self._access_key_secret = access_key_secret
        self._requester_user_id = requester_user_id
        self._timeout = timeout
        self._retries = retries
        self._sleep = sleep
        self._draw = draw

    def interaction_is_not_delivered(
        self,
        *,
        interaction_id: str | None = None,
        session_id: str | None = None,
        message: str | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Release the customer who waits in an interaction that no agent could take; `message` is shown to them.

        `interaction_id` decides when both ids are given. With `idempotency_key` (1 to 255 printable ASCII characters,
        new for every interaction) a call that brought no answer is repeated, and the server answers as it did the
        first time; without one it is sent once, because a repeat of a success is answered 402.

        Raises CallError, and ValueError for a key that no header can carry.
        """
        fields = {"interactionId": interaction_id, "sessionId": session_id, "message": message}
        return _done(self._call("/v1/application/interactionisnotdelivered", fields, idempotency_key))

    def get_transaction_hash(
        self, customer_id: str, device_hash: str, interaction_id: str | None = None
    ) -> TransactionHashAnswer:
        """Get the one-time permission with which a customer's app starts help on one device.

        `interaction_id`: the company has queued this customer itself under that id. Sent once.

        Raises CallError.
        """
        fields = {"customerId": customer_id, "deviceHash": device_hash, "interactionId": interaction_id}
        answer = self._call("/v1/application/gettransactionhashforonlinehelp", fields, None)
        succeeded = _is_success(answer)
        transaction_hash = _text(answer, "transactionHash") if succeeded else None
        return TransactionHashAnswer(succeeded, _text(answer, "message"), transaction_hash)

    def finish_online_help(self, customer_id: str, staff_id: str) -> Answer:
        """End the conversation between a customer and a member of the staff whose application failed.

        `error_code` 400: they have none. Sent once, because a repeat of a success is answered 400.

        Raises CallError.
        """
        fields = {"customerId": customer_id, "staffId": staff_id}
        return _done(self._call("/v1/application/finishonlinehelp", fields, None))

    def enable_out_of_office(
        self, staff_id: str, message: str | None = None, forward_to_staff_ids: Sequence[str] = ()
    ) -> Answer:
        """A member of the staff is out of office; `forward_to_staff_ids` stand in.

        `error_code` 400: nobody has signed in with that number yet. Repeated when it brought no answer.

        Raises CallError.
        """
        fields = {
            "staffId": staff_id,
            "outOfOfficeMessage": message,
            "forwardToStaffIds": list(forward_to_staff_ids) or None,
        }
        return _done(self._call("/v1/application/enableoutofoffice", fields, None, repeatable=True))

    def disable_out_of_office(self, staff_id: str) -> Answer:
        """A member of the staff is in office again; as `enable_out_of_office` otherwise.

        Raises CallError.
        """
        return _done(self._call("/v1/application/disableoutofoffice", {"staffId": staff_id}, None, repeatable=True))

    def get_user_out_of_office_info(self, staff_id: str) -> OutOfOfficeAnswer:
        """Whether a member of the staff is out of office; as `enable_out_of_office` otherwise.

        Raises CallError.
        """
        fields = {"staffId": staff_id}
        answer = self._call("/v1/application/getuseroutofofficeinfo", fields, None, repeatable=True)
        succeeded = _is_success(answer)
        message, code = _text(answer, "message"), _error_code(answer)
        if not succeeded:
            return OutOfOfficeAnswer(succeeded, message, code, False, "", ())
        forward = tuple(part.strip() for part in _text(answer, "forwardToStaffIds").split(",") if part.strip())
        said = _text(answer, "outOfOfficeMessage")
        return OutOfOfficeAnswer(succeeded, message, code, _is_true(answer, "isOutOfOffice"), said, forward)

    def _call(
        self, target: str, fields: Mapping[str, object], idempotency_key: str | None, *, repeatable: bool = False
    ) -> dict[str, object]:
        """Send a request; again after no answer if it has a key, or else is `repeatable`: twice is then as once."""
        given = {name: value for name, value in fields.items() if value is not None}
        body = json.dumps(given, ensure_ascii=False).encode()
        extra = {}
        if idempotency_key is not None:
            _require(_IDEMPOTENCY_KEY, idempotency_key, "idempotency_key: 1 to 255 printable ASCII characters")
            extra = {"Idempotency-Key": idempotency_key}
        for attempt in range(self._retries if repeatable or idempotency_key is not None else 0):
            try:
                return self._send(target, body, extra)
            except UnreachableError:
                at_least = 0.0
            except ServerFailedError as failure:
                at_least = failure.retry_after
            wait = delay(attempt, self._draw(), base=_RETRY_BASE, cap=_RETRY_CAP)
            self._sleep(max(wait, min(at_least, _RETRY_CAP)))
        return self._send(target, body, extra)

    def _send(self, target: str, body: bytes, extra: Mapping[str, str]) -> dict[str, object]:
        # Signed anew for every attempt: a date from before a long wait may be refused.
        signed = sign(
            "POST",
            target,
            body,
            access_key_id=self._access_key_id,
            access_key_secret=self._access_key_secret,
            requester_user_id=self._requester_user_id,
        )
        connection = self._open(self._host, self._port, timeout=self._timeout)
        try:
            connection.request("POST", target, body, {**signed, **extra, "Connection": "close"})
            response = connection.getresponse()
            status, retry_after = response.status, response.headers.get("Retry-After", "")
            content = response.read(_ANSWER_LIMIT + 1)
        except (OSError, HTTPException) as error:
            raise UnreachableError(f"no answer from {self._host}: {type(error).__name__}") from error
        finally:
            connection.close()
        return _decode(status, content, float(retry_after) if retry_after.isdecimal() else 0.0)


def _decode(status: int, content: bytes, retry_after: float) -> dict[str, object]:
    if status != 200:
        text = content[:1000].decode("utf-8", "replace")
        if (status, text) in _DOCUMENTED_REFUSALS:
            raise AuthenticationRefusedError(status, text)
        if 400 <= status < 500 and status not in {408, 429}:
            raise RequestRefusedError(status, text)
        raise ServerFailedError(status, text, retry_after)
    try:
        answer = json.loads(content) if len(content) <= _ANSWER_LIMIT else None
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise ServerFailedError(status, "the answer is not a JSON object")
    return answer


def _done(answer: Mapping[str, object]) -> Answer:
    return Answer(_is_success(answer), _text(answer, "message"), _error_code(answer))


def _is_success(answer: Mapping[str, object]) -> bool:
    return _is_true(answer, "isSuccess")


def _is_true(answer: Mapping[str, object], name: str) -> bool:
    value = answer.get(name)
    if not isinstance(value, bool):
        raise ServerFailedError(200, f"the answer has no {name}")
    return value


def _text(answer: Mapping[str, object], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str):
        raise ServerFailedError(200, f"the answer has no {name}")
    return value


def _error_code(answer: Mapping[str, object]) -> int | None:
    value = answer.get("errorCode")
    return value if isinstance(value, int) else None
