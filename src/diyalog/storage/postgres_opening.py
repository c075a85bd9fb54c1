"""Opening a PostgreSQL database for this program, and what is wrong with one that cannot be used, in one line."""

from __future__ import annotations

import socket
import ssl
from typing import Final

import asyncpg

from diyalog.domain.ids import NodeId
from diyalog.storage.connection import SchemaError
from diyalog.storage.postgres import PostgresStore
from diyalog.storage.postgres_address import AddressError, server_names
from diyalog.storage.postgres_connection import Connection, open_postgres
from diyalog.storage.postgres_schema import check_server, set_up
from diyalog.storage.sealing import Sealer

_HOW: Final = "write postgresql://user:password@host:5432/database"
_NO_TLS: Final = "no TLS with {}; check sslmode, sslrootcert and the server's certificate"
_FOREIGN: Final = (
    asyncpg.DuplicateObjectError,
    asyncpg.DuplicateTableError,
    asyncpg.DuplicateFunctionError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedTableError,
    asyncpg.WrongObjectTypeError,
    asyncpg.DatatypeMismatchError,
)


class DatabaseUnusableError(Exception):
    """The database cannot be used; one line, without secrets, that says why and what to do."""


async def open_postgres_store(
    url: str, sealer: Sealer, node: NodeId, *, notify: bool, forward: bool, production: bool
) -> PostgresStore:
    """The store on a database that is brought to this program's schema: an empty one always, an older one if `forward`.

    Raises DatabaseUnusableError.
    """
    connection = await _connected(url)
    try:
        await check_server(connection, production=production)
        await set_up(connection, forward=forward)
    except SchemaError as error:
        raise DatabaseUnusableError(str(error)) from None
    except asyncpg.InsufficientPrivilegeError:
        raise DatabaseUnusableError(
            f"its user may not make tables, or not use them; let it: {await _grants(connection)}"
        ) from None
    except asyncpg.InvalidSchemaNameError:
        raise DatabaseUnusableError("its search_path names no schema that is there; make one, or correct it") from None
    except _FOREIGN:
        raise DatabaseUnusableError("it holds tables of another program; name an empty database") from None
    except TimeoutError:
        raise DatabaseUnusableError(
            "the server does not answer in time, or another command is changing the schema; try again"
        ) from None
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise DatabaseUnusableError(f"the server failed ({type(error).__name__}); look into its log") from None
    finally:
        connection.terminate()
    return PostgresStore(url, sealer, node, notify=notify)


async def _connected(url: str) -> Connection:
    try:
        where = server_names(url)
    except AddressError as error:
        raise DatabaseUnusableError(f"it is not the address of a PostgreSQL server, {error}; {_HOW}") from None
    try:
        return await open_postgres(url)
    except OSError as error:  # ssl.SSLError is one
        raise DatabaseUnusableError(_unreached(error, where)) from None
    except (ValueError, asyncpg.InterfaceError) as error:
        raise DatabaseUnusableError(_misread(error)) from None
    except (asyncpg.PostgresError, asyncpg.InternalClientError) as error:
        raise DatabaseUnusableError(_refused(error, where)) from None


def _misread(error: Exception) -> str:
    """What the driver itself says of a URL; its own words may repeat parts of it."""
    said = str(error).lower()
    if isinstance(error, asyncpg.ClientConfigurationError) and ("ssl" in said or "certificate" in said):
        return "its sslmode and what belongs to it cannot be used; check sslmode, and that sslrootcert names a PEM file"
    return f"it is not the address of a PostgreSQL server; {_HOW}"


def _unreached(error: OSError, where: str) -> str:
    """Why there is no conversation with a server."""
    match error:
        case FileNotFoundError() | PermissionError():
            return "a file that it names cannot be read; check sslrootcert, sslcert and sslkey, or the socket's folder"
        # The bare ConnectionError is the driver's word for a server that does not encrypt.
        case ssl.SSLError():
            return _NO_TLS.format(where)
        case _ if type(error) is ConnectionError:
            return _NO_TLS.format(where)
        case socket.gaierror():
            return f"the name of {where} is not known; check the host"
        case TimeoutError():
            return f"no answer from {where} in time; check host, port and firewall"
        case _:
            return f"nobody answers at {where}; check host and port, and that it runs"


def _refused(error: Exception, where: str) -> str:
    """Why a server does not let us in."""
    match error:
        case asyncpg.InvalidPasswordError() | asyncpg.InvalidAuthorizationSpecificationError():
            return f"{where} refuses the user; check user, password and the server's pg_hba.conf"
        case asyncpg.InvalidCatalogNameError():
            return f"{where} has no such database; make it, or name another"
        case asyncpg.InsufficientPrivilegeError():
            return f"{where} does not let the user into this database; let it: GRANT CONNECT ON DATABASE ... TO ..."
        case asyncpg.TooManyConnectionsError() | asyncpg.CannotConnectNowError():
            return f"{where} takes no connection now ({type(error).__name__}); try again, or raise max_connections"
        case asyncpg.TargetServerAttributeNotMatched():
            return f"none of {where} is what target_session_attrs asks for; check which of them takes writes"
        case _:
            return f"what answers at {where} cannot be used ({type(error).__name__}); check host and port"


async def _grants(connection: Connection) -> str:
    """What the database's owner types so that our user may work."""
    try:
        return str(await connection.fetchval(_GRANTS))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return "GRANT ALL ON SCHEMA public TO ..."


_GRANTS: Final = """
SELECT format(
  'GRANT ALL ON SCHEMA %1$s TO %2$s; GRANT ALL ON ALL TABLES IN SCHEMA %1$s TO %2$s',
  quote_ident(coalesce(current_schema(), 'public')), quote_ident(current_user)
)
"""
