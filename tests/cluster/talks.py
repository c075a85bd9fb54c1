"""Nodes in this process on one PostgreSQL database, and apps and desks whose sockets break at any moment."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from diyalog.bus.postgres import PostgresBus
from diyalog.clock import SystemClock
from diyalog.domain.commands import Activate, Request, Say
from diyalog.domain.ids import CustomerRef, NodeId, SessionId, StaffRef
from diyalog.domain.results import Delivery, Verdict
from diyalog.domain.wait import HelpType, Party
from diyalog.protocol.help import help_limits
from diyalog.realtime.journal import Doing
from diyalog.realtime.line import LineSources
from diyalog.realtime.service import EventStreams, StreamPolicy
from diyalog.server.sockets import Handshake, Refusal, SocketHandler
from diyalog.storage.postgres import PostgresStore
from diyalog.storage.sealing import Sealer
from diyalog.usecases.access import Access, AccessPolicy, token_digest
from diyalog.usecases.changes import Changes
from diyalog.usecases.commanding import CommandIds
from diyalog.usecases.conversing import Conversing
from diyalog.usecases.following import Following
from diyalog.usecases.staff_access import StaffAccess
from diyalog.usecases.staff_following import StaffFollowing
from diyalog.usecases.waiting import Waiting, WaitingPolicy
from diyalog.usecases.waking import Telling, Waking
from kit import stores
from kit.buses import BusReports

LIMIT_S = 20.0
CUSTOMERS, STAFF = "/v1/client/events", "/v1/staff/events"
_DAY_MS = 86_400_000
_HOUR_MS = 3_600_000


class NoQueue:
    """The company has no queue of its own."""

    def dispatch(self, delivery: Delivery) -> None:
        raise AssertionError(delivery.kind)

    def kick(self) -> None:
        """Nothing is due."""


class Notes:
    """What the streams of a node reported."""

    def __init__(self) -> None:
        self.open = 0
        self.behind = 0
        self.failures: list[BaseException] = []

    def stream_opened(self) -> None:
        self.open += 1

    def stream_closed(self, session_id: str | None, code: int, duration_ms: float) -> None:
        del session_id, code, duration_ms
        self.open -= 1

    def store_away(self, doing: Doing) -> None:
        raise AssertionError(doing)

    def fell_behind(self, streams: int) -> None:
        self.behind += streams

    def estimate_missed(self, seconds: float) -> None:
        del seconds

    def stream_failed(self, error: BaseException) -> None:
        self.failures.append(error)

    def acknowledged(self, seconds: float) -> None:
        """Not looked at."""


class Node:
    """One node: its store, its bus, its use cases and its streams, put together as a server does."""

    def __init__(self, name: str, url: str) -> None:
        node = NodeId(name)
        clock = SystemClock()
        self.name = node
        self.dead = False
        self.lines: list[Line] = []
        self.notes, self.reports = Notes(), BusReports()
        self.store = PostgresStore(url, Sealer(b"k" * 32), node, notify=True)
        changes, commands = Changes(), CommandIds(node)
        self.bus = PostgresBus(node, Waking(self.store, changes.heard).woken, url, self.reports)
        self.waiting = Waiting(
            self.store,
            NoQueue(),
            changes=changes,
            clock=clock,
            commands=commands,
            policy=WaitingPolicy(_HOUR_MS, _HOUR_MS, 10_000, builtin=True),
        )
        policy = AccessPolicy(
            open_access=True, token_lifetime_ms=_DAY_MS, hash_lifetime_ms=300_000, keep_ms=30 * _DAY_MS
        )
        self.conversing = Conversing(
            self.store.conversations,
            self.store,
            changes=changes,
            bus=self.bus,
            commands=commands,
            agent_lost_ms=_HOUR_MS,
            on_unreadable=stores.nothing_is_damaged,
        )
        self.streams = EventStreams(
            Following(self.store, self.waiting, Access(self.store, None, clock, policy), self.notes),
            StaffFollowing(self.store, self.conversing, StaffAccess(self.store, None, clock, policy), node),
            LineSources(self.store, self.store.conversations, self.waiting.line, routing=True),
            self.conversing.mark,
            journal=self.notes,
            staff_journal=self.notes,
            clock=clock,
            now=asyncio.get_running_loop().time,
            draining=lambda: False,
            policy=StreamPolicy(
                help_limits=help_limits(_HOUR_MS, _HOUR_MS, 10_000),
                allowed_origins=(),
                sockets_per_customer=10,
                messages_per_minute=0,
            ),
        )
        self.streams.hear(changes)
        changes.subscribe_own(Telling(self.bus, node))

    async def start(self) -> None:
        await self.store.start()
        await self.store.enter(self.name)
        await self.bus.start()
        await self.reports.connected()

    async def poll(self) -> None:
        """Do what is done every 2 s."""
        for name, _, turn in self.streams.turns:
            if name.endswith("poll"):
                await turn()

    async def die(self) -> None:
        """Be gone without a word: what is stored of this node stays as it is."""
        if self.dead:
            return
        self.dead = True
        for line in self.lines:
            line.abandon()
        await self.bus.stop()
        await self.streams.finish(LIMIT_S)
        await self.store.stop()


class Line:
    """A connection; what the server sends lies on it until the client takes it, and is lost when it breaks."""

    def __init__(self, handler: SocketHandler, arrived: asyncio.Event) -> None:
        self.last_heard = 0.0
        self.closed_with: int | None = None
        self.frames: deque[bytes] = deque()
        self._arrived = arrived
        self._paused = False
        self._unread: deque[str] = deque()
        self._handler: SocketHandler | None = handler
        handler.opened(self)

    def send(self, text: bytes) -> None:
        if self.closed_with is None:
            self.frames.append(text)
            self._arrived.set()

    def close(self, code: int, reason: str = "") -> None:
        del reason
        if self.closed_with is None:
            self.closed_with = code
            self._arrived.set()

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        while self._unread and not self._paused:
            self.say(self._unread.popleft())

    def say(self, text: str) -> None:
        if self._paused:
            self._unread.append(text)
        elif self._handler is not None:
            self._handler.text(text)

    def abandon(self) -> None:
        """The server is gone, and notices nothing any more."""
        self._handler = None

    def cut(self) -> None:
        """Break the connection; the server notices."""
        handler, self._handler = self._handler, None
        self.frames.clear()
        if handler is not None:
            handler.closed()


class Client:
    """An app or a desk that follows one stream, and goes on from what it has wherever it connects.

    Fails at once when an event is missing or comes again. `events`: all that it has, in order.
    """

    def __init__(self, path: str, **hello: str) -> None:
        self._path = path
        self._hello = hello
        self._epoch: str | None = None
        self._arrived = asyncio.Event()
        self._line: Line | None = None
        self._welcomed = False
        self.events: list[dict[str, Any]] = []
        self.snapshots: list[dict[str, Any]] = []

    @property
    def seq(self) -> int:
        return len(self.events)

    def connect(self, node: Node) -> None:
        """Connect, after the connection before has broken."""
        self.cut()
        handler = node.streams.admission.admit(
            Handshake(self._path, self._path.encode(), None, "127.0.0.1", secure=False, headers=())
        )
        assert not isinstance(handler, Refusal)
        self._welcomed = False
        self._line = Line(handler, self._arrived)
        node.lines.append(self._line)
        hello = {"type": "hello", **self._hello, "after": self.seq, "epoch": self._epoch}
        self._line.say(json.dumps(hello))

    def cut(self) -> None:
        """Lose the connection, and whatever is on its way."""
        if self._line is not None:
            self._line.cut()

    @property
    def closed_with(self) -> int | None:
        """The code with which the server closed the connection."""
        return None if self._line is None else self._line.closed_with

    def take(self, most: int) -> None:
        """Read up to so many frames of those that have arrived."""
        assert self._line is not None
        for _ in range(min(most, len(self._line.frames))):
            self._read(json.loads(self._line.frames.popleft()))

    def _read(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "welcome":
            assert not self._welcomed
            assert frame["recovered"] is True, "nothing was forgotten, and the epoch is the same"
            assert frame["seq"] >= self.seq
            self._welcomed, self._epoch = True, frame["epoch"]
            self.snapshots.append(frame["snapshot"])
        else:
            assert self._welcomed
            assert frame["seq"] == self.seq + 1, f"{frame} after event {self.seq}"
            self.events.append(frame)

    async def until(self, reached: Callable[["Client"], bool]) -> None:
        """Read until this is so."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                self.take(1000)
                if reached(self):
                    return
                self._arrived.clear()
                await self._arrived.wait()

    async def welcomed(self) -> None:
        """Read until the server has answered."""
        await self.until(lambda client: client._welcomed)

    async def has(self, count: int) -> None:
        """Read until there are so many events."""
        await self.until(lambda client: client.seq >= count)


