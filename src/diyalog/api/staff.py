"""The staff API: letting a desk in."""

from typing import Final

import msgspec

from diyalog.api.bearer import CHALLENGE, Failures
from diyalog.api.bodies import SignInAnswer, SignInBody, text_of
from diyalog.api.content import ContentLimits, read_content, require_json
from diyalog.api.exchange import JSON, Answer, Exchange, Header
from diyalog.api.problems import PROBLEMS, RefusedError, malformed
from diyalog.api.strict_json import MalformedError, StrictDecoder
from diyalog.protocol.times import rfc3339
from diyalog.usecases.access import AccessError
from diyalog.usecases.staff_access import SignInRequest, StaffAccess

_encode = msgspec.json.Encoder().encode
_NO_STORE: Final[tuple[Header, ...]] = ((b"cache-control", b"no-store"),)
_LONGEST: Final = {"user_id": 255, "user_name": 255, "session_id": 1024, "token": 4096}
"""In characters: names are shown to customers, the rest must fit into CheckToken's address."""


class StaffApi:
    """`/v1/staff/sessions`. Every method raises RefusedError."""

    def __init__(self, access: StaffAccess, failures: Failures, content: ContentLimits) -> None:
        self._access = access
        self._failures = failures
        self._content = content
        self._sign_in = StrictDecoder(SignInBody)

    async def sign_in(self, exchange: Exchange) -> Answer:
        """Let a member of the staff in and give the desk a token."""
        require_json(exchange.header(b"content-type"))
        request = self._request(await read_content(exchange, self._content))
        try:
            session = await self._access.sign_in(request)
        except AccessError as error:
            refused = RefusedError(error.code if error.code in PROBLEMS else "DLGEXCPSRV_TKNNOTVLD")
            if refused.problem.status == 401:
                self._failures.count(exchange)
                refused.headers = (CHALLENGE,)
            raise refused from None
        expires_at = rfc3339(session.expires_at)
        answer = SignInAnswer(session.staff_token, expires_at, session.user_id, session.user_name, session.rights)
        return Answer(201, JSON, _encode(answer), _NO_STORE)

    def _request(self, content: bytes) -> SignInRequest:
        try:
            body = self._sign_in.decode(content)
        except MalformedError as error:
            raise malformed(str(error)) from None
        shown = {name: text_of(getattr(body, name)) for name in SignInBody.__struct_fields__}
        for name, text in shown.items():
            if text is not None and len(text) > _LONGEST[name]:
                raise malformed(f"{name.replace('_', ' ')} is longer than {_LONGEST[name]} characters.")
        return SignInRequest(**shown)
