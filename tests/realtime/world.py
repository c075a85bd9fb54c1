"""One node's streams on a real SQLite store, with sockets that record and reads that can be held."""

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diyalog.clock import Clock
from diyalog.domain.commands import Activate, Caller, EndWait, Mark, Request
from diyalog.domain.ids import AccessKeyId, CustomerRef, NodeId, SessionId
from diyalog.domain.results import Delivery, Head, Marked, StreamEvent, TokenRecord
from diyalog.domain.transitions import Event
from diyalog.domain.wait import HelpType, Wait
from diyalog.ports import StoreUnavailableError
from diyalog.protocol.help import help_limits
from diyalog.realtime.admission import Streams
from diyalog.realtime.connection import CustomerStream, StreamContext
from diyalog.realtime.hub import Hub
from diyalog.realtime.journal import Doing
from diyalog.realtime.marking import Marking
from diyalog.realtime.presence import Presence
from diyalog.realtime.upkeep import Upkeep
from diyalog.server.sockets import Handshake
from diyalog.storage.sealing import Sealer
from diyalog.storage.sqlite import SqliteStore
from diyalog.usecases.access import Access, AccessPolicy, token_digest
from diyalog.usecases.changes import Changes
from diyalog.usecases.commanding import CommandIds
from diyalog.usecases.following import Following
from diyalog.usecases.waiting import Answer, Waiting, WaitingPolicy

LIMIT_S = 5.0
"""How long a test waits for something that must happen."""


DAY_MS = 86_400_000


class Ticks:
    """The event loop's clock (seconds) and the time of day (milliseconds), moved by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.ms = 1_795_363_200_000

    def __call__(self) -> float:
        return self.seconds

    def now_ms(self) -> int:
        return self.ms


class Hold:
    """Holds whoever comes to one point, until released."""

    def __init__(self) -> None:
        self._arrived = asyncio.Event()
        self._released = asyncio.Event()

    async def stand(self) -> None:
        self._arrived.set()
        await self._released.wait()

    async def arrived(self) -> None:
        async with asyncio.timeout(LIMIT_S):
            await self._arrived.wait()

    def release(self) -> None:
        self._released.set()


class HeldStore(SqliteStore):
    """The real store; reads and writes of streams can be held before and after they happen, and made to fail."""

    def __init__(self, directory: Path, clock: Clock, node: NodeId) -> None:
        super().__init__(directory, Sealer(bytes(32)), clock, node)
        self.holds: dict[str, Hold] = {}
        self.away: set[str] = set()
        self.failures: dict[str, Exception] = {}
        self.calls: list[tuple[str, object]] = []

    def hold(self, point: str) -> Hold:
        """Hold the next call at this point, such as `events.before`."""
        hold = self.holds[point] = Hold()
        return hold

    async def _reach(self, point: str) -> None:
        hold = self.holds.pop(point, None)
        if hold is not None:
            await hold.stand()

    async def _come_to(self, name: str, argument: object) -> None:
        self.calls.append((name, argument))
        await self._reach(f"{name}.before")
        if name in self.failures:
            raise self.failures[name]
        if name in self.away:
            raise StoreUnavailableError("test")

    async def token(self, token_hash: bytes) -> TokenRecord | None:
        await self._come_to("token", token_hash)
        result = await super().token(token_hash)
        await self._reach("token.after")
        return result

    async def wait(self, session_id: SessionId) -> Wait | None:
        await self._come_to("wait", session_id)
        result = await super().wait(session_id)
        await self._reach("wait.after")
        return result

    async def events(self, row: int, after: int) -> tuple[Wait, Sequence[StreamEvent]]:
        await self._come_to("events", (row, after))
        result = await super().events(row, after)
        await self._reach("events.after")
        return result

    async def heads(self, rows: Sequence[int]) -> dict[int, Head]:
        await self._come_to("heads", tuple(rows))
        result = await super().heads(rows)
        await self._reach("heads.after")
        return result

    async def acknowledge(self, row: int, seq: int) -> int | None:
        await self._come_to("acknowledge", (row, seq))
        result = await super().acknowledge(row, seq)
        await self._reach("acknowledge.after")
        return result

    async def present(self, row: int, *, connected: bool) -> None:
        await self._come_to("present", (row, connected))
        await super().present(row, connected=connected)
        await self._reach("present.after")


class RecordingSocket:
    """The server's end of a WebSocket: keeps what is sent, holds back what the client says while reading is paused."""

    def __init__(self) -> None:
        self.last_heard = 0.0
        self.sent: list[bytes] = []
        self._closed_with: tuple[int, str] | None = None
        self.paused = False
        self._unread: deque[str] = deque()
        self._news = asyncio.Event()
        self.stream: CustomerStream | None = None

    def send(self, text: bytes) -> None:
        if self._closed_with is None:
            self.sent.append(text)
            self._news.set()

    def close(self, code: int, reason: str = "") -> None:
        if self._closed_with is None:
            self._closed_with = (code, reason)
            self._news.set()
            self.resume()

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False
        while self._unread and not self.paused:
            self._read(self._unread.popleft())

    # -- the client's side

    def say(self, **message: object) -> None:
        self.say_text(json.dumps(message))

    def say_text(self, text: str) -> None:
        if self.paused:
            self._unread.append(text)
        else:
            self._read(text)

    def _read(self, text: str) -> None:
        if self._closed_with is None:
            assert self.stream is not None
            self.stream.text(text)

    def go(self) -> None:
        """The connection is gone."""
        assert self.stream is not None
        self.stream.closed()

    def closed_with(self) -> tuple[int, str] | None:
        """Code and reason with which the server closed."""
        return self._closed_with

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(text) for text in self.sent]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["type"] == "event"]

    async def heard(self, count: int) -> list[dict[str, Any]]:
        """All messages, once there are so many."""
        async with asyncio.timeout(LIMIT_S):
            while len(self.sent) < count:
                self._news.clear()
                await self._news.wait()
        return self.messages

    async def close_code(self) -> int:
        async with asyncio.timeout(LIMIT_S):
            while self._closed_with is None:
                self._news.clear()
                await self._news.wait()
        return self._closed_with[0]


