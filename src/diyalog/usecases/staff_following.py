"""Following the events of a member of the staff, from where their desk had got to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from diyalog.domain.ids import NodeId, StaffRef
from diyalog.domain.results import Head, StaffEvent, StaffHead
from diyalog.ports import ConversationStore
from diyalog.usecases.conversing import Conversing, Talk
from diyalog.usecases.staff_access import StaffAccess, StaffIdentity

MOST_RECOVERED: Final = 2000
"""A desk that has missed more events than that gets a snapshot: it is sooner up to date, and they fit into memory."""


@dataclass(frozen=True, slots=True)
class StaffFollowed:
    """Where a desk's stream goes on: its newest event is `seq`.

    `recovered`: `events` are all that came after what the desk had; otherwise it is empty, and `live` is the truth: the
    conversations that are not over, as they stood when or after event `seq` was written.
    """

    seq: int
    epoch: str
    recovered: bool
    events: Sequence[StaffEvent]
    live: Sequence[Talk]


class StaffFollowingStore(Protocol):
    """What this use case needs of the store."""

    @property
    def conversations(self) -> ConversationStore:
        """What it can do for conversations."""
        ...

    async def epoch(self) -> str:
        """The random name of this database's streams."""
        ...


class StaffFollowing:
    """Reads the streams of the staff for desks at this node. Every method raises StoreUnavailableError.

    Rows are those of members of the staff.
    """

    def __init__(self, store: StaffFollowingStore, conversing: Conversing, access: StaffAccess, node: NodeId) -> None:
        self._store = store
        self._conversing = conversing
        self._access = access
        self._node = node

    async def identify(self, staff_token: str) -> StaffIdentity | None:
        """Who shows this token; None when it is unknown or too old."""
        return await self._access.identify(staff_token)

    async def follow(self, staff: StaffRef, after: int, epoch: str | None) -> StaffFollowed:
        """Go on after event `after` of `epoch`, which may be absent with `after` 0.

        What cannot be recovered: a position of another epoch, one ahead of the stream, one before events that are
        forgotten, and one that is more than `MOST_RECOVERED` events old.
        """
        current = await self._store.epoch()
        head = (await self._heads([staff]))[staff].seq
        same = epoch == current or (epoch is None and after == 0)
        events = await self._between(staff, after, head) if same and 0 <= head - after <= MOST_RECOVERED else None
        # After the head: what the snapshot is too old for follows as an event.
        live = await self._conversing.live(staff)
        if events is None:
            return StaffFollowed(head, current, recovered=False, events=(), live=live)
        seq = events[-1].seq if events else after
        return StaffFollowed(seq, current, recovered=True, events=events, live=live)

    async def _between(self, staff: StaffRef, after: int, head: int) -> Sequence[StaffEvent] | None:
        """All events after `after`, at least up to `head`; None when some of them are forgotten."""
        events: list[StaffEvent] = []
        seq = after
        while seq < head:
            page = await self.since(staff, seq)
            if [event.seq for event in page] != list(range(seq + 1, seq + 1 + len(page))) or not page:
                return None
            events += page
            seq = page[-1].seq
        return events

    async def since(self, staff: StaffRef, after: int) -> Sequence[StaffEvent]:
        """The next events after `after`, in order; as many as are read at once."""
        return await self._store.conversations.staff_events(staff, after)

    async def present(self, row: int, connected: bool) -> None:  # noqa: FBT001  the word itself
        """The desk is connected to this node, or went away just now."""
        await self._store.conversations.staff_present(StaffRef(row), connected=connected)

    async def heads(self, rows: Sequence[int]) -> dict[int, Head]:
        """The heads of these streams; `away`: the desk does not count as connected to this node."""
        heads = await self._heads([StaffRef(row) for row in rows])
        return {row: Head(head.seq, away=head.node != self._node) for row, head in heads.items()}

    async def _heads(self, staff: Sequence[StaffRef]) -> dict[StaffRef, StaffHead]:
        return await self._store.conversations.staff_heads(staff)
