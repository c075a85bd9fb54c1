"""The table of transitions against the one of the guarantees, written out by hand."""

from diyalog.domain.transitions import ENDINGS, KEEPS_INTERACTION, Event
from diyalog.domain.wait import OPEN_STATES

OPEN = ("REQUESTED", "WAITING")
TABLE = {
    # event: legal from, outcome, reason, DeleteInteraction is due, only once its time has come, where it leads
    "queue_refused": (("REQUESTED",), "FAILED", "queue_refused", True, False, "ENDED"),
    "queue_timeout": (("REQUESTED",), "FAILED", "queue_timeout", True, False, "ENDED"),
    "accept": (OPEN, "CONNECTED", None, False, False, "CONNECTED"),
    "cancel": (OPEN, "CANCELLED", "customer", True, False, "ENDED"),
    "replace": (OPEN, "CANCELLED", "replaced", True, False, "ENDED"),
    "administrator_cancel": (OPEN, "CANCELLED", "administrator", True, False, "ENDED"),
    "not_delivered": (OPEN, "NOT_DELIVERED", "queue", False, False, "ENDED"),
    "expire": (OPEN, "EXPIRED", "time_limit", True, True, "ENDED"),
    "abandon": (OPEN, "EXPIRED", "abandoned", True, True, "ENDED"),
}


def test_endings() -> None:
    assert {
        event.value: (
            tuple(state.value for state in ending.sources),
            ending.outcome.value,
            ending.reason and ending.reason.value,
            ending.deletes_interaction,
            ending.timed,
            ending.state.value,
        )
        for event, ending in ENDINGS.items()
    } == TABLE
    assert all(ending.event is event for event, ending in ENDINGS.items())


def test_words_of_the_audit_trail() -> None:
    assert [event.value for event in Event] == ["start", "queue_took", *TABLE, "conversation_ended"]


def test_what_an_outcome_leaves_in_the_queue() -> None:
    assert [outcome.value for outcome in KEEPS_INTERACTION] == ["CONNECTED", "NOT_DELIVERED"]
    assert [state.value for state in OPEN_STATES] == list(OPEN)
