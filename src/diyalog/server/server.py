"""The server: uvicorn with this package's protocols, a drain of its own and one periodic task."""

import asyncio
import contextlib
import random
import signal
import socket
import time
from collections.abc import Callable, Generator
from typing import Any, Final

import uvicorn

from diyalog.server.collector import Collector
from diyalog.server.exchange import AsgiApplication
from diyalog.server.http_protocol import HttpProtocol
from diyalog.server.options import ServerOptions
from diyalog.server.state import SharedState, log_error
from diyalog.server.sweep import Sweep
from diyalog.server.websocket import WebSocketProtocol

GOING_AWAY: Final = 1012
TICK_SECONDS: Final = 1.0
DRAIN_STEP_SECONDS: Final = 0.02
LAST_CLOSE_SECONDS: Final = 2.0
ON_THE_WAY_SECONDS: Final = 0.3
"""How long a connection without a request is kept when nobody is let in any more: one may be on its way, and a client
that is cut then cannot know whether it was carried out."""


class StartError(Exception):
    """The server can't start: the application's start-up failed or the address can't be had."""


class Server(uvicorn.Server):
    """Serves an ASGI application and the WebSocket application its lifespan state holds under "sockets".

    `on_ready` is told the address when connections are accepted. `on_draining` is called first of all when the
    server is asked to stop, to turn readiness off. `on_error` is told every exception the application let through.
    `clock` gives monotonic seconds, as the event loop's does.

    Stopping (SIGTERM, SIGINT or `stop`, the second one changes nothing): readiness off; new WebSockets refused, new
    requests answered with `Connection: close`; WebSockets closed with 1012, spread over the drain time; then no new
    connections, requests in flight or on their way finished; the lifespan's shutdown; `run` returns.
    """

    server_state: SharedState

    def __init__(
        self,
        application: AsgiApplication,
        options: ServerOptions,
        *,
        on_ready: Callable[[str], None] = lambda _address: None,
        on_draining: Callable[[], None] = lambda: None,
        on_error: Callable[[BaseException], None] = log_error,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                host=options.host,
                port=options.port,
                loop="uvloop",
                http=HttpProtocol,
                ws=WebSocketProtocol,
                lifespan="on",
                interface="asgi3",
                log_config=None,
                log_level="warning",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=options.backlog,
                ssl_certfile=options.tls_cert,
                ssl_keyfile=options.tls_key,
            )
        )
        self.options = options
        self.server_state = SharedState(options, clock, on_error)
        self.sweep = Sweep(self.server_state)
        self._collector = Collector()
        self._on_ready = on_ready
        self._on_draining = on_draining
        self._stopping = asyncio.Event()
        self._housekeeping: asyncio.Task[None] | None = None

    @property
    def draining(self) -> bool:
        """True from the first request to stop."""
        return self.server_state.draining

    def stop(self) -> None:
        """Begin the drain; call it in the event loop's thread."""
        if not self.server_state.draining:
            self.server_state.draining = True
            self._on_draining()
            self._stopping.set()

    # -- uvicorn's steps, in their order

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Stop at the first signal and, unlike uvicorn, don't raise it again at the end.

        Once stopped, the process ignores these signals for good: one that comes while it ends must not turn its
        exit code from 0 into another. (`loop.add_signal_handler` would leave such a gap when it is undone.)
        """
        if not self.options.handle_signals:
            yield
            return
        loop = asyncio.get_running_loop()
        before = {
            number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(self.stop))
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_IGN if self.draining else handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then listen. Raises StartError."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._unhandled)
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            raise StartError("the application did not start")
        self.server_state.refresh_date(time.time())
        try:
            server = await loop.create_server(
                lambda: HttpProtocol(self.config, self.server_state, self.lifespan.state),
                host=self.options.host,
                port=self.options.port,
                ssl=self.config.ssl,
                ssl_handshake_timeout=self.options.head_seconds if self.config.ssl else None,
                backlog=self.options.backlog,
                reuse_port=self.options.shared_port or None,
            )
        except OSError as error:
            await self.lifespan.shutdown()
            address = f"{self.options.host}:{self.options.port}"
            raise StartError(f"can't listen on {address}: {error.strerror or error}") from error
        self.servers = [server]
        self._collector.started()
        self._housekeeping = asyncio.create_task(self._keep_house())
        self.started = True
        self._on_ready(self._address(server.sockets[0].getsockname()[1]))

    async def main_loop(self) -> None:
        """Serve until asked to stop."""
        await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then end the application."""
        shared = self.server_state
        await self._close_sockets()
        for server in self.servers:
            server.close()
        await shared.wait_until(lambda: not shared.connections, ON_THE_WAY_SECONDS)
        shared.finishing = True
        await self._finish_requests()
        if self._housekeeping is not None:
            self._housekeeping.cancel()
        await self.lifespan.shutdown()

    # -- the drain

    async def _close_sockets(self) -> None:
        shared, spread = self.server_state, self.options.drain_seconds
        waiting = list(shared.sockets)
        random.shuffle(waiting)
        began = shared.clock()
        for index, waiter in enumerate(waiting):
            pause = began + spread * index / len(waiting) - shared.clock()
            if pause > DRAIN_STEP_SECONDS:
                await shared.wait_until(lambda: not shared.sockets, pause)
            if not shared.sockets:
                return
            waiter.close(GOING_AWAY, f"{self._reconnect_after(began):.2f}")
        if not await shared.wait_until(lambda: not shared.sockets, LAST_CLOSE_SECONDS):
            for waiter in list(shared.sockets):
                waiter.abort()

    def _reconnect_after(self, began: float) -> float:
        """Pace the customers' return: other nodes are there now, this one only when its drain is over.

        The spread of the closings paces them in the first case, the jitter in the second.
        """
        if self.options.other_nodes:
            return random.uniform(0.0, 1.0)  # noqa: S311 - jitter, no secret
        left = began + self.options.drain_seconds - self.server_state.clock()
        return max(left, 0.0) + random.uniform(0.5, 1.0 + self.options.drain_seconds / 5)  # noqa: S311

    async def _finish_requests(self) -> None:
        shared = self.server_state
        for connection in list(shared.connections):
            connection.shutdown()
        if not await shared.wait_until(lambda: not shared.connections, self.options.finish_seconds):
            for task in list(shared.tasks):
                task.cancel()
            for connection in list(shared.connections):
                connection.transport.abort()
        if shared.tasks:  # their connections are gone, or they were cancelled
            await asyncio.wait(shared.tasks, timeout=self.options.finish_seconds)

    # -- in the background

    async def _keep_house(self) -> None:
        while True:
            self.server_state.refresh_date(time.time())
            await self.sweep.once()
            self._collector.tick(len(self.server_state.sockets))
            await asyncio.sleep(TICK_SECONDS)

    def _unhandled(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Report what asyncio would log with the texts of exceptions, which may hold request data."""
        error = context.get("exception")
        self.server_state.on_error(error if isinstance(error, BaseException) else RuntimeError(context["message"]))

    def _address(self, port: int) -> str:
        host = f"[{self.options.host}]" if ":" in self.options.host else self.options.host
        return f"{'https' if self.config.is_ssl else 'http'}://{host}:{port}"