class Talk:
    """A conversation of one customer; either side writes by way of any node."""

    def __init__(self, customer: CustomerRef, staff: StaffRef, session_id: SessionId, token: str) -> None:
        self.customer = customer
        self.staff = staff
        self.session_id = session_id
        self.app = Client(CUSTOMERS, token=token, sessionId=session_id)
        self.said: list[str] = []

    async def say(self, node: Node, author: Party, text: str) -> None:
        """Write; the text is also the message's id."""
        sides = {"customer": self.customer} if author is Party.CUSTOMER else {"staff": self.staff}
        said = await node.conversing.say(Say(self.session_id, text, text, **sides))
        assert said.verdict is Verdict.WON
        self.said.append(text)

    async def end(self, node: Node, author: Party) -> None:
        sides = {"customer": self.customer} if author is Party.CUSTOMER else {"staff": self.staff}
        assert (await node.conversing.end(self.session_id, author, **sides)).verdict is Verdict.WON

    def told(self, client: Client) -> list[tuple[int, str]]:
        """What a client was told of this conversation: the number in the session's stream, and what."""
        told = []
        for event in client.events:
            data = event["data"]
            if not event["event"].startswith("chat.") or data.get("conversationId", self.session_id) != self.session_id:
                continue
            told.append((data.get("seq", event["seq"]), data.get("text", data.get("state"))))
        return told