class NoQueue:
    """The company has no queue of its own: nothing is ever to be sent."""

    def dispatch(self, delivery: Delivery) -> None:
        raise AssertionError(delivery.kind)

    def kick(self) -> None:
        """Nothing is due."""


class Notes:
    """What was reported: a StreamJournal, and the use case's measure of acknowledgements."""

    def __init__(self) -> None:
        self.open = 0
        self.closed: list[tuple[str | None, int, float]] = []
        self.away: list[str] = []
        self.behind = 0
        self.failures: list[BaseException] = []
        self.acknowledged_after: list[float] = []

    def stream_opened(self) -> None:
        self.open += 1

    def stream_closed(self, session_id: str | None, code: int, duration_ms: float) -> None:
        self.open -= 1
        self.closed.append((session_id, code, duration_ms))

    def store_away(self, doing: Doing) -> None:
        self.away.append(doing)

    def fell_behind(self, streams: int) -> None:
        self.behind += streams

    def estimate_missed(self, seconds: float) -> None:
        del seconds

    def stream_failed(self, error: BaseException) -> None:
        self.failures.append(error)

    def acknowledged(self, seconds: float) -> None:
        self.acknowledged_after.append(seconds)


class World:
    """A node with the built-in queue; customers ask for help and follow."""

    def __init__(self, directory: Path, *, sockets_per_customer: int = 10, messages: int = 600) -> None:
        self.ticks = Ticks()
        self.notes = Notes()
        node = NodeId("node-1")
        self.commands = CommandIds(node)
        self.store = HeldStore(directory, self.ticks, node)
        self.hub = Hub(self.notes, self.ticks, sockets_per_customer)
        changes = Changes()
        changes.subscribe(self.hub)
        self.waiting = Waiting(
            self.store,
            NoQueue(),
            changes=changes,
            clock=self.ticks,
            commands=self.commands,
            policy=WaitingPolicy(1_800_000, 300_000, 10_000, builtin=True),
        )
        policy = AccessPolicy(open_access=True, token_lifetime_ms=DAY_MS, hash_lifetime_ms=300_000, keep_ms=30 * DAY_MS)
        access = Access(self.store, None, self.ticks, policy)
        self.following = Following(self.store, self.waiting, access, self.notes)
        self.presence = Presence(self.following, self.notes, self.hub.start)
        self.upkeep = Upkeep(self.hub, self.following, self.presence, self.notes)
        self.draining = False
        limits = help_limits(1_800_000, 300_000, 10_000)
        marking = self.marking = Marking(self.mark, self.marked, self.notes, self.hub.start)
        context = StreamContext(
            self.hub, self.following, self.presence, self.notes, self.ticks, self.ticks, limits, messages, marking
        )
        self.streams = Streams(context, ["https://bank.example"], lambda: self.draining)

    async def mark(self, marks: Sequence[Mark]) -> Sequence[Marked]:
        """Store how far sides of conversations are."""
        return await self.store.conversations.mark(marks)

    def marked(self, marked: Marked) -> None:
        """Tell the streams of how far sides of conversations are."""
        self.hub.marked(marked)

    async def customer(self, number: str) -> CustomerRef:
        """Let a customer's app in, under the token `token of <number>`."""
        record = await self.store.activate(Activate(number, {}, token_digest(f"token of {number}")))
        assert record is not None
        return record.customer

    async def ask(self, customer: CustomerRef, number: str) -> Wait:
        """The customer asks for help."""
        request = Request(number, "", ())
        started = await self.waiting.start(customer, HelpType.CHAT, request, token_digest(f"token of {number}"), None)
        assert started.wait is not None
        return started.wait

    async def commit_end(self, session_id: SessionId) -> Wait:
        """The company's word is committed, and nobody on this node has heard of it yet."""
        result = await self.store.end_wait(
            EndWait(self.commands.new(), Event.NOT_DELIVERED, session_id=session_id, message="Nobody is free.")
        )
        assert result.wait is not None
        return result.wait

    async def not_delivered(self, session_id: SessionId) -> None:
        """The company says that nobody is free; told on this node."""
        caller = Caller(AccessKeyId("key"), "")
        answer, _ = await self.waiting.not_delivered(None, session_id, "Nobody is free.", caller)
        assert answer is Answer.STOPPED

    def open(self) -> RecordingSocket:
        """A client's connection, past its handshake."""
        handshake = Handshake("/v1/client/events", b"/v1/client/events", None, "127.0.0.1", secure=False, headers=())
        stream = self.streams.admit(handshake)
        assert isinstance(stream, CustomerStream)
        socket = RecordingSocket()
        socket.stream = stream
        stream.opened(socket)
        return socket

    def hello(
        self, session_id: str, after: int = 0, epoch: str | None = None, token: str = "token of 1"
    ) -> RecordingSocket:
        """A client's connection that has said hello."""
        socket = self.open()
        socket.say(type="hello", token=token, sessionId=session_id, after=after, epoch=epoch)
        return socket

    async def settle(self) -> None:
        """Return when all work that was begun is done; nothing may be held."""
        async with asyncio.timeout(LIMIT_S):
            await self.marking.finish()
            while self.hub._tasks:
                await self.hub.finish(LIMIT_S)
