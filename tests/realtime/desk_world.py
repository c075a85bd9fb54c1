"""A node at which desks follow their conversations, on the store of `world.py`."""

from collections.abc import Sequence
from pathlib import Path

from diyalog.domain.commands import EndConversation, Say
from diyalog.domain.ids import NodeId, StaffRef
from diyalog.domain.results import Marked, Said, StaffEvent, StaffHead, Verdict
from diyalog.domain.wait import Party, Wait
from diyalog.realtime.admission import Streams
from diyalog.realtime.desk import DeskContext, DeskStream
from diyalog.realtime.desks import Desks
from diyalog.realtime.presence import Presence
from diyalog.realtime.upkeep import Upkeep
from diyalog.server.sockets import Handshake
from diyalog.storage.conversations import DatabaseConversations
from diyalog.usecases.access import AccessPolicy, token_digest
from diyalog.usecases.changes import Changes
from diyalog.usecases.conversing import Conversing
from diyalog.usecases.staff_access import StaffAccess
from diyalog.usecases.staff_following import StaffFollowing
from kit import stores

from .world import DAY_MS, LIMIT_S, HeldStore, RecordingSocket, World

SELIN = "31007"


class HeldConversations(DatabaseConversations):
    """The real conversations; what streams of desks read and write can be held and made to fail, as in HeldStore."""

    def __init__(self, store: HeldStore) -> None:
        super().__init__(store._writer, store._read, store._sealer)
        self._store = store

    async def staff_heads(self, staff: Sequence[StaffRef]) -> dict[StaffRef, StaffHead]:
        await self._store._come_to("staff_heads", tuple(staff))
        heads = await super().staff_heads(staff)
        await self._store._reach("staff_heads.after")
        return heads

    async def staff_events(self, staff: StaffRef, after: int) -> Sequence[StaffEvent]:
        await self._store._come_to("staff_events", (staff, after))
        events = await super().staff_events(staff, after)
        await self._store._reach("staff_events.after")
        return events

    async def live(self, staff: StaffRef) -> Sequence[int]:
        await self._store._come_to("live", staff)
        rows = await super().live(staff)
        await self._store._reach("live.after")
        return rows

    async def staff_present(self, staff: StaffRef, *, connected: bool) -> None:
        await self._store._come_to("staff_present", (staff, connected))
        await super().staff_present(staff, connected=connected)
        await self._store._reach("staff_present.after")


class StaffStore:
    """What the staff's use cases need of the store."""

    def __init__(self, store: HeldStore) -> None:
        self._store = store
        self.conversations = HeldConversations(store)

    async def epoch(self) -> str:
        return await self._store.epoch()


class Nobody:
    """A bus without other nodes."""

    @property
    def connected(self) -> bool:
        return True

    async def start(self) -> None:
        """Nobody is there."""

    async def stop(self) -> None:
        """Nobody was there."""

    def wake(self, node: NodeId, rows: Sequence[int]) -> None:
        raise AssertionError(f"{node} does not exist, and is told of {rows}")


