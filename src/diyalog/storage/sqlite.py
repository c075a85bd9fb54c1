"""The embedded store: one SQLite file, one writing thread with group commit, one reading thread."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import apsw
import msgspec

from diyalog.clock import Clock
from diyalog.domain.commands import Activate, EndWait, Idempotency, QueueFailed, QueueTook, StartWait
from diyalog.domain.ids import CustomerRef, InteractionId, NodeId, SessionId
from diyalog.domain.results import (
    Delivery,
    EndResult,
    KeyRecord,
    QueueResult,
    StartResult,
    StreamEvent,
    Tally,
    TokenRecord,
    UnresolvedInteraction,
)
from diyalog.domain.wait import Outcome, Wait
from diyalog.storage import admission, deliveries, endings, lifetimes, starting
from diyalog.storage.connection import migrate, open_connection
from diyalog.storage.reader import Reader
from diyalog.storage.rows import events_of, open_wait
from diyalog.storage.sealing import Sealer
from diyalog.storage.statements import load_statements
from diyalog.storage.transaction import Row, Transaction, each, fetch
from diyalog.storage.writer import Writer

DATABASE_NAME: Final = "diyalog.sqlite3"

_END = endings.end_waits
_START = starting.start_waits
_TOOK = starting.take_answers
_FAILED = each(starting.queue_failed)
_REMEMBER = each(starting.remember_answer)
_ACKNOWLEDGE = each(lifetimes.acknowledge)
_CONNECT = each(lifetimes.connect)
_DISCONNECT = each(lifetimes.disconnect)
_TOUCH = each(lifetimes.touch)
_BEAT = each(lifetimes.beat)
_ENTER = each(lifetimes.enter)
_LEAVE = each(lifetimes.leave)
_FORGET = each(lifetimes.forget)
_CLAIM = each(deliveries.claim)
_FINISH = each(deliveries.finish)
_POSTPONE = each(deliveries.postpone)
_ISSUE = each(admission.issue_hash)
_ACTIVATE = each(admission.activate)
_BAR = each(admission.bar)
_CREATE_KEY = each(admission.create_key)
_REVOKE_KEY = each(admission.revoke_key)


class DirectoryInUseError(Exception):
    """Another server process uses this data directory."""


class SqliteStore:
    """The store in one file of the data directory. Satisfies ports.Store."""

    def __init__(self, directory: Path, sealer: Sealer, clock: Clock, node: NodeId, *, vfs: str = "") -> None:
        """Open and migrate the database, making it when it is not there; `vfs` names SQLite's file layer.

        Raises StoreUnavailableError, SchemaError.
        """
        path = directory / DATABASE_NAME
        self._directory = directory
        self._sealer = sealer
        self._clock = clock
        self._node = node
        self._sql = load_statements("statements.sqlite.sql")
        writing = open_connection(path, vfs=vfs)
        migrate(writing)
        endings.prepare(writing, self._sql)
        self._writing = writing
        self._reading = open_connection(path, read_only=True)
        self._writer = Writer(writing, self._begin)
        self._reader = Reader(self._reading)
        self._lock: int | None = None

    def _begin(self, connection: apsw.Connection) -> Transaction:
        return Transaction(connection, self._sql, self._sealer, self._node, self._clock.now_ms())

    async def start(self) -> None:
        """Start the two threads and make the epoch of a new database."""
        self._writer.start()
        self._reader.start()
        if await self._setting("epoch") is None:
            await self.renew_epoch()

    def claim_directory(self) -> None:
        """Make sure that this is the only server on the data directory; raises DirectoryInUseError."""
        lock = os.open(self._directory / "server.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise DirectoryInUseError(str(self._directory)) from None
        self._lock = lock

    async def stop(self) -> None:
        """Commit what was submitted and close the database."""
        await self._writer.stop()
        await self._reader.stop()
        self._reading.close()
        self._writing.close()  # the last to close: it moves the write-ahead log into the database file
        if self._lock is not None:
            os.close(self._lock)

    # Transitions

    async def end_wait(self, command: EndWait) -> EndResult:
        """End a wait by the one guarded transaction."""
        return await self._writer.submit(_END, command)

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

    async def remember_answer(self, idempotency: Idempotency, status: int, body: bytes) -> None:
        """Keep the answer given to a start."""
        await self._writer.submit(_REMEMBER, (idempotency, status, body))

    async def present(self, row: int, *, connected: bool) -> None:
        """Store that the customer's app connected to this node, or went away."""
        await self._writer.submit(_CONNECT if connected else _DISCONNECT, row)

    async def touch(self, row: int) -> None:
        """Store a sign of life of an app that is not connected."""
        await self._writer.submit(_TOUCH, row)

    # Reads

    async def wait(self, session_id: SessionId) -> Wait | None:
        """The wait of a session."""
        return await self._read_wait("wait_by_session", session=session_id)

    async def current_wait(self, customer: CustomerRef) -> Wait | None:
        """The open wait or live conversation; without one the newest whose end was not acknowledged."""
        live = await self._read_wait("current_wait", customer=customer)
        return live or await self._read_wait("unacknowledged_wait", customer=customer)

    async def events(self, row: int, after: int) -> tuple[Wait, Sequence[StreamEvent]]:
        """The wait and the events of its stream after `after`."""

        fields = (await self._read("wait_by_row", wait=row))[0]
        return open_wait(fields, self._sealer), [event for event in events_of(fields) if event.seq > after]

    async def heads(self, rows: Sequence[int]) -> dict[int, int]:
        """The newest seq of each of these waits' streams."""
        pairs = await self._read_json("read_heads", waits=msgspec.json.encode(rows).decode())
        return dict(pairs)

    async def due(self, limit: int) -> Sequence[tuple[int, bool]]:
        """Open waits whose due time has passed, and whether the time limit itself has."""
        found = await self._read("due_waits", now=self._clock.now_ms(), limit=limit)
        return [(row, bool(limit_passed)) for row, limit_passed in found]

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

        def query(connection: apsw.Connection) -> Tally:
            counts: dict[str, int] = dict(fetch(connection, self._sql["read_tally"]))
            opened, requested = fetch(connection, self._sql["count_open"])[0]
            outbox = fetch(connection, self._sql["count_outbox"])
            pending = [row for row in outbox if not row[1]]
            return Tally(
                created=counts.get("created", 0),
                outcomes={outcome.value: counts.get(outcome, 0) for outcome in Outcome},
                open={"REQUESTED": requested, "WAITING": opened - requested},
                outbox={kind: count for kind, _, count, _ in pending},
                oldest_outbox_at=min((row[3] for row in pending), default=None),
                unresolved=sum(row[2] for row in outbox if row[1]),
            )

        return await self._reader.read(query)

    async def unresolved(self) -> Sequence[UnresolvedInteraction]:
        """CreateInteraction calls whose result stayed unknown."""
        found = await self._read("read_unresolved")
        return [UnresolvedInteraction(SessionId(session), first_at, attempts) for session, first_at, attempts in found]

    # Outbox

    async def claim(self, node: NodeId, limit: int, lease_ms: int) -> Sequence[Delivery]:
        """Take due rows for this node."""
        assert node == self._node, "a store serves one node"
        return await self._writer.submit(_CLAIM, (limit, lease_ms))

    async def deleted(self, delivery: int, attempt: int) -> None:
        """DeleteInteraction is done."""
        await self._writer.submit(_FINISH, (delivery, attempt))

    async def retry_delete(self, delivery: int, attempt: int, retry_at: int) -> None:
        """Try again at `retry_at` (ms since 1970)."""
        await self._writer.submit(_POSTPONE, (delivery, attempt, retry_at))

    # Access

    async def keys(self) -> Sequence[KeyRecord]:
        """All access keys."""
        return await self._reader.read(lambda connection: admission.read_keys(connection, self._sql, self._sealer))

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
        return await self._reader.read(
            lambda connection: admission.read_token(connection, self._sql, self._sealer, token_hash)
        )

    async def bar(self, customer_id: str, *, barred: bool) -> None:
        """Bar a customer, or let them in again."""
        await self._writer.submit(_BAR, (customer_id, barred))

    # Nodes

    async def enter(self, node: NodeId) -> None:
        """This server starts; whatever other processes held is released."""
        await self._writer.submit(_ENTER, node)

    async def heartbeat(self, node: NodeId) -> None:
        """This node lives."""
        await self._writer.submit(_BEAT, node)

    async def leave(self, node: NodeId) -> None:
        """This node stops in good order."""
        await self._writer.submit(_LEAVE, node)

    async def forget(self, keep_ms: int, token_ms: int, limit: int) -> int:
        """Delete what must not be kept longer."""
        return await self._writer.submit(_FORGET, (keep_ms, token_ms, limit))

    # Ways to read

    async def _read(self, statement: str, **values: apsw.SQLiteValue) -> list[Row]:
        return await self._reader.read(lambda connection: fetch(connection, self._sql[statement], **values))

    async def _read_json(self, statement: str, **values: apsw.SQLiteValue) -> Any:  # noqa: ANN401  JSON of our own SQL
        """Read one JSON value: one row costs the reading thread one hand-over of the interpreter, not one a row."""
        rows = await self._read(statement, **values)
        return msgspec.json.decode(rows[0][0])

    async def _read_wait(self, statement: str, **values: apsw.SQLiteValue) -> Wait | None:
        rows = await self._read(statement, **values)
        return open_wait(rows[0], self._sealer) if rows else None

    async def _setting(self, name: str) -> str | None:
        rows = await self._read("read_setting", name=name)
        return rows[0][0] if rows else None


def _write_setting(transaction: Transaction, ask: tuple[str, str]) -> None:
    transaction.run("write_setting", name=ask[0], value=ask[1])


_WRITE_SETTING = each(_write_setting)
