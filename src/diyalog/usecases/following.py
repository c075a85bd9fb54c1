"""Following a session's events, from where the customer's app had got to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from diyalog.domain.ids import SessionId
from diyalog.domain.results import Head, StreamEvent
from diyalog.domain.wait import Place, Wait
from diyalog.ports import ConversationStore, TransitionStore, WaitReader
from diyalog.usecases.access import Access
from diyalog.usecases.waiting import Waiting


@dataclass(frozen=True, slots=True)
class Followed:
    """Where a stream goes on. `recovered`: `events` are all that came after what the app had; otherwise the wait
    itself is the truth and `events` is empty.
    """

    wait: Wait
    epoch: str
    recovered: bool
    events: Sequence[StreamEvent]
    place: Place


class FollowingStore(TransitionStore, WaitReader, Protocol):
    """What this use case needs of the store."""

    @property
    def conversations(self) -> ConversationStore:
        """What it can do for conversations."""
        ...


class Delivered(Protocol):
    """Is told how long an outcome took to be acknowledged."""

    def acknowledged(self, seconds: float) -> None:
        """The customer's app acknowledged an outcome `seconds` after it was committed."""
        ...


class Following:
    """Reads streams. Every method raises StoreUnavailableError when the store is away."""

    def __init__(self, store: FollowingStore, waiting: Waiting, access: Access, delivered: Delivered) -> None:
        self._store = store
        self._waiting = waiting
        self._access = access
        self._delivered = delivered

    async def follow(
        self, client_token: str, session_id: str, after: int, epoch: str | None
    ) -> Followed | Literal["token", "session"]:
        """Go on after event `after` of `epoch`; "token" or "session" when that is unknown or somebody else's.

        An absent epoch is legal with `after` 0. A position of another epoch, or one ahead of the stream, cannot be
        recovered from.
        """
        identity = await self._access.identify(client_token)
        if identity is None:
            return "token"
        known = await self._store.wait(SessionId(session_id))
        if known is None or known.customer != identity.customer:
            return "session"
        current = await self._store.epoch()
        wait, events = await self._store.events(known.row, after)
        same = epoch == current or (epoch is None and after == 0)
        recovered = same and after <= wait.seq and len(events) == wait.seq - after
        place = await self._waiting.place(wait)
        return Followed(wait, current, recovered, events if recovered else (), place)

    async def since(self, row: int, after: int) -> tuple[Wait, Sequence[StreamEvent]]:
        """The wait and its events after `after`."""
        return await self._store.events(row, after)

    async def acknowledge(self, row: int, seq: int) -> None:
        """The customer's app received everything up to `seq`."""
        waited_ms = await self._store.acknowledge(row, seq)
        if waited_ms is not None:
            self._delivered.acknowledged(waited_ms / 1000)

    async def acknowledge_end(self, row: int, seq: int) -> None:
        """The customer's app received everything of a conversation up to `seq`, and so that it is over."""
        await self._store.conversations.acknowledge_end(row, seq)

    async def present(self, row: int, connected: bool) -> None:  # noqa: FBT001  the word itself
        """The customer's app is connected to this node, or went away just now."""
        await self._store.present(row, connected=connected)

    async def heads(self, rows: Sequence[int]) -> dict[int, Head]:
        """The head of each of these streams."""
        return await self._store.heads(rows)
