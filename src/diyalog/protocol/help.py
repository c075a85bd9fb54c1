"""The help object: one wait as the customer's app sees it, in HTTP answers and in the stream's snapshot."""

from typing import Final

from msgspec import UNSET, Struct, UnsetType

from diyalog.domain.wait import Conversation, HelpType, Outcome, Party, Place, Reason, State, Wait
from diyalog.protocol.times import rfc3339


class HelpLimits(Struct, frozen=True, gc=False, rename="camel"):
    """The server's time limits, in seconds, so that an app can tell its customer how long things may take."""

    wait_limit_seconds: int | float
    abandon_after_seconds: int | float
    queue_timeout_seconds: int | float


class HelpConversation(Struct, frozen=True, kw_only=True, rename="camel"):
    """The conversation that a wait led to; `endedAt` and `endedBy` once it is over.

    The agent's desk has received every event up to `agentReceived`, the agent has read them up to `agentRead`.
    """

    started_at: str
    ended_at: str | UnsetType = UNSET
    ended_by: Party | UnsetType = UNSET
    agent_received: int
    agent_read: int


class HelpObject(Struct, frozen=True, kw_only=True, rename="camel"):
    """One wait on the wire. A field that is UNSET is left out.

    `interactionId` is null until the company's queue has named it. `endedAt`, `outcome` and `reason` stand once the
    wait has its outcome; `message` is the company's text, unchanged, where it gave one; `agentName` and `conversation`
    once an agent took it. `position` counts from 1, `estimatedWaitSeconds` is from now on; both are left out while
    unknown.
    `seq` is the newest event of the session's stream, `epoch` the database's, as in the stream's hello and welcome.
    """

    session_id: str
    interaction_id: str | None
    help_type: HelpType
    state: State
    started_at: str
    ended_at: str | UnsetType = UNSET
    outcome: Outcome | UnsetType = UNSET
    reason: Reason | UnsetType = UNSET
    message: str | UnsetType = UNSET
    agent_name: str | UnsetType = UNSET
    conversation: HelpConversation | UnsetType = UNSET
    position: int | UnsetType = UNSET
    estimated_wait_seconds: int | UnsetType = UNSET
    seq: int
    epoch: str
    limits: HelpLimits


_MS_PER_SECOND: Final = 1000
_ESTIMATE_STEP_MS: Final = 30_000


def help_limits(limit_ms: int, abandon_ms: int, queue_timeout_ms: int) -> HelpLimits:
    """The limits of `DIYALOG_WAIT_LIMIT`, `DIYALOG_ABANDON_AFTER` and `DIYALOG_QUEUE_TIMEOUT`, given in ms."""
    return HelpLimits(_seconds(limit_ms), _seconds(abandon_ms), _seconds(queue_timeout_ms))


def help_object(wait: Wait, *, epoch: str, limits: HelpLimits, place: Place) -> HelpObject:
    """The wait as its customer's app sees it; `place` is where it stands in the built-in queue."""
    seconds = estimated_seconds(place)
    return HelpObject(
        session_id=wait.session_id,
        interaction_id=wait.interaction_id,
        help_type=wait.help_type,
        state=wait.state,
        started_at=rfc3339(wait.started_at),
        ended_at=UNSET if wait.ended_at is None else rfc3339(wait.ended_at),
        outcome=UNSET if wait.outcome is None else wait.outcome,
        reason=UNSET if wait.reason is None else wait.reason,
        message=UNSET if wait.message is None else wait.message,
        agent_name=UNSET if wait.conversation is None else wait.conversation.agent_name,
        conversation=UNSET if wait.conversation is None else _conversation(wait.conversation),
        position=UNSET if place.position is None else place.position,
        estimated_wait_seconds=UNSET if seconds is None else seconds,
        seq=wait.seq,
        epoch=epoch,
        limits=limits,
    )


def estimated_seconds(place: Place) -> int | None:
    """The estimate in seconds, up to the next half minute: it says no more than it knows, and changes seldom."""
    ms = place.estimated_ms
    return None if ms is None else max(1, -(-ms // _ESTIMATE_STEP_MS)) * _ESTIMATE_STEP_MS // _MS_PER_SECOND


def _conversation(conversation: Conversation) -> HelpConversation:
    return HelpConversation(
        started_at=rfc3339(conversation.started_at),
        ended_at=UNSET if conversation.ended_at is None else rfc3339(conversation.ended_at),
        ended_by=UNSET if conversation.ended_by is None else conversation.ended_by,
        agent_received=conversation.agent.received,
        agent_read=conversation.agent.read,
    )


def _seconds(ms: int) -> int | float:
    # Whole seconds are written without a fraction: not every JSON reader takes 1800.0 for an integer.
    seconds, rest = divmod(ms, _MS_PER_SECOND)
    return seconds if rest == 0 else ms / _MS_PER_SECOND
