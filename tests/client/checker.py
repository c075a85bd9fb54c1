"""A server that checks signatures as the real one does and then answers what a test wants."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from diyalog.clock import SystemClock
from diyalog.domain.commands import Caller
from diyalog.domain.signature import SignatureRefusal, SigningKey, check

KEY_ID = "A71C03D2-5E4F-4B60-9D18-33C2E5F7A906"
KEY_SECRET = "checker-secret-Ğ-not-for-production"
SUCCESS = b'{"isSuccess": true, "message": "Customer waiting will be stopped."}'


@dataclass(frozen=True)
class Reply:
    status: int = 200
    content: bytes = SUCCESS
    headers: dict[str, str] = field(default_factory=dict)


CUT = None
"""Instead of a reply: close the connection."""


@dataclass(frozen=True)
class Exchange:
    caller: Caller
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Checker:
    """`replies` are used up in order; after the last one it answers success. Only what was signed rightly is kept."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.replies: deque[Reply | None] = deque()
        self.exchanges: list[Exchange] = []


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    checker: Checker


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        try:
            caller = check(
                [(name.lower().encode(), value.encode("latin-1")) for name, value in self.headers.items()],
                method=self.command.encode(),
                target=self.path.encode(),
                body=body,
                now_ms=SystemClock().now_ms(),
                lookup=lambda key_id: [SigningKey(KEY_SECRET)] if key_id == KEY_ID else [],
            )
        except SignatureRefusal as refusal:
            self._send(Reply(refusal.status, refusal.text.encode()))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        checker = self.server.checker
        checker.exchanges.append(Exchange(caller, self.command, self.path, headers, body))
        reply = checker.replies.popleft() if checker.replies else Reply()
        if reply is not CUT:
            self._send(reply)

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.content)))
        self.end_headers()
        self.wfile.write(reply.content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name the base class gives it
        """Say nothing."""


@contextmanager
def running_checker() -> Iterator[Checker]:
    with _Server(("127.0.0.1", 0), _Handler) as server:
        checker = server.checker = Checker(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield checker
        finally:
            server.shutdown()
            thread.join(10)
