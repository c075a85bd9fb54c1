"""One seed of the simulated world: who takes part, what goes wrong, and what must hold at the end."""

import asyncio
import os
import random as random_module
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, Final
from unittest.mock import patch

from diyalog.domain.routing_rules import RoutingRules
from diyalog.domain.wait import Outcome
from diyalog.ports import StoreUnavailableError
from diyalog.storage.sealing import Sealer
from kit.checker import check
from world.backoffice import BackOffice
from world.company import FakeQueue, Interaction
from world.database import SEALING_KEY, Database
from world.desk import Desk
from world.device import Device
from world.faults import Fault, Faults
from world.ledger import Memory, check_conversations, check_waits
from world.line_watch import LineWatch
from world.loop import Process, SimulatedLoop
from world.network import Network
from world.node import Node, Notes, SimulatedClock
from world.plan import Plan, plan_of
from world.routed_desk import RoutedDesk

_LIMIT_S: Final = 400.0
_SETTLE_S: Final = 300.0
_AGENTS: Final = ("Selin Aksoy", "Mert Kaya", "Ece Demir")


class ViolationError(AssertionError):
    """A promise was broken; the seed repeats it."""


@dataclass(frozen=True)
class Shown:
    """What one seed has shown: the trace's digest, which faults struck, how many waits ended in which way, and what
    the built-in queue went through.
    """

    trace: int
    fired: Counter[Fault]
    outcomes: Counter[str]
    steps: int
    routed: Counter[str]


def simulate(seed: int, plan: Plan | None = None, database: Database | None = None) -> Shown:
    """Play one seed, on a database of its own when none is given; raises ViolationError."""
    if database is None:
        with Database(plan.statements if plan else {}) as own:
            return simulate(seed, plan, own)
    database.clear()
    with _seeded(seed):
        simulation = Simulation(seed, plan or plan_of(seed), database)
        try:
            return simulation.play()
        except Exception as error:
            raise ViolationError(f"seed {seed}: {type(error).__name__}: {error}") from error
        finally:
            simulation.close()


