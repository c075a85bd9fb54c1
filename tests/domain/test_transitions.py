"""The table of transitions against the one of the guarantees, written out by hand."""

from diyalog.domain.transitions import ENDINGS, KEEPS_INTERACTION, Event
from diyalog.domain.wait import OPEN_STATES

OPEN = ("REQUESTED", "WAITING")
TABLE = {
    # event: legal from, outcome, reason, DeleteInteraction is due, only once its time has come
    "queue_refused": (("REQUESTED",), "FAILED", "queue_refused", True, False),
    "queue_timeout": (("REQUESTED",), "FAILED", "queue_timeout", True, False),
    "cancel": (OPEN, "CANCELLED", "customer", True, False),
    "replace": (OPEN, "CANCELLED", "replaced", True, False),
    "administrator_cancel": (OPEN, "CANCELLED", "administrator", True, False),
    "not_delivered": (OPEN, "NOT_DELIVERED", "queue", False, False),
    "expire": (OPEN, "EXPIRED", "time_limit", True, True),
    "abandon": (OPEN, "EXPIRED", "abandoned", True, True),
}


def test_endings() -> None:
    assert {
        event.value: (
            tuple(state.value for state in ending.sources),
            ending.outcome.value,
            ending.reason.value,
            ending.deletes_interaction,
            ending.timed,
        )
        for event, ending in ENDINGS.items()
    } == TABLE
    assert all(ending.event is event for event, ending in ENDINGS.items())


def test_words_of_the_audit_trail() -> None:
    assert [event.value for event in Event] == ["start", "queue_took", *TABLE]


def test_what_an_outcome_leaves_in_the_queue() -> None:
    assert [outcome.value for outcome in KEEPS_INTERACTION] == ["CONNECTED", "NOT_DELIVERED"]
    assert [state.value for state in OPEN_STATES] == list(OPEN)
