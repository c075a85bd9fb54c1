"""The server's own application, put together as `diyalog serve` does it, on a real store, called without a network."""

import hashlib
import io
import json
import logging
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, redirect_stderr
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import apsw

from diyalog.bootstrap import Parts, put_together
from diyalog.bus.memory import MemoryBus
from diyalog.domain.ids import NodeId
from diyalog.opening import new_node_id, open_store
from diyalog.settings import Limits, Settings
from diyalog.storage.store import DatabaseStore
from kit.clock import SettableClock

from .reference import Header, Sent, signature, string_to_sign

NOT_DELIVERED = "/v1/application/interactionisnotdelivered"
GET_HASH = "/v1/application/gettransactionhashforonlinehelp"
ACTIVATIONS = "/v1/client/activations"
HELP = "/v1/client/help"
SIGN_INS = "/v1/staff/sessions"
DEVICE = "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k="
FIRST = ("5B1E7C40-93AD-4F26-8E0B-6D2C71A9F384", "kV7-test-secret-0001-not-for-production")
SECOND = ("C0DE2A17-4E58-41B9-A6F3-90717B3D5E22", "p9Wm+Zt/4xQe==Gizli-Anahtar-Ğ-0002")
REVOKED = ("0DD5EED0-2F5E-4B0A-9C11-77C5E1C0FFEE", "revoked-secret-0003-not-for-production")
KEYS = dict((FIRST, SECOND))


@dataclass(frozen=True)
class Reply:
    """An answer as it would go over the wire."""

    status: int
    headers: Sequence[Header]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value.decode("latin-1") for key, value in self.headers if key == name.encode()), None)

    @property
    def json(self) -> Any:  # noqa: ANN401  JSON
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class World:
    """A server that is called in process. `log` is what it wrote."""

    parts: Parts
    clock: SettableClock
    database: Path
    log: io.BytesIO
    reading: apsw.Connection

    async def send(self, sent: Sent, *, address: str = "192.0.2.7") -> Reply:
        """Send one request, as the server would hand it to the application."""
        raw_path, _, query = sent.target.partition("?")
        scope = {
            "type": "http",
            "method": sent.method,
            "path": unquote(raw_path),
            "raw_path": raw_path.encode(),
            "query_string": query.encode(),
            "target": sent.target.encode(),
            "headers": list(sent.headers),
            "client": (address, 50_000),
            "scheme": "http",
        }
        answer: list[Any] = []

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": sent.body, "more_body": False}

        async def send(message: object) -> None:
            answer.append(message)

        await self.parts.application(scope, receive, send)
        start, content = answer
        reply = Reply(start["status"], start["headers"], content["body"])
        length = reply.header("content-length")
        assert sent.method == "HEAD" or int(length or 0) == len(reply.body)
        return reply

    def stored(self) -> str:
        """A digest of every row of every table, the tally among them."""
        digest = hashlib.sha256()
        tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        for (name,) in self.reading.execute(tables).fetchall():
            for row in self.reading.execute(f"SELECT * FROM {name} ORDER BY 1, 2"):
                digest.update(repr(row).encode())
        return digest.hexdigest()

    # The company and its customers, doing everything right

    def signed(
        self,
        target: str,
        fields: object,
        *,
        key: tuple[str, str] = FIRST,
        method: str = "POST",
        extra: Sequence[Header] = (),
    ) -> Sent:
        body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        date = self.date()
        proof = signature(key[1], string_to_sign(method, "application/json", date, body, target))
        headers = (
            (b"content-type", b"application/json"),
            (b"x-dlg-date", date.encode()),
            (b"x-dlg-requester-userid", b"31007"),
            (b"x-dlg-authorization", f"DLGA {key[0]}:{proof}".encode()),
        )
        return Sent(method, target, (*headers, *extra), body)

    def date(self) -> str:
        return http_date(self.clock.at)

    async def company(self, target: str, **fields: object) -> Reply:
        return await self.send(self.signed(target, fields))

    async def client(self, method: str, target: str, token: str = "", fields: object = None) -> Reply:
        headers: tuple[Header, ...] = ((b"authorization", f"Bearer {token}".encode()),) if token else ()
        if fields is None:
            return await self.send(Sent(method, target, headers))
        typed = (*headers, (b"content-type", b"application/json"))
        return await self.send(Sent(method, target, typed, json.dumps(fields).encode()))

    async def transaction_hash(self, customer_id: str) -> str:
        answer = (await self.company(GET_HASH, customerId=customer_id, deviceHash=DEVICE)).json
        assert answer["isSuccess"] is True, answer
        return str(answer["transactionHash"])

    async def token(self, customer_id: str) -> str:
        """Let a customer's app in, as the company's own app does it."""
        shown = {
            "customerId": customer_id,
            "deviceHash": DEVICE,
            "transactionHash": await self.transaction_hash(customer_id),
        }
        reply = await self.client("POST", ACTIVATIONS, fields=shown)
        assert reply.status == 201, reply.text
        return str(reply.json["clientToken"])

    async def wait(self, token: str) -> dict[str, Any]:
        """Start a wait; its help object."""
        reply = await self.client("POST", HELP, token, {"helpType": "chat"})
        assert reply.status == 201, reply.text
        found: dict[str, Any] = reply.json
        return found


def http_date(ms: int) -> str:
    return formatdate(ms / 1000, usegmt=True)


@contextmanager
def logging_as_before() -> Iterator[None]:
    """The server takes the process's logging over; give it back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    hooks = sys.unraisablehook, threading.excepthook
    try:
        yield
    finally:
        root.handlers[:], root.level = handlers, level
        sys.unraisablehook, threading.excepthook = hooks


def _put_together(
    settings: Settings, store: DatabaseStore, node: NodeId, clock: SettableClock, epoch: str, log: io.BytesIO
) -> Parts:
    stream = io.TextIOWrapper(log)
    with logging_as_before(), redirect_stderr(stream):
        parts = put_together(
            settings, store, node=node, clock=clock, epoch=epoch, make_bus=lambda woken, _: MemoryBus(node, woken)
        )
    stream.detach()
    return parts


@asynccontextmanager
async def world(
    folder: Path, *, auth_failures: int = 0, starts: int = 0, keep_days: float = 30.0
) -> AsyncIterator[World]:
    """A server with the built-in queue and closed access; two live access keys and a revoked one.

    No rate limit unless told otherwise. Its workers do not run: nothing is written but what requests cause.
    """
    limits = Limits(auth_failures=auth_failures, starts=starts)
    settings = Settings(data_dir=folder, keep_days=keep_days, limits=limits, supervisors=("supervisor",))
    clock, node, log = SettableClock(), new_node_id(), io.BytesIO()
    store = await open_store(settings, clock, node)
    await store.start()
    reading = apsw.Connection(str(folder / "diyalog.sqlite3"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        parts = _put_together(settings, store, node, clock, await store.epoch(), log)
        for key_id, secret in (FIRST, SECOND, REVOKED):
            await store.create_key(key_id, "queue", secret)
        assert await store.revoke_key(REVOKED[0])
        await parts.keys.refresh()
        yield World(parts, clock, folder / "diyalog.sqlite3", log, reading)
    finally:
        reading.close()
        await store.stop()
