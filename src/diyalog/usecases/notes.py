"""Notes of the staff about customers: written on one conversation, read with every other of the same customer."""

from collections.abc import Callable
from typing import Final, Protocol

from diyalog.domain.ids import SessionId, StaffRef
from diyalog.domain.notes import LeaveNote, Note, NoteLeft, NotesRead
from diyalog.ports import WaitReader

MOST: Final = 500
"""Most notes that are shown at once, the newest ones."""


class NoteStore(Protocol):
    """What is needed of the store (storage/notes.py)."""

    async def leave(self, command: LeaveNote) -> NoteLeft:
        """Write a note, once under its writer's id."""
        ...

    async def about(self, row: int, limit: int) -> NotesRead:
        """The newest `limit` notes about the customer of the wait `row`, of all that customer's conversations."""
        ...


class Notes:
    """Leaves and reads notes. Every method raises StoreUnavailableError when the store is away.

    `on_unreadable` is told of a session with whose notes some were found that cannot be opened.
    """

    def __init__(self, store: NoteStore, waits: WaitReader, on_unreadable: Callable[[SessionId], None]) -> None:
        self._store = store
        self._waits = waits
        self._on_unreadable = on_unreadable

    async def leave(self, note: LeaveNote) -> NoteLeft:
        """Write a note on a conversation of the writer's own, also after it is over; see `NoteLeft`."""
        return await self._store.leave(note)

    async def about(self, session_id: SessionId, staff: StaffRef | None) -> tuple[Note, ...] | None:
        """All notes about the customer of a conversation that are still kept, the oldest first, at most `MOST`.

        None when there is no such conversation of `staff`; without `staff`, of anybody.
        """
        wait = await self._waits.wait(session_id)
        if wait is None or wait.conversation is None:
            return None
        if staff is not None and wait.conversation.staff != staff:
            return None
        read = await self._store.about(wait.row, MOST)
        if read.unreadable:
            self._on_unreadable(session_id)
        return read.notes
