"""Asking for help, and every way in which the wait ends."""

import asyncio
import os
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Final, Protocol

from diyalog.clock import Clock
from diyalog.domain.commands import Caller, EndWait, Idempotency, Request, StartWait
from diyalog.domain.ids import CustomerRef, InteractionId, SessionId, session_id
from diyalog.domain.results import Delivery, EndResult, Verdict
from diyalog.domain.routing_rules import RoutingRules
from diyalog.domain.transitions import Event
from diyalog.domain.wait import HelpType, Place, State, Wait
from diyalog.ports import StoreUnavailableError, TransitionStore, WaitReader
from diyalog.ports_routing import RoutingStore
from diyalog.usecases.changes import Changes
from diyalog.usecases.commanding import CommandIds
from diyalog.usecases.departures import Departures, Watch
from diyalog.usecases.line import Line

_DUE_PAGE: Final = 500
_REREAD_S: Final = 2.0
_ANSWER_SLACK_MS: Final = 5_000


@dataclass(frozen=True, slots=True)
class WaitingPolicy:
    """Settings of a wait: its longest duration, how long an app may be away, the queue's time to answer (all ms),
    whether the built-in queue is used instead of the company's, and by what rules.
    """

    limit_ms: int
    abandon_ms: int
    queue_timeout_ms: int
    builtin: bool
    rules: RoutingRules = RoutingRules()  # noqa: RUF009  frozen


class Answer(StrEnum):
    """What interactionisnotdelivered is told."""

    STOPPED = auto()
    NOBODY_WAITING = auto()
    WAITING_ELSEWHERE = auto()
    KEY_REUSED = auto()


class InConversationError(Exception):
    """The customer talks with an agent already; `wait` is that session."""

    def __init__(self, wait: Wait) -> None:
        super().__init__(wait.session_id)
        self.wait = wait


class IdempotencyMismatchError(Exception):
    """The Idempotency-Key was used before with another body."""


class StoppingError(Exception):
    """The server is going away and starts no new waits."""


@dataclass(frozen=True, slots=True)
class Started:
    """A wait that has left REQUESTED; `answer`: status and body given to an earlier call with the same key.

    Without a wait there is an answer: it is remembered for a day, and the wait may be kept for less.
    """

    wait: Wait | None
    answer: tuple[int, bytes] | None = None


class WaitStore(TransitionStore, WaitReader, Protocol):
    """What this use case needs of the store."""

    @property
    def routing(self) -> RoutingStore:
        """What it can do for the built-in queue."""
        ...


class Dispatcher(Protocol):
    """Sends what is due to the company's queue (usecases/queueing.py)."""

    def dispatch(self, delivery: Delivery) -> None:
        """Send this CreateInteraction, just committed and claimed by this node."""
        ...

    def kick(self) -> None:
        """Look for due rows now."""
        ...


