"""Puts a server together from its settings: with callout_wiring.py, the only file that names concrete parts."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from diyalog.api.app import Application, UseCases, application
from diyalog.api.operations import Health
from diyalog.api.signature_debugging import SignatureDebugging
from diyalog.callout_wiring import Callouts, company_callouts
from diyalog.clock import Clock, StoreClock, SystemClock
from diyalog.domain.ids import NodeId
from diyalog.domain.results import Delivery
from diyalog.journal import DeskJournal, ServerJournal
from diyalog.observability.auditing import unlinked_rows
from diyalog.observability.logging import Log, configure
from diyalog.observability.metrics import Metrics
from diyalog.opening import checked_bus, new_node_id, open_existing_audit, open_server_audit, serving_store
from diyalog.policies import (
    access_policy,
    api_policy,
    keep_ms,
    keep_transcript_ms,
    milliseconds,
    server_options,
    stream_policy,
    waiting_policy,
)
from diyalog.ports import StoreUnavailableError
from diyalog.ports_audit import AuditStore
from diyalog.ports_bus import Bus
from diyalog.ports_callouts import Alarm, QueueSystem
from diyalog.protocol.help import help_limits
from diyalog.realtime.line import LineSources
from diyalog.realtime.service import EventStreams
from diyalog.server.server import Server
from diyalog.settings import Settings
from diyalog.storage.auditing import SqliteAudit
from diyalog.storage.postgres_auditing import PostgresAudit
from diyalog.storage.store import DatabaseStore
from diyalog.usecases.access import Access
from diyalog.usecases.audit_tools import AuditTools as AuditTools  # noqa: PLC0414  the command line names it
from diyalog.usecases.auditing import Chaining
from diyalog.usecases.changes import Changes
from diyalog.usecases.commanding import CommandIds
from diyalog.usecases.conversing import Conversing
from diyalog.usecases.following import Following
from diyalog.usecases.keyring import KeyRing
from diyalog.usecases.notes import Notes
from diyalog.usecases.out_of_office import Office
from diyalog.usecases.queueing import Queueing, QueueingPolicy
from diyalog.usecases.routing import Routing
from diyalog.usecases.staff_access import StaffAccess
from diyalog.usecases.staff_following import StaffFollowing
from diyalog.usecases.waiting import Waiting
from diyalog.usecases.waking import Telling, Waking
from diyalog.workers.audit_chain import AuditChain
from diyalog.workers.deadlines import conversation_deadlines, deadlines
from diyalog.workers.heartbeat import Heartbeat
from diyalog.workers.keys import keys
from diyalog.workers.lag import Lag
from diyalog.workers.outbox import Outbox
from diyalog.workers.retention import retention
from diyalog.workers.service import Periodic, Supervisor, Worker

_STOP_S: Final = 15.0
_GRACE_S: Final = _STOP_S - 5.0  # then there is time left to store what was learned
_FINISH_S: Final = 5.0
_MOST_SKEW_MS: Final = 2000  # of a deadline's own tolerance


class NoQueueSystem:
    """The built-in queue calls nobody: nothing is ever due."""

    def dispatch(self, delivery: Delivery) -> None:
        """Never called: waits of the built-in queue are WAITING at once."""
        raise AssertionError(delivery.kind)

    def kick(self) -> None:
        """Nothing is due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A server, put together and not yet running. `workers` run beside `application`; `streams` finish last."""

    store: DatabaseStore
    audit: SqliteAudit | PostgresAudit
    bus: Bus
    callouts: Callouts
    waiting: Waiting
    access: Access
    staff: StaffAccess
    following: Following
    keys: KeyRing
    streams: EventStreams
    application: Application
    workers: tuple[Worker, ...]
    journal: ServerJournal
    log: Log
    clock: Clock
    node: NodeId


MakeBus = Callable[[Callable[[Sequence[int]], None], ServerJournal], Bus]
"""Makes the bus, given who is told of rows that changed on other nodes."""


def put_together(
    settings: Settings,
    store: DatabaseStore,
    *,
    node: NodeId,
    clock: Clock,
    epoch: str,
    make_bus: MakeBus,
) -> Parts:
    """Build every part, none of them started. `epoch` is the store's. Called on the running event loop."""
    log = configure(sys.stderr.buffer, clock.now_ms)
    log.gather(asyncio.get_running_loop().call_soon)
    metrics = Metrics(clock.now_ms)
    journal = ServerJournal(log, metrics)
    changes = Changes()
    time = StoreClock(clock)
    commands = CommandIds(node)
    callouts = company_callouts(settings, journal)
    queueing = _queueing(
        settings,
        store=store,
        queue=callouts.queue,
        changes=changes,
        commands=commands,
        node=node,
        clock=time,
        journal=journal,
    )
    waiting = Waiting(
        store,
        queueing or NoQueueSystem(),
        changes=changes,
        clock=time,
        commands=commands,
        policy=waiting_policy(settings),
    )
    access = Access(store, callouts.customers, time, access_policy(settings))
    staff = StaffAccess(store, callouts.staff, time, access_policy(settings), settings.supervisors)
    following = Following(store, waiting, access, journal)
    ring = KeyRing(store, clock)
    limits = help_limits(waiting.policy.limit_ms, waiting.policy.abandon_ms, waiting.policy.queue_timeout_ms)
    now = asyncio.get_running_loop().time
    bus = make_bus(Waking(store, changes.heard).woken, journal)
    conversing = Conversing(
        store.conversations,
        store,
        changes=changes,
        bus=bus,
        commands=commands,
        agent_lost_ms=milliseconds(settings.agent_lost_after),
        on_unreadable=lambda session_id: journal.alarmed(Alarm.PROFILE_UNREADABLE, session_id),
    )
    notes = Notes(store.staff_notes, store, lambda session_id: journal.alarmed(Alarm.NOTE_UNREADABLE, session_id))
    streams = EventStreams(
        following,
        StaffFollowing(store, conversing, staff, node),
        LineSources(store, conversing, waiting.line, waiting.policy.builtin),
        conversing.mark,
        journal=journal,
        staff_journal=DeskJournal(log, metrics),
        clock=time,
        now=now,
        draining=lambda: waiting.stopping,
        policy=stream_policy(settings, limits),
    )
    streams.hear(changes)
    changes.subscribe_own(journal)
    changes.subscribe_own(Telling(bus, node))
    routing = None
    if waiting.policy.builtin:
        rules = waiting.policy.rules
        routing = Routing(store.routing, waiting, clock=time, sleep=asyncio.sleep, rules=rules, told=streams.line)
        changes.subscribe_own(routing)
    audit = open_server_audit(settings)
    chaining = Chaining(audit, audit.keys, clock=time, keep_ms=keep_ms(settings), on_broken=_audit_alarm(log, metrics))
    health = Health(
        store_answers=_store_answers(store),
        draining=lambda: waiting.stopping,
        clock_agrees=lambda: abs(time.ahead_ms) <= _MOST_SKEW_MS,
        bus_answers=lambda: bus.connected,
        render=_render(metrics, store, audit),
    )
    use_cases = UseCases(
        waiting=waiting,
        access=access,
        conversing=conversing,
        notes=notes,
        office=Office(store),
        staff=staff,
        routing=routing,
        keys=ring,
        health=health,
        sockets=streams.admission,
    )
    # Behind a call of the loop's own, so that an answer is written before its request is looked into.
    later = asyncio.get_running_loop().call_soon
    debugging = SignatureDebugging(clock, later, log.signature_line) if settings.debug_signatures else None
    app = application(use_cases, api_policy(settings, epoch, limits), journal, clock, debugging)
    workers = (
        AuditChain(chaining, asyncio.sleep),  # first, so that it stops last and links what the others wrote
        _heartbeat(store, node, clock=clock, time=time, journal=journal, tell_again=streams.tell_again),
        keys(ring, asyncio.sleep),
        *(() if queueing is None else (Outbox(queueing),)),
        *(() if routing is None else (routing,)),
        deadlines(waiting, asyncio.sleep),
        conversation_deadlines(conversing, asyncio.sleep),
        *(Periodic(name, every_s, turn, asyncio.sleep) for name, every_s, turn in streams.turns),
        _retention(settings, store),
        Lag(now, metrics.loop_lag, asyncio.sleep),
    )
    return Parts(
        store=store,
        audit=audit,
        bus=bus,
        callouts=callouts,
        waiting=waiting,
        access=access,
        staff=staff,
        following=following,
        keys=ring,
        streams=streams,
        application=app,
        workers=workers,
        journal=journal,
        log=log,
        clock=clock,
        node=node,
    )


