"""Every refusal in one table: its code, HTTP status, whether the same request may succeed later, and its text.

The customer and staff APIs say it as `application/problem+json` (RFC 9457) with the code; the company API, whose
answers are plain text by its documentation, says the text alone, with the request id where the fault may be the
server's.
"""

from dataclasses import dataclass
from typing import Final

import msgspec

from diyalog.api.exchange import PROBLEM, TEXT, Answer, Header


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of refusal."""

    status: int
    retryable: bool
    detail: str


MALFORMED: Final = "The request content was malformed: "
"""How the text of a body that cannot be used begins (messaging API page)."""

PROBLEMS: Final[dict[str, Problem]] = {
    # The request itself.
    "MALFORMED": Problem(400, False, f"{MALFORMED}it is not a JSON object."),
    "IDEMPOTENCY_KEY_INVALID": Problem(
        400, False, "Idempotency-Key must be given once, as 1 to 255 printable ASCII characters."
    ),
    "MESSAGE_ID_INVALID": Problem(400, False, "id must be 1 to 64 of the characters A-Z, a-z, 0-9, - and _."),
    "MESSAGE_NOT_TEXT": Problem(
        400,
        False,
        "text must be 1 to 4000 characters, not only blanks, without control characters but newline and tab.",
    ),
    "TOKEN_UNKNOWN": Problem(401, False, "The client token is missing, unknown or too old; activate again."),
    "TOKEN_EXPIRED": Problem(401, False, "The client token is too old to ask for help; activate again."),
    "RIGHT_MISSING": Problem(403, False, "Only supervisors may do this."),
    "ORIGIN_NOT_ALLOWED": Problem(403, False, "Pages of this origin may not use this server."),
    "NOT_FOUND": Problem(404, False, "There is nothing at this path."),
    "SESSION_NOT_FOUND": Problem(404, False, "There is no such session, or it is somebody else's."),
    "METHOD_NOT_ALLOWED": Problem(405, False, "This path does not have that method."),
    "BODY_TOO_SLOW": Problem(408, True, "The request content was not complete in time."),
    "WAIT_ENDED": Problem(409, False, "The wait had ended before it could be cancelled."),
    "NOT_IN_CONVERSATION": Problem(409, False, "No agent has taken this wait; there is no conversation."),
    "ROUTING_ELSEWHERE": Problem(409, False, "The company's own queue decides who is asked."),
    "CONVERSATION_ENDED": Problem(409, False, "The conversation is over."),
    "BODY_TOO_LARGE": Problem(413, False, "The request content is too large."),
    "UNSUPPORTED_MEDIA_TYPE": Problem(415, False, "Content-Type must be application/json."),
    "MESSAGE_ID_REUSED": Problem(422, False, "This id was used before for a message with another text."),
    "IDEMPOTENCY_KEY_REUSED": Problem(422, False, "This Idempotency-Key was used before with another content."),
    "UPGRADE_REQUIRED": Problem(426, False, "The event stream is a WebSocket."),
    "TOO_MANY_REQUESTS": Problem(429, True, "Too many requests; wait before the next one."),
    "UNAVAILABLE": Problem(503, True, "The server cannot do this now; try again."),
    # Letting a customer in (client SDK, table of token activation).
    "DLGEXCPINP_CSTID": Problem(400, False, "You must need to pass customer Id."),
    "DLGEXCPINP_CSTNM": Problem(400, False, "You must need to pass customer name."),
    "DLGEXCPINP_DVCID": Problem(400, False, "You must need to pass deviceId."),
    "DLGEXCPINP_TKN": Problem(400, False, "You must need to pass diyalog token."),
    "DLGEXCPINP_TRXHASH_IS_EMPTY": Problem(400, False, "You must need to pass transactionHash or dlgToken."),
    "DLGEXCP_AUTH_REQUEST": Problem(
        401, False, "The transactionHash is used, expired, or not of this customer and device."
    ),
    "DLGEXCPSRV_TKNINVLD": Problem(401, False, "dlgToken is invalid."),
    "DLGEXCPSRV_TKNEXP": Problem(401, False, "dlgToken is expired."),
    "DLGEXCPSRV_TKNNOTVLD": Problem(401, False, "dlgToken is not validated by auth server."),
    "DLGEXCPSRV_DVCIDINVLD": Problem(401, False, "Invalid device id."),
    "DLGEXCPSRV_FRBDNCST": Problem(403, False, "Forbidden customer."),
    "DLGEXCPSRV_AUTHSRVERR": Problem(502, True, "Internal failure in Auth server."),
    "DLGEXCPSRV_BADREQ": Problem(502, False, "The request rejected by auth server."),
    "DLGEXCPSRV_AUTHSRVINACC": Problem(502, True, "Token authorisation server is not accessible."),
    # Letting staff in (client SDK, the same table).
    "DLGEXCPINP_USRID": Problem(400, False, "You must need to pass user Id."),
    "DLGEXCPINP_USRNM": Problem(400, False, "You must need to pass user name."),
    "DLGEXCPINP_SESID": Problem(400, False, "You must need to pass session Id."),
    "DLGEXCPSRV_SIDINVLD": Problem(401, False, "Invalid session id."),
    # Asking for help (client SDK, table of online help).
    "DLGEXCPINP_INVALID_HELP_TYPE": Problem(400, False, "helpType must be chat, voice_call or video_call."),
    "DLGEXCP_USER_IS_IN_CALL_NOW": Problem(409, False, "The customer is in a conversation already."),
    "DLGEXCP_GENERAL_EXCEPTION": Problem(502, True, "The company's queue did not take the request."),
    # The server's own faults.
    "DLGEXCPSRV_INTERR": Problem(500, True, "The server met an unexpected error."),
}

_NEEDS_REQUEST_ID: Final = frozenset({408, 413, 422, 429, 500, 503})
_NO_STORE: Final[tuple[Header, ...]] = ((b"cache-control", b"no-store"),)
_encode = msgspec.json.Encoder().encode


class RefusedError(Exception):
    """The request is refused. `code` is a key of `PROBLEMS`; `detail` replaces its text where it says more.

    `members` are further members of the problem, `headers` go with either form, `retry_after` is in whole seconds.
    """

    def __init__(
        self,
        code: str,
        *,
        detail: str | None = None,
        members: dict[str, object] | None = None,
        headers: tuple[Header, ...] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.problem = PROBLEMS[code]
        self.detail = detail or self.problem.detail
        self.members = members or {}
        self.headers = headers
        if retry_after is not None:
            self.headers = (*headers, (b"retry-after", b"%d" % retry_after))


def malformed(why: str) -> RefusedError:
    """A body that cannot be used; `why` must not quote it."""
    return RefusedError("MALFORMED", detail=MALFORMED + why)


def problem_answer(refused: RefusedError, request_id: str) -> Answer:
    """The refusal as the customer and staff APIs say it."""
    problem = refused.problem
    body = {
        "type": "about:blank",
        "title": refused.code,
        "status": problem.status,
        "code": refused.code,
        "detail": refused.detail,
        "retryable": problem.retryable,
        "requestId": request_id,
        **refused.members,
    }
    return Answer(problem.status, PROBLEM, _encode(body), _NO_STORE + refused.headers, code=refused.code)


def plain_answer(refused: RefusedError, request_id: str) -> Answer:
    """The refusal as the company API and the pages say it."""
    status = refused.problem.status
    text = refused.detail
    if status in _NEEDS_REQUEST_ID:
        text = f"{text} Request id: {request_id}"
    return Answer(status, TEXT, text.encode(), refused.headers, code=refused.code)
