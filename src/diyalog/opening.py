"""Opening the store that the settings name, for the server and for the commands that work beside it."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from diyalog.clock import Clock
from diyalog.domain.ids import NodeId
from diyalog.ports import StoreUnavailableError
from diyalog.settings import Settings
from diyalog.storage.connection import SchemaError
from diyalog.storage.sealing import Sealer, SecretKeyError, read_secret_key
from diyalog.storage.sqlite import SqliteStore

KEY_FILE_NAME: Final = "secret.key"


class OpeningError(Exception):
    """The store cannot be opened; one line that names the setting and says what to do."""


def new_node_id() -> NodeId:
    """A name for this run of this process."""
    return NodeId(secrets.token_hex(4))


def open_store(settings: Settings, clock: Clock, node: NodeId) -> SqliteStore:
    """Open the embedded database in the data directory, making both when they are not there; raises OpeningError."""
    directory = settings.data_dir
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OpeningError(
            f"DIYALOG_DATA_DIR: {directory} cannot be made ({error.strerror}): name a writable folder"
        ) from None
    key = settings.secret_key_file
    try:
        secret = read_secret_key(directory / KEY_FILE_NAME if key is None else key, create=key is None)
    except SecretKeyError as error:
        raise OpeningError(f"DIYALOG_SECRET_KEY_FILE: {error}") from None
    try:
        return SqliteStore(directory, Sealer(secret), clock, node)
    except (SchemaError, StoreUnavailableError) as error:
        raise OpeningError(f"DIYALOG_DATA_DIR: the database in {directory} cannot be used: {error}") from None


@asynccontextmanager
async def opened_store(settings: Settings, clock: Clock) -> AsyncIterator[SqliteStore]:
    """The store, for a command that works beside a running server; raises OpeningError."""
    store = open_store(settings, clock, new_node_id())
    await store.start()
    try:
        yield store
    finally:
        await store.stop()