class Waiting:
    """Starts and ends waits. Every method raises StoreUnavailableError when the store is away."""

    def __init__(
        self,
        store: WaitStore,
        queue: Dispatcher,
        *,
        changes: Changes,
        clock: Clock,
        commands: CommandIds,
        policy: WaitingPolicy,
    ) -> None:
        self.policy = policy
        self.stopping = False
        self._store = store
        self._queue = queue
        self._changed = changes.changed
        self._departures = Departures()
        changes.subscribe(self._departures)
        self._clock = clock
        self._commands = commands
        self.line = Line(store, clock)

    async def start(
        self,
        customer: CustomerRef,
        help_type: HelpType,
        request: Request,
        token_hash: bytes,
        idempotency: Idempotency | None,
    ) -> Started:
        """Start a wait, and return it when the queue has answered or the wait has ended meanwhile.

        Raises InConversationError, IdempotencyMismatchError, StoppingError.
        """
        if self.stopping:
            raise StoppingError
        command = StartWait(
            command=self._commands.new(),
            session_id=session_id(self._clock.now_ms(), os.urandom(10)),
            customer=customer,
            help_type=help_type,
            request=request,
            builtin=self.policy.builtin,
            limit_ms=self.policy.limit_ms,
            abandon_ms=self.policy.abandon_ms,
            queue_timeout_ms=self.policy.queue_timeout_ms,
            needs=self.policy.rules.needs(help_type, request.attached_data) if self.policy.builtin else (),
            token=token_hash,
            idempotency=idempotency,
        )
        result = await self._store.start_wait(command)
        if result.verdict is Verdict.MISMATCH:
            raise IdempotencyMismatchError
        if result.answer is not None:
            return Started(result.wait, result.answer)
        assert result.wait is not None, "only a mismatch and an answer have no wait"
        if result.verdict is Verdict.LOST:
            raise InConversationError(result.wait)
        if result.replayed:
            return Started(await self._answered(result.wait))  # it has a key: `remember` acknowledges
        if result.replaced is not None:
            self._changed(result.replaced)
            self._queue.kick()
        if result.delivery is None:
            self._changed(result.wait)
            return Started(await self._admitted(result.wait, idempotency))
        with self._departures.watch([result.wait.session_id]) as watch:
            self._queue.dispatch(result.delivery)
            left = await self._left(result.wait, watch)
        return Started(left if idempotency is not None else await self._told(left))

    async def _admitted(self, wait: Wait, idempotency: Idempotency | None) -> Wait:
        """The wait, which is over when the built-in queue takes no requests at this hour."""
        if not self.policy.builtin or self.policy.rules.open_at(wait.started_at):
            return wait
        await self.not_delivered(None, wait.session_id, self.policy.rules.closed, None)
        ended = await self._store.wait(wait.session_id) or wait
        return ended if idempotency is not None else await self._told(ended)

    async def _left(self, wait: Wait, watch: Watch) -> Wait:
        """The wait once it has left REQUESTED: told of on this node, or found when another node ended it."""
        loop = asyncio.get_running_loop()  # a clock that somebody sets must not change how long a caller is held
        give_up = loop.time() + self.policy.queue_timeout_ms / 1000
        while True:
            departed = await watch.departed(max(0.0, min(give_up - loop.time(), _REREAD_S)))
            if departed is not None:
                return departed
            if loop.time() >= give_up:
                return await self._answered(wait)
            with suppress(StoreUnavailableError):  # the queue may be faster than the store is back
                current = await self._store.wait(wait.session_id)
                if current is not None and current.state is not State.REQUESTED:
                    return current

    async def _answered(self, wait: Wait) -> Wait:
        """The wait once it has left REQUESTED."""
        give_up = wait.started_at + self.policy.queue_timeout_ms + _ANSWER_SLACK_MS
        with self._departures.watch([wait.session_id]) as watch:
            while True:
                current = await self._store.wait(wait.session_id)
                if current is None or current.state is not State.REQUESTED or self._clock.now_ms() >= give_up:
                    break
                await watch.departed(_REREAD_S)
        return current or wait

    async def _told(self, wait: Wait) -> Wait:
        """The wait; an end is being told to the app by this very answer, so it counts as acknowledged."""
        if wait.outcome is not None and wait.acknowledged_at is None:
            await self._store.acknowledge(wait.row, wait.seq)
        return wait

    async def remember(self, idempotency: Idempotency, status: int, body: bytes, wait: Wait | None) -> None:
        """Keep the answer given to a start for repeats with the same key; an end that it tells is then acknowledged."""
        told = None if wait is None or wait.outcome is None else (wait.row, wait.seq)
        await self._store.remember_answer(idempotency, status, body, told)

    async def cancel(self, session_id: SessionId, customer: CustomerRef) -> EndResult:
        """The customer stops waiting. LOST tells how the wait had ended; UNKNOWN: not this customer's."""
        result = await self._end(
            EndWait(self._commands.new(), Event.CANCEL, session_id=session_id, customer=customer, told=True)
        )
        if result.wait is not None:
            await self._told(result.wait)  # the refusal of a late cancel tells how it ended
        return result

    async def cancel_by_administrator(self, session_id: SessionId, caller: Caller) -> EndResult:
        """An administrator closes the request. LOST tells how it had ended; UNKNOWN: no such session."""
        command = EndWait(self._commands.new(), Event.ADMINISTRATOR_CANCEL, session_id=session_id, caller=caller)
        result = await self._end(command)
        if result.verdict is not Verdict.LOST:
            return result
        return result._replace(wait=await self._store.wait(session_id) or result.wait)  # with who has the customer

    async def not_delivered(
        self,
        interaction_id: InteractionId | None,
        session_id: SessionId | None,
        message: str | None,
        caller: Caller | None,
        idempotency: Idempotency | None = None,
    ) -> tuple[Answer, SessionId | None]:
        """No agent could take the interaction: release the customer, with the company's message.

        `caller` is None when the built-in queue says so by its rules.

        `interaction_id` alone decides when given (interactionisnotdelivered page). One that is not known yet is
        held while answers of CreateInteraction are outstanding that may still name it.
        """
        hold = interaction_id is not None and not self.policy.builtin
        result = await self._attempt(interaction_id, session_id, message, caller, idempotency, may_hold=hold)
        if result.verdict is Verdict.UNKNOWN and result.outstanding:
            result = await self._held(result, interaction_id, message, caller, idempotency)
        found = None if result.wait is None else result.wait.session_id
        return _ANSWERS.get(result.verdict) or _lost(result), found

    def _attempt(
        self,
        interaction_id: InteractionId | None,
        session_id: SessionId | None,
        message: str | None,
        caller: Caller | None,
        idempotency: Idempotency | None,
        *,
        may_hold: bool,
    ) -> Awaitable[EndResult]:
        return self._end(
            EndWait(
                self._commands.new(),
                Event.NOT_DELIVERED,
                interaction_id=interaction_id,
                session_id=session_id if interaction_id is None else None,
                message=message,
                caller=caller,
                idempotency=idempotency,
                may_hold=may_hold,
            )
        )

    async def _held(
        self,
        first: EndResult,
        interaction_id: InteractionId | None,
        message: str | None,
        caller: Caller | None,
        idempotency: Idempotency | None,
    ) -> EndResult:
        """Look the interaction up again as each outstanding answer of the queue arrives."""
        noted = set(first.outstanding)
        give_up = self._clock.now_ms() + self.policy.queue_timeout_ms
        result = first
        with self._departures.watch(noted) as watch:
            while result.verdict is Verdict.UNKNOWN and noted:
                left_ms = give_up - self._clock.now_ms()
                if left_ms > 0:
                    await watch.departed(min(left_ms / 1000, _REREAD_S))
                last = give_up <= self._clock.now_ms()
                result = await self._attempt(interaction_id, None, message, caller, idempotency, may_hold=not last)
                noted = set() if last else noted.intersection(result.outstanding)
        if result.verdict is Verdict.UNKNOWN and result.outstanding and idempotency is not None:
            # Held to its end: this answer is final and is remembered now.
            result = await self._attempt(interaction_id, None, message, caller, idempotency, may_hold=False)
        return result

    async def repeats(self, idempotency: Idempotency) -> bool:
        """Whether a start with this Idempotency-Key was stored before: starting it again starts nothing."""
        return await self._store.repeats(idempotency)

    async def read(self, session_id: SessionId, customer: CustomerRef) -> Wait | None:
        """The customer's wait of this session; None when it is not the customer's."""
        wait = await self._store.wait(session_id)
        return None if wait is None or wait.customer != customer else await self._seen(wait)

    async def current(self, customer: CustomerRef) -> Wait | None:
        """The open wait or live conversation; without one the newest whose end the app has not acknowledged."""
        wait = await self._store.current_wait(customer)
        return None if wait is None else await self._seen(wait)

    async def _seen(self, wait: Wait) -> Wait:
        """Store that the customer's app asked for this wait: a sign of life."""
        if wait.state is not State.ENDED:
            with suppress(StoreUnavailableError):  # reading goes on while nothing can be stored
                await self._store.touch(wait.row)
        return wait

    async def place(self, wait: Wait) -> Place:
        """Where the wait stands in the built-in queue."""
        return (await self.line.places([wait.row]))[0] if self.policy.builtin and wait.outcome is None else Place()

    async def end_due(self) -> bool:
        """Expire and abandon waits whose time has come; whether more may be due at once."""
        ended, more = await self._store.end_due(self._commands.new(), _DUE_PAGE)
        for wait in ended:
            self._changed(wait)
        if ended:
            self._queue.kick()
        return more

    async def _end(self, command: EndWait) -> EndResult:
        """Carry the command out and tell of it when it won."""
        result = await self._store.end_wait(command)
        if result.verdict is Verdict.WON and result.wait is not None and not result.replayed:
            self._changed(result.wait)
            if command.event is not Event.NOT_DELIVERED:
                self._queue.kick()
        return result


_ANSWERS: Final = {
    Verdict.WON: Answer.STOPPED,
    Verdict.UNKNOWN: Answer.NOBODY_WAITING,
    Verdict.MISMATCH: Answer.KEY_REUSED,
}


def _lost(result: EndResult) -> Answer:
    return Answer.WAITING_ELSEWHERE if result.waits_elsewhere else Answer.NOBODY_WAITING