class Simulation:
    """Nodes one after the other on one database, a queue, a back office, customers' devices."""

    def __init__(self, seed: int, plan: Plan, database: Database) -> None:
        self.random = Random(seed)
        self.loop = SimulatedLoop(self.random)
        self.faults = Faults(self.random, plan.rates)
        self.memory = Memory(self.loop)
        self.network = Network(self.loop, self.faults)
        self.queue = FakeQueue(self.loop, self.faults, repeatable=plan.times.repeatable)
        self.office = BackOffice(self.network, self.faults, self.random, self.memory, self.loop)
        self.notes = Notes()
        self._plan = plan
        self._database = database
        self._sealer = Sealer(SEALING_KEY)
        self._clock = SimulatedClock(self.loop)
        self._nodes: list[Node] = []
        self._down_since: float | None = self._clock.now_ms()
        self._up = asyncio.Event()
        self._looking = database.looking
        self.queue.on_created = self.office.took
        self.queue.on_deleted = self._may_be_deleted
        self._watch = LineWatch(
            self._looking,
            plan.rules or RoutingRules(),
            self._clock.now_ms,
            self.loop.failures,
            serves=self._up.is_set,
            over=lambda: self.faults.over,
        )
        self.devices = [
            Device(
                f"d{person}.{number}",
                f"customer-{person}",
                self.network,
                self.faults,
                self.random,
                self.memory,
                self.queue,
                routed=plan.rules is not None,
            )
            for person in range(plan.customers)
            for number in range(plan.devices)
        ]
        self.desks = [self._desk(number, name) for number, name in enumerate(_AGENTS[: plan.desks])]

    def _desk(self, number: int, name: str) -> Desk:
        those = (self.network, self.faults, self.random, self.memory, self.office.talks)
        if self._plan.rules is None:
            return Desk(str(31007 + number), name, *those)
        absent = number >= self._plan.desks - self._plan.absent
        return RoutedDesk(str(31007 + number), name, *those, watch=self._watch, absent=absent)

    def play(self) -> Shown:
        self.loop.run(self._main(), _LIMIT_S)
        assert not self.loop.failures, f"raised where nobody caught it: {self.loop.failures}"
        assert not self.notes.failures, f"unexpected: {self.notes.failures}"
        ended = self._looking.execute(
            """SELECT outcome || '/' || coalesce(reason, c.ended_by)
               FROM wait LEFT JOIN conversation AS c ON c.wait = wait.id"""
        ).fetchall()
        outcomes = Counter(str(word) for (word,) in ended)
        return Shown(self.loop.trace, self.faults.fired, outcomes, self.loop.steps, self._watch.happened)

    def close(self) -> None:
        for node in self._nodes:
            if node.store is not None:
                node.store.close()

    # The story

    async def _main(self) -> None:
        self._begin_node()
        acts = self._plan.acts
        parts = [self._as(device.name, device.run(acts)) for device in self.devices]
        parts += [self._as(desk.user_name, desk.run(3 * acts)) for desk in self.desks]
        troubles = self.loop.create_task(self._troubles())
        for part in parts:
            await part
        await troubles
        self.faults.stop()
        await self._up.wait()
        await self.office.finish()
        watching = [self._as(device.name, device.watch()) for device in self.devices] if self.desks else []
        for desk in self.desks:
            await self._as(desk.user_name, desk.go_home())
        for watch in watching:
            await watch
        await self._settled()
        await self._serve_all()
        for device in self.devices:
            await self._as(device.name, device.come_back())
        for desk in self.desks:
            await self._as(desk.user_name, desk.catch_up(self._head_of(desk)))
        await self._settled()
        self._check()

    async def _serve_all(self) -> None:
        """With agents who take what they are offered, whoever asks the built-in queue is served before giving up."""
        desks = [desk for desk in self.desks if isinstance(desk, RoutedDesk)]
        if not desks:
            return
        everybody, servers = asyncio.Event(), len(self._nodes)
        serving = [self._as(desk.user_name, desk.serve(everybody)) for desk in desks]
        asking: dict[str, asyncio.Task[str]] = {}
        for device in self.devices:
            if device.customer not in asking:
                asking[device.customer] = self.loop.create_task(
                    device.ask_and_wait(), context=Process(device.name).context
                )
        for customer, task in asking.items():
            session_id = await task
            outcome = self.memory.told.outcomes.get(session_id)
            # A doomed server may still die here: its customers count as gone since its last heartbeat.
            served = outcome == {str(Outcome.CONNECTED)} or len(self._nodes) > servers
            assert served, f"{customer} was to be served in {session_id}, which is {outcome}"
        everybody.set()
        for desk_is_done in serving:
            await desk_is_done
        await self._settled()

    def _as(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self.loop.create_task(work, context=Process(name).context)

    async def _settled(self) -> None:
        """Wait until every wait and every conversation has ended and the outbox is empty."""
        give_up = self.loop.time() + _SETTLE_S
        while True:
            left = self._looking.execute(
                "SELECT (SELECT count(*) FROM wait WHERE state <> 'ENDED'),"
                " (SELECT count(*) FROM outbox WHERE unresolved = 0)"
            ).fetchall()
            if left == [(0, 0)]:
                return
            assert self.loop.time() < give_up, f"open waits and due calls are left: {left}"
            await asyncio.sleep(0.5)

    def _head_of(self, desk: Desk) -> int:
        """The number of the newest event in this agent's stream."""
        lookup = self._sealer.lookup("staff", desk.user_id)
        [(seq,)] = self._looking.execute("SELECT seq FROM staff WHERE lookup = ?", (lookup,)).fetchall()
        return int(str(seq))

    def _check(self) -> None:
        self.office.check(self._looking)
        check_waits(self._looking, self.memory, self._plan.times.queue_timeout)
        check_conversations(self._looking, self.memory)
        settled = self._sessions("SELECT session_id FROM wait WHERE outcome IN ('NOT_DELIVERED', 'CONNECTED')")
        if not self._plan.times.repeatable:
            settled |= self._sessions(
                "SELECT w.session_id FROM outbox AS o JOIN wait AS w ON w.id = o.wait WHERE o.unresolved = 1"
            )
        taken = self._sessions("SELECT interaction_id FROM wait WHERE interaction_id IS NOT NULL")
        fates: dict[str, str] = {
            one.interaction_id: "deleted" if one.deleted else "open"
            for one in self.queue.ledger.values()
            if one.deleted or (one.session_id not in settled if one.session_id else one.interaction_id in taken)
        }
        check(self._looking, self.memory.told, fates, settled=True, open_text=self._sealer.open)

    def _sessions(self, statement: str) -> set[str]:
        return {str(session) for (session,) in self._looking.execute(statement).fetchall()}

    def _may_be_deleted(self, interaction: Interaction) -> None:
        """The queue drops an interaction: its wait must have ended before, in a way that allows it."""
        column = "interaction_id" if interaction.session_id is None else "session_id"
        found = self._looking.execute(
            f"SELECT state, outcome FROM wait WHERE {column} = ? ORDER BY id DESC LIMIT 1",
            (interaction.session_id or interaction.interaction_id,),
        ).fetchall()
        fine = len(found) == 1 and found[0][0] == "ENDED" and found[0][1] not in {"NOT_DELIVERED", "CONNECTED"}
        if not fine:
            self.loop.failures.append({"message": f"{interaction.interaction_id} was deleted while it was {found}"})

    # Nodes

    def _begin_node(self) -> Node:
        node = Node(
            len(self._nodes) + 1,
            self.loop,
            self._sealer,
            self.faults,
            self.notes,
            self._plan.times,
            self._died,
            desks=bool(self.desks),
            rules=self._plan.rules,
            committed=self._watch.committed if self._plan.rules else lambda: None,
        )
        self._nodes.append(node)
        self.network.node = node
        main = self.loop.create_task(node.main(self._database, self.queue, self._ready), context=node.process.context)
        main.add_done_callback(lambda task: self._returned(node, task), context=self._context())
        if self.faults.strikes(Fault.CRASH):
            node.process.steps_left = self.random.randrange(1, 900)
        return node

    @staticmethod
    def _context() -> Any:  # noqa: ANN401
        return Process("world").context

    def _ready(self, node: Node) -> None:
        if node is self.network.node:
            self._up.set()
            if self._down_since is not None:
                self.memory.down.append((self._down_since, self._clock.now_ms()))
                self._down_since = None

    def _gone(self, node: Node) -> None:
        """Nobody serves until the next node is ready."""
        if node is self.network.node:
            self._up.clear()
            if self._down_since is None:
                self._down_since = self._clock.now_ms()

    def _died(self, node: Node) -> None:
        """The process is gone, with everything it knew and everything it had in hand."""
        if node.process.dead:
            return
        self.loop.note(f"{node.id} died")
        if node is not self.network.node:
            self.memory.died_beside.append(self._clock.now_ms())
        node.process.dead = True
        node.ready = False
        if node.store is not None:
            node.store.close()
        self._after(node)

    def _returned(self, node: Node, task: asyncio.Task[None]) -> None:
        if node.process.dead or task.cancelled():
            return
        error = task.exception()
        if isinstance(error, Exception) and not isinstance(error, StoreUnavailableError):
            self.notes.failed("main", error)  # a store that is away when it starts ends the process, which is right
        node.process.dead = True
        node.ready = False
        self._after(node)

    def _after(self, node: Node) -> None:
        self.network.died(node)
        self._gone(node)
        if node is self.network.node:
            pause_s = 0.1 + self.random.random() * 0.9
            self.loop.call_later(pause_s, self._begin_node, context=self._context())

    # Trouble from outside

    async def _troubles(self) -> None:
        end = self.loop.time() + self._plan.trouble_s
        while self.loop.time() < end:
            await asyncio.sleep(self.random.random() * 2)
            node = self.network.node
            if node is None or not node.ready:
                continue
            if self.faults.strikes(Fault.STOP):
                self._gone(node)
                node.stop()
            elif self.faults.strikes(Fault.ZOMBIE):
                await self._freeze(node)
            elif self.faults.strikes(Fault.EPOCH_RENEWED):
                self._looking.execute("UPDATE setting SET value = ? WHERE name = 'epoch'", (os.urandom(4).hex(),))

    async def _freeze(self, node: Node) -> None:
        """The machine stands still, its successor begins, and the old process wakes up for a while."""
        node.process.frozen = True
        node.ready = False
        self._gone(node)
        self.network.died(node)
        self._begin_node()
        await asyncio.sleep(self.random.random() * 2)
        self.loop.thaw(node.process)
        self.loop.call_later(self.random.random() * 2, self._died, node)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Let ids, tokens and nonces come from the seed."""
    draw = Random(seed ^ 0xD1A)
    with (
        patch.object(os, "urandom", draw.randbytes),
        patch.object(random_module, "_urandom", draw.randbytes),
    ):
        yield
