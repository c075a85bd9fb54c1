"""Notes: what one member of the staff leaves for whoever talks with the customer next. Customers never see them."""

from typing import NamedTuple

from diyalog.domain.ids import SessionId, StaffRef
from diyalog.domain.results import Verdict


class LeaveNote(NamedTuple):
    """Write a note on a conversation of the writer's own, which may be over.

    `note_id` is the writer's own: the same one again is the same note.
    """

    session_id: SessionId
    note_id: str
    text: str
    staff: StaffRef


class Note(NamedTuple):
    """A note on the conversation of a session: who wrote it, and when (ms since 1970)."""

    session_id: SessionId
    note_id: str
    author: str
    at: int
    text: str


class NoteLeft(NamedTuple):
    """How an attempt to write a note went.

    `verdict`: WON (stored `at`; `replayed` if it was there before), MISMATCH (the id was used for another text) or
    UNKNOWN (no such conversation of theirs).
    """

    verdict: Verdict
    at: int | None = None
    replayed: bool = False


class NotesRead(NamedTuple):
    """Notes about a customer, the oldest first. `unreadable`: how many are stored that cannot be opened."""

    notes: tuple[Note, ...]
    unreadable: int