@asynccontextmanager
async def nodes(url: str, count: int) -> AsyncIterator[list[Node]]:
    """So many nodes on the database `url`; in the end nothing has failed at any of them."""
    async with stores.postgres_store(url):  # which makes the tables
        pass
    made = [Node(f"node-{number}", url) for number in range(count)]
    for node in made:
        await node.start()
    try:
        yield made
    finally:
        for node in made:
            await node.die()
        await asyncio.sleep(0)  # the loop closes what was terminated in its next turn
    assert [failure for node in made for failure in (*node.notes.failures, *node.reports.errors)] == []


async def agent(node: Node, user_id: str = "31007") -> tuple[StaffRef, Client]:
    """A member of the staff, and their desk."""
    record = await node.store.sign_in_staff(user_id, "Selin Aksoy", token_digest(f"desk of {user_id}"))
    return record.staff, desk(user_id)


def desk(user_id: str = "31007") -> Client:
    """One more desk of a member of the staff."""
    return Client(STAFF, token=f"desk of {user_id}")


async def talk(node: Node, staff: StaffRef, customer_id: str) -> Talk:
    """A customer asks for help, and the agent takes them, by way of this node."""
    token = f"app of {customer_id}"
    record = await node.store.activate(Activate(customer_id, {}, token_digest(token)))
    assert record is not None
    request = Request(customer_id, "", ())
    started = await node.waiting.start(record.customer, HelpType.CHAT, request, token_digest(token), None)
    assert started.wait is not None
    taken = await node.conversing.accept(staff, session_id=started.wait.session_id)
    assert taken.verdict is Verdict.WON
    return Talk(record.customer, staff, started.wait.session_id, token)