def supervisor(parts: Parts) -> Supervisor:
    """What keeps the workers running."""
    return Supervisor(
        parts.workers,
        clock=parts.clock,
        sleep=asyncio.sleep,
        random=random.random,
        journal=parts.journal,
        stop_s=_STOP_S,
    )


def _heartbeat(
    store: DatabaseStore,
    node: NodeId,
    *,
    clock: Clock,
    time: StoreClock,
    journal: ServerJournal,
    tell_again: Callable[[], None],
) -> Heartbeat:
    """Beats, and keeps `time` that of the store."""

    def on_time(ahead_ms: int) -> None:
        if abs(ahead_ms) > _MOST_SKEW_MS >= abs(time.ahead_ms):
            journal.alarmed(Alarm.CLOCK_SKEWED)
        time.ahead_ms = ahead_ms
        journal.clock_ahead(ahead_ms)

    def on_given_up() -> None:
        journal.alarmed(Alarm.NODE_GIVEN_UP)
        tell_again()

    return Heartbeat(store, node, clock, asyncio.sleep, on_time=on_time, on_given_up=on_given_up)


def _queueing(
    settings: Settings,
    *,
    store: DatabaseStore,
    queue: QueueSystem | None,
    changes: Changes,
    commands: CommandIds,
    node: NodeId,
    clock: Clock,
    journal: ServerJournal,
) -> Queueing | None:
    """What sends to the company's queue; None with the built-in one."""
    if queue is None:
        return None
    return Queueing(
        store,
        queue,
        on_change=changes.changed,
        policy=QueueingPolicy(milliseconds(settings.queue_timeout), settings.queue_repeatable),
        node=node,
        new_command_id=commands.new,
        clock=clock,
        sleep=asyncio.sleep,
        random=random.random,
        journal=journal,
        grace_s=min(settings.queue_timeout, _GRACE_S),
    )


