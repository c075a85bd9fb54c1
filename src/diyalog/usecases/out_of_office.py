"""Who of the staff is out of office, and who stands in (enableoutofoffice and its two companions)."""

from collections.abc import Sequence
from typing import Protocol

from diyalog.domain.commands import LeaveOffice
from diyalog.domain.results import OutOfOffice


class OfficeStore(Protocol):
    """What this use case needs of the store. Raises StoreUnavailableError."""

    async def leave_office(self, command: LeaveOffice) -> bool:
        """A member of the staff is out of office from now on; False if nobody has that user id."""
        ...

    async def enter_office(self, user_id: str) -> bool:
        """A member of the staff is in office; False if nobody has that user id."""
        ...

    async def out_of_office(self, user_id: str) -> OutOfOffice | None:
        """Whether a member of the staff is out of office; None if nobody has that user id."""
        ...


class Office:
    """Keeps the out-of-office setting of the staff. Every method raises StoreUnavailableError."""

    def __init__(self, store: OfficeStore) -> None:
        self._store = store

    async def leave(self, user_id: str, message: str, forward_to: Sequence[str]) -> bool:
        """Switch it on, or change what it says; False if nobody has that user id.

        Numbers in `forward_to` are taken in order, each once, without the blanks round them.
        """
        colleagues = dict.fromkeys(name.strip() for name in forward_to if name.strip())
        return await self._store.leave_office(LeaveOffice(user_id, message, tuple(colleagues)))

    async def enter(self, user_id: str) -> bool:
        """Switch it off, also when it is; False if nobody has that user id."""
        return await self._store.enter_office(user_id)

    async def look(self, user_id: str) -> OutOfOffice | None:
        """Whether it is on, and what was said last; None if nobody has that user id."""
        return await self._store.out_of_office(user_id)
