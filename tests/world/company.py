"""The company's queue in the simulated world: another system, so a fake is the right thing. It keeps its own ledger."""

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Final

from diyalog.domain.commands import Request
from diyalog.domain.ids import InteractionId, SessionId
from diyalog.ports_callouts import Again, CreateAnswer, DeleteAnswer, Done, NotSent, Refused, Took, Unknown
from world.faults import Fault, Faults
from world.loop import Process, SimulatedLoop

_DELETE_TIMEOUT_S: Final = 1.5


@dataclass
class Interaction:
    """One entry of the queue's ledger. `session_id` is None when the company queued the customer itself."""

    interaction_id: InteractionId
    session_id: SessionId | None
    deleted: bool = False


class FakeQueue:
    """Takes, refuses, drops; is slow, forgets to answer, is asked twice. With `repeatable` a session has one answer.

    `on_created` is told of each new entry, `on_deleted` of each that goes.
    """

    def __init__(self, loop: SimulatedLoop, faults: Faults, *, repeatable: bool) -> None:
        self.process = Process("queue")
        self.ledger: dict[InteractionId, Interaction] = {}
        self.on_created: Callable[[Interaction], None] = lambda _: None
        self.on_deleted: Callable[[Interaction], None] = lambda _: None
        self._loop = loop
        self._faults = faults
        self._repeatable = repeatable
        self._answers: dict[SessionId, CreateAnswer] = {}

    # What the server calls

    async def create(self, session_id: SessionId, request: Request, timeout_s: float) -> CreateAnswer:
        assert request.customer_id, "the request names the customer"
        faults = self._faults
        if faults.strikes(Fault.QUEUE_NOT_REACHED):
            return NotSent()
        if faults.strikes(Fault.QUEUE_GATEWAY):
            return Refused(by_queue=False)
        answer = await self._call(lambda: self._take(session_id), timeout_s)
        return Unknown() if answer is None else answer

    async def delete(self, interaction_id: InteractionId) -> DeleteAnswer:
        faults = self._faults
        if faults.strikes(Fault.QUEUE_NOT_REACHED):
            return Again()
        if faults.strikes(Fault.QUEUE_GATEWAY):
            return Again(denied=True)
        answer = await self._call(lambda: self._drop(interaction_id), _DELETE_TIMEOUT_S)
        return Again() if answer is None else answer

    async def _call(self, act: Callable[[], Any], timeout_s: float) -> Any:  # noqa: ANN401  what `act` answers
        """Send a request and wait for its answer, None without one."""
        faults, draw = self._faults, self._faults.random.random
        answered = self._loop.create_future()
        back = copy_context()

        def answer(value: object) -> None:
            if not answered.done():
                answered.set_result(value)

        def arrive() -> None:
            value = act()
            if faults.strikes(Fault.QUEUE_ANSWER_LOST):
                return
            late = draw() * 3.0 if faults.strikes(Fault.QUEUE_ANSWERS_LATE) else 0.0
            self._loop.call_later(late + draw() * 0.02, answer, value, context=back)

        if not faults.strikes(Fault.QUEUE_CALL_LOST):
            times = 2 if self._repeatable and faults.strikes(Fault.QUEUE_ASKED_TWICE) else 1
            for _ in range(times):
                slow = draw() * 3.0 if faults.strikes(Fault.QUEUE_SLOW) else 0.0
                self._loop.call_later(slow + draw() * 0.02, arrive, context=self.process.context)
        try:
            async with asyncio.timeout(timeout_s):
                return await answered
        except TimeoutError:
            return None

    # What the queue does

    def queue_itself(self) -> Interaction:
        """The company puts a customer into its queue before the app asks for help."""
        interaction = Interaction(InteractionId(f"C{len(self.ledger) + 1}"), None)
        self.ledger[interaction.interaction_id] = interaction
        self.on_created(interaction)
        return interaction

    def _take(self, session_id: SessionId) -> CreateAnswer:
        known = self._answers.get(session_id)
        if known is not None and (self._repeatable or isinstance(known, Refused)):
            return known
        if self._faults.strikes(Fault.QUEUE_REFUSES):
            answer: CreateAnswer = Refused(by_queue=True)
        else:
            interaction = Interaction(InteractionId(f"Q{len(self.ledger) + 1}"), session_id)
            self.ledger[interaction.interaction_id] = interaction
            answer = Took(interaction.interaction_id)
            self._loop.note(f"queue took {interaction.interaction_id}")
            self.on_created(interaction)
        self._answers[session_id] = answer
        return answer

    def _drop(self, interaction_id: InteractionId) -> DeleteAnswer:
        interaction = self.ledger[interaction_id]
        if not interaction.deleted:
            interaction.deleted = True
            self._loop.note(f"queue dropped {interaction_id}")
            self.on_deleted(interaction)
        return Done()
