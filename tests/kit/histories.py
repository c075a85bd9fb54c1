"""Histories of single waits: what a store may answer when it is asked one thing at a time, and who asked it what."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Final, NamedTuple, TypeAlias, TypeVar

from diyalog.domain.results import ConversationResult, EndResult, QueueResult, StartResult
from diyalog.domain.wait import Wait
from diyalog.ports import StoreUnavailableError
from kit.linearizability import Call

_T = TypeVar("_T")

OPEN: Final = ("REQUESTED", "WAITING")
ENDS: Final[Mapping[str, tuple[tuple[str, ...], str, str | None, bool]]] = {
    # event: legal from, outcome, reason, only once the wait's time is up
    "cancel": (OPEN, "CANCELLED", "customer", False),
    "administrator_cancel": (OPEN, "CANCELLED", "administrator", False),
    "replace": (OPEN, "CANCELLED", "replaced", False),
    "not_delivered": (OPEN, "NOT_DELIVERED", "queue", False),
    "expire": (OPEN, "EXPIRED", "time_limit", True),
    "abandon": (OPEN, "EXPIRED", "abandoned", True),
    "accept": (OPEN, "CONNECTED", None, False),
    "queue_refused": (("REQUESTED",), "FAILED", "queue_refused", False),
    "queue_timeout": (("REQUESTED",), "FAILED", "queue_timeout", False),
}
"""The promised table, written out here and not taken from the program."""


def _said(*values: object) -> str:
    """What there is, in a few words: failures print whole histories."""
    return f"<{', '.join(str(value) for value in values if value)}>"


class Operation(NamedTuple):
    """What was asked: "start", "read", "queue_took", "goodbye" or an event of `ENDS`.

    `command` is its own name; who has no answer asks again under the same. `interaction`: the id that the queue gave,
    or by which it names a wait that is not delivered. `due`: this wait's time is up from the start on. `agent`: who
    takes the wait, or says goodbye.
    """

    event: str
    command: str = ""
    interaction: str | None = None
    message: str | None = None
    due: bool = False
    agent: int | None = None

    def __repr__(self) -> str:
        return _said(*self)


class View(NamedTuple):
    """A wait as a party sees it; `seq` is the number of events in its stream."""

    state: str
    outcome: str | None = None
    reason: str | None = None
    message: str | None = None
    interaction: str | None = None
    seq: int = 0

    def __repr__(self) -> str:
        return _said(*self[:-1], f"seq {self.seq}")


class Answer(NamedTuple):
    """What was answered: how it went, and the wait if one was named."""

    verdict: str
    view: View | None = None

    def __repr__(self) -> str:
        return _said(*self)


class Stored(NamedTuple):
    """All that is to be known of one wait. `asked`: the queue's answer is outstanding; `..._by` are commands; `agent`
    has taken it.
    """

    view: View | None = None
    asked: bool = False
    due: bool = False
    started_by: str | None = None
    ended_by: str | None = None
    agent: int | None = None


NOTHING: Final = Stored()
WaitCall: TypeAlias = Call[Operation, Answer]

Waits: TypeAlias = frozenset[tuple[str, Stored]]
"""The waits of one customer by session, as far as there are any."""
NO_WAITS: Final[Waits] = frozenset()
Operations: TypeAlias = tuple[tuple[str, Operation], ...]
"""What one call does to the waits of several sessions, all at once."""
Answers: TypeAlias = tuple[Answer, ...]
CustomerCall: TypeAlias = Call[Operations, Answers]


def one_wait(stored: Stored, operation: Operation) -> tuple[Stored, Answer]:
    """The sequential model of one wait."""
    if operation.event == "read":
        return stored, Answer("read", stored.view)
    models = {
        "start": _started,
        "queue_took": _answered,
        "queue_refused": _answered,
        "queue_timeout": _answered,
        "replace": _replaced,
        "accept": _accepted,
        "goodbye": _parted,
    }
    return models.get(operation.event, _asked_to_end)(stored, operation)


def several_waits(stored: Waits, operations: Operations) -> tuple[Waits, Answers]:
    """The sequential model of a customer's waits: a start ends the open one and begins the other in one step.

    While the customer talks with an agent nothing begins, and who asks is told of the conversation.
    """
    waits, answers = dict(stored), []
    repeated = any(
        operation.event == "start" and waits.get(session, NOTHING).started_by == operation.command
        for session, operation in operations
    )
    talk = next((one.view for one in waits.values() if one.view is not None and one.view.state == "CONNECTED"), None)
    if talk is not None and not repeated and any(operation.event == "start" for _, operation in operations):
        refused = (
            Answer("lost", talk) if operation.event == "start" else Answer("nothing") for _, operation in operations
        )
        return stored, tuple(refused)
    for session, operation in operations:
        if repeated and operation.event == "replace":
            before = waits.get(session, NOTHING)
            answers.append(Answer("won", before.view) if before.ended_by == operation.command else Answer("nothing"))
            continue
        after, answer = one_wait(waits.get(session, NOTHING), operation)
        answers.append(answer)
        if after != NOTHING:
            waits[session] = after
    return frozenset(waits.items()), tuple(answers)


def _started(stored: Stored, operation: Operation) -> tuple[Stored, Answer]:
    """A session is started once; the command that did it is told how it stands, as often as it is asked."""
    if stored.view is not None:
        return stored, Answer("won", stored.view) if operation.command == stored.started_by else Answer("refused")
    view = View("REQUESTED")
    return Stored(view, asked=True, due=operation.due, started_by=operation.command), Answer("won", view)


def _answered(stored: Stored, operation: Operation) -> tuple[Stored, Answer]:
    """The queue answers a request: its first answer counts."""
    view = stored.view
    if view is None or not stored.asked:
        return stored, Answer("stale")
    if operation.event != "queue_took":
        after, answer = _ended(stored, operation)
        changed = answer.verdict == "won"
        return after._replace(asked=False), Answer("changed" if changed else "unchanged", after.view)
    if view.state == "REQUESTED":
        view = view._replace(state="WAITING", interaction=operation.interaction, seq=view.seq + 1)
        return stored._replace(view=view, asked=False), Answer("changed", view)
    view = view._replace(interaction=operation.interaction)  # learned late: the wait has ended
    return stored._replace(view=view, asked=False), Answer("unchanged", view)


def _replaced(stored: Stored, operation: Operation) -> tuple[Stored, Answer]:
    """Another start ends the wait if it is open; run again it says so again, with what was learned meanwhile."""
    if stored.view is not None and operation.command == stored.ended_by:
        return stored, Answer("won", stored.view)
    after, answer = _ended(stored, operation)
    return after, Answer("nothing") if after == stored else answer


def _asked_to_end(stored: Stored, operation: Operation) -> tuple[Stored, Answer]:
    """Somebody names a wait that is to end. The command that ended it has won, as often as it is asked."""
    view = stored.view
    if view is None or operation.interaction not in {None, view.interaction}:
        return stored, Answer("unknown")
    if operation.command == stored.ended_by:
        return stored, Answer("won", view)
    return _ended(stored, operation)


def _accepted(stored: Stored, operation: Operation) -> tuple[Stored, Answer]:
    """An agent takes the wait: it ends, and a conversation begins. Its own agent is told so as long as it lives."""
    view = stored.view
    if view is not None and stored.agent is not None:
        own = stored.agent == operation.agent and (view.state == "CONNECTED" or stored.ended_by == operation.command)
        return stored, Answer("won" if own else "lost", view)
    after, answer = _ended(stored, operation)
    if answer.verdict != "won" or after.view is None:
        return after, answer
    talk = after.view._replace(state="CONNECTED", seq=after.view.seq + 1)
    return after._replace(view=talk, agent=operation.agent), Answer("won", talk)


def _parted(stored: Stored, operation: Operation) -> tuple[Stored, Answer]:
    """The agent of a conversation ends it, once; nobody else can name it."""
    view = stored.view
    if view is None or stored.agent != operation.agent:
        return stored, Answer("unknown")
    if view.state == "CONNECTED":
        view = view._replace(state="ENDED", seq=view.seq + 1)
    return stored._replace(view=view), Answer("won", view)


def _ended(stored: Stored, operation: Operation) -> tuple[Stored, Answer]:
    """The first event that is legal ends the wait; whoever is later is told what is stored."""
    view = stored.view
    sources, outcome, reason, timed = ENDS[operation.event]
    if view is None:
        return stored, Answer("unknown")
    if view.state not in sources or (timed and not stored.due):
        return stored, Answer("lost", view)
    view = View("ENDED", outcome, reason, operation.message, view.interaction, view.seq + 1)
    return stored._replace(view=view, ended_by=operation.command), Answer("won", view)


def view_of(wait: Wait | None) -> View | None:
    """The wait that a store reported, in the model's words."""
    if wait is None:
        return None
    outcome = None if wait.outcome is None else wait.outcome.value
    reason = None if wait.reason is None else wait.reason.value
    return View(wait.state.value, outcome, reason, wait.message, wait.interaction_id, wait.seq)


