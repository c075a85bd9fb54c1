"""One node with its HTTP API on a real SQLite store; the company's systems answer what a test says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from diyalog.api.app import ApiPolicy, Application, UseCases, application
from diyalog.api.operations import Health
from diyalog.bus.memory import MemoryBus
from diyalog.domain.commands import Activate, EndWait, Request, StartWait
from diyalog.domain.ids import InteractionId, NodeId, SessionId, StaffRef
from diyalog.domain.results import EndResult, StartResult, TokenRecord
from diyalog.ports import StaffRecord, StoreUnavailableError
from diyalog.ports_callouts import Alarm, CreateAnswer, DeleteAnswer, Done, Took
from diyalog.protocol.help import help_limits
from diyalog.storage.sealing import Sealer
from diyalog.storage.sqlite import SqliteStore
from diyalog.usecases.access import Access, AccessPolicy
from diyalog.usecases.changes import Changes
from diyalog.usecases.commanding import CommandIds
from diyalog.usecases.conversing import Conversing
from diyalog.usecases.keyring import KeyRing
from diyalog.usecases.notes import Notes
from diyalog.usecases.out_of_office import Office
from diyalog.usecases.queueing import Queueing, QueueingPolicy
from diyalog.usecases.routing import Routing
from diyalog.usecases.staff_access import StaffAccess
from diyalog.usecases.waiting import Waiting, WaitingPolicy
from kit.clock import SettableClock

from .driver import KEY_ID, SECRET, Client, Reply

EPOCH = "epoch-1"
DEVICE = "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k="
DAY_MS = 86_400_000


@dataclass
class Noted:
    """A journal that remembers."""

    requests: list[tuple[str, str, int, str | None, str | None, str | None]] = field(default_factory=list)
    request_ids: list[str] = field(default_factory=list)
    failures: list[tuple[str, BaseException]] = field(default_factory=list)
    alarms: list[tuple[Alarm, str | None]] = field(default_factory=list)

    def request(
        self,
        method: str,
        route: str,
        status: int,
        duration_ms: float,
        request_id: str,
        *,
        caller: str | None = None,
        session_id: str | None = None,
        code: str | None = None,
    ) -> None:
        assert duration_ms >= 0
        self.requests.append((method, route, status, caller, session_id, code))
        self.request_ids.append(request_id)

    def request_failed(self, route: str, error: BaseException, request_id: str) -> None:
        self.failures.append((route, error))

    def called(self, service: str, result: str, status: int | None, seconds: float, session_id: str | None) -> None:
        """Calls are not looked at here."""

    def alarmed(self, alarm: Alarm, session_id: str | None = None, interaction_id: str | None = None) -> None:
        self.alarms.append((alarm, session_id))

    def failed(self, where: str, error: BaseException) -> None:
        self.failures.append((where, error))


class CompanyQueue:
    """The company's queue: gives each customer the next answer of `answers`, and holds them while `closed`."""

    def __init__(self) -> None:
        self.answers: list[CreateAnswer] = []
        self.created: list[Request] = []
        self.open = asyncio.Event()
        self.open.set()
        self.asked = asyncio.Event()

    async def create(self, session_id: SessionId, request: Request, timeout_s: float) -> CreateAnswer:
        self.created.append(request)
        self.asked.set()
        await self.open.wait()
        return self.answers.pop(0) if self.answers else Took(InteractionId(f"77004{len(self.created)}"))

    async def delete(self, interaction_id: InteractionId) -> DeleteAnswer:
        return Done()


class NoDesks:
    """No desk is connected, so nobody need be shown the line."""

    def look_again(self) -> None:
        """Nobody looks."""


class CompanyTokens:
    """The company's checkauthtoken and CheckToken: answer `code`; `shown` is what staff has shown."""

    def __init__(self) -> None:
        self.code = ""
        self.shown: list[tuple[str, str, str]] = []

    async def check_customer(self, device_id: str, dlg_token: str, customer_no: str, device_hash: str | None) -> str:
        return self.code

    async def check_staff(self, session_id: str, token: str, user_no: str) -> str:
        self.shown.append((session_id, token, user_no))
        return self.code


class Outage(SqliteStore):
    """The real store, which can be made to be away for those who write."""

    away = False

    async def end_wait(self, command: EndWait) -> EndResult:
        self._reach()
        return await super().end_wait(command)

    async def start_wait(self, command: StartWait) -> StartResult:
        self._reach()
        return await super().start_wait(command)

    async def activate(self, command: Activate) -> TokenRecord | None:
        self._reach()
        return await super().activate(command)

    async def sign_in_staff(self, user_id: str, user_name: str, token_hash: bytes) -> StaffRecord:
        self._reach()
        return await super().sign_in_staff(user_id, user_name, token_hash)

    async def touch_staff(self, staff: StaffRef) -> None:
        self._reach()
        await super().touch_staff(staff)

    def _reach(self) -> None:
        if self.away:
            raise StoreUnavailableError


