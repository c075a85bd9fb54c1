"""What the use cases need of the outside; adapters in storage, callouts and observability satisfy these."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from diyalog.domain.commands import (
    AcceptWait,
    Activate,
    EndConversation,
    EndWait,
    Idempotency,
    Mark,
    QueueFailed,
    QueueTook,
    Say,
    ShowProfile,
    StartWait,
)
from diyalog.domain.ids import CommandId, CustomerRef, InteractionId, NodeId, SessionId, StaffRef
from diyalog.domain.results import (
    ConversationResult,
    Delivery,
    DueEnds,
    EndResult,
    Head,
    KeyRecord,
    Marked,
    QueueResult,
    Said,
    StaffEvent,
    StaffHead,
    StartResult,
    StreamEvent,
    Tally,
    TokenRecord,
    UnresolvedInteraction,
    Waiter,
)
from diyalog.domain.wait import Wait


class StoreUnavailableError(Exception):
    """The store cannot be written or read now (disk full, database away); nothing was acknowledged. Try again."""


class TransitionStore(Protocol):
    """Commands that change waits: one guarded transaction each, grouped with whatever arrives meanwhile.

    Every method returns only after a durable commit, and raises StoreUnavailableError when that failed; a commit
    whose answer was lost is re-read by its command id, never run again.
    """

    async def end_wait(self, command: EndWait) -> EndResult:
        """End a wait by the one guarded transaction."""
        ...

    async def end_due(self, command: CommandId, limit: int) -> DueEnds:
        """Expire and abandon up to `limit` waits whose due time has passed, those that no other node is ending."""
        ...

    async def start_wait(self, command: StartWait) -> StartResult:
        """Start a wait, ending the customer's open one in the same transaction."""
        ...

    async def queue_took(self, command: QueueTook) -> QueueResult:
        """Take in the id that CreateInteraction answered with."""
        ...

    async def queue_failed(self, command: QueueFailed) -> QueueResult:
        """Take in that CreateInteraction did not work out."""
        ...

    async def acknowledge(self, row: int, seq: int) -> int | None:
        """Store that the app received the outcome; ms from outcome to now, None if it was known before."""
        ...

    async def remember_answer(
        self, idempotency: Idempotency, status: int, body: bytes, told: tuple[int, int] | None = None
    ) -> None:
        """Keep the answer given to a start, for repeats with the same Idempotency-Key; the first one stays.

        `told`: row and newest event of a wait whose end this answer tells. It counts as acknowledged with the answer.
        """
        ...

    async def present(self, row: int, *, connected: bool) -> None:
        """Store a sign of life: the customer's app connected, or went away just now."""
        ...

    async def touch(self, row: int) -> None:
        """Store a sign of life of a customer's app that is not connected."""
        ...


class WaitReader(Protocol):
    """Reads of waits and their streams. Raises StoreUnavailableError."""

    async def wait(self, session_id: SessionId) -> Wait | None:
        """The wait of a session."""
        ...

    async def current_wait(self, customer: CustomerRef) -> Wait | None:
        """The open wait or live conversation; without one the newest whose end was not acknowledged."""
        ...

    async def waits(self, rows: Sequence[int]) -> Sequence[Wait]:
        """The waits of these rows, those that are still stored."""
        ...

    async def repeats(self, idempotency: Idempotency) -> bool:
        """Whether a start with this Idempotency-Key was stored before."""
        ...

    async def events(self, row: int, after: int) -> tuple[Wait, Sequence[StreamEvent]]:
        """The wait and the events of its stream with seq > after, in order, read in one transaction."""
        ...

    async def heads(self, rows: Sequence[int]) -> dict[int, Head]:
        """The head of each of these waits' streams."""
        ...

    async def line(self) -> Sequence[int]:
        """Rows of all open waits in order of arrival."""
        ...

    async def epoch(self) -> str:
        """The random name of this database's streams."""
        ...

    async def tally(self) -> Tally:
        """Counts since the database was made."""
        ...

    async def unresolved(self) -> Sequence[UnresolvedInteraction]:
        """CreateInteraction calls whose result stayed unknown."""
        ...


