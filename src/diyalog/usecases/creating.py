"""When CreateInteraction is sent, sent again, and given up.

What one request did at the queue is known (`Took`, `Refused`, `NotSent`) or in doubt (`Unknown`). A wait never stays
REQUESTED past its queue timeout, whatever is still outstanding. Doubt outlives the wait: with a queue that answers
repeats with the same id it is asked until the id is known and can be deleted; with any other queue the request is sent
once, its answer read late, and what stays in doubt is marked unresolved.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from diyalog.clock import Clock
from diyalog.domain.results import Delivery, QueueResult
from diyalog.domain.retry import delay
from diyalog.domain.transitions import KEEPS_INTERACTION, Event
from diyalog.domain.wait import State
from diyalog.ports import StoreUnavailableError, WaitReader
from diyalog.ports_callouts import Alarm, CreateAnswer, Journal, NotSent, QueueSystem, Refused, Took, Unknown
from diyalog.usecases.pausing import Later
from diyalog.usecases.queue_results import Held, QueueResults

LATE_S: Final = 60.0
"""How long after the queue timeout an answer that cannot be asked for again is still read."""
LEARN_S: Final = 20.0
"""Longest wait for an answer that is asked for only to learn the id; with the longest pause below a minute."""
_LATE_MARGIN_MS: Final = 30_000
_REPEAT_BASE_S: Final = 0.25
_REPEAT_CAP_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class QueueingPolicy:
    """`queue_timeout_ms`: how long a customer waits for CreateInteraction. `repeatable`: the company answers the same
    sessionId with the same interactionId.
    """

    queue_timeout_ms: int
    repeatable: bool


class RetryTime(Protocol):
    """Tells when a delivery that failed is due again."""

    def __call__(self, delivery: Delivery) -> int:
        """Milliseconds since 1970."""
        ...


class Creating:
    """Carries one CreateInteraction as far as it goes now, and stores where that was."""

    def __init__(
        self,
        queue: QueueSystem,
        waits: WaitReader,
        results: QueueResults,
        *,
        policy: QueueingPolicy,
        retry_at: RetryTime,
        clock: Clock,
        later: Later,
        random: Callable[[], float],
        journal: Journal,
    ) -> None:
        self._queue = queue
        self._waits = waits
        self._results = results
        self._policy = policy
        self._retry_at = retry_at
        self._clock = clock
        self._later = later
        self._random = random
        self._journal = journal

    async def deliver(self, held: Held) -> None:
        """Send what may be sent, and store the result. Without the request to send, the wait is given up."""
        delivery = held.delivery
        if delivery.unreadable:
            self._journal.alarmed(Alarm.REQUEST_UNREADABLE, delivery.session_id)
        requested = delivery.state is State.REQUESTED and self._clock.now_ms() < self._deadline(delivery)
        if delivery.outcome in KEEPS_INTERACTION:
            await self._results.failed(held, None, settled=True)
        elif requested and self._policy.repeatable and delivery.request is not None:
            await self._ask_until_deadline(held)
        elif requested and not delivery.maybe_sent and delivery.request is not None:
            await self._ask_once(held)
        elif delivery.state is State.REQUESTED or not self._can_learn(delivery):
            await self._give_up(held, Event.QUEUE_TIMEOUT, doubt=delivery.maybe_sent)
        else:
            answer = await self._answer(delivery, LEARN_S)
            await self._conclude(held, answer, doubt=True)

    def _deadline(self, delivery: Delivery) -> int:
        return delivery.first_at + self._policy.queue_timeout_ms

    def _can_learn(self, delivery: Delivery) -> bool:
        return delivery.maybe_sent and self._policy.repeatable and delivery.request is not None

    async def _ask_once(self, held: Held) -> None:
        """Send it this one time: the wait ends at the deadline, the answer is read longer."""
        delivery = held.delivery
        deadline = self._deadline(delivery)
        left_s = (deadline - self._clock.now_ms()) / 1000
        ending: asyncio.Task[QueueResult] | None = None

        def end_the_wait() -> None:
            nonlocal ending
            late = deadline + int(LATE_S * 1000) + _LATE_MARGIN_MS
            ending = asyncio.ensure_future(self._results.failed(held, Event.QUEUE_TIMEOUT, retry_at=late))

        # Nearly every answer comes in time: then a timer is cheaper than a second task and waiting for either.
        timer = self._later(left_s, end_the_wait)
        try:
            answer = await self._answer(delivery, left_s + LATE_S)
            timer.cancel()
            if ending is not None:
                await ending
        finally:
            timer.cancel()
            if ending is not None:
                ending.cancel()
        await self._conclude(held, answer, doubt=False)

    async def _ask_until_deadline(self, held: Held) -> None:
        """Ask until the queue has answered. A request without an answer for half the timeout is asked beside."""
        delivery = held.delivery
        left_s = (self._deadline(delivery) - self._clock.now_ms()) / 1000
        half_s = self._policy.queue_timeout_ms / 2000
        over, ask = _Moment(self._later, left_s), _Moment(self._later, half_s)
        doubt, tries = delivery.maybe_sent, 0
        calls = {self._call(delivery, left_s)}
        try:
            while not over.passed.done():
                moments: set[asyncio.Future[Any]] = {over.passed, ask.passed, *calls}
                await asyncio.wait(moments, return_when=asyncio.FIRST_COMPLETED)
                answers = [call.result() for call in calls if call.done()]
                calls = {call for call in calls if not call.done()}
                if (known := _known(answers)) is not None:
                    await self._conclude(held, known, doubt=doubt or bool(calls))
                    return
                if answers:
                    doubt = doubt or any(isinstance(answer, Unknown) for answer in answers)
                    pause_s = delay(tries, self._random(), base=_REPEAT_BASE_S, cap=_REPEAT_CAP_S)
                    tries, ask = tries + 1, ask.instead(pause_s)
                    if not await self._still_requested(delivery):
                        break
                elif ask.passed.done():
                    calls.add(self._call(delivery, left_s))
                    ask = ask.instead(half_s)
            await self._give_up(held, Event.QUEUE_TIMEOUT, doubt=doubt or bool(calls))
        finally:
            over.cancel()
            ask.cancel()
            for call in calls:
                call.cancel()

    def _call(self, delivery: Delivery, timeout_s: float) -> asyncio.Task[CreateAnswer]:
        return asyncio.ensure_future(self._answer(delivery, timeout_s))

    async def _answer(self, delivery: Delivery, timeout_s: float) -> CreateAnswer:
        assert delivery.request is not None, "checked before"
        try:
            return await self._queue.create(delivery.session_id, delivery.request, timeout_s)
        except Exception as error:  # noqa: BLE001  a bug in the adapter must not take the customer's deadline with it
            self._journal.failed("create_interaction", error)
            return Unknown()

    async def _still_requested(self, delivery: Delivery) -> bool:
        try:
            wait = await self._waits.wait(delivery.session_id)
        except StoreUnavailableError:
            return True
        return wait is not None and wait.state is State.REQUESTED

    async def _conclude(self, held: Held, answer: CreateAnswer, *, doubt: bool) -> None:
        """Store an answer. `doubt`: an earlier request for this session may have worked."""
        match answer:
            case Took(interaction_id):
                result = await self._results.took(held, interaction_id)
                if result.conflict:
                    self._journal.alarmed(Alarm.QUEUE_ID_CONFLICT, held.delivery.session_id, interaction_id)
                    await self._give_up(held, Event.QUEUE_TIMEOUT, doubt=True)
            case Refused(by_queue):
                # The queue's own refusal covers earlier requests too: had one worked, it would have named the id.
                await self._give_up(held, Event.QUEUE_REFUSED, doubt=doubt and not by_queue)
            case NotSent():
                await self._give_up(held, Event.QUEUE_TIMEOUT, doubt=doubt)
            case Unknown():
                await self._give_up(held, Event.QUEUE_TIMEOUT, doubt=True)

    async def _give_up(self, held: Held, event: Event, *, doubt: bool) -> None:
        """End the wait if it is still REQUESTED, and store what becomes of the doubt."""
        delivery = held.delivery
        if not doubt:
            await self._results.failed(held, event, settled=True)
        elif self._policy.repeatable and delivery.request is not None:
            await self._results.failed(held, event, retry_at=self._retry_at(delivery))
        elif await self._keeps_interaction(delivery):
            await self._results.failed(held, event, settled=True)
        else:
            result = await self._results.failed(held, event, unresolved=True)
            if not result.stale:
                self._journal.alarmed(Alarm.QUEUE_RESULT_UNRESOLVED, delivery.session_id)

    async def _keeps_interaction(self, delivery: Delivery) -> bool:
        """Whether the wait has ended meanwhile so that the queue's entry, if any, is nobody's concern."""
        try:
            wait = await self._waits.wait(delivery.session_id)
        except StoreUnavailableError:
            return False
        return wait is not None and wait.outcome in KEEPS_INTERACTION


class _Moment:
    """Some seconds from now by a timer: a clock that is set forwards or back does not move it."""

    __slots__ = ("_later", "_timer", "passed")

    def __init__(self, later: Later, seconds: float) -> None:
        self.passed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._later = later
        self._timer = later(seconds, self._pass)

    def _pass(self) -> None:
        self.passed.set_result(None)

    def instead(self, seconds: float) -> "_Moment":
        """Another moment in place of this one."""
        self.cancel()
        return _Moment(self._later, seconds)

    def cancel(self) -> None:
        """It will not pass any more."""
        self._timer.cancel()


def _known(answers: list[CreateAnswer]) -> Took | Refused | None:
    """The answer that says what the queue did, an id before a refusal; None when there is none."""
    for kind in (Took, Refused):
        for answer in answers:
            if isinstance(answer, kind):
                return answer
    return None