@dataclass
class Node:
    """A running node and a client of it."""

    client: Client
    clock: SettableClock
    store: Outage
    waiting: Waiting
    journal: Noted
    queue: CompanyQueue
    tokens: CompanyTokens
    health: dict[str, bool]

    @property
    def application(self) -> Application:
        return self.client.application

    async def activated(self, customer_id: str = "880214") -> str:
        """A client token of this customer, by open access."""
        reply = await self.client.json("POST", "/v1/client/activations", {"customerId": customer_id})
        assert reply.status == 201, reply.text
        token = reply.json["clientToken"]
        assert isinstance(token, str)
        return token

    async def start(self, token: str, **headers: str) -> Reply:
        return await self.client.json("POST", "/v1/client/help", {"helpType": "chat"}, token=token, **headers)

    async def signed(self, target: str, body: bytes, **headers: str) -> Reply:
        return await self.client.signed(self.clock.at, target, body, **headers)


@asynccontextmanager
async def running_node(
    folder: Path,
    *,
    builtin: bool = True,
    open_access: bool = True,
    staff_checked: bool = True,
    auth_failures: int = 300,
    starts: int = 30,
    chat: int = 60,
    supervisors: tuple[str, ...] = (),
    static: Path | None = None,
    allowed_origins: tuple[str, ...] = (),
    trusted_proxies: tuple[str, ...] = (),
) -> AsyncIterator[Node]:
    clock, journal, queue, tokens = SettableClock(), Noted(), CompanyQueue(), CompanyTokens()
    node = NodeId("node-a")
    store = Outage(folder, Sealer(b"k" * 32), clock, node)
    await store.start()
    changes, commands = Changes(), CommandIds(node)
    queueing = Queueing(
        store,
        queue,
        on_change=changes.changed,
        policy=QueueingPolicy(queue_timeout_ms=10_000, repeatable=True),
        node=node,
        new_command_id=commands.new,
        clock=clock,
        sleep=asyncio.sleep,
        random=lambda: 0.5,
        journal=journal,
        grace_s=1.0,
    )
    waiting = Waiting(
        store,
        queueing,
        changes=changes,
        clock=clock,
        commands=commands,
        policy=WaitingPolicy(limit_ms=1_800_000, abandon_ms=300_000, queue_timeout_ms=10_000, builtin=builtin),
    )
    policy = AccessPolicy(open_access, DAY_MS, 300_000, 30 * DAY_MS)
    access = Access(store, tokens, clock, policy)
    staff = StaffAccess(store, tokens if staff_checked else None, clock, policy, supervisors)
    await store.create_key(KEY_ID, "core banking", SECRET)
    keys = KeyRing(store, clock)
    await keys.refresh()
    health = {"store": True, "clock": True, "bus": True, "draining": False}

    async def store_answers() -> bool:
        return health["store"]

    async def render() -> bytes:
        return b"diyalog_up 1\n"

    routing = None
    if builtin:
        rules = waiting.policy.rules
        routing = Routing(store.routing, waiting, clock=clock, sleep=asyncio.sleep, rules=rules, told=NoDesks())
    api = application(
        UseCases(
            waiting=waiting,
            access=access,
            conversing=Conversing(
                store.conversations,
                store,
                changes=changes,
                bus=MemoryBus(node, lambda _: None),
                commands=commands,
                agent_lost_ms=60_000,
                on_unreadable=lambda session_id: journal.alarmed(Alarm.PROFILE_UNREADABLE, session_id),
            ),
            notes=Notes(
                store.staff_notes,
                store,
                lambda session_id: journal.alarmed(Alarm.NOTE_UNREADABLE, session_id),
            ),
            office=Office(store),
            staff=staff,
            routing=routing,
            keys=keys,
            health=Health(
                store_answers, lambda: health["draining"], lambda: health["clock"], lambda: health["bus"], render
            ),
        ),
        ApiPolicy(
            version="1.2.3",
            epoch=EPOCH,
            help_limits=help_limits(1_800_000, 300_000, 10_000),
            static=static or folder / "nothing-built",
            trusted_proxies=trusted_proxies,
            allowed_origins=allowed_origins,
            auth_failures=auth_failures,
            starts=starts,
            chat=chat,
            body_seconds=0.2,
        ),
        journal,
        clock,
    )
    sending = asyncio.create_task(queueing.run())
    try:
        yield Node(Client(api), clock, store, waiting, journal, queue, tokens, health)
    finally:
        queue.open.set()
        queueing.stop()
        await sending
        await store.stop()
    assert journal.failures == [], "nothing may fail unexpectedly"
