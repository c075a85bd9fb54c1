"""Every order of the six events on one customer's wait, with the server killed at every commit in three ways.

The events: the customer cancels, the company says not delivered, the time is up, a new request replaces the wait, the
queue's answer comes, an agent accepts. After a kill whoever got no answer asks again, as it would. Then another agent
comes, the first one says goodbye, and everything settles.
"""

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterator, Mapping
from random import Random
from typing import Any, Final

import pytest

from diyalog.domain.commands import (
    AcceptWait,
    Activate,
    Caller,
    EndConversation,
    EndWait,
    Idempotency,
    QueueTook,
    Request,
    Say,
    StartWait,
)
from diyalog.domain.ids import AccessKeyId, CommandId, InteractionId, NodeId, SessionId, StaffRef
from diyalog.domain.results import Delivery, Verdict
from diyalog.domain.transitions import Event
from diyalog.domain.wait import HelpType, Party, Reason
from diyalog.ports import StoreUnavailableError
from diyalog.storage.sealing import Sealer
from kit.checker import Told, check
from kit.clock import SettableClock
from world.database import SEALING_KEY, Database
from world.faults import Fault, Faults
from world.loop import SimulatedLoop
from world.store import SimulatedStore

EVENTS: Final = ("cancel", "not_delivered", "expire", "start", "queue_answer", "accept")
KILLS: Final = (Fault.CRASH_BEFORE_COMMIT, Fault.CRASH_AFTER_COMMIT, Fault.COMMIT_ANSWER_LOST)
OUTCOMES: Final = {
    "cancel": ("CANCELLED", "customer"),
    "not_delivered": ("NOT_DELIVERED", "queue"),
    "expire": ("EXPIRED", "time_limit"),
    "start": ("CANCELLED", "replaced"),
    "accept": ("CONNECTED", None),
}
AGENTS: Final = (("31007", "Selin Aksoy"), ("31008", "Mert Kaya"))
LIMIT_MS: Final = 1_000
CALLER: Final = Caller(AccessKeyId("KEY"), "31007")
FIRST, SECOND = SessionId("session-1"), SessionId("session-2")
TURNS: Final = 10


class OneFault(Faults):
    """Nothing goes wrong but what `next` names, once."""

    def __init__(self) -> None:
        super().__init__(Random(1), {})
        self.next: Fault | None = None

    def strikes(self, fault: Fault) -> bool:
        if fault is not self.next:
            return False
        self.next = None
        self.fired[fault] += 1
        return True


