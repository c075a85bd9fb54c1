"""The store's part for the built-in queue: its commands, and its reads."""

from collections.abc import Sequence
from typing import Final

import msgspec

from diyalog.domain.ids import SessionId, StaffRef
from diyalog.domain.routing import Availability, Offer, Present, Routed, Standing, TakeOffers, TakeTurn
from diyalog.storage import routing
from diyalog.storage.conversations import Read
from diyalog.storage.transaction import each
from diyalog.storage.writing import CommandWriter

_ROUTE: Final = each(routing.route)
_AVAILABILITY: Final = each(routing.set_availability, lambda ask: ask.staff)
_DECLINE: Final = each(routing.decline, lambda ask: ask[1])
_decode_times: Final = msgspec.json.Decoder(list[int]).decode


class DatabaseRouting:
    """Satisfies ports.RoutingStore."""

    def __init__(self, writer: CommandWriter, read: Read) -> None:
        self._writer = writer
        self._read = read

    async def route(self, ask: TakeTurn) -> Routed:
        """Take one turn."""
        return await self._writer.submit(_ROUTE, ask)

    async def set_availability(self, ask: TakeOffers) -> Availability:
        """Store whether a member of the staff takes offers."""
        return await self._writer.submit(_AVAILABILITY, ask)

    async def decline(self, session_id: SessionId, staff: StaffRef) -> bool:
        """A member of the staff lets a wait pass."""
        return await self._writer.submit(_DECLINE, (session_id, staff))

    async def is_due(self, now: int, lease_ms: int) -> bool:
        """Whether a turn may have something to do."""
        [(due,)] = await self._read("routing_is_due", now=now, lapsed_before=now - lease_ms)
        return bool(due)

    async def availability(self, staff: Sequence[StaffRef]) -> dict[StaffRef, Availability]:
        """Whether these members of the staff take offers."""
        found = await self._read("read_availability", staff=msgspec.json.encode(staff).decode())
        return dict(map(routing.availability_of, found))

    async def offers(self, now: int) -> Sequence[Offer]:
        """The offers that stand, those first that end first."""
        found = await self._read("read_offers", now=now)
        return [Offer(row, StaffRef(staff), offered_at, expires_at) for row, staff, offered_at, expires_at in found]

    async def standing(self, after: int, limit: int) -> list[Standing]:
        """The next open waits of the built-in queue after this row, by their rows."""
        return [routing.standing_of(row) for row in await self._read("standing_waits", after=after, limit=limit)]

    async def presence(self) -> Sequence[Present]:
        """What those can do who have ever said that they take offers."""
        return [routing.present_of(row) for row in await self._read("staff_presence")]

    async def accepted_lately(self, since: int, limit: int) -> Sequence[int]:
        """When the newest conversations began after `since`, the newest first (ms since 1970)."""
        [(times,)] = await self._read("accepted_lately", since=since, limit=limit)
        return _decode_times(times)

    async def anybody_available(self) -> bool:
        """Whether anybody takes offers."""
        [(anybody,)] = await self._read("anybody_available")
        return bool(anybody)
