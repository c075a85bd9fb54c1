"""The wait: one customer's request for help, from asking to its one outcome."""

from enum import StrEnum
from typing import Final, NamedTuple

from diyalog.domain.ids import CustomerRef, InteractionId, NodeId, SessionId, StaffRef


class HelpType(StrEnum):
    """What the customer asked for (client SDK, startAnonymousOnlineHelp)."""

    CHAT = "chat"
    VOICE_CALL = "voice_call"
    VIDEO_CALL = "video_call"


class State(StrEnum):
    """Where a wait stands. `transitions.py` says who moves it.

    REQUESTED: durable here; the company's queue has not answered yet. Entered by start.
    WAITING: the queue took it and named the interaction. Entered by the queue's answer.
    CONNECTED: an agent took it and the conversation is alive. Entered by accept.
    ENDED: the wait ended otherwise, or the conversation is over. Nothing leaves it.
    """

    REQUESTED = "REQUESTED"
    WAITING = "WAITING"
    CONNECTED = "CONNECTED"
    ENDED = "ENDED"


class Outcome(StrEnum):
    """How a wait ended; written once and never changed."""

    CONNECTED = "CONNECTED"
    CANCELLED = "CANCELLED"
    NOT_DELIVERED = "NOT_DELIVERED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"


class Reason(StrEnum):
    """Refines an outcome."""

    CUSTOMER = "customer"
    REPLACED = "replaced"
    ADMINISTRATOR = "administrator"
    QUEUE = "queue"
    TIME_LIMIT = "time_limit"
    ABANDONED = "abandoned"
    QUEUE_REFUSED = "queue_refused"
    QUEUE_TIMEOUT = "queue_timeout"


OPEN_STATES: Final = (State.REQUESTED, State.WAITING)
"""A wait in one of these has no outcome yet."""


class Party(StrEnum):
    """Who writes in a conversation, or ended it; a side that was away for too long is lost, and ends it by that."""

    CUSTOMER = "customer"
    AGENT = "agent"
    COMPANY = "company"
    AGENT_LOST = "agent_lost"
    CUSTOMER_LOST = "customer_lost"


class Place(NamedTuple):
    """Where a wait stands in the server's own line, counted from 1, and how long it will probably last (ms).

    None: not known.
    """

    position: int | None = None
    estimated_ms: int | None = None


class Marks(NamedTuple):
    """How far one side of a conversation is, in events of the session's stream: the newest that the app has `received`
    and the person has `read`, 0 for none; and when they were writing last (ms since 1970).
    """

    received: int = 0
    read: int = 0
    typing_at: int | None = None


class Conversation(NamedTuple):
    """What a wait that an agent took has led to. Times in ms since 1970; `ended_at` and `ended_by` once it is over.

    `acknowledged_at`: when the customer's app had received that it is over. `customer` and `agent`: how far each is.
    """

    staff: StaffRef
    agent_name: str
    started_at: int
    ended_at: int | None
    ended_by: Party | None
    acknowledged_at: int | None
    customer: Marks = Marks()
    agent: Marks = Marks()


class Wait(NamedTuple):
    """One wait as stored. Times are milliseconds since 1970, UTC; `message` is the company's text, decrypted.

    `present`: the node to which the customer's app was connected when the wait ended, told only where there are others.
    `conversation`: for a wait whose outcome is CONNECTED, where it was read along.
    """

    row: int
    session_id: SessionId
    customer: CustomerRef
    interaction_id: InteractionId | None
    help_type: HelpType
    state: State
    outcome: Outcome | None
    reason: Reason | None
    message: str | None
    started_at: int
    ended_at: int | None
    seq: int
    acknowledged_at: int | None
    present: NodeId | None = None
    conversation: Conversation | None = None
