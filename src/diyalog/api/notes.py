"""Notes of the staff about customers over HTTP; nothing of them is ever told to a customer's app."""

from typing import Final

import msgspec
from msgspec import Struct

from diyalog.api.client import session_of
from diyalog.api.conversations import ConversationPolicy, read_by
from diyalog.api.exchange import JSON, Answer, Exchange
from diyalog.api.messages import NO_STORE, read_message
from diyalog.api.problems import RefusedError
from diyalog.api.staff_gate import StaffGate
from diyalog.domain.notes import LeaveNote
from diyalog.domain.results import Verdict
from diyalog.protocol.times import rfc3339
from diyalog.usecases.notes import Notes

_encode: Final = msgspec.json.Encoder().encode


class NoteObject(Struct, rename="camel"):
    """A note as desks see it; `author` is the name of who wrote it, `conversationId` what it was written on."""

    id: str
    author: str
    at: str
    text: str
    conversation_id: str


class _Notes(Struct):
    notes: list[NoteObject]


class _NoteStored(Struct):
    id: str
    at: str


class StaffNotes:
    """`/v1/staff/conversations/{conversationId}/notes`. Every method raises RefusedError.

    Limits are those of messages, counted apart from them.
    """

    def __init__(self, notes: Notes, gate: StaffGate, policy: ConversationPolicy) -> None:
        self._notes = notes
        self._gate = gate
        self._policy = policy

    async def read(self, exchange: Exchange) -> Answer:
        """All notes about the customer of a conversation."""
        identity = await self._gate.identify(exchange)
        found = await self._notes.about(session_of(exchange), read_by(identity))
        if found is None:
            raise RefusedError("SESSION_NOT_FOUND")
        told = [NoteObject(one.note_id, one.author, rfc3339(one.at), one.text, one.session_id) for one in found]
        return Answer(200, JSON, _encode(_Notes(told)), NO_STORE)

    async def leave(self, exchange: Exchange) -> Answer:
        """Write a note, also when the conversation is over; the same id again is the same note."""
        identity = await self._gate.identify(exchange)
        session = exchange.session_id = session_of(exchange)
        note = await read_message(exchange, self._policy.content)
        key = ("note", identity.staff, session)
        seconds = self._policy.messages.take(key)
        if seconds:
            raise RefusedError("TOO_MANY_REQUESTS", retry_after=seconds)
        left = await self._notes.leave(LeaveNote(session, note.message_id, note.text, identity.staff))
        if left.replayed:
            self._policy.messages.give_back(key)
        if left.verdict is Verdict.MISMATCH:
            raise RefusedError("MESSAGE_ID_REUSED")
        if left.at is None:
            raise RefusedError("SESSION_NOT_FOUND")
        return Answer(201, JSON, _encode(_NoteStored(note.message_id, rfc3339(left.at))), NO_STORE)