class Story:
    """One order of events, one kill (or none)."""

    def __init__(self, database: Database, order: tuple[str, ...], killed_at: int, kill: Fault | None) -> None:
        self.loop = SimulatedLoop(Random(1))
        self.faults = OneFault()
        self.told = Told()
        self.queue: dict[str, str] = {}
        self._database = database
        self._sealer = Sealer(SEALING_KEY)
        self._order = order
        self._killed_at = killed_at
        self._kill = kill
        self._clock = SettableClock()
        self._numbers = itertools.count(1)
        self._held: Delivery | None = None
        self._nodes = 0

    async def play(self) -> None:
        await self._arrive()
        events = {
            "cancel": self._cancel,
            "not_delivered": self._not_delivered,
            "expire": self._expire,
            "start": self._start_again,
            "queue_answer": self._queue_answer,
            "accept": lambda: self._accept(self._agent),
        }
        await self._happen(events)
        await self._accept(self._other)
        await self._say_goodbye()
        await self._settle()

    async def _arrive(self) -> None:
        """A customer asks for help, and the queue's answer is under way."""
        await self._open()
        record = await self._store.activate(Activate("880214", {}, b"t" * 32))
        assert record is not None
        self._customer = record.customer
        self._agent, self._other = [
            (await self._store.sign_in_staff(number, name, number.encode() * 32)).staff for number, name in AGENTS
        ]
        begun = await self._store.start_wait(self._start(FIRST, "key-1", LIMIT_MS))
        self._held = begun.delivery
        self.queue[InteractionId("Q of session-1")] = "open"  # taken; the answer is under way

    async def _happen(self, events: Mapping[str, Callable[[], Coroutine[Any, Any, None]]]) -> None:
        """One after the other, with the one kill."""
        for place, event in enumerate(self._order):
            self.faults.next = self._kill if place == self._killed_at else None
            await self._insisting(events[event])
            self.faults.next = None

    async def _settle(self) -> None:
        await self._restart()  # releases what the last server held
        await self._insisting(self._work_outbox)
        self._store.close()

    def check(self) -> None:
        connection = self._database.looking
        check(connection, self.told, self.queue, settled=True, open_text=self._sealer.open)
        stored = connection.execute("SELECT session_id, outcome, reason FROM wait ORDER BY id").fetchall()
        ends = connection.execute("SELECT count(*) FROM audit WHERE outcome IS NOT NULL").fetchall()
        left = connection.execute("SELECT count(*) FROM outbox").fetchall()
        first = next(event for event in self._order if event in OUTCOMES)
        # While the customer talks with an agent, nothing new is started.
        assert stored == [(FIRST, *OUTCOMES[first]), *([] if first == "accept" else [(SECOND, None, None)])]
        assert ends == [(1,)]
        assert left == [(0,)]
        assert self._kill is None or self.faults.fired[self._kill] <= 1

    # The server's life

    async def _open(self) -> None:
        self._nodes += 1
        self._died = self.loop.create_future()
        self._store = SimulatedStore(
            self._database.open(),
            self._sealer,
            self._clock,
            NodeId(f"node-{self._nodes}"),
            loop=self.loop,
            faults=self.faults,
            die=lambda: self._died.set_result(None),
            doom=lambda: None,
        )
        await self._store.start()
        await self._store.enter(NodeId(f"node-{self._nodes}"))

    async def _restart(self) -> None:
        self._store.close()
        self._held = None
        await self._open()

    async def _insisting(self, ask: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Ask until there is an answer, of whichever server is there."""
        for _ in range(2):
            asking = asyncio.ensure_future(ask())
            await asyncio.wait({asking, self._died}, return_when=asyncio.FIRST_COMPLETED)
            if self._died.done():
                await self._restart()
                continue
            if not isinstance(asking.exception(), StoreUnavailableError):
                asking.result()
                return
        await ask()

    # The events

    async def _cancel(self) -> None:
        command = EndWait(self._id(), Event.CANCEL, session_id=FIRST, customer=self._customer, told=True)
        result = await self._store.end_wait(command)
        assert result.wait is not None
        assert result.wait.outcome is not None
        self.told.note(FIRST, result.wait.outcome)

    async def _not_delivered(self) -> None:
        result = await self._store.end_wait(
            EndWait(
                self._id(),
                Event.NOT_DELIVERED,
                session_id=FIRST,
                message="Nobody is free.",
                caller=CALLER,
                idempotency=Idempotency(b"office", b"body"),
            )
        )
        if result.verdict is Verdict.WON:
            self.told.note(FIRST, "NOT_DELIVERED")
        else:
            assert result.verdict is Verdict.LOST
            self.told.deny(FIRST, "NOT_DELIVERED")

    async def _expire(self) -> None:
        self._clock.at = SettableClock().at + LIMIT_MS
        ended, _ = await self._store.end_due(self._id(), 10)
        for wait in ended:
            assert wait.reason is Reason.TIME_LIMIT
            self.told.note(FIRST, "EXPIRED")

    async def _start_again(self) -> None:
        result = await self._store.start_wait(self._start(SECOND, "key-2", 600_000))
        if result.verdict is Verdict.LOST:
            assert result.wait is not None
            self.told.note(result.wait.session_id, str(result.wait.outcome))
            return
        assert result.verdict is Verdict.WON
        assert result.wait is not None
        assert result.wait.session_id == SECOND
        if result.replaced is not None:
            assert result.replaced.outcome is not None
            self.told.note(FIRST, result.replaced.outcome)

    async def _accept(self, who: StaffRef) -> None:
        result = await self._store.conversations.accept(AcceptWait(self._id(), who, session_id=FIRST))
        assert result.wait is not None
        assert result.wait.outcome is not None
        self.told.note(FIRST, result.wait.outcome)
        talk = result.wait.conversation
        assert (result.verdict is Verdict.WON) == (talk is not None and talk.staff == who)
        if talk is not None:
            self.told.note_agent(FIRST, talk.agent_name)

    async def _say_goodbye(self) -> None:
        """The agent of the conversation writes and ends it; for one who has none there is none."""
        said = await self._store.conversations.say(Say(FIRST, "m1", "Goodbye.", staff=self._agent))
        over = await self._store.conversations.end(EndConversation(self._id(), FIRST, Party.AGENT, staff=self._agent))
        assert said.verdict is over.verdict
        if over.verdict is Verdict.WON:
            assert said.event is not None
            self.told.note_message(FIRST, "agent", "m1", said.event.seq, "Goodbye.")
            self.told.ends[FIRST] = {"agent"}
        else:
            assert over.verdict is Verdict.UNKNOWN
            assert "CONNECTED" not in self.told.outcomes[FIRST]

    async def _queue_answer(self) -> None:
        if self._held is None:
            await self._work_outbox()  # the server that waited for it is gone: it is asked for again
            return
        await self._take(self._held)
        self._held = None

    async def _work_outbox(self) -> None:
        """What the sender does: ask for ids that are not known, delete what is to be deleted."""
        for _ in range(TURNS):
            deliveries = await self._store.claim(NodeId(f"node-{self._nodes}"), 100, 60_000)
            if not deliveries:
                return
            for delivery in deliveries:
                if delivery.kind == "create":
                    await self._take(delivery)
                else:
                    assert delivery.interaction_id is not None
                    self.queue[delivery.interaction_id] = "deleted"
                    await self._store.deleted(delivery.row, delivery.attempt)

    async def _take(self, delivery: Delivery) -> None:
        interaction = InteractionId(f"Q of {delivery.session_id}")
        self.queue.setdefault(interaction, "open")
        result = await self._store.queue_took(QueueTook(self._id(), delivery.row, delivery.attempt, interaction))
        if result.wait is not None and result.wait.outcome is not None:
            self.told.note(delivery.session_id, result.wait.outcome)

    def _start(self, session: SessionId, key: str, limit_ms: int) -> StartWait:
        return StartWait(
            command=self._id(),
            session_id=session,
            customer=self._customer,
            help_type=HelpType.CHAT,
            request=Request("880214", "", ()),
            builtin=False,
            limit_ms=limit_ms,
            abandon_ms=600_000,
            queue_timeout_ms=LIMIT_MS,
            idempotency=Idempotency(key.encode(), b"body"),
        )

    def _id(self) -> CommandId:
        return CommandId(f"command-{next(self._numbers)}")


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with Database() as made:
        yield made


def tell(database: Database, order: tuple[str, ...], killed_at: int, kill: Fault | None) -> Story:
    database.clear()
    story = Story(database, order, killed_at, kill)
    story.loop.run(story.play(), 60)
    assert story.loop.failures == []
    story.check()
    return story


@pytest.mark.parametrize("first", EVENTS)
def test_every_order_of_the_six_events_and_every_kill(database: Database, first: str) -> None:
    struck = told = 0
    for order in itertools.permutations(EVENTS):
        if order[0] == first:
            tell(database, order, -1, None)
            for killed_at, kill in itertools.product(range(len(EVENTS)), KILLS):
                story = tell(database, order, killed_at, kill)
                struck += story.faults.fired[kill]
                told += 1
    assert told == 120 * 6 * 3
    # Only what has nothing to write does not come to a commit: expiry after another end.
    assert struck >= told * 3 // 4
