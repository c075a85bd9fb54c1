"""Letting customers' apps in: by a transaction hash, by the company's own token, or in open access."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final, Literal

from diyalog.clock import Clock
from diyalog.domain.commands import Activate
from diyalog.domain.ids import CustomerRef, InteractionId
from diyalog.ports import AccessStore
from diyalog.ports_callouts import TokenVerifier

Kind = Literal["input", "refused", "barred", "service"]

SERVICE_CODES: Final = frozenset({"DLGEXCPSRV_AUTHSRVERR", "DLGEXCPSRV_BADREQ", "DLGEXCPSRV_AUTHSRVINACC"})
"""Codes of the company's checks that are not the fault of who is checked (client SDK, table of token activation)."""


class AccessError(Exception):
    """Somebody is not let in; `code` is the SDK's code, `kind` says whose fault it is."""

    def __init__(self, code: str, kind: Kind) -> None:
        super().__init__(code)
        self.code = code
        self.kind = kind


@dataclass(frozen=True, slots=True)
class ActivationRequest:
    """What the app shows to be let in."""

    customer_id: str | None = None
    customer_name: str | None = None
    device_hash: str | None = None
    transaction_hash: str | None = None
    device_id: str | None = None
    dlg_token: str | None = None
    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Activation:
    """What the app gets: a token that starts help until `expires_at` (ms since 1970)."""

    client_token: str
    expires_at: int
    customer_id: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a client token stands for; `may_start`: it is young enough to start help; `barred`: its customer may not."""

    customer: CustomerRef
    customer_id: str
    may_start: bool
    barred: bool
    token_hash: bytes


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """Settings of access; lifetimes in ms. `keep_ms`: how long an old token still reads its own sessions."""

    open_access: bool
    token_lifetime_ms: int
    hash_lifetime_ms: int
    keep_ms: int


class Access:
    """Gives and checks client tokens. Every method raises StoreUnavailableError when the store is away."""

    def __init__(self, store: AccessStore, verifier: TokenVerifier | None, clock: Clock, policy: AccessPolicy) -> None:
        self._store = store
        self._verifier = verifier
        self._clock = clock
        self._policy = policy

    async def activate(self, request: ActivationRequest) -> Activation:
        """Let a customer's app in; raises AccessError.

        A hash or token that is shown is always checked, also with open access.
        """
        customer_id = given(request.customer_id)
        if customer_id is None:
            raise AccessError("DLGEXCPINP_CSTID", "input")
        transaction_hash = given(request.transaction_hash)
        if given(request.dlg_token) is not None or given(request.device_id) is not None:
            await self._check_token(customer_id, request)
        elif transaction_hash is None and not self._policy.open_access:
            raise AccessError("DLGEXCPINP_TRXHASH_IS_EMPTY", "input")
        token = secrets.token_urlsafe(32)
        record = await self._store.activate(
            Activate(
                customer_id=customer_id,
                profile=_profile(request),
                token_hash=token_digest(token),
                device_hash=given(request.device_hash),
                transaction_hash=transaction_hash,
            )
        )
        if record is None:
            raise AccessError("DLGEXCP_AUTH_REQUEST", "refused")
        if record.barred:
            raise AccessError("DLGEXCPSRV_FRBDNCST", "barred")
        return Activation(token, record.issued_at + self._policy.token_lifetime_ms, customer_id)

    async def _check_token(self, customer_id: str, request: ActivationRequest) -> None:
        """Ask the company's checkauthtoken; raises AccessError."""
        device_id, dlg_token = given(request.device_id), given(request.dlg_token)
        if device_id is None:
            raise AccessError("DLGEXCPINP_DVCID", "input")
        if dlg_token is None:
            raise AccessError("DLGEXCPINP_TKN", "input")
        if given(request.customer_name) is None:
            raise AccessError("DLGEXCPINP_CSTNM", "input")
        if self._verifier is None:
            raise AccessError("DLGEXCPSRV_AUTHSRVINACC", "service")
        code = await self._verifier.check_customer(device_id, dlg_token, customer_id, request.device_hash or "")
        if code:
            raise AccessError(code, "service" if code in SERVICE_CODES else "refused")

    async def transaction_hash(self, customer_id: str, device_hash: str, interaction_id: str | None) -> str | None:
        """A new one-time permission for this customer and device; None when it is refused."""
        value = secrets.token_hex(20)
        interaction = None if interaction_id is None else InteractionId(interaction_id)
        issued = await self._store.issue_hash(
            customer_id, device_hash, value, interaction, self._policy.hash_lifetime_ms
        )
        return value if issued else None

    async def identify(self, client_token: str) -> Identity | None:
        """Who shows this token; None when it is unknown, or too old even to read."""
        digest = token_digest(client_token)
        record = await self._store.token(digest)
        if record is None:
            return None
        age_ms = self._clock.now_ms() - record.issued_at
        if age_ms > self._policy.token_lifetime_ms + self._policy.keep_ms:
            return None
        return Identity(
            record.customer, record.customer_id, age_ms <= self._policy.token_lifetime_ms, record.barred, digest
        )


def token_digest(client_token: str) -> bytes:
    """Under which a client token is stored; it is random, so a plain digest hides it."""
    return hashlib.sha256(client_token.encode("utf-8", "surrogatepass")).digest()


def given(value: str | None) -> str | None:
    """A value that is there and not blank; an id of blanks can never name anything."""
    return value if value is not None and value.strip() else None


def _profile(request: ActivationRequest) -> dict[str, str]:
    fields = {"customerName": request.customer_name, "phone": request.phone, "email": request.email}
    return {name: value for name, value in fields.items() if value}
