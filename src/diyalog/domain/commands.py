"""What may be asked of the store: each command is one attempt and is carried out in one transaction.

Named tuples, because thousands are made a second: a frozen dataclass takes five times as long to make.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from diyalog.domain.ids import AccessKeyId, CommandId, CustomerRef, InteractionId, SessionId, StaffRef
from diyalog.domain.transitions import Event
from diyalog.domain.wait import HelpType, Party


class Caller(NamedTuple):
    """Who asked, for the audit trail. `requester` is the calling application's claim and grants nothing."""

    access_key: AccessKeyId
    requester: str


@dataclass(frozen=True, slots=True)
class Idempotency:
    """One use of an Idempotency-Key. `scope` is a digest of caller, path and key; `body` a digest of the body bytes."""

    scope: bytes
    body: bytes


class EndWait(NamedTuple):
    """End the wait that `row`, else `interaction_id`, else `session_id` names.

    `customer`: only if the wait is that customer's. `told`: the outcome is the answer to the app's own call, so it
    counts as acknowledged. `may_hold`: an unknown interaction is not final while CreateInteraction answers are
    outstanding, so the answer is not remembered yet.
    """

    command: CommandId
    event: Event
    row: int | None = None
    session_id: SessionId | None = None
    interaction_id: InteractionId | None = None
    customer: CustomerRef | None = None
    message: str | None = None
    caller: Caller | None = None
    idempotency: Idempotency | None = None
    told: bool = False
    may_hold: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """What CreateInteraction will carry; kept encrypted and only as long as it may still have to be sent.

    `attached_data` keeps the app's order and repeated names; `identity_number` is empty when not given.
    """

    customer_id: str
    identity_number: str
    attached_data: tuple[tuple[str, str], ...]


class StartWait(NamedTuple):
    """Start a wait for a customer, replacing an open one.

    `own_interaction`: the company queued this customer itself under that id, so nothing is sent.
    `builtin`: there is no outside queue; the wait is WAITING at once under an id of the server's making.
    `limit_ms` and `abandon_ms` are the settings of the deadlines, `queue_timeout_ms` that of CreateInteraction.
    `needs`: the skills that the routing rules ask for.
    """

    command: CommandId
    session_id: SessionId
    customer: CustomerRef
    help_type: HelpType
    request: Request
    builtin: bool
    limit_ms: int
    abandon_ms: int
    queue_timeout_ms: int
    needs: tuple[str, ...] = ()
    token: bytes | None = None
    idempotency: Idempotency | None = None
    caller: Caller | None = None


class QueueTook(NamedTuple):
    """CreateInteraction was answered with an id, by the attempt `attempt` of the outbox row `delivery`."""

    command: CommandId
    delivery: int
    attempt: int
    interaction_id: InteractionId


class QueueFailed(NamedTuple):
    """CreateInteraction did not work out.

    `event`: QUEUE_REFUSED or QUEUE_TIMEOUT, or None when the wait goes on. `settled`: it is certain that the queue
    holds nothing, so the outbox row is done. `unresolved`: it may hold something that can never be found out; the
    row is kept and listed. Otherwise the row is tried again at `retry_at` (ms since 1970).
    """

    command: CommandId
    delivery: int
    attempt: int
    event: Event | None
    settled: bool = False
    unresolved: bool = False
    retry_at: int | None = None


class AcceptWait(NamedTuple):
    """An agent takes the wait that `session_id`, else `interaction_id`, else `customer_id` names.

    A customer id means the customer's open wait or live conversation, without one the newest wait.
    """

    command: CommandId
    staff: StaffRef
    session_id: SessionId | None = None
    interaction_id: InteractionId | None = None
    customer_id: str | None = None


class EndConversation(NamedTuple):
    """End a conversation: the customer's or the agent's own, named by its session; `by` says who asks."""

    command: CommandId
    session_id: SessionId
    by: Party
    customer: CustomerRef | None = None
    staff: StaffRef | None = None
    caller: Caller | None = None


class ShowProfile(NamedTuple):
    """A member of the staff looks at the numbers of a conversation's customer; with `staff`, only if it is theirs."""

    session_id: SessionId
    staff: StaffRef | None
    caller: Caller


class Say(NamedTuple):
    """A message of one side. `message_id` is the sender's own: the same one again is the same message.

    Exactly one of `customer` and `staff` is given, and it must be theirs.
    """

    session_id: SessionId
    message_id: str
    text: str
    customer: CustomerRef | None = None
    staff: StaffRef | None = None


class Mark(NamedTuple):
    """One side of a conversation, `side`, has received and read so many events of its stream, and writes just now.

    What is 0 or false says nothing.
    """

    row: int
    side: Party
    received: int = 0
    read: int = 0
    typing: bool = False


class LeaveOffice(NamedTuple):
    """A member of the staff is out of office; `message` and the colleagues who stand in are kept for who asks."""

    user_id: str
    message: str
    forward_to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Activate:
    """Give a customer's app a token, and consume the transaction hash it showed, if any."""

    customer_id: str
    profile: dict[str, str] = field(repr=False)
    token_hash: bytes
    device_hash: str | None = None
    transaction_hash: str | None = None
