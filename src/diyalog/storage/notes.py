"""The store's part for notes: sealed texts, one under each id of its writer, kept as long as messages are."""

from collections.abc import Sequence
from typing import Final

import msgspec

from diyalog.domain.ids import SessionId, StaffRef
from diyalog.domain.notes import LeaveNote, Note, NoteLeft, NotesRead
from diyalog.domain.results import Verdict
from diyalog.storage.conversations import Read
from diyalog.storage.rows import staff_place
from diyalog.storage.sealing import SealBrokenError, Sealer
from diyalog.storage.transaction import Row, Transaction
from diyalog.storage.writing import CommandWriter


async def leave_notes(transaction: Transaction, commands: Sequence[LeaveNote]) -> list[NoteLeft]:
    """Write notes, each once under its writer's id; one result for each command, in order."""
    rows = [await _own_wait(transaction, command) for command in commands]
    await transaction.hold_conversations([row for row in rows if row is not None], [])
    return [await _leave(transaction, command, row) for command, row in zip(commands, rows, strict=True)]


async def _leave(transaction: Transaction, command: LeaveNote, row: int | None) -> NoteLeft:
    talk = None if row is None else await transaction.row("conversation_of_wait", wait=row)
    if row is None or talk is None or talk[0] != command.staff:
        return NoteLeft(Verdict.UNKNOWN)
    place = note_place(command.session_id, command.staff, command.note_id)
    found = await transaction.row("find_note", wait=row, staff=command.staff, note_id=command.note_id)
    if found is not None:
        at, sealed = found
        same = transaction.sealer.open(place, sealed) == command.text
        return NoteLeft(Verdict.WON, at, replayed=True) if same else NoteLeft(Verdict.MISMATCH)
    sealed = transaction.sealer.seal(place, command.text)
    await transaction.run("write_note", wait=row, staff=command.staff, note_id=command.note_id, text=sealed)
    return NoteLeft(Verdict.WON, transaction.now)


async def _own_wait(transaction: Transaction, command: LeaveNote) -> int | None:
    found = await transaction.row("session_wait", session=command.session_id)
    return None if found is None else found[0]


async def forget_notes(transaction: Transaction, wait: int) -> None:
    """Forget the notes on a conversation that is forgotten itself."""
    await transaction.run("forget_notes", wait=wait)


async def forget_old_notes(transaction: Transaction, before: int, limit: int) -> int:
    """Forget notes that were written up to `before`, on conversations that ended up to then; how many went."""
    return await transaction.changed("forget_old_notes", before=before, limit=limit)


def note_place(session_id: str, staff: StaffRef, note_id: str) -> str:
    """Where the text of a note is sealed for."""
    return f"note.text:{session_id}:{staff}:{note_id}"


_LEAVE: Final = leave_notes


class DatabaseNotes:
    """Satisfies ports_notes.NoteStore."""

    def __init__(self, writer: CommandWriter, read: Read, sealer: Sealer) -> None:
        self._writer = writer
        self._read = read
        self._sealer = sealer

    async def leave(self, command: LeaveNote) -> NoteLeft:
        """Write a note, once under its writer's id."""
        return await self._writer.submit(_LEAVE, command)

    async def about(self, row: int, limit: int) -> NotesRead:
        """The newest notes about the customer of a wait, the oldest of them first; one that is damaged is counted."""
        found = await self._read("notes_about", wait=row, limit=limit)
        opened = [self._opened(one) for one in found]
        notes = tuple(note for note in reversed(opened) if note is not None)
        return NotesRead(notes, len(opened) - len(notes))

    def _opened(self, row: Row) -> Note | None:
        session, staff, lookup, profile, note_id, at, sealed = row
        try:
            text = self._sealer.open(note_place(session, StaffRef(staff), note_id), sealed)
            author = msgspec.json.decode(self._sealer.open(staff_place(lookup), profile), type=dict[str, str])
        except (SealBrokenError, msgspec.MsgspecError):
            return None
        return Note(SessionId(session), note_id, author["userName"], at, text)