def of_read(wait: Wait | None) -> Answer:
    """What a reader was answered."""
    return Answer("read", view_of(wait))


def of_end(result: EndResult | ConversationResult) -> Answer:
    """What a party that ended a wait, or a conversation, was answered."""
    return Answer(result.verdict.value, view_of(result.wait))


def of_queue(result: QueueResult) -> Answer:
    """What became of an answer of the queue."""
    if result.stale:
        return Answer("stale")
    return Answer("changed" if result.changed else "unchanged", view_of(result.wait))


def of_start(result: StartResult) -> Answer:
    """What a customer who started a wait was answered of that wait."""
    return Answer(result.verdict.value, view_of(result.wait))


def of_replacement(session: str) -> Callable[[StartResult], Answer]:
    """What the same start says of another wait of the customer."""

    def answer(result: StartResult) -> Answer:
        if result.replaced is None or result.replaced.session_id != session:
            return Answer("nothing")
        return Answer("won", view_of(result.replaced))

    return answer


class Recorder:
    """Writes down who asked what when, and what was answered.

    The ticks come from the event loop's thread: a call begins before its store is asked and returns after it answered.
    `asks_again`: a store that loses its database's answer asks again by itself under the same command, so that each
    call may be two, of which the first one's answer is not known.
    """

    def __init__(self, *, asks_again: bool = False) -> None:
        self._asks_again = asks_again
        self.calls: list[CustomerCall] = []
        self._ticks = itertools.count(1)

    async def call(
        self,
        process: str,
        ask: Callable[[], Awaitable[_T]],
        touched: Mapping[str, tuple[Operation, Callable[[_T], Answer]]],
    ) -> _T:
        """Carry out a call; `touched` says what it means to each session's wait, and how its result is read.

        A call that is cancelled, or that the store reports as failed, has no known result.
        """
        operations = tuple((session, operation) for session, (operation, _) in touched.items())
        invoked = next(self._ticks)
        if self._asks_again:
            self.calls.append(Call(process, operations, invoked, None, None))
        try:
            result = await ask()
        except (asyncio.CancelledError, StoreUnavailableError):
            self.calls.append(Call(process, operations, invoked, None, None))
            raise
        answers = tuple(reading(result) for _, reading in touched.values())
        self.calls.append(Call(process, operations, invoked, next(self._ticks), answers))
        return result

    def of_waits(self) -> dict[str, list[WaitCall]]:
        """The history of each wait, by session."""
        found: dict[str, list[WaitCall]] = {}
        for call in self.calls:
            for place, (session, operation) in enumerate(call.operation):
                answer = None if call.result is None else call.result[place]
                if operation.event == "start" and answer is not None and answer.verdict == "lost":
                    continue  # of this session there is nothing: it was told of another's conversation
                one = Call(call.process, operation, call.invoked, call.returned, answer)
                found.setdefault(session, []).append(one)
        return found

    def of_customer(self, sessions: Collection[str]) -> list[CustomerCall]:
        """The history of all waits of a customer, who has these sessions."""
        return [call for call in self.calls if call.operation[0][0] in sessions]
