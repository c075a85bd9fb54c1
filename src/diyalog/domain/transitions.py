"""The table of what may happen to a wait.

Two rules stand above it. The first committed transition wins: every row is carried out as one guarded UPDATE whose
guard is `sources`, and a transition that finds the wait elsewhere changes nothing and reports what is stored. An
outcome is written once: no row leads out of ENDED.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from diyalog.domain.wait import OPEN_STATES, Outcome, Reason, State


class Event(StrEnum):
    """What happens to a wait; also the word for it in the audit trail, the log and the metrics."""

    START = "start"
    QUEUE_TOOK = "queue_took"
    QUEUE_REFUSED = "queue_refused"
    QUEUE_TIMEOUT = "queue_timeout"
    ACCEPT = "accept"
    CANCEL = "cancel"
    REPLACE = "replace"
    ADMINISTRATOR_CANCEL = "administrator_cancel"
    NOT_DELIVERED = "not_delivered"
    EXPIRE = "expire"
    ABANDON = "abandon"
    CONVERSATION_ENDED = "conversation_ended"


PROFILE_SHOWN: Final = "profile_shown"
"""Changes nothing of a wait; in the audit trail the word for it that somebody looked at a customer's numbers."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How one event ends a wait.

    `deletes_interaction`: the company's queue still holds the interaction and must be told to drop it, now or as
    soon as its id is learned. `timed`: only once the wait's due time has passed by the database's clock. `state`: where
    it leads; from CONNECTED the end of the conversation leads on to ENDED.
    """

    event: Event
    sources: tuple[State, ...]
    outcome: Outcome
    reason: Reason | None
    deletes_interaction: bool
    timed: bool = False
    state: State = State.ENDED


_ENDINGS: Final = (
    Ending(Event.QUEUE_REFUSED, (State.REQUESTED,), Outcome.FAILED, Reason.QUEUE_REFUSED, deletes_interaction=True),
    Ending(Event.QUEUE_TIMEOUT, (State.REQUESTED,), Outcome.FAILED, Reason.QUEUE_TIMEOUT, deletes_interaction=True),
    Ending(Event.ACCEPT, OPEN_STATES, Outcome.CONNECTED, None, deletes_interaction=False, state=State.CONNECTED),
    Ending(Event.CANCEL, OPEN_STATES, Outcome.CANCELLED, Reason.CUSTOMER, deletes_interaction=True),
    Ending(Event.REPLACE, OPEN_STATES, Outcome.CANCELLED, Reason.REPLACED, deletes_interaction=True),
    Ending(Event.ADMINISTRATOR_CANCEL, OPEN_STATES, Outcome.CANCELLED, Reason.ADMINISTRATOR, deletes_interaction=True),
    Ending(Event.NOT_DELIVERED, OPEN_STATES, Outcome.NOT_DELIVERED, Reason.QUEUE, deletes_interaction=False),
    Ending(Event.EXPIRE, OPEN_STATES, Outcome.EXPIRED, Reason.TIME_LIMIT, deletes_interaction=True, timed=True),
    Ending(Event.ABANDON, OPEN_STATES, Outcome.EXPIRED, Reason.ABANDONED, deletes_interaction=True, timed=True),
)

ENDINGS: Final[dict[Event, Ending]] = {ending.event: ending for ending in _ENDINGS}
"""Every way in which an open wait ends."""

KEEPS_INTERACTION: Final = (Outcome.CONNECTED, Outcome.NOT_DELIVERED)
"""Outcomes after which DeleteInteraction is never sent, not even for an id learned late."""
