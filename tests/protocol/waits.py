"""Waits as the tests of the wire know them."""

from diyalog.domain.ids import CustomerRef, InteractionId, SessionId
from diyalog.domain.wait import HelpType, Outcome, Reason, State, Wait

SESSION = SessionId("019a0000-0000-7000-8000-000000000001")

REQUESTED = Wait(
    row=7,
    session_id=SESSION,
    customer=CustomerRef(3),
    interaction_id=None,
    help_type=HelpType.VIDEO_CALL,
    state=State.REQUESTED,
    outcome=None,
    reason=None,
    message=None,
    started_at=1_795_363_200_123,
    ended_at=None,
    seq=0,
    acknowledged_at=None,
)

WAITING = Wait(
    row=7,
    session_id=SESSION,
    customer=CustomerRef(3),
    interaction_id=InteractionId("int-1"),
    help_type=HelpType.VIDEO_CALL,
    state=State.WAITING,
    outcome=None,
    reason=None,
    message=None,
    started_at=1_795_363_200_123,
    ended_at=None,
    seq=1,
    acknowledged_at=None,
)

NOT_DELIVERED = Wait(
    row=7,
    session_id=SESSION,
    customer=CustomerRef(3),
    interaction_id=InteractionId('int-"1"'),
    help_type=HelpType.VIDEO_CALL,
    state=State.ENDED,
    outcome=Outcome.NOT_DELIVERED,
    reason=Reason.QUEUE,
    message='Şu an "müsait"\nkimse yok \\ \u2028 😀',
    started_at=1_795_363_200_123,
    ended_at=1_795_363_260_456,
    seq=2,
    acknowledged_at=None,
)

FAILED = Wait(
    row=7,
    session_id=SESSION,
    customer=CustomerRef(3),
    interaction_id=None,
    help_type=HelpType.CHAT,
    state=State.ENDED,
    outcome=Outcome.FAILED,
    reason=Reason.QUEUE_TIMEOUT,
    message=None,
    started_at=1_795_363_200_123,
    ended_at=1_795_363_210_000,
    seq=1,
    acknowledged_at=None,
)
