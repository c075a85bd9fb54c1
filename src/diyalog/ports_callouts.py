"""What the use cases need of the company's systems; adapters in callouts and observability satisfy these.

Everything a company's system answers is treated as hostile: an answer either fits its schema and is one of the types
below, or it is `Unknown` and nothing of it is used.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

from diyalog.domain.commands import Request
from diyalog.domain.ids import InteractionId, SessionId


@dataclass(frozen=True, slots=True)
class Took:
    """The queue holds the customer under this id."""

    interaction_id: InteractionId


@dataclass(frozen=True, slots=True)
class Refused:
    """The queue did not take the customer by this request.

    `by_queue`: the queue itself said so (`success` false), which by its promise about repeats covers earlier requests
    for the same session too. Otherwise only the HTTP status says so, which may come from a gateway before it.
    """

    by_queue: bool


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request may have reached the queue, and what it did is not known."""


@dataclass(frozen=True, slots=True)
class NotSent:
    """It is certain that no byte of the request reached the queue."""


CreateAnswer: TypeAlias = Took | Refused | Unknown | NotSent
"""What is known after one CreateInteraction."""


@dataclass(frozen=True, slots=True)
class Done:
    """The queue does not hold the interaction any more."""


@dataclass(frozen=True, slots=True)
class Again:
    """DeleteInteraction must be repeated. `denied`: our credentials were refused, which an operator must mend."""

    denied: bool = False


DeleteAnswer: TypeAlias = Done | Again
"""What is known after one DeleteInteraction."""


class QueueSystem(Protocol):
    """The company's queue. Its methods never raise for anything that the other side does."""

    async def create(self, session_id: SessionId, request: Request, timeout_s: float) -> CreateAnswer:
        """Ask the queue to take the customer; at most `timeout_s` seconds until the answer has been read."""
        ...

    async def delete(self, interaction_id: InteractionId) -> DeleteAnswer:
        """Tell the queue to drop the interaction."""
        ...


class TokenVerifier(Protocol):
    """The company's check of tokens that its own app obtained. Never raises for anything the other side does."""

    async def check_customer(self, device_id: str, dlg_token: str, customer_no: str, device_hash: str | None) -> str:
        """ "" when the company confirms device, token and customer; otherwise the SDK's `DLGEXCPSRV_*` code."""
        ...


class StaffVerifier(Protocol):
    """The company's check of tokens that its staff comes with. Never raises for anything the other side does."""

    async def check_staff(self, session_id: str, token: str, user_no: str) -> str:
        """ "" when the company confirms its own session, token and user; otherwise the SDK's `DLGEXCPSRV_*` code."""
        ...


class Alarm(StrEnum):
    """What an operator must look at; the word for it in the log and the metrics."""

    QUEUE_RESULT_UNRESOLVED = "queue_result_unresolved"
    """A CreateInteraction's result stays unknown: the queue may hold an entry that nobody can name."""
    QUEUE_CREATE_OVERDUE = "queue_create_overdue"
    """For a day the queue has not said whether it holds the interaction of a wait that ended."""
    QUEUE_DELETE_OVERDUE = "queue_delete_overdue"
    """For a day the queue has not confirmed a DeleteInteraction."""
    QUEUE_DELETE_DENIED = "queue_delete_denied"
    """The queue refuses our credentials for DeleteInteraction (401, 403)."""
    QUEUE_ID_CONFLICT = "queue_id_conflict"
    """The queue named an interaction that is open for another wait; the id was not used."""
    REQUEST_UNREADABLE = "request_unreadable"
    """What is stored for a CreateInteraction cannot be opened: it is not sent, and its wait ends."""
    PROFILE_UNREADABLE = "profile_unreadable"
    """Who a customer is cannot be opened: the staff sees no name."""
    NOTE_UNREADABLE = "note_unreadable"
    """A note about a customer cannot be opened: the staff sees the others."""
    DELIVERY_FAILED = "delivery_failed"
    """A programming error stopped one call to the queue; its row is tried again when the lease ends."""
    STORE_UNAVAILABLE = "store_unavailable"
    """The store cannot be read or written now; what was to be stored is tried again."""
    BUS_LOST = "bus_lost"
    """Other nodes are not heard now: customers learn of what those change within 2 s instead of at once."""
    CLOCK_SKEWED = "clock_skewed"
    """This machine's clock is not that of the database; the node is not ready until they agree."""
    NODE_GIVEN_UP = "node_given_up"
    """This node was silent so long (paused, cut off) that others took over what it held; it takes part again."""
    WORKER_FAILED = "worker_failed"
    """A background loop raised; it is started again."""


class Journal(Protocol):
    """Log and metrics of what happens with other systems and in the background.

    Values are ids, operation names, statuses and types of errors; never bodies, tokens or texts of errors. Methods must
    neither block nor raise.
    """

    def called(self, service: str, result: str, status: int | None, seconds: float, session_id: str | None) -> None:
        """One HTTP call to a company's system is over. `result` is `ok` or one of a few kinds of failure."""
        ...

    def alarmed(self, alarm: Alarm, session_id: str | None = None, interaction_id: str | None = None) -> None:
        """Something happened that an operator must look at."""
        ...

    def failed(self, where: str, error: BaseException) -> None:
        """An exception that nobody expected was caught in this part of the program."""
        ...