def _retention(settings: Settings, store: DatabaseStore) -> Worker:
    kept, texts = keep_ms(settings), keep_transcript_ms(settings)
    token_ms = kept + milliseconds(settings.token_lifetime)
    return retention(store, keep_ms=kept, token_ms=token_ms, sleep=asyncio.sleep, text_ms=texts)


def _store_answers(store: DatabaseStore) -> Callable[[], "asyncio.Future[bool]"]:
    async def answers() -> bool:
        await store.epoch()
        return True

    return lambda: asyncio.ensure_future(answers())


def _render(metrics: Metrics, store: DatabaseStore, audit: AuditStore) -> Callable[[], "asyncio.Future[bytes]"]:
    async def render() -> bytes:
        try:
            counts, ends = await store.tally(), await audit.ends()
        except StoreUnavailableError:
            return metrics.render(None)
        return metrics.render(counts) + unlinked_rows(max(0, ends.last_id - ends.linked_id))

    return lambda: asyncio.ensure_future(render())


def _audit_alarm(log: Log, metrics: Metrics) -> Callable[[], None]:
    def broken() -> None:
        metrics.alarm("audit_broken")
        log.alarm("audit_broken")

    return broken


@asynccontextmanager
async def opened_audit(settings: Settings, clock: Clock) -> AsyncIterator[AuditTools]:
    """The audit trail of an existing database, beside a server that may be running; raises OpeningError."""
    store = await open_existing_audit(settings, clock)
    try:
        yield AuditTools(store, store.keys, clock, keep_ms(settings), asyncio.sleep)
    finally:
        await store.close()


async def run(settings: Settings, on_ready: Callable[[str], None]) -> None:
    """Serve until asked to stop (SIGTERM, SIGINT), then stop in good order.

    `on_ready` is told the address once connections are accepted. Raises OpeningError, StartError.
    """
    clock = SystemClock()
    node = new_node_id()
    make_bus = await checked_bus(settings, node)
    async with serving_store(settings, clock, node) as store:
        epoch = await store.epoch()
        parts = put_together(settings, store, node=node, clock=clock, epoch=epoch, make_bus=make_bus)
        await _serve(settings, parts, on_ready)


async def _serve(settings: Settings, parts: Parts, on_ready: Callable[[str], None]) -> None:
    def draining() -> None:
        parts.waiting.stopping = True
        parts.log.lifecycle_line("draining")

    served = False

    def ready(address: str) -> None:
        nonlocal served
        served = True
        parts.log.lifecycle_line("ready", address, version("diyalog"))
        on_ready(address)

    server = Server(
        parts.application,
        server_options(settings),
        on_ready=ready,
        on_draining=draining,
        on_error=lambda error: parts.journal.failed("server", error),
    )
    await parts.keys.refresh()
    await parts.callouts.start()
    await parts.bus.start()
    try:
        async with supervisor(parts):
            await server.serve()
            await parts.streams.finish(_FINISH_S)
    finally:
        await parts.bus.stop()
        await parts.callouts.stop()
        await parts.audit.close()
        if served:
            parts.log.lifecycle_line("stopped")
