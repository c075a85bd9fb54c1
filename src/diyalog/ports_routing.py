"""What the built-in queue needs of the store; the adapter in storage satisfies it."""

from collections.abc import Sequence
from typing import Protocol

from diyalog.domain.ids import SessionId, StaffRef
from diyalog.domain.routing import Availability, Offer, Present, Routed, Standing, TakeOffers, TakeTurn


class RoutingStore(Protocol):
    """Who takes offers, and who is offered to whom. Times in ms since 1970. Raises StoreUnavailableError."""

    async def route(self, ask: TakeTurn) -> Routed:
        """Take one turn of the queue, in one transaction; of several nodes one does so at a time."""
        ...

    async def set_availability(self, ask: TakeOffers) -> Availability:
        """Store whether a member of the staff takes offers; whoever goes away has none any more."""
        ...

    async def decline(self, session_id: SessionId, staff: StaffRef) -> bool:
        """A member of the staff lets the wait of a session pass; False if it is not offered to them."""
        ...

    async def is_due(self, now: int, lease_ms: int) -> bool:
        """Whether a turn may have something to do."""
        ...

    async def availability(self, staff: Sequence[StaffRef]) -> dict[StaffRef, Availability]:
        """Whether these members of the staff take offers."""
        ...

    async def offers(self, now: int) -> Sequence[Offer]:
        """The offers that stand, those first that end first."""
        ...

    async def standing(self, after: int, limit: int) -> list[Standing]:
        """The next open waits of the built-in queue after this row, by their rows."""
        ...

    async def presence(self) -> Sequence[Present]:
        """What those can do who have ever said that they take offers."""
        ...

    async def accepted_lately(self, since: int, limit: int) -> Sequence[int]:
        """When the newest conversations began, as far as after `since`, the newest first."""
        ...

    async def anybody_available(self) -> bool:
        """Whether anybody takes offers."""
        ...
