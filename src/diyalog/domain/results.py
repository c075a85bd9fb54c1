"""What the store reports of a command."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import NamedTuple

from diyalog.domain.commands import Request
from diyalog.domain.ids import CustomerRef, InteractionId, NodeId, SessionId, StaffRef
from diyalog.domain.wait import Marks, Outcome, Party, State, Wait


class Verdict(StrEnum):
    """How an attempt to end a wait went."""

    WON = auto()
    """This command wrote the outcome."""
    LOST = auto()
    """The wait has another outcome, or is in conversation; the stored one is reported."""
    UNKNOWN = auto()
    """No wait of that name (or not the caller's)."""
    MISMATCH = auto()
    """The Idempotency-Key was used before with another body."""


class EndResult(NamedTuple):
    """`waits_elsewhere`: the customer behind the named interaction has another open wait. `replayed`: this is the
    answer of an earlier call with the same Idempotency-Key. `outstanding`: sessions whose CreateInteraction answer
    is still to come, reported with UNKNOWN.
    """

    verdict: Verdict
    wait: Wait | None = None
    waits_elsewhere: bool = False
    replayed: bool = False
    outstanding: tuple[SessionId, ...] = ()


class DueEnds(NamedTuple):
    """Waits that were ended because their time had come. `more`: others may be due at once."""

    waits: Sequence[Wait]
    more: bool


class Delivery(NamedTuple):
    """One claimed outbox row: a call to the company's queue that is due.

    `kind` is "create" or "delete". `attempt` is the fence: a result counts only for the newest attempt.
    `first_at` is when the row was written, `claimed_at` when this attempt was claimed (ms since 1970);
    `maybe_sent`: an earlier attempt may have reached the queue. `state` and `outcome` are the wait's when claimed.
    `unreadable`: the request is stored and cannot be opened; `request` is None then.
    """

    row: int
    kind: str
    attempt: int
    session_id: SessionId
    interaction_id: InteractionId | None
    request: Request | None
    first_at: int
    claimed_at: int
    maybe_sent: bool
    state: State
    outcome: Outcome | None
    unreadable: bool = False


class StartResult(NamedTuple):
    """`verdict`: WON (a new wait), LOST (in conversation: `wait` is it), MISMATCH, or WON with `replayed` (the wait
    this Idempotency-Key started before, with `answer` when one was given). `replaced` is the wait it ended.
    """

    verdict: Verdict
    wait: Wait | None = None
    replaced: Wait | None = None
    delivery: Delivery | None = None
    replayed: bool = False
    answer: tuple[int, bytes] | None = None


class QueueResult(NamedTuple):
    """`wait` after the queue's answer was written; `changed`: it left REQUESTED by it. `stale`: a newer attempt owns
    the outbox row and nothing was written. `conflict`: the id is open for another wait and was not used.
    """

    wait: Wait | None
    changed: bool
    stale: bool = False
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """A client token as stored; `issued_at` in ms since 1970."""

    customer: CustomerRef
    customer_id: str
    issued_at: int
    barred: bool


class StreamEvent(NamedTuple):
    """One event of one session's stream; what it does not carry is derived from the wait.

    `author`: whose message it is, or who ended the conversation.
    """

    seq: int
    kind: str
    at: int
    author: Party | None = None
    message_id: str | None = None
    text: str | None = None


class StaffEvent(NamedTuple):
    """One event of the stream of a member of the staff: that of a session, under a number of its own."""

    seq: int
    wait: Wait
    event: StreamEvent


class OutOfOffice(NamedTuple):
    """Whether a member of the staff is out of office, and what was said of it last."""

    absent: bool
    message: str
    forward_to: tuple[str, ...]


class StaffHead(NamedTuple):
    """`seq`: the newest event of a staff stream. `node`: the one to which the desk is connected."""

    seq: int
    node: NodeId | None


class ConversationResult(NamedTuple):
    """How an attempt to take a wait, or to end a conversation, went; `wait` with its conversation, if it has one.

    `verdict`: WON, LOST (`wait` says how it stands) or UNKNOWN. `replayed`: it had been so before this command.
    `elsewhere`: other nodes to which one of the sides is connected.
    """

    verdict: Verdict
    wait: Wait | None = None
    replayed: bool = False
    elsewhere: tuple[NodeId, ...] = ()


class Said(NamedTuple):
    """How an attempt to write a message went.

    `verdict`: WON (`event` is the message, `replayed` if it was there before; if it was not, `staff_seq` is its
    number in the stream of the member of the staff), LOST (no conversation is alive there;
    `wait` says how it stands), MISMATCH (the id was used for another text) or UNKNOWN (no such session of theirs).
    """

    verdict: Verdict
    wait: Wait | None = None
    event: StreamEvent | None = None
    replayed: bool = False
    elsewhere: tuple[NodeId, ...] = ()
    staff_seq: int | None = None


class Marked(NamedTuple):
    """How far one side of a conversation is now, `side`, for the other one to be told.

    `elsewhere`: the other node, if it is another one, at which that one is.
    """

    row: int
    session_id: SessionId
    staff: StaffRef
    side: Party
    marks: Marks
    elsewhere: NodeId | None


class Waiter(NamedTuple):
    """One waiting customer as the staff sees them; `present`: their app is connected now.

    `offered`: a member of the staff is being asked just now. `unreadable`: what is stored of the customer cannot be
    opened; then there is no name, and the number is that of the request, `?` where that is gone too.
    """

    wait: Wait
    customer_id: str
    customer_name: str | None
    present: bool
    attached_data: tuple[tuple[str, str], ...]
    offered: bool = False
    unreadable: bool = False


class Head(NamedTuple):
    """`seq`: the newest event of a stream. `away`: its wait is open, and its app counts as connected to no node."""

    seq: int
    away: bool


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """An access key as stored. Times in ms since 1970."""

    key_id: str
    name: str
    created_at: int
    revoked_at: int | None
    secret: str | None


@dataclass(frozen=True, slots=True)
class UnresolvedInteraction:
    """A CreateInteraction whose result stayed unknown: the queue may hold an entry nobody can name."""

    session_id: SessionId
    first_at: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts since the database was made, read in one transaction: created equals the sum of outcomes plus open."""

    created: int
    outcomes: dict[str, int]
    open: dict[str, int]
    outbox: dict[str, int]
    oldest_outbox_at: int | None
    unresolved: int
