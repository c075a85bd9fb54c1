"""Drives the ASGI callable in process, as a server would, and signs requests without the code under test."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from diyalog.api.app import Application
from diyalog.api.exchange import Message

KEY_ID = "5B1E7C40-93AD-4F26-8E0B-6D2C71A9F384"
SECRET = "kV7-test-secret-0001-not-for-production"
NOT_DELIVERED = "/v1/application/interactionisnotdelivered"
GET_HASH = "/v1/application/gettransactionhashforonlinehelp"


@dataclass(frozen=True)
class Reply:
    """An answer as it would go over the wire."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> dict[str, Any]:
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value

    def header(self, name: str) -> str | None:
        values = [value.decode() for key, value in self.headers if key == name.encode()]
        assert len(values) < 2, f"{name} stands twice in the answer"
        return values[0] if values else None


@dataclass
class Client:
    """Sends requests to the application."""

    application: Application
    address: str = "192.0.2.7"
    state: dict[str, object] = field(default_factory=dict)

    async def send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] | Sequence[tuple[bytes, bytes]] = (),
        body: bytes = b"",
        *,
        pieces: Sequence[bytes] = (),
    ) -> Reply:
        """Send one request; `pieces` are the body in the segments in which it arrives."""
        raw_path, _, query = target.partition("?")
        if isinstance(headers, Mapping):
            headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        scope: Message = {
            "type": "http",
            "method": method,
            "path": unquote(raw_path),
            "raw_path": raw_path.encode(),
            "query_string": query.encode(),
            "target": target.encode(),
            "headers": list(headers),
            "client": (self.address, 50_000),
            "scheme": "http",
        }
        parts = list(pieces or [body])
        sent: list[Message] = []

        async def receive() -> Message:
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.application(scope, receive, send)
        start, *content = sent
        assert start["type"] == "http.response.start"
        reply = Reply(start["status"], tuple(start["headers"]), b"".join(part["body"] for part in content))
        announced = reply.header("content-length")
        if announced is not None and method != "HEAD":
            assert int(announced) == len(reply.body)
        return reply

    async def json(
        self, method: str, target: str, body: object = None, *, token: str | None = None, **headers: str
    ) -> Reply:
        """Call the customer API."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent.setdefault("content-type", "application/json")
        if token is not None:
            sent["authorization"] = f"Bearer {token}"
        return await self.send(method, target, sent, b"" if body is None else json.dumps(body).encode())

    async def signed(self, now_ms: int, target: str, body: bytes, **changes: str) -> Reply:
        """Call the company API with a good signature, unless `changes` of headers spoil it."""
        return await self.send("POST", target, signature(now_ms, "POST", target, body) | _named(changes), body)


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def http_date(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


def signature(
    now_ms: int,
    method: str,
    target: str,
    body: bytes,
    *,
    key_id: str = KEY_ID,
    secret: str = SECRET,
    content_type: str = "application/json",
) -> dict[str, str]:
    """Headers that sign a request (HMAC Authentication page)."""
    date = http_date(now_ms)
    text = b"\n".join([method.encode(), content_type.encode(), date.encode(), body, target.encode()])
    value = base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()
    return {
        "content-type": content_type,
        "x-dlg-date": date,
        "x-dlg-requester-userid": "31007",
        "x-dlg-authorization": f"DLGA {key_id}:{value}",
    }
