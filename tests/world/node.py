"""One run of the server in the simulated world: the program's own parts, put together as bootstrap.py does."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from diyalog.bus.memory import MemoryBus
from diyalog.domain.ids import NodeId
from diyalog.domain.results import Delivery
from diyalog.domain.routing_rules import RoutingRules
from diyalog.domain.wait import Wait
from diyalog.ports_callouts import Alarm, QueueSystem
from diyalog.protocol.help import help_limits
from diyalog.realtime.journal import Doing
from diyalog.realtime.line import LineSources
from diyalog.realtime.service import EventStreams, StreamPolicy
from diyalog.storage.sealing import Sealer
from diyalog.usecases.access import Access, AccessPolicy
from diyalog.usecases.changes import Changes
from diyalog.usecases.commanding import CommandIds
from diyalog.usecases.conversing import Conversing
from diyalog.usecases.following import Following
from diyalog.usecases.queueing import Queueing, QueueingPolicy
from diyalog.usecases.routing import Routing
from diyalog.usecases.staff_access import StaffAccess
from diyalog.usecases.staff_following import StaffFollowing
from diyalog.usecases.waiting import Waiting, WaitingPolicy
from diyalog.workers.deadlines import conversation_deadlines, deadlines
from diyalog.workers.heartbeat import Heartbeat
from diyalog.workers.outbox import Outbox
from diyalog.workers.retention import retention
from diyalog.workers.service import Periodic, Supervisor, Worker
from world.database import Database
from world.faults import Faults
from world.loop import Process, SimulatedLoop
from world.store import SimulatedStore

DAY_MS: Final = 86_400_000
_BEGAN_MS: Final = 1_795_000_000_000


@dataclass(frozen=True)
class Times:
    """Settings of the simulated server, in ms."""

    limit: int = 5_000
    abandon: int = 2_000
    queue_timeout: int = 1_500
    agent_lost: int = 12_000
    repeatable: bool = True


class SimulatedClock:
    """The time of day of the simulated world."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def now_ms(self) -> int:
        return _BEGAN_MS + int(self._loop.time() * 1000)


class Notes:
    """What the program reported, for the checker: nothing unexpected may be among it."""

    def __init__(self) -> None:
        self.failures: list[str] = []
        self.alarms: list[Alarm] = []

    def called(self, service: str, result: str, status: int | None, seconds: float, session_id: str | None) -> None:
        """A call-out is over."""

    def alarmed(self, alarm: Alarm, session_id: str | None = None, interaction_id: str | None = None) -> None:
        self.alarms.append(alarm)

    def failed(self, where: str, error: BaseException) -> None:
        self.failures.append(f"{where}: {error!r}")

    def stream_opened(self) -> None:
        """A socket is open."""

    def stream_closed(self, session_id: str | None, code: int, duration_ms: float) -> None:
        """A socket is gone."""

    def store_away(self, doing: Doing) -> None:
        """A stream met a store that was away."""

    def fell_behind(self, streams: int) -> None:
        """The poll found something."""

    def estimate_missed(self, seconds: float) -> None:
        del seconds

    def stream_failed(self, error: BaseException) -> None:
        self.failed("stream", error)

    def acknowledged(self, seconds: float) -> None:
        """An outcome was acknowledged."""

    def changed(self, wait: Wait) -> None:
        """A change was committed."""


class NoQueue:
    """The built-in queue calls nobody."""

    def dispatch(self, delivery: Delivery) -> None:
        raise AssertionError(delivery)

    def kick(self) -> None:
        """Nothing is due."""


