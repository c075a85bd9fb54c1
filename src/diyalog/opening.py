"""Opening what the settings name, for the server and for the commands that work beside it: store, audit trail, bus."""

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from diyalog.bus.memory import MemoryBus
from diyalog.bus.nats import NatsBus
from diyalog.bus.nats_address import nats_address
from diyalog.bus.nats_check import check
from diyalog.bus.postgres import PostgresBus
from diyalog.clock import Clock
from diyalog.domain.ids import NodeId
from diyalog.ports import StoreUnavailableError
from diyalog.ports_bus import Bus, BusJournal, BusUnusableError
from diyalog.settings import Settings
from diyalog.storage.auditing import SqliteAudit, open_audit
from diyalog.storage.connection import SchemaError
from diyalog.storage.postgres_auditing import PostgresAudit
from diyalog.storage.postgres_opening import DatabaseUnusableError, open_postgres_store
from diyalog.storage.sealing import SealBrokenError, Sealer, SecretKeyError, read_secret_key
from diyalog.storage.sqlite import DirectoryInUseError, SqliteStore
from diyalog.storage.store import DatabaseStore

KEY_FILE_NAME: Final = "secret.key"


class OpeningError(Exception):
    """Something cannot be opened; one line that names the setting and says what to do."""


def new_node_id() -> NodeId:
    """A name for this run of this process."""
    return NodeId(secrets.token_hex(4))


async def open_store(settings: Settings, clock: Clock, node: NodeId, *, forward: bool = False) -> DatabaseStore:
    """Open the store, not started: the database server's, or the embedded one, made when it is not there.

    `forward`: bring an older schema of a database server to this version, which else is refused. Raises OpeningError.
    """
    sealer = Sealer(_secret_key(settings, create=settings.secret_key_file is None))
    if settings.database_url is None:
        return _open_embedded(settings, sealer, clock, node)
    try:
        return await open_postgres_store(
            settings.database_url,
            sealer,
            node,
            notify=settings.bus_url is None,
            forward=forward,
            production=settings.production,
        )
    except DatabaseUnusableError as error:
        raise OpeningError(f"DIYALOG_DATABASE_URL: {error}") from None


def _open_embedded(settings: Settings, sealer: Sealer, clock: Clock, node: NodeId) -> SqliteStore:
    directory = settings.data_dir
    try:
        return SqliteStore(directory, sealer, clock, node)
    except (SchemaError, StoreUnavailableError) as error:
        raise OpeningError(f"DIYALOG_DATA_DIR: the database in {directory} cannot be used: {error}") from None


@asynccontextmanager
async def started(store: DatabaseStore) -> AsyncIterator[DatabaseStore]:
    """The store, working; raises OpeningError."""
    try:
        await _start(store)
        yield store
    finally:
        await store.stop()


async def _start(store: DatabaseStore) -> None:
    try:
        await store.start()
    except SealBrokenError:
        raise OpeningError(
            "DIYALOG_SECRET_KEY_FILE: this is not the key that the database was begun with; all nodes share one"
        ) from None
    except StoreUnavailableError as error:
        raise OpeningError(f"DIYALOG_DATABASE_URL: the database went away ({error}); try again") from None


@asynccontextmanager
async def opened_store(settings: Settings, clock: Clock, *, forward: bool = False) -> AsyncIterator[DatabaseStore]:
    """The store, for a command that works beside a running server; raises OpeningError."""
    async with started(await open_store(settings, clock, new_node_id(), forward=forward)) as store:
        yield store


@asynccontextmanager
async def serving_store(settings: Settings, clock: Clock, node: NodeId) -> AsyncIterator[DatabaseStore]:
    """The store, for a server: the only one on an embedded database. Raises OpeningError."""
    store = await open_store(settings, clock, node)
    if isinstance(store, SqliteStore):
        try:
            store.claim_directory()
        except DirectoryInUseError as error:
            raise OpeningError(
                f"DIYALOG_DATA_DIR: another server uses {error}: stop it, name another folder, or let several nodes "
                "share a database server by DIYALOG_DATABASE_URL"
            ) from None
    async with started(store):
        await store.enter(node)
        yield store


def open_server_audit(settings: Settings) -> SqliteAudit | PostgresAudit:
    """The audit trail of the store that a server has opened."""
    key = _secret_key(settings, create=False)
    if settings.database_url is None:
        return SqliteAudit(settings.data_dir, key)
    return PostgresAudit(settings.database_url, key, settings.data_dir)


async def open_existing_audit(settings: Settings, clock: Clock) -> SqliteAudit | PostgresAudit:
    """The audit trail of an existing database, beside a server that may be running; raises OpeningError."""
    key = _secret_key(settings, create=False)
    if settings.database_url is not None:
        store = await open_store(settings, clock, new_node_id())  # checks what is there
        await store.stop()
        return PostgresAudit(settings.database_url, key, settings.data_dir)
    try:
        return open_audit(settings.data_dir, key)
    except (SchemaError, StoreUnavailableError) as error:
        raise OpeningError(f"DIYALOG_DATA_DIR: the database in {settings.data_dir} cannot be used: {error}") from None


async def checked_bus(settings: Settings, node: NodeId) -> Callable[[Callable[[Sequence[int]], None], BusJournal], Bus]:
    """What makes the bus that the settings name, once it is known that it can be used; raises OpeningError."""
    if settings.bus_url is not None:
        try:
            address = nats_address(settings.bus_url)
            await check(address, node)
        except BusUnusableError as error:
            raise OpeningError(str(error)) from None
        return lambda woken, journal: NatsBus(node, woken, address, journal)
    if settings.database_url is not None:
        url = settings.database_url
        return lambda woken, journal: PostgresBus(node, woken, url, journal)
    return lambda woken, journal: MemoryBus(node, woken)


def _secret_key(settings: Settings, *, create: bool) -> bytes:
    directory = settings.data_dir
    try:
        if create:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OpeningError(
            f"DIYALOG_DATA_DIR: {directory} cannot be made ({error.strerror}): name a writable folder"
        ) from None
    key = settings.secret_key_file
    try:
        return read_secret_key(directory / KEY_FILE_NAME if key is None else key, create=create)
    except SecretKeyError as error:
        raise OpeningError(f"DIYALOG_SECRET_KEY_FILE: {error}") from None
