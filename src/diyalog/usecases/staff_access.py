"""Letting the company's staff in: by its token that CheckToken confirms, or in open access."""

import secrets
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from diyalog.clock import Clock
from diyalog.domain.ids import StaffRef
from diyalog.ports import StaffStore, StoreUnavailableError
from diyalog.ports_callouts import StaffVerifier
from diyalog.usecases.access import SERVICE_CODES, AccessError, AccessPolicy, given, token_digest

_TOUCH_EVERY_MS: Final = 10_000


@dataclass(frozen=True, slots=True)
class SignInRequest:
    """What a desk shows to be let in. `session_id`: the login session in the company's agent application."""

    user_id: str | None = None
    user_name: str | None = None
    session_id: str | None = None
    token: str | None = None


class Right(StrEnum):
    """What a member of the staff may do."""

    AGENT = "agent"
    """Take waits, and read, write in and end conversations of their own."""
    SUPERVISOR = "supervisor"
    """Close requests, and read and end the conversations of others."""


@dataclass(frozen=True, slots=True)
class StaffSession:
    """What a desk gets: a token that is good until `expires_at` (ms since 1970), and what may be done with it now."""

    staff_token: str
    expires_at: int
    user_id: str
    user_name: str
    rights: tuple[Right, ...]


@dataclass(frozen=True, slots=True)
class StaffIdentity:
    """Who a staff token stands for, and what they may do now."""

    staff: StaffRef
    user_id: str
    user_name: str
    rights: tuple[Right, ...] = (Right.AGENT,)

    @property
    def supervises(self) -> bool:
        """Whether they may do what supervisors may."""
        return Right.SUPERVISOR in self.rights


class StaffAccess:
    """Gives and checks staff tokens. Every method raises StoreUnavailableError when the store is away.

    `supervisors`: their user ids. A token grants nothing by itself: who is no supervisor any more loses the right with
    the next request.
    """

    def __init__(
        self,
        store: StaffStore,
        verifier: StaffVerifier | None,
        clock: Clock,
        policy: AccessPolicy,
        supervisors: Collection[str] = (),
    ) -> None:
        self._supervisors = frozenset(supervisors)
        self._touched: dict[StaffRef, int] = {}
        self._store = store
        self._verifier = verifier
        self._clock = clock
        self._policy = policy

    async def sign_in(self, request: SignInRequest) -> StaffSession:
        """Let a member of the staff in; raises AccessError.

        A token that is shown is always checked, also with open access.
        """
        user_id, user_name = given(request.user_id), given(request.user_name)
        if user_id is None:
            raise AccessError("DLGEXCPINP_USRID", "input")
        if user_name is None:
            raise AccessError("DLGEXCPINP_USRNM", "input")
        await self._check(user_id, given(request.session_id), given(request.token))
        token = secrets.token_urlsafe(32)
        record = await self._store.sign_in_staff(user_id, user_name, token_digest(token))
        expires_at = record.issued_at + self._policy.token_lifetime_ms
        return StaffSession(token, expires_at, user_id, user_name, self._rights(user_id))

    async def _check(self, user_id: str, session_id: str | None, token: str | None) -> None:
        """Ask the company's CheckToken, unless nothing is shown and nothing need be; raises AccessError."""
        if session_id is None and token is None and self._policy.open_access:
            return
        if session_id is None:
            raise AccessError("DLGEXCPINP_SESID", "input")
        if token is None:
            raise AccessError("DLGEXCPINP_TKN", "input")
        if self._verifier is None:
            raise AccessError("DLGEXCPSRV_AUTHSRVINACC", "service")
        code = await self._verifier.check_staff(session_id, token, user_id)
        if code:
            raise AccessError(code, "service" if code in SERVICE_CODES else "refused")

    async def identify(self, staff_token: str) -> StaffIdentity | None:
        """Who shows this token; None when it is unknown or too old. Whoever does gives a sign of life with it."""
        record = await self._store.staff_token(token_digest(staff_token))
        if record is None or self._clock.now_ms() - record.issued_at > self._policy.token_lifetime_ms:
            return None
        await self._touch(record.staff)
        return StaffIdentity(record.staff, record.user_id, record.user_name, self._rights(record.user_id))

    def _rights(self, user_id: str) -> tuple[Right, ...]:
        return (Right.AGENT, Right.SUPERVISOR) if user_id in self._supervisors else (Right.AGENT,)

    async def _touch(self, staff: StaffRef) -> None:
        """Store that the desk lives, now and then: a desk that looks at the line every second need not write as often.

        How often is counted here; a node that does not know when it was stored last stores it.
        """
        now = self._clock.now_ms()
        if abs(now - self._touched.get(staff, -_TOUCH_EVERY_MS)) < _TOUCH_EVERY_MS:
            return
        self._touched[staff] = now  # at once, so that of several requests one stores it
        stored = False
        try:
            with suppress(StoreUnavailableError):  # reading goes on while nothing can be stored
                await self._store.touch_staff(staff)
                stored = True
        finally:
            if not stored:
                self._touched.pop(staff, None)  # the next request tries again