class ConversationStore(Protocol):
    """Conversations and the streams of the staff. Raises StoreUnavailableError."""

    async def accept(self, command: AcceptWait) -> ConversationResult:
        """Let an agent take a wait, by the one guarded transaction."""
        ...

    async def end(self, command: EndConversation) -> ConversationResult:
        """End a conversation, once."""
        ...

    async def show_profile(self, command: ShowProfile) -> bool:
        """Write down that somebody of the staff looks at a customer's numbers; whether they may."""
        ...

    async def end_lost(self, command: CommandId, agent_ms: int, limit: int) -> Sequence[ConversationResult]:
        """End up to `limit` conversations of which one side was away for too long.

        An agent for `agent_ms`, a customer as long as until a wait is abandoned.
        """
        ...

    async def say(self, command: Say) -> Said:
        """Write a message, once under its sender's id."""
        ...

    async def mark(self, marks: Sequence[Mark]) -> Sequence[Marked]:
        """Store how far sides of conversations are that are not over; those of which anything is new."""
        ...

    async def staff_present(self, staff: StaffRef, *, connected: bool) -> None:
        """Store that a desk connected to this node, or went away from it just now."""
        ...

    async def acknowledge_end(self, row: int, seq: int) -> None:
        """Store that the customer's app received everything up to `seq`, and with it the end of the conversation."""
        ...

    async def events(self, wait: Wait, after: int) -> Sequence[StreamEvent]:
        """The events of the wait's conversation after `after`, up to the newest that `wait` knows of."""
        ...

    async def waiting(self, limit: int) -> Sequence[Waiter]:
        """The customers who wait, those who came first, at most `limit`."""
        ...

    async def customer_of(self, wait: Wait) -> Waiter | None:
        """The customer of a wait, as the staff sees them; None once it is forgotten."""
        ...

    async def live(self, staff: StaffRef) -> Sequence[int]:
        """Rows of the waits whose conversations with this member of the staff are alive, oldest first."""
        ...

    async def between(self, customer_id: str, user_id: str) -> SessionId | None:
        """The session of the live conversation of a customer and a member of the staff."""
        ...

    async def staff_heads(self, staff: Sequence[StaffRef]) -> dict[StaffRef, StaffHead]:
        """The newest event of each of these staff streams, and the node to which the desk is connected."""
        ...

    async def staff_events(self, staff: StaffRef, after: int) -> Sequence[StaffEvent]:
        """The next events of a staff stream after `after`, in order; as many as are read at once."""
        ...


class OutboxStore(Protocol):
    """Claims and results of calls that are due to the company's queue. Raises StoreUnavailableError."""

    async def claim(self, node: NodeId, limit: int, lease_ms: int) -> Sequence[Delivery]:
        """Take due rows; each claim raises the row's attempt, which fences earlier holders off."""
        ...

    async def deleted(self, delivery: int, attempt: int) -> None:
        """DeleteInteraction is done."""
        ...

    async def retry_delete(self, delivery: int, attempt: int, retry_at: int) -> None:
        """Send DeleteInteraction again at `retry_at` (ms since 1970)."""
        ...


class AccessStore(Protocol):
    """Access keys, transaction hashes, client tokens. Raises StoreUnavailableError."""

    async def keys(self) -> Sequence[KeyRecord]:
        """All access keys, secrets decrypted; revoked ones without their secret."""
        ...

    async def issue_hash(
        self,
        customer_id: str,
        device_hash: str,
        transaction_hash: str,
        interaction_id: InteractionId | None,
        lifetime_ms: int,
    ) -> bool:
        """Store a transaction hash, replacing the older one of the same customer and device.

        False: the customer is barred, or the interaction is open for another customer.
        """
        ...

    async def activate(self, command: Activate) -> TokenRecord | None:
        """None: the shown transaction hash is unknown, used, expired, or another customer's or device's."""
        ...

    async def token(self, token_hash: bytes) -> TokenRecord | None:
        """The client token with this digest."""
        ...

    async def bar(self, customer_id: str, *, barred: bool) -> None:
        """Bar a customer from asking for help, or let them in again."""
        ...


@dataclass(frozen=True, slots=True)
class StaffRecord:
    """The token of a desk as stored, and whose it is; `issued_at` in ms since 1970."""

    staff: StaffRef
    user_id: str
    user_name: str
    issued_at: int


class StaffStore(Protocol):
    """Members of the company's staff and the tokens of their desks. Raises StoreUnavailableError."""

    async def sign_in_staff(self, user_id: str, user_name: str, token_hash: bytes) -> StaffRecord:
        """Store a token for a member of the staff, who is made or gets this name."""
        ...

    async def staff_token(self, token_hash: bytes) -> StaffRecord | None:
        """The token with this digest; the name is the one that was given last."""
        ...

    async def touch_staff(self, staff: StaffRef) -> None:
        """Store a sign of life of a desk, which need not be connected."""
        ...


@dataclass(frozen=True, slots=True)
class Beat:
    """What a node learns when it says that it lives: the store's time `at` (ms since 1970), and whether it was `known`.

    Not known: it is new, or it was silent so long that what it held was given to others.
    """

    at: int
    known: bool


class NodeStore(Protocol):
    """The life of nodes and of old data. Raises StoreUnavailableError."""

    async def heartbeat(self, node: NodeId) -> Beat:
        """Store that this node lives; customers connected to nodes that stopped beating count as gone since then."""
        ...

    async def leave(self, node: NodeId) -> None:
        """This node stops in good order: its customers count as gone from now."""
        ...

    async def forget(self, keep_ms: int, token_ms: int, limit: int, text_ms: int | None = None) -> int:
        """Delete up to `limit` rows of each kind that must not be kept longer; how many went.

        `keep_ms` counts from the end of a wait or of its conversation; `text_ms`: how long what was written is kept, if
        that is shorter.
        """
        ...


class Store(TransitionStore, WaitReader, OutboxStore, AccessStore, StaffStore, NodeStore, Protocol):
    """The whole of it, as one adapter offers it."""


class MessageListener(Protocol):
    """Is told of every message that was written, after the commit, on the node that wrote it."""

    def written(self, told: StaffEvent) -> None:
        """The message, as an event of both sides' streams. Must not block or raise."""
        ...


class WaitListener(Protocol):
    """Is told of every committed change of a wait, after the commit, on the node that made it."""

    def changed(self, wait: Wait) -> None:
        """`wait` as committed; its newest event is `wait.seq`. Must not block or raise."""
        ...
