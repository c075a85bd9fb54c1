"""A store of its own for a test, and the commands most tests need."""

import hashlib
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from diyalog.domain.commands import AcceptWait, Activate, Caller, EndWait, Idempotency, Request, StartWait
from diyalog.domain.ids import (
    AccessKeyId,
    CommandId,
    CustomerRef,
    InteractionId,
    NodeId,
    SessionId,
    StaffRef,
    session_id,
)
from diyalog.domain.results import EndResult, StartResult, Verdict
from diyalog.domain.transitions import Event
from diyalog.domain.wait import HelpType, Wait
from diyalog.storage.postgres import PostgresStore
from diyalog.storage.postgres_connection import open_postgres
from diyalog.storage.postgres_schema import set_up
from diyalog.storage.sealing import Sealer
from diyalog.storage.sqlite import SqliteStore
from diyalog.storage.staffing import staff_member
from diyalog.storage.store import DatabaseStore
from diyalog.storage.transaction import Transaction, each
from kit.clock import SettableClock
from kit.postgres import PostgresServer

NODE = NodeId("node-a")
CALLER = Caller(AccessKeyId("KEY"), "31007")
LIMIT_MS = 1_800_000
ABANDON_MS = 300_000
QUEUE_TIMEOUT_MS = 10_000
_numbers = itertools.count(1)


@asynccontextmanager
async def sqlite_store(folder: Path, clock: SettableClock, node: NodeId = NODE) -> AsyncIterator[SqliteStore]:
    """The embedded store on a fresh or existing file in `folder`."""
    store = SqliteStore(folder, Sealer(b"k" * 32), clock, node)
    await store.start()
    try:
        yield store
    finally:
        await store.stop()


class DatabaseClock(SettableClock):
    """The time of day of one PostgreSQL database, whose own clock is replaced by one that stands still until set."""

    def __init__(self, server: PostgresServer, url: str) -> None:
        self._server = server
        self._url = url
        self._file = server.folder / f"clock-{urlsplit(url).path[1:]}"
        super().__init__()

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "at":
            beside = self._file.with_suffix(".new")
            beside.write_text(str(value), encoding="ascii")
            beside.replace(self._file)

    def rule(self) -> None:
        """Let the database tell this time; its tables must be there."""
        self._server.execute(
            "CREATE OR REPLACE FUNCTION now_ms() RETURNS bigint LANGUAGE sql VOLATILE AS "
            f"$$ SELECT pg_read_file('{self._file}')::bigint $$",
            urlsplit(self._url).path[1:],
        )


@asynccontextmanager
async def postgres_store(
    url: str, node: NodeId = NODE, clock: DatabaseClock | None = None
) -> AsyncIterator[PostgresStore]:
    """The store on a fresh or existing database."""
    connection = await open_postgres(url)
    try:
        await set_up(connection, forward=True)
    finally:
        await connection.close()
    if clock is not None:
        clock.rule()
    store = PostgresStore(url, Sealer(b"k" * 32), node, notify=True)
    await store.start()
    try:
        yield store
    finally:
        await store.stop()


def command_id() -> CommandId:
    return CommandId(f"test-{next(_numbers)}")


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


async def customer(store: DatabaseStore, customer_id: str) -> CustomerRef:
    record = await store.activate(Activate(customer_id=customer_id, profile={}, token_hash=os.urandom(32)))
    assert record is not None
    return record.customer


def start(
    who: CustomerRef,
    clock: SettableClock,
    *,
    builtin: bool = False,
    token: bytes | None = None,
    idempotency: Idempotency | None = None,
    attached: tuple[tuple[str, str], ...] = (),
) -> StartWait:
    return StartWait(
        command=command_id(),
        session_id=session_id(clock.at, os.urandom(10)),
        customer=who,
        help_type=HelpType.CHAT,
        request=Request("880214", "10000000146", attached),
        builtin=builtin,
        limit_ms=LIMIT_MS,
        abandon_ms=ABANDON_MS,
        queue_timeout_ms=QUEUE_TIMEOUT_MS,
        token=token,
        idempotency=idempotency,
    )


async def started(
    store: DatabaseStore, who: CustomerRef, clock: SettableClock, *, builtin: bool = False
) -> StartResult:
    result = await store.start_wait(start(who, clock, builtin=builtin))
    assert result.wait is not None
    return result


async def waiting(store: DatabaseStore, who: CustomerRef, clock: SettableClock) -> Wait:
    """A wait in the built-in queue."""
    wait = (await started(store, who, clock, builtin=True)).wait
    assert wait is not None
    return wait


async def not_delivered(
    store: DatabaseStore,
    *,
    interaction: str | None = None,
    session: str | None = None,
    message: str | None = "Nobody is free.",
    idempotency: Idempotency | None = None,
    may_hold: bool = False,
) -> EndResult:
    return await store.end_wait(
        EndWait(
            command_id(),
            Event.NOT_DELIVERED,
            interaction_id=None if interaction is None else InteractionId(interaction),
            session_id=None if session is None else SessionId(session),
            message=message,
            caller=CALLER,
            idempotency=idempotency,
            may_hold=may_hold,
        )
    )


async def due(store: DatabaseStore, limit: int = 10) -> list[tuple[int, bool]]:
    """Open waits whose due time has passed: (row, whether the time limit itself has)."""
    now = store._clock.now_ms() if isinstance(store, SqliteStore) else None
    return [(row, bool(limit_passed)) for row, limit_passed in await store._read("due_waits", now=now, limit=limit)]


async def end(store: DatabaseStore, event: Event, row: int, *, told: bool = False) -> EndResult:
    return await store.end_wait(EndWait(command_id(), event, row=row, told=told))


async def _written(transaction: Transaction, who: tuple[str, str]) -> StaffRef:
    return await staff_member(transaction, *who)


_STAFF = each(_written)


async def agent(store: DatabaseStore, user_id: str = "31007", name: str = "Selin Aksoy") -> StaffRef:
    """A member of the staff."""
    return await store._writer.submit(_STAFF, (user_id, name))


async def accepted(store: DatabaseStore, wait: Wait, who: StaffRef) -> Wait:
    """The wait, taken by this agent."""
    result = await store.conversations.accept(AcceptWait(command_id(), who, session_id=wait.session_id))
    assert result.verdict is Verdict.WON
    assert result.wait is not None
    return result.wait


def nothing_is_damaged(session_id: SessionId) -> None:
    """Who is told of what cannot be opened, where everything can."""
    raise AssertionError(session_id)
