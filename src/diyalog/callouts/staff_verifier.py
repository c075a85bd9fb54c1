"""The company's check of the tokens its staff comes with: CheckToken (docs/company_queue.md)."""

from typing import Final
from urllib.parse import quote, urlencode

import msgspec

from diyalog.callouts.http import HttpClient
from diyalog.callouts.replies import Answered, Fault, Reply, Unanswered, Unsent
from diyalog.callouts.token_verifier import BAD_REQUEST, INACCESSIBLE, SERVICE_ERROR, VALIDATED, code_of_status
from diyalog.ports_callouts import Journal

_CHECK_S: Final = 10.0
_SLOT_S: Final = 5.0

_REFUSALS: Final = {
    "InvalidToken": "DLGEXCPSRV_TKNINVLD",
    "ExpiredToken": "DLGEXCPSRV_TKNEXP",
    "InvalidSessionId": "DLGEXCPSRV_SIDINVLD",
    "InternalError": SERVICE_ERROR,
    "BadRequest": BAD_REQUEST,
}


class _Checked(msgspec.Struct, rename="camel"):
    success: bool
    error_message: str | None = None
    result: str | None = None


class HttpStaffVerifier:
    """Asks CheckToken under the base address `base_url`. Satisfies ports_callouts.StaffVerifier.

    The token stands in the query, as the service's page has it, so the address of a call goes into no log.
    """

    def __init__(self, http: HttpClient, base_url: str, *, journal: Journal) -> None:
        self._http = http
        self._url = f"{base_url.rstrip('/')}/CheckToken"
        self._journal = journal

    async def check_staff(self, session_id: str, token: str, user_no: str) -> str:
        """Whether the company confirms the trio: "" or the SDK's code."""
        trio = {"sessionId": session_id, "token": token, "userNo": user_no}
        try:
            query = urlencode(trio, quote_via=quote, safe="")
        except UnicodeEncodeError:
            return BAD_REQUEST
        reply = await self._http.send("GET", f"{self._url}?{query}", timeout_s=_CHECK_S, slot_s=_SLOT_S)
        code = _code(reply)
        match reply:
            case Answered(status, _, seconds):
                self._journal.called("checktoken", code or "ok", status, seconds, None)
            case Unsent(fault, seconds) | Unanswered(fault, seconds):
                self._journal.called("checktoken", fault, None, seconds, None)
        return code


def _code(reply: Reply) -> str:
    match reply:
        case Answered(status, body):
            return _code_of_answer(status, body)
        case Unanswered(Fault.TOO_LARGE, _, status) if status is not None:
            return code_of_status(status)
        case _:
            return INACCESSIBLE


def _code_of_answer(status: int, body: bytes) -> str:
    """A refusal counts whatever the status says; a confirmation only if the status agrees."""
    try:
        checked = msgspec.json.decode(body, type=_Checked)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return code_of_status(status)
    if checked.success:
        return VALIDATED if 200 <= status < 300 else code_of_status(status)
    named = (_REFUSALS.get(text) for text in (checked.error_message, checked.result) if text is not None)
    return next(filter(None, named), code_of_status(status))
