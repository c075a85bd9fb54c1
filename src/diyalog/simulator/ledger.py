"""What the simulated company has seen and done. Only added to: no failure, script or repeat takes anything away."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from diyalog.simulator.behaviour import Action, Endpoint


class Mark(StrEnum):
    """How an interaction went on in the company's queue, other than by being deleted."""

    ACCEPTED = "accepted"
    NOT_DELIVERED = "not_delivered"


class Token(StrEnum):
    """What came in the Auth-Token header."""

    ABSENT = "absent"
    PRESENT = "present"
    """There, and not compared because none is set."""
    RIGHT = "right"
    WRONG = "wrong"


@dataclass(slots=True)
class Interaction:
    """One entry of the queue. Times in ms since 1970; `attached_form` is how attachedData came."""

    interaction_id: str
    session_id: str
    customer_id: str
    attached_form: str
    created_at: int
    deleted_at: int | None = None
    mark: Mark | None = None

    @property
    def settled(self) -> bool:
        """Deleted, accepted or not delivered: nothing is left behind in the queue."""
        return self.deleted_at is not None or self.mark is not None


@dataclass(slots=True)
class Received:
    """One request that came in. `action` is what was done with it, `status` what was answered, None if nothing was.

    `problem` is what was wrong with the request itself; `body` is the decoded JSON, with customers' data in it.
    """

    at: int
    endpoint: Endpoint | None
    method: str
    path: str
    token: Token
    action: Action
    idempotency_key: str | None = None
    session_id: str | None = None
    interaction_id: str | None = None
    status: int | None = None
    problem: str | None = None
    body: object = field(default=None, repr=False)


@dataclass(slots=True)
class GaveUp:
    """One call of interactionisnotdelivered. `status` is None while no answer came."""

    at: int
    interaction_id: str
    session_id: str
    attempt: int
    status: int | None = None
    is_success: bool | None = None
    error_code: int | None = None


class Ledger:
    """Every interaction, every request, every call of the company. Call `changed` after writing to an entry."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.changed = changed
        self.requests: list[Received] = []
        self.calls: list[GaveUp] = []
        self._interactions: dict[str, Interaction] = {}
        self._by_session: dict[str, list[Interaction]] = {}

    @property
    def interactions(self) -> list[Interaction]:
        """All interactions in the order of their creation."""
        return list(self._interactions.values())

    @property
    def left_behind(self) -> list[Interaction]:
        """Interactions that still stand in the queue."""
        return [interaction for interaction in self._interactions.values() if not interaction.settled]

    def interaction(self, interaction_id: str) -> Interaction | None:
        """Find an interaction by its id."""
        return self._interactions.get(interaction_id)

    def of_session(self, session_id: str) -> list[Interaction]:
        """Find what was created for a session; more than one when the company is not repeatable and was asked again."""
        return list(self._by_session.get(session_id, ()))

    def of_other_session(self, session_id: str) -> Interaction | None:
        """Find the newest interaction of any other session."""
        return next(self._newest_of_others(session_id), None)

    def _newest_of_others(self, session_id: str) -> Iterator[Interaction]:
        return (entry for entry in reversed(self._interactions.values()) if entry.session_id != session_id)

    def received(self, endpoint: Endpoint | str, action: Action | str | None = None) -> list[Received]:
        """Return the requests of one endpoint, or those met with one action: this shows that a fault has fired."""
        return [
            request for request in self.requests if request.endpoint == endpoint and action in {None, request.action}
        ]

    def add(self, interaction: Interaction) -> None:
        """Write down a new interaction."""
        self._interactions[interaction.interaction_id] = interaction
        self._by_session.setdefault(interaction.session_id, []).append(interaction)
        self.changed()

    def to_json(self) -> dict[str, object]:
        """Return everything, for GET /ledger."""
        return {
            "interactions": [asdict(entry) | {"settled": entry.settled} for entry in self._interactions.values()],
            "requests": [asdict(entry) for entry in self.requests],
            "calls": [asdict(entry) for entry in self.calls],
        }
