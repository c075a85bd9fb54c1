"""One connection to one NATS server.

nats-py speaks the protocol; when to connect, to whom, and what to do when it breaks is ours. Its own way buffers
without telling, sends credentials in clear to a server that leaves TLS out, pauses without jitter, and may lose the
task that reads. So the steps of it that decide are replaced here; its minor version is pinned.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Final, NoReturn

from nats import errors
from nats.aio.client import PING_PROTO, Client
from nats.aio.msg import Msg
from nats.aio.transport import TcpTransport

from diyalog.bus.nats_address import NatsAddress, NatsServer
from diyalog.bus.standing import SessionEndedError
from diyalog.ports_bus import BusFault

CONNECT_S: Final = 5.0
"""Longest wait until a server has taken us, in seconds."""
ANSWER_S: Final = 4.0
_STEP_S: Final = 3
_NEVER_S: Final = 1_000_000
_CLOSE_S: Final = 1.0
_LINE: Final = 65_536
"""Longest line of the protocol, in bytes: the first one names the whole cluster."""
_MESSAGES: Final = 10_000
"""Most messages that wait for the event loop; what comes more is dropped."""


class NoTlsError(errors.Error):
    """The server does not encrypt."""


class _Transport(TcpTransport):
    def close(self) -> None:
        """Close at once: an orderly end would wait for a server that has stopped reading."""
        if self._io_writer is not None:
            self._io_writer.transport.abort()


class _Client(Client):
    """nats-py's client for one server and one connection; `ended` is called once it is of no use any more."""

    def __init__(self, tls: bool, ended: Callable[[BusFault], None]) -> None:  # noqa: FBT001
        super().__init__()
        self._tls = tls
        self._ended = ended
        self._line: _Transport | None = None

    async def _select_next_server(self) -> None:
        """Connect to the one server, once."""
        server = self._server_pool[0]
        self._transport = self._line = _Transport()  # type: ignore[no-untyped-call]  # half of nats-py is typed
        self._current_server = server
        await self._transport.connect(server.uri, buffer_size=_LINE, connect_timeout=_STEP_S)

    def _connect_command(self) -> bytes:
        """Say who we are, but where TLS is a must only through TLS, which nats-py leaves to what the server says."""
        if self._tls and not self._server_info.get("tls_required"):
            raise NoTlsError
        return super()._connect_command()

    async def _process_err(self, err_msg: str) -> None:
        """The server refuses something."""
        self._end(_refusal(err_msg, BusFault.LOST))

    async def _process_op_err(self, e: Exception) -> None:
        """The connection is lost, or what comes over it is no NATS."""
        self._end(BusFault.BROKEN if isinstance(e, errors.ProtocolError) else BusFault.LOST)

    async def _read_loop(self) -> None:
        """Read until something is wrong, which nats-py logs at most."""
        await super()._read_loop()
        if not self.is_closed:
            self._end(BusFault.BROKEN)

    def _end(self, fault: BusFault) -> None:
        self._ended(fault)
        for pong in self._pongs:  # nobody will answer
            if not pong.done():
                pong.set_exception(errors.ConnectionClosedError())

    async def ping(self) -> None:
        """Wait until the server has seen all that was sent before.

        The library's own ping overtakes what is still to be written, and its wait may swallow a cancellation.
        """
        pong: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._pongs.append(pong)
        await self._send_command(PING_PROTO)
        await self._flush_pending()
        await pong

    async def end(self) -> None:
        """Close without sending what is pending."""
        self._pending = []
        self._pending_data_size = 0
        await self.close()

    def abort(self) -> None:
        """Close the socket, whatever the rest does."""
        if self._line is not None:
            self._line.close()


class NatsConnection:
    """A connection. `ended` is called, perhaps more than once, when it is of no use any more."""

    def __init__(self, address: NatsAddress, ended: Callable[[BusFault], None]) -> None:
        self._address = address
        self._ended = ended
        self._fault: BusFault | None = None
        self._client = _Client(address.tls, self._end)

    async def open(self, server: NatsServer) -> None:
        """Connect to the server. Raises SessionEndedError; `close` is due in every case."""
        address = self._address
        # What the library would log of a server's misbehaviour quotes bytes of the wire, with a traceback.
        logging.getLogger("nats.aio.client").disabled = True
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._client.connect(
                    [f"{'tls' if address.tls else 'nats'}://{server.name}"],
                    name="diyalog",
                    user=address.user,
                    password=address.password,
                    token=address.token,
                    tls=address.context,
                    allow_reconnect=False,
                    connect_timeout=_STEP_S,
                    ping_interval=_NEVER_S,  # `probe` does that
                    error_cb=_ignore,
                )
        except Exception as error:  # noqa: BLE001  a hostile server makes the library raise almost anything
            self._fail(error)
        if not self._client.is_connected:
            raise SessionEndedError(BusFault.BROKEN)

    async def listen(self, subject: str, heard: Callable[[bytes], None]) -> None:
        """Have messages on a subject handed to `heard`, which must not raise. Raises SessionEndedError."""

        async def pass_on(message: Msg) -> None:
            heard(message.data)

        try:
            await self._client.subscribe(
                subject, cb=pass_on, pending_msgs_limit=_MESSAGES, pending_bytes_limit=_MESSAGES * 1000
            )
        except errors.Error as error:
            self._fail(error)
        await self.probe()

    async def publish(self, subject: str, payload: bytes) -> None:
        """Send a message; waits while the server does not read. Raises SessionEndedError."""
        try:
            await self._client.publish(subject, payload)
        except Exception as error:  # noqa: BLE001  as above
            self._fail(error)

    async def probe(self) -> None:
        """Wait until the server has seen all that was sent. Raises SessionEndedError after at most 4 s."""
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._client.ping()
        except Exception as error:  # noqa: BLE001  as above
            self._fail(error)

    def abort(self) -> None:
        """Cut the connection, so that whoever waits for the server goes on. `close` is due all the same."""
        self._client.abort()

    async def close(self) -> None:
        """Close the connection. Never raises."""
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._client.end()
        except Exception:  # noqa: BLE001, S110  the connection is given up; there is nobody to tell
            pass
        finally:
            self._client.abort()

    def _end(self, fault: BusFault) -> None:
        self._fault = self._fault or fault
        self._ended(fault)

    def _fail(self, error: Exception) -> NoReturn:
        """What the server said first tells more than what failed because of it."""
        raise SessionEndedError(self._fault or _fault(error)) from error


async def _ignore(_error: Exception) -> None:
    """Errors come as exceptions, or end the connection."""


def _fault(error: Exception) -> BusFault:
    match error:
        case NoTlsError() | ssl.SSLError():
            return BusFault.TLS
        case TimeoutError():
            return BusFault.SILENT
        case OSError():
            return BusFault.UNREACHABLE
        case _:
            return _refusal(str(error), BusFault.BROKEN)


def _refusal(text: str, otherwise: BusFault) -> BusFault:
    text = text.lower()
    if "authorization" in text or "authentication" in text or "permissions" in text:
        return BusFault.REFUSED
    return BusFault.TLS if "tls required" in text else otherwise
