"""Parties that ask several stores about a few waits at once, and write down what they were told."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol, TypeAlias, TypeVar

from diyalog.domain.commands import AcceptWait, Activate, EndConversation, EndWait, QueueFailed, QueueTook, StartWait
from diyalog.domain.ids import CustomerRef, InteractionId, SessionId, StaffRef
from diyalog.domain.results import Delivery, EndResult, QueueResult, StartResult, Verdict
from diyalog.domain.transitions import Event
from diyalog.domain.wait import Party as Side
from diyalog.domain.wait import Wait
from diyalog.ports import ConversationStore, Store, StoreUnavailableError
from kit import histories, stores
from kit.clock import SettableClock
from kit.histories import Answer, Operation, Recorder

_T = TypeVar("_T")

CUSTOMERS, SESSIONS, PARTIES, CALLS = 25, 2, 5, 7
LEAVES: Final = 0.12
"""How often a party goes away before it has its answer."""
ACCEPTS: Final = 0.2
"""How often it is an agent who ends a wait."""
STAYS: Final = 0.3
"""How often the agent does not say goodbye."""
LIMIT_S: Final = 60
ENDING: Final = (Event.CANCEL, Event.ADMINISTRATOR_CANCEL, Event.NOT_DELIVERED, Event.EXPIRE, Event.ABANDON)
Touched: TypeAlias = Mapping[str, tuple[Operation, Callable[[_T], Answer]]]


class WaitStore(Protocol):
    """What of a store the parties use."""

    @property
    def conversations(self) -> ConversationStore: ...

    async def start_wait(self, command: StartWait) -> StartResult: ...

    async def end_wait(self, command: EndWait) -> EndResult: ...

    async def queue_took(self, command: QueueTook) -> QueueResult: ...

    async def queue_failed(self, command: QueueFailed) -> QueueResult: ...

    async def wait(self, session_id: SessionId) -> Wait | None: ...


@dataclass(frozen=True)
class Customer:
    """`due`: the time of this customer's waits is up as soon as they begin; otherwise it never is in this test.

    `agents` may take them.
    """

    customer: CustomerRef
    sessions: Sequence[SessionId]
    agents: Sequence[StaffRef]
    due: bool
    ends: float


class Party:
    """One process that asks one thing after the other, each time of any of the stores."""

    def __init__(
        self, name: str, customer: Customer, asked: Sequence[WaitStore], recorder: Recorder, luck: random.Random
    ) -> None:
        self._name = name
        self._customer = customer
        self._stores = asked
        self._recorder = recorder
        self._luck = luck

    async def play(self, starts: SessionId | None, starts_at: int) -> None:
        """Ask `CALLS` times; `starts` is the session that this party starts, before so many other calls."""
        for number in range(CALLS):
            await self._some_turns()
            session = self._luck.choice(self._customer.sessions)
            if starts is not None and number == starts_at:
                await self._start(starts)
            elif self._luck.random() < self._customer.ends:
                await (self._accept(session) if self._luck.random() < ACCEPTS else self._end(session))
            else:
                await self.read(session, self._luck.choice(self._stores))

    async def read(self, session: SessionId, store: WaitStore) -> None:
        await self._ask(partial(store.wait, session), {session: (Operation("read"), histories.of_read)})

    async def _start(self, session: SessionId) -> None:
        customer, own = self._customer, stores.command_id()
        limit = -60_000 if customer.due else stores.LIMIT_MS
        command = stores.start(customer.customer, SettableClock())._replace(
            command=own, session_id=session, limit_ms=limit
        )
        touched: dict[str, tuple[Operation, Callable[[StartResult], Answer]]] = {
            other: (Operation("replace", f"{own}-replace"), histories.of_replacement(other))
            for other in customer.sessions
        }
        touched[session] = (Operation("start", own, due=customer.due), histories.of_start)
        store = self._luck.choice(self._stores)
        result = await self._ask(partial(store.start_wait, command), touched)
        if result is not None and result.delivery is not None:
            await self._queue_answers(session, result.delivery)

    async def _queue_answers(self, session: SessionId, delivery: Delivery) -> None:
        """The queue takes the wait, refuses it, or nobody can say; at times both answers come."""
        fence = (delivery.row, delivery.attempt)
        interaction = InteractionId(f"Q-{session}")
        took = QueueTook(stores.command_id(), *fence, interaction)
        refused = QueueFailed(stores.command_id(), *fence, Event.QUEUE_REFUSED, settled=True)
        lost = QueueFailed(stores.command_id(), *fence, Event.QUEUE_TIMEOUT, unresolved=True)
        for answer in self._luck.choice(((took,), (took,), (took, lost), (refused,), (lost, took))):
            await self._some_turns()
            store = self._luck.choice(self._stores)
            if isinstance(answer, QueueTook):
                asked = Operation("queue_took", answer.command, interaction)
                await self._ask(partial(store.queue_took, answer), {session: (asked, histories.of_queue)})
            else:
                asked = Operation(str(answer.event), answer.command)
                await self._ask(partial(store.queue_failed, answer), {session: (asked, histories.of_queue)})

    async def _end(self, session: SessionId) -> None:
        event, own = self._luck.choice(ENDING), stores.command_id()
        command = EndWait(own, event, session_id=session, caller=stores.CALLER)
        if event is Event.NOT_DELIVERED:
            command = command._replace(message=f"Nobody is free, says {own}.")
            if self._luck.random() < 0.4:
                command = command._replace(session_id=None, interaction_id=InteractionId(f"Q-{session}"))
        asked = Operation(event.value, own, command.interaction_id, command.message)
        for _ in range(3):  # without an answer, it is asked again under the same command
            store = self._luck.choice(self._stores)
            result = await self._ask(partial(store.end_wait, command), {session: (asked, histories.of_end)})
            if result is not None:
                return

    async def _accept(self, session: SessionId) -> None:
        """An agent takes the wait, and often says goodbye at once."""
        agent, own = self._luck.choice(self._customer.agents), stores.command_id()
        command = AcceptWait(own, agent, session_id=session)
        asked = Operation("accept", own, agent=agent)
        for _ in range(3):  # without an answer, it is asked again under the same command
            store = self._luck.choice(self._stores)
            accept = partial(store.conversations.accept, command)
            result = await self._ask(accept, {session: (asked, histories.of_end)})
            if result is not None:
                break
        if result is None or result.verdict is not Verdict.WON or self._luck.random() < STAYS:
            return
        goodbye = EndConversation(stores.command_id(), session, Side.AGENT, staff=agent)
        parted = Operation("goodbye", goodbye.command, agent=agent)
        end = partial(self._luck.choice(self._stores).conversations.end, goodbye)
        await self._ask(end, {session: (parted, histories.of_end)})

    async def _ask(self, ask: Callable[[], Awaitable[_T]], touched: Touched[_T]) -> _T | None:
        """The answer, None when it did not come or was not waited for."""
        call = asyncio.create_task(self._recorder.call(self._name, ask, touched))
        if self._luck.random() < LEAVES:
            await self._some_turns()
            call.cancel()
        await asyncio.wait({call})
        if call.cancelled() or isinstance(call.exception(), StoreUnavailableError):
            return None
        return call.result()

    async def _some_turns(self) -> None:
        """Let others go first, for a few turns of the event loop."""
        for _ in range(self._luck.randrange(6)):
            await asyncio.sleep(0)


async def play_round(seed: int, real: Store, asked: Sequence[WaitStore], recorder: Recorder) -> Sequence[Customer]:
    """Some customers, each with sessions that parties start, end and read at the same time."""
    luck = random.Random(seed)
    agents = [
        (await real.sign_in_staff(f"{seed}-{number}", "Selin Aksoy", luck.randbytes(32))).staff for number in range(2)
    ]
    crowd = []
    for place in range(CUSTOMERS):
        token = luck.randbytes(32)
        record = await real.activate(Activate(customer_id=f"{seed}-{place}", profile={}, token_hash=token))
        assert record is not None
        sessions = [stores.start(record.customer, SettableClock()).session_id for _ in range(SESSIONS)]
        crowd.append(Customer(record.customer, sessions, agents, luck.random() < 0.5, luck.choice((0.15, 0.3, 0.6))))
    async with asyncio.timeout(LIMIT_S), asyncio.TaskGroup() as going:
        for customer in crowd:
            for place in range(PARTIES):
                starts = customer.sessions[place] if place < SESSIONS else None
                starts_at = luck.randrange(2) if place == 0 else luck.randrange(CALLS + 2)
                party = Party(f"party-{place}", customer, asked, recorder, luck)
                going.create_task(party.play(starts, starts_at))
    for customer in crowd:
        last = Party("last", customer, asked, recorder, luck)
        for session in customer.sessions:
            for store in asked:
                await last.read(session, store)
    return crowd
