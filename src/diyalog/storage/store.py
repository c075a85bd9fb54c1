"""The store over a database: what the use cases may ask, as commands for its writer and named reads."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import msgspec

from diyalog.domain.commands import Activate, EndWait, Idempotency, LeaveOffice, QueueFailed, QueueTook, StartWait
from diyalog.domain.ids import CommandId, CustomerRef, InteractionId, NodeId, SessionId, StaffRef
from diyalog.domain.results import (
    Delivery,
    DueEnds,
    EndResult,
    Head,
    KeyRecord,
    OutOfOffice,
    QueueResult,
    StartResult,
    StreamEvent,
    Tally,
    TokenRecord,
    UnresolvedInteraction,
)
from diyalog.domain.wait import Outcome, Wait
from diyalog.ports import Beat, StaffRecord
from diyalog.storage import admission, deliveries, endings, lifetimes, staffing, starting
from diyalog.storage.conversations import DatabaseConversations
from diyalog.storage.notes import DatabaseNotes
from diyalog.storage.routings import DatabaseRouting
from diyalog.storage.rows import events_of, open_wait
from diyalog.storage.sealing import SealBrokenError, Sealer
from diyalog.storage.transaction import Row, Transaction, Value, each
from diyalog.storage.writing import CommandWriter

_END = endings.end_waits
_END_DUE = each(endings.end_due)
_START = starting.start_waits
_TOOK = starting.take_answers
_FAILED = starting.take_failures
_REMEMBER = each(starting.remember_answer)
_ACKNOWLEDGE = lifetimes.acknowledge
_CONNECT = lifetimes.connect
_DISCONNECT = lifetimes.disconnect
_TOUCH = lifetimes.touch
_BEAT = each(lifetimes.beat)
_ENTER = each(lifetimes.enter)
_LEAVE = each(lifetimes.leave)
_FORGET = each(lifetimes.forget)
_CLAIM = each(deliveries.claim)
_FINISH = each(deliveries.finish, lambda fence: fence[0])
_POSTPONE = each(deliveries.postpone, lambda fence: fence[0])
_ISSUE = each(admission.issue_hash, lambda ask: ask[:2])
_ACTIVATE = each(admission.activate, lambda command: command.customer_id)
_BAR = each(admission.bar)
_SIGN_IN = staffing.sign_in
_TOUCH_STAFF = each(staffing.touch, lambda staff: staff)
_LEAVE_OFFICE = each(staffing.leave_office, lambda command: command.user_id)
_ENTER_OFFICE = each(staffing.enter_office, lambda user_id: user_id)
_CREATE_KEY = each(admission.create_key)
_REVOKE_KEY = each(admission.revoke_key)


class DatabaseStore(ABC):
    """Satisfies ports.Store; how commands are committed and statements read is the database's own matter."""

    _writer: CommandWriter

    def __init__(self, sealer: Sealer, node: NodeId) -> None:
        self._sealer = sealer
        self._node = node

    @property
    def conversations(self) -> DatabaseConversations:
        """What it can do for conversations."""
        return DatabaseConversations(self._writer, self._read, self._sealer)

    @property
    def routing(self) -> DatabaseRouting:
        """What it can do for the built-in queue."""
        return DatabaseRouting(self._writer, self._read)

    @property
    def staff_notes(self) -> DatabaseNotes:
        """What it can do for notes about customers."""
        return DatabaseNotes(self._writer, self._read, self._sealer)

    @abstractmethod
    async def start(self) -> None:
        """Begin to work, and make the epoch of a new database."""

    @abstractmethod
    async def stop(self) -> None:
        """Commit what was submitted and close the database."""

    @abstractmethod
    async def _read(self, statement: str, **values: Value) -> Sequence[Row]:
        """All rows of a named statement, read in a transaction of its own."""

    # Transitions

    async def end_wait(self, command: EndWait) -> EndResult:
        """End a wait by the one guarded transaction."""
        return await self._writer.submit(_END, command)

    async def end_due(self, command: CommandId, limit: int) -> DueEnds:
        """Expire and abandon waits whose due time has passed."""
        return await self._writer.submit(_END_DUE, (command, limit))

    async def start_wait(self, command: StartWait) -> StartResult:
        """Start a wait, replacing an open one."""
        return await self._writer.submit(_START, command)

    async def queue_took(self, command: QueueTook) -> QueueResult:
        """Take in the queue's interaction id."""
        return await self._writer.submit(_TOOK, command)

    async def queue_failed(self, command: QueueFailed) -> QueueResult:
        """Take in that CreateInteraction did not work out."""
        return await self._writer.submit(_FAILED, command)

    async def acknowledge(self, row: int, seq: int) -> int | None:
        """Store that the app received the outcome; ms from outcome to now, None if known before."""
        return await self._writer.submit(_ACKNOWLEDGE, (row, seq))

    async def remember_answer(
        self, idempotency: Idempotency, status: int, body: bytes, told: tuple[int, int] | None = None
    ) -> None:
        """Keep the answer given to a start, and with it that it told how the wait ended."""
        await self._writer.submit(_REMEMBER, (idempotency, status, body, told))

    async def present(self, row: int, *, connected: bool) -> None:
        """Store that the customer's app connected to this node, or went away."""
        await self._writer.submit(_CONNECT if connected else _DISCONNECT, row)

    async def touch(self, row: int) -> None:
        """Store a sign of life of an app that is not connected."""
        await self._writer.submit(_TOUCH, row)

    # Reads

    async def wait(self, session_id: SessionId) -> Wait | None:
        """The wait of a session."""
        wait = await self._read_wait("wait_by_session", session=session_id)
        return None if wait is None else await self.conversations.with_conversation(wait)

    async def repeats(self, idempotency: Idempotency) -> bool:
        """Whether a start with this Idempotency-Key was stored before."""
        return bool(await self._read("know_idempotency", scope=idempotency.scope))

    async def current_wait(self, customer: CustomerRef) -> Wait | None:
        """The open wait or live conversation; without one the newest whose end was not acknowledged."""
        live = await self._read_wait("current_wait", customer=customer)
        wait = live or await self._read_wait("unacknowledged_wait", customer=customer)
        return None if wait is None else await self.conversations.with_conversation(wait)

    async def waits(self, rows: Sequence[int]) -> Sequence[Wait]:
        """The waits of these rows."""
        found = await self._read("waits_by_rows", waits=msgspec.json.encode(rows).decode())
        waits = [open_wait(fields, self._sealer) for fields in found]
        return [await self.conversations.with_conversation(wait) for wait in waits]

    async def events(self, row: int, after: int) -> tuple[Wait, Sequence[StreamEvent]]:
        """The wait and the events of its stream after `after`."""

        fields = (await self._read("wait_by_row", wait=row))[0]
        wait = open_wait(fields, self._sealer)
        events = [event for event in events_of(fields) if event.seq > after]
        if wait.outcome is not Outcome.CONNECTED:
            return wait, events
        wait = await self.conversations.with_conversation(wait)
        return wait, [*events, *await self.conversations.events(wait, after)]

    async def heads(self, rows: Sequence[int]) -> dict[int, Head]:
        """The head of each of these waits' streams."""
        found = await self._read_json("read_heads", waits=msgspec.json.encode(rows).decode())
        return {row: Head(seq, bool(away)) for row, seq, away in found}

    async def line(self) -> Sequence[int]:
        """Rows of all open waits in order of arrival."""
        line: list[int] = await self._read_json("read_line")
        return line

    async def epoch(self) -> str:
        """The random name of this database's streams."""
        epoch = await self._setting("epoch")
        assert epoch is not None, "made at start"
        return epoch

    async def renew_epoch(self) -> str:
        """Give the streams a new name, after which every client takes the snapshot for the truth."""
        epoch = secrets.token_hex(8)
        await self._writer.submit(_WRITE_SETTING, ("epoch", epoch))
        return epoch

    async def tally(self) -> Tally:
        """Counts since the database was made."""
        counts, opened, requested, outbox = await self._read_json("read_tally")
        pending = [row for row in outbox if not row[1]]
        return Tally(
            created=counts.get("created", 0),
            outcomes={outcome.value: counts.get(outcome, 0) for outcome in Outcome},
            open={"REQUESTED": requested, "WAITING": opened - requested},
            outbox={kind: count for kind, _, count, _ in pending},
            oldest_outbox_at=min((row[3] for row in pending), default=None),
            unresolved=sum(row[2] for row in outbox if row[1]),
        )

    async def unresolved(self) -> Sequence[UnresolvedInteraction]:
        """CreateInteraction calls whose result stayed unknown."""
        found = await self._read("read_unresolved")
        return [UnresolvedInteraction(SessionId(session), first_at, attempts) for session, first_at, attempts in found]

    # Outbox

    async def claim(self, node: NodeId, limit: int, lease_ms: int) -> Sequence[Delivery]:
        """Take due rows for this node."""
        assert node == self._node, "a store serves one node"
        return await self._writer.submit(_CLAIM, (secrets.token_hex(8), limit, lease_ms))

    async def deleted(self, delivery: int, attempt: int) -> None:
        """DeleteInteraction is done."""
        await self._writer.submit(_FINISH, (delivery, attempt))

    async def retry_delete(self, delivery: int, attempt: int, retry_at: int) -> None:
        """Try again at `retry_at` (ms since 1970)."""
        await self._writer.submit(_POSTPONE, (delivery, attempt, retry_at))

    # Access

    async def keys(self) -> Sequence[KeyRecord]:
        """All access keys."""
        return admission.keys_of(await self._read("read_keys"), self._sealer)

    async def create_key(self, key_id: str, name: str, secret: str) -> None:
        """Store a new access key."""
        await self._writer.submit(_CREATE_KEY, (key_id, name, secret))

    async def revoke_key(self, key_id: str) -> bool:
        """Revoke an access key; whether there was a live one of that id."""
        return await self._writer.submit(_REVOKE_KEY, key_id)

    async def issue_hash(
        self,
        customer_id: str,
        device_hash: str,
        transaction_hash: str,
        interaction_id: InteractionId | None,
        lifetime_ms: int,
    ) -> bool:
        """Store a transaction hash; False when it is refused."""
        return await self._writer.submit(
            _ISSUE, (customer_id, device_hash, transaction_hash, interaction_id, lifetime_ms)
        )

    async def activate(self, command: Activate) -> TokenRecord | None:
        """Give a customer's app a token."""
        return await self._writer.submit(_ACTIVATE, command)

    async def token(self, token_hash: bytes) -> TokenRecord | None:
        """The client token with this digest."""
        return admission.token_of(await self._read("find_token", digest=token_hash), self._sealer)

    async def bar(self, customer_id: str, *, barred: bool) -> None:
        """Bar a customer, or let them in again."""
        await self._writer.submit(_BAR, (customer_id, barred))

    async def sign_in_staff(self, user_id: str, user_name: str, token_hash: bytes) -> StaffRecord:
        """Store a token for a member of the staff."""
        return await self._writer.submit(_SIGN_IN, (user_id, user_name, token_hash))

    async def staff_token(self, token_hash: bytes) -> StaffRecord | None:
        """The staff token with this digest."""
        return staffing.staff_of(await self._read("find_staff_token", digest=token_hash), self._sealer)

    async def touch_staff(self, staff: StaffRef) -> None:
        """Store a sign of life of a desk."""
        await self._writer.submit(_TOUCH_STAFF, staff)

    async def leave_office(self, command: LeaveOffice) -> bool:
        """A member of the staff is out of office; False if nobody has that user id."""
        return await self._writer.submit(_LEAVE_OFFICE, command)

    async def enter_office(self, user_id: str) -> bool:
        """A member of the staff is in office; False if nobody has that user id."""
        return await self._writer.submit(_ENTER_OFFICE, user_id)

    async def out_of_office(self, user_id: str) -> OutOfOffice | None:
        """Whether a member of the staff is out of office; None if nobody has that user id."""
        lookup = self._sealer.lookup("staff", user_id)
        return staffing.absence_of(await self._read("read_absence", lookup=lookup), lookup, self._sealer)

    # Nodes

    async def enter(self, node: NodeId) -> None:
        """This server starts; whatever other processes held is released."""
        await self._writer.submit(_ENTER, node)

    async def heartbeat(self, node: NodeId) -> Beat:
        """This node lives."""
        return await self._writer.submit(_BEAT, node)

    async def leave(self, node: NodeId) -> None:
        """This node stops in good order."""
        await self._writer.submit(_LEAVE, node)

    async def forget(self, keep_ms: int, token_ms: int, limit: int, text_ms: int | None = None) -> int:
        """Delete what must not be kept longer."""
        kept = keep_ms if text_ms is None else min(text_ms, keep_ms)
        return await self._writer.submit(_FORGET, lifetimes.Keep(keep_ms, kept, token_ms, limit))

    # Ways to read

    async def _read_json(self, statement: str, **values: Value) -> Any:  # noqa: ANN401  JSON of our own SQL
        """Read one JSON value: one row costs a reading thread one hand-over of the interpreter, not one a row."""
        rows = await self._read(statement, **values)
        return msgspec.json.decode(rows[0][0])

    async def _read_wait(self, statement: str, **values: Value) -> Wait | None:
        rows = await self._read(statement, **values)
        return open_wait(rows[0], self._sealer) if rows else None

    async def _setting(self, name: str) -> str | None:
        rows = await self._read("read_setting", name=name)
        return rows[0][0] if rows else None

    async def _make_epoch(self) -> None:
        if await self._setting("epoch") is None:
            await self._writer.submit(_MAKE_SETTING, ("epoch", secrets.token_hex(8)))

    async def _check_key(self) -> None:
        """Raise SealBrokenError unless the secret key is the one that this database was begun with."""
        own = self._sealer.lookup("setting", "secret_key").hex()
        stored = await self._setting("secret_key_digest")
        if stored is None:
            await self._writer.submit(_MAKE_SETTING, ("secret_key_digest", own))
            stored = await self._setting("secret_key_digest")
        if stored != own:
            raise SealBrokenError("secret_key_digest")


async def _write_setting(transaction: Transaction, ask: tuple[str, str]) -> None:
    await transaction.run("write_setting", name=ask[0], value=ask[1])


async def _make_setting(transaction: Transaction, ask: tuple[str, str]) -> None:
    """Write a setting unless another process was first."""
    await transaction.run("make_setting", name=ask[0], value=ask[1])


_WRITE_SETTING = each(_write_setting)
_MAKE_SETTING = each(_make_setting)
