"""The company's check of the tokens its own app obtained: checkauthtoken (docs/company_queue.md)."""

from typing import Final

import msgspec

from diyalog.callouts.http import HttpClient
from diyalog.callouts.replies import Answered, Fault, Reply, Unanswered, Unsent
from diyalog.ports_callouts import Journal

_CHECK_S: Final = 10.0
_SLOT_S: Final = 5.0

VALIDATED: Final = ""
"""The answer for a token that the company confirmed."""
_NOT_VALIDATED: Final = "DLGEXCPSRV_TKNNOTVLD"
SERVICE_ERROR: Final = "DLGEXCPSRV_AUTHSRVERR"
BAD_REQUEST: Final = "DLGEXCPSRV_BADREQ"
INACCESSIBLE: Final = "DLGEXCPSRV_AUTHSRVINACC"

_ANSWERS: Final = {
    "Validated": VALIDATED,
    "InvalidToken": "DLGEXCPSRV_TKNINVLD",
    "ExpiredToken": "DLGEXCPSRV_TKNEXP",
    "InvalidDeviceId": "DLGEXCPSRV_DVCIDINVLD",
    "InternalError": SERVICE_ERROR,
    "BadRequest": BAD_REQUEST,
}


class HttpTokenVerifier:
    """Asks checkauthtoken under the base address `base_url`. Satisfies ports_callouts.TokenVerifier."""

    def __init__(self, http: HttpClient, base_url: str, *, journal: Journal) -> None:
        self._http = http
        self._url = f"{base_url.rstrip('/')}/checkauthtoken"
        self._journal = journal

    async def check_customer(self, device_id: str, dlg_token: str, customer_no: str, device_hash: str | None) -> str:
        """Whether the company confirms the trio: "" or the SDK's code. `device_hash` is for its information only."""
        fields = {
            "deviceId": device_id,
            "dlgToken": dlg_token,
            "customerNo": customer_no,
            "deviceHash": device_hash or "",
        }
        try:
            body = msgspec.json.encode(fields)
        except UnicodeEncodeError:
            return BAD_REQUEST
        reply = await self._http.send(
            "POST",
            self._url,
            body=body,
            headers={"Content-Type": "application/json"},
            timeout_s=_CHECK_S,
            slot_s=_SLOT_S,
        )
        code = _code(reply)
        match reply:
            case Answered(status, _, seconds):
                self._journal.called("checkauthtoken", code or "ok", status, seconds, None)
            case Unsent(fault, seconds) | Unanswered(fault, seconds):
                self._journal.called("checkauthtoken", fault, None, seconds, None)
        return code


def _code(reply: Reply) -> str:
    match reply:
        case Answered(status, body):
            known = _ANSWERS.get(_text(body))
            return code_of_status(status) if known is None else known
        case Unanswered(Fault.TOO_LARGE, _, status) if status is not None:
            return code_of_status(status)
        case _:
            return INACCESSIBLE


def _text(body: bytes) -> str:
    """The answer's text, raw or as a JSON string, without white space around it; "" when it is neither."""
    try:
        text = body.decode().strip()
        return msgspec.json.decode(text, type=str).strip() if text.startswith('"') else text
    except (msgspec.MsgspecError, ValueError):
        return ""


def code_of_status(status: int) -> str:
    """What the status says of a check whose answer says nothing."""
    if status >= 500:
        return SERVICE_ERROR
    return BAD_REQUEST if status == 400 else _NOT_VALIDATED
