"""A real `diyalog serve` process for a test, and the company's and the customer's side of it over real sockets."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from diyalog.client import sign

READY_S = 30.0
ANSWER_S = 30.0
STOP_S = 30.0
_BROKEN = 1006
NOT_DELIVERED = "/v1/application/interactionisnotdelivered"
TRANSACTION_HASH = "/v1/application/gettransactionhashforonlinehelp"


@dataclass
class Key:
    access_key_id: str
    secret: str


class Server:
    """`diyalog serve` on a free port. Its standard error (the log) is kept in `folder/server.log`."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.settings = settings
        self.url = ""
        self._process: asyncio.subprocess.Process | None = None

    @property
    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("DIYALOG_")}
        given = {f"DIYALOG_{name.upper()}": value for name, value in self.settings.items()}
        return {**kept, "DIYALOG_DATA_DIR": str(self.folder / "data"), "DIYALOG_PORT": "0", **given}

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def database(self) -> Path:
        return self.folder / "data" / "diyalog.sqlite3"

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text(encoding="utf-8")

    async def start(self) -> None:
        """Start it and wait for its one line; a port it had before is taken again, so that clients find it."""
        with (self.folder / "server.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "diyalog", "serve", env=self.environ, stdout=asyncio.subprocess.PIPE, stderr=log
            )
        assert self._process.stdout is not None
        line = (await asyncio.wait_for(self._process.stdout.readline(), READY_S)).decode()
        assert line.startswith("Diyalog is ready at "), f"{line!r}\n{self.log}"
        self.url = line.split()[-1]
        self.settings["port"] = self.url.rpartition(":")[2]

    async def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.signal(signal.SIGTERM)
        return await self.exited()

    async def kill(self) -> None:
        """SIGKILL: what is not durable is gone."""
        self.signal(signal.SIGKILL)
        await self.exited()

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def exited(self) -> int:
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), STOP_S)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def command(self, *words: str) -> str:
        """Run another `diyalog` command on the same data; its output."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "diyalog", *words, env=self.environ, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await asyncio.wait_for(process.communicate(), READY_S)
        assert process.returncode == 0
        return output.decode()

    async def new_key(self, name: str = "queue") -> Key:
        made = json.loads(await self.command("keys", "create", name, "--json"))
        return Key(made["accessKeyId"], made["accessKeySecret"])


@asynccontextmanager
async def running(folder: Path, **settings: str) -> AsyncIterator[Server]:
    """A server for the length of a block, in open access and with the built-in queue unless told otherwise."""
    server = Server(folder, **{"open_access": "true", **settings})
    await server.start()
    try:
        yield server
    finally:
        if server.running:
            try:
                await server.stop()
            except TimeoutError:
                await server.kill()
                raise


@dataclass
class Reply:
    """An HTTP answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401  JSON
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


class Caller:
    """Somebody with an HTTP client; an async context."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        self._http = aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._http is not None
        await self._http.close()

    @property
    def http(self) -> aiohttp.ClientSession:
        assert self._http is not None
        return self._http

    async def send(self, method: str, path: str, *, headers: Mapping[str, str], body: bytes | None = None) -> Reply:
        async with self.http.request(method, self.url + path, headers=headers, data=body) as response:
            return Reply(response.status, response.headers, await response.read())


class Company(Caller):
    """The company's back end: signs what it sends."""

    def __init__(self, url: str, key: Key) -> None:
        super().__init__(url)
        self.key = key

    async def call(self, path: str, fields: Mapping[str, object] | bytes, *, idempotency_key: str = "") -> Reply:
        body = fields if isinstance(fields, bytes) else json.dumps(fields, ensure_ascii=False).encode()
        headers = sign(
            "POST",
            path,
            body,
            access_key_id=self.key.access_key_id,
            access_key_secret=self.key.secret,
            requester_user_id="31007",
        )
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        return await self.send("POST", path, headers=headers, body=body)

    async def not_delivered(self, *, idempotency_key: str = "", **fields: object) -> Reply:
        return await self.call(NOT_DELIVERED, fields, idempotency_key=idempotency_key)


class Customer(Caller):
    """A customer's app."""

    def __init__(self, url: str, customer_id: str) -> None:
        super().__init__(url)
        self.customer_id = customer_id
        self.token = ""

    async def activate(self, **fields: object) -> Reply:
        reply = await self.ask("POST", "/v1/client/activations", {"customerId": self.customer_id, **fields})
        if reply.status == 201:
            self.token = reply.json["clientToken"]
        return reply

    async def ask(
        self, method: str, path: str, fields: Mapping[str, object] | None = None, *, idempotency_key: str = ""
    ) -> Reply:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if fields is not None:
            headers["Content-Type"] = "application/json"
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        body = None if fields is None else json.dumps(fields, ensure_ascii=False).encode()
        return await self.send(method, path, headers=headers, body=body)

    async def start(self, help_type: str = "chat", *, idempotency_key: str = "", **fields: object) -> Reply:
        if not self.token:
            assert (await self.activate()).status == 201
        return await self.ask(
            "POST", "/v1/client/help", {"helpType": help_type, **fields}, idempotency_key=idempotency_key
        )

    async def current(self) -> Reply:
        return await self.ask("GET", "/v1/client/help")

    async def read(self, session_id: str) -> Reply:
        return await self.ask("GET", f"/v1/client/help/{session_id}")

    async def cancel(self, session_id: str) -> Reply:
        return await self.ask("DELETE", f"/v1/client/help/{session_id}")

    @asynccontextmanager
    async def follow(self, session_id: str, *, after: int = 0, epoch: str | None = None) -> AsyncIterator["Stream"]:
        """The session's event stream, after its welcome."""
        async with self.http.ws_connect(f"{self.url}/v1/client/events", autoping=True) as socket:
            hello = {"type": "hello", "token": self.token, "sessionId": session_id, "after": after, "epoch": epoch}
            await socket.send_json(hello)
            stream = Stream(socket)
            stream.welcome = await stream.next()
            yield stream


class StreamClosedError(AssertionError):
    """The stream closed where a frame was expected; code 1006 stands for a connection that broke."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"closed {code} {reason}")
        self.code = code
        self.reason = reason


@dataclass
class Stream:
    """A customer's end of an event stream."""

    socket: aiohttp.ClientWebSocketResponse
    welcome: dict[str, Any] = field(default_factory=dict)

    async def next(self) -> dict[str, Any]:
        """The next frame; raises StreamClosedError when there is none any more."""
        message = await asyncio.wait_for(self.socket.receive(), ANSWER_S)
        if message.type is not aiohttp.WSMsgType.TEXT:
            reason = message.extra if message.type is aiohttp.WSMsgType.CLOSE else ""
            raise StreamClosedError(self.socket.close_code or _BROKEN, reason or "")
        frame: dict[str, Any] = json.loads(message.data)
        return frame

    async def event(self, kind: str) -> dict[str, Any]:
        """The next frame, which must be this event."""
        frame = await self.next()
        assert frame["type"] == "event", frame
        assert frame["event"] == kind, frame
        return frame

    async def ack(self, seq: int) -> None:
        await self.socket.send_json({"type": "ack", "seq": seq})

    async def closed(self) -> int:
        """Wait for the server to close; its code."""
        message = await asyncio.wait_for(self.socket.receive(), ANSWER_S)
        assert message.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}, message
        assert self.socket.close_code is not None
        return self.socket.close_code