class DeskWorld(World):
    """A node with agents. `open_for_business` once the store is started."""

    def __init__(self, directory: Path, *, messages: int = 600) -> None:
        super().__init__(directory)
        self.numbers = 0
        self.expected_failures: list[BaseException] = []
        self._messages = messages

    def open_for_business(self) -> None:
        """Put the part of the staff together; it needs a store that is started."""
        store = self.staff_store = StaffStore(self.store)
        changes = Changes()
        changes.subscribe(self.hub)
        self.desks = Desks(self.notes, self.ticks)
        changes.subscribe(self.desks)
        changes.subscribe_messages(self.hub)
        changes.subscribe_messages(self.desks)
        self.conversing = Conversing(
            store.conversations,
            self.store,
            changes=changes,
            bus=Nobody(),
            commands=self.commands,
            agent_lost_ms=300_000,
            on_unreadable=stores.nothing_is_damaged,
        )
        policy = AccessPolicy(open_access=True, token_lifetime_ms=DAY_MS, hash_lifetime_ms=300_000, keep_ms=30 * DAY_MS)
        access = StaffAccess(self.store, None, self.ticks, policy)
        self.staff_following = StaffFollowing(store, self.conversing, access, NodeId("node-1"))
        self.desk_presence = Presence(self.staff_following, self.notes, self.desks.start)
        self.desk_upkeep = Upkeep(self.desks, self.staff_following, self.desk_presence, self.notes)
        context = DeskContext(
            self.desks,
            self.staff_following,
            self.desk_presence,
            self.notes,
            self.ticks,
            self.ticks,
            self._messages,
            lambda: None,
            self.streams._context.marking,
        )
        self.streams = Streams(self.streams._context, ["https://bank.example"], lambda: self.draining, desks=context)

    async def agent(self, user_id: str = SELIN, name: str = "Selin Aksoy") -> StaffRef:
        """Let a member of the staff in, under the token `desk of <user id>`."""
        record = await self.store.sign_in_staff(user_id, name, token_digest(f"desk of {user_id}"))
        return record.staff

    async def talk(self, staff: StaffRef, number: str = "1") -> Wait:
        """A customer asks for help, and this agent takes them: one event of the agent's stream."""
        wait = await self.ask(await self.customer(number), number)
        taken = await self.conversing.accept(staff, session_id=wait.session_id)
        assert taken.verdict is Verdict.WON
        assert taken.wait is not None
        return taken.wait

    def _message(self, wait: Wait, text: str, staff: StaffRef | None) -> Say:
        self.numbers += 1
        customer = wait.customer if staff is None else None
        return Say(wait.session_id, f"m-{self.numbers}", text, customer=customer, staff=staff)

    async def say(self, wait: Wait, text: str, staff: StaffRef | None = None) -> None:
        """One side writes, the customer unless it is the agent; told on this node."""
        assert (await self.conversing.say(self._message(wait, text, staff))).verdict is Verdict.WON

    async def commit_message(self, wait: Wait, text: str, staff: StaffRef | None = None) -> Said:
        """A message is committed, and nobody on this node has heard of it yet."""
        said = await self.staff_store.conversations.say(self._message(wait, text, staff))
        assert said.verdict is Verdict.WON
        return said

    async def hear_message(self, wait: Wait, text: str, staff: StaffRef | None = None) -> None:
        """A message that another node wrote, and told this one of."""
        said = await self.commit_message(wait, text, staff)
        assert said.wait is not None
        self.hub.changed(said.wait)
        self.desks.changed(said.wait)

    def ended_by_customer(self, wait: Wait) -> EndConversation:
        """The customer's command to end the conversation."""
        return EndConversation(self.commands.new(), wait.session_id, Party.CUSTOMER, customer=wait.customer)

    async def end(self, wait: Wait) -> None:
        """The customer ends the conversation."""
        ended = await self.conversing.end(wait.session_id, Party.CUSTOMER, customer=wait.customer)
        assert ended.verdict is Verdict.WON

    def open_desk(self) -> RecordingSocket:
        """A desk's connection, past its handshake."""
        handshake = Handshake("/v1/staff/events", b"/v1/staff/events", None, "127.0.0.1", secure=False, headers=())
        stream = self.streams.admit(handshake)
        assert isinstance(stream, DeskStream)
        socket = RecordingSocket()
        socket.stream = stream  # type: ignore[assignment]  # of a desk
        stream.opened(socket)
        return socket

    def desk(self, after: int = 0, epoch: str | None = None, *, token: str = f"desk of {SELIN}") -> RecordingSocket:
        """A desk's connection that has said hello."""
        socket = self.open_desk()
        socket.say(type="hello", token=token, after=after, epoch=epoch)
        return socket

    def marked(self, marked: Marked) -> None:
        """Tell the streams, also those of desks."""
        super().marked(marked)
        self.desks.marked(marked)

    async def settle(self) -> None:
        """Return when all work that was begun is done; nothing may be held."""
        await super().settle()
        while self.desks._tasks:
            await self.desks.finish(LIMIT_S)


def numbers(socket: RecordingSocket) -> list[int]:
    return [event["seq"] for event in socket.events]


def texts(socket: RecordingSocket) -> list[str]:
    return [event["data"].get("text", event["data"].get("state")) for event in socket.events]


async def present(office: DeskWorld, staff: StaffRef) -> NodeId | None:
    return (await office.staff_store.conversations.staff_heads([staff]))[staff].node