class Node:
    """A server process. `main` runs it until it is stopped; what it works with is there once `ready`.

    Without `desks` there are no agents, and it looks after no conversations and no streams of the staff. With `rules`
    the built-in queue offers customers to agents, and the company's is not called; `committed` is told of each commit.
    """

    waiting: Waiting
    conversing: Conversing
    access: Access
    staff: StaffAccess
    following: Following
    routing: Routing
    streams: EventStreams

    def __init__(
        self,
        number: int,
        loop: SimulatedLoop,
        sealer: Sealer,
        faults: Faults,
        notes: Notes,
        times: Times,
        die: Callable[["Node"], None],
        *,
        desks: bool,
        rules: RoutingRules | None = None,
        committed: Callable[[], None] = lambda: None,
    ) -> None:
        self.process = Process(f"node-{number}")
        self.id = NodeId(self.process.name)
        self.process.died = lambda: die(self)
        self.ready = False
        self.began_at = loop.time()
        self.store: SimulatedStore | None = None
        self._loop = loop
        self._sealer = sealer
        self._faults = faults
        self._notes = notes
        self._times = times
        self._die = die
        self._desks = desks
        self._rules = rules
        self._committed = committed
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """SIGTERM."""
        self.ready = False
        if hasattr(self, "waiting"):
            self.waiting.stopping = True
        self._stopping.set()

    def doom(self) -> None:
        """Let the process die soon, also when it has little to do."""
        self.process.steps_left = self._faults.random.randrange(1, 400)
        self._loop.call_later(1.0, self._die, self)

    async def main(self, database: Database, queue: QueueSystem, on_ready: Callable[["Node"], None]) -> None:
        clock = SimulatedClock(self._loop)
        store = self.store = SimulatedStore(
            database.open(),
            self._sealer,
            clock,
            self.id,
            loop=self._loop,
            faults=self._faults,
            die=lambda: self._die(self),
            doom=self.doom,
            committed=self._committed,
        )
        await store.start()
        await store.enter(self.id)
        async with self._supervisor(store, queue, clock):
            self.ready = True
            on_ready(self)
            await self._stopping.wait()
        await self.streams.finish(1.0)
        await store.stop()

    def _supervisor(self, store: SimulatedStore, queue: QueueSystem, clock: SimulatedClock) -> Supervisor:
        times, notes, random, sleep = self._times, self._notes, self._faults.random.random, self._loop.sleep
        changes, commands = Changes(), CommandIds(self.id)
        queueing = Queueing(
            store,
            queue,
            on_change=changes.changed,
            policy=QueueingPolicy(times.queue_timeout, times.repeatable),
            node=self.id,
            new_command_id=commands.new,
            clock=clock,
            sleep=sleep,
            random=random,
            journal=notes,
            grace_s=1.0,
        )
        builtin = self._rules is not None
        policy = WaitingPolicy(
            times.limit, times.abandon, times.queue_timeout, builtin=builtin, rules=self._rules or RoutingRules()
        )
        dispatcher = NoQueue() if builtin else queueing
        self.waiting = Waiting(store, dispatcher, changes=changes, clock=clock, commands=commands, policy=policy)
        bus = MemoryBus(self.id, lambda _: None)
        self.conversing = Conversing(
            store.conversations,
            store,
            changes=changes,
            bus=bus,
            commands=commands,
            agent_lost_ms=times.agent_lost,
            on_unreadable=lambda session_id: notes.alarmed(Alarm.PROFILE_UNREADABLE, session_id),
        )
        access = AccessPolicy(True, DAY_MS, 300_000, 30 * DAY_MS)
        self.access = Access(store, None, clock, access)
        self.staff = StaffAccess(store, None, clock, access)
        self.following = Following(store, self.waiting, self.access, notes)
        limits = help_limits(times.limit, times.abandon, times.queue_timeout)
        self.streams = EventStreams(
            self.following,
            StaffFollowing(store, self.conversing, self.staff, self.id),
            LineSources(store, store.conversations, self.waiting.line, routing=builtin),
            self.conversing.mark,
            journal=notes,
            staff_journal=notes,
            clock=clock,
            now=self._loop.time,
            draining=lambda: self.waiting.stopping,
            policy=StreamPolicy(
                help_limits=limits, allowed_origins=(), sockets_per_customer=10, messages_per_minute=600
            ),
        )
        self.streams.hear(changes)
        changes.subscribe(notes)
        workers: list[Worker] = [
            Heartbeat(
                store,
                self.id,
                clock,
                sleep,
                on_time=lambda _: None,
                on_given_up=self.streams.tell_again,
            ),
            *(() if builtin else (Outbox(queueing),)),
            *self._routing(store, clock, changes),
            deadlines(self.waiting, sleep),
            *(
                Periodic(name, every_s, turn, sleep)
                for name, every_s, turn in self.streams.turns
                if self._desks or not name.startswith("staff")
            ),
            retention(store, keep_ms=30 * DAY_MS, token_ms=31 * DAY_MS, sleep=sleep),
        ]
        if self._desks:
            workers.append(conversation_deadlines(self.conversing, sleep))
        return Supervisor(workers, clock=clock, sleep=sleep, random=random, journal=notes, stop_s=3.0)

    def _routing(self, store: SimulatedStore, clock: SimulatedClock, changes: Changes) -> list[Worker]:
        if self._rules is None:
            return []
        self.routing = Routing(
            store.routing, self.waiting, clock=clock, sleep=self._loop.sleep, rules=self._rules, told=self.streams.line
        )
        changes.subscribe_own(self.routing)
        return [self.routing]
