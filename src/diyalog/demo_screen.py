"""What the demo shows: requests with their answers, messages of streams, and the words between them."""

import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from diyalog.client import sign

_NOT_DELIVERED: Final = "/v1/application/interactionisnotdelivered"
_REQUESTER: Final = "queue-night-shift"
_SECRETS: Final = frozenset({"clientToken", "staffToken"})


class DemoError(Exception):
    """The story cannot be told; the text says why."""


@dataclass(frozen=True, slots=True)
class Key:
    """The access key of the demo's company."""

    access_key_id: str
    secret: str


async def customer_calls(
    http: aiohttp.ClientSession, method: str, path: str, body: Mapping[str, object], token: str = ""
) -> dict[str, Any]:
    """The customer's app makes a request, shown on screen; its answer. Raises DemoError unless something was made."""
    return await _calls(http, method, path, body, token, expected=201)


async def staff_calls(
    http: aiohttp.ClientSession, method: str, path: str, body: Mapping[str, object] | None, token: str = ""
) -> dict[str, Any]:
    """The agent's desk makes a request, shown on screen; its answer. Raises DemoError when it is refused."""
    made = method == "POST" and not path.endswith("/end")
    return await _calls(http, method, path, body, token, expected=201 if made else 200)


async def _calls(
    http: aiohttp.ClientSession,
    method: str,
    path: str,
    body: Mapping[str, object] | None,
    token: str,
    *,
    expected: int,
) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with http.request(method, path, json=body, headers=headers) as response:
        answer: dict[str, Any] = await response.json(content_type=None)
        sent = "" if body is None else json.dumps(body, ensure_ascii=False)
        show_exchange(f"{method} {path}", {}, sent, response.status, _short(answer))
        if response.status != expected:
            raise DemoError(f"{path} answered {response.status}")
        return answer


async def company_calls(http: aiohttp.ClientSession, key: Key, body: Mapping[str, str]) -> None:
    """The company's queue calls interactionisnotdelivered, signed, shown on screen. Raises DemoError."""
    content = json.dumps(body, ensure_ascii=False).encode()
    headers = sign(
        "POST",
        _NOT_DELIVERED,
        content,
        access_key_id=key.access_key_id,
        access_key_secret=key.secret,
        requester_user_id=_REQUESTER,
    )
    async with http.post(_NOT_DELIVERED, data=content, headers=headers) as response:
        answer = await response.text()
        show_exchange(f"POST {_NOT_DELIVERED}", headers, content.decode(), response.status, answer)
        if response.status != 200:
            raise DemoError(f"{_NOT_DELIVERED} answered {response.status}")


def _short(answer: Mapping[str, Any]) -> str:
    """An answer fit for the screen: tokens are long and secret."""
    shown = {name: f"{value[:6]}…" if name in _SECRETS else value for name, value in answer.items()}
    return json.dumps(shown, ensure_ascii=False)


def say(text: str) -> None:
    """Tell the next part of the story."""
    print(f"\n{text}", flush=True)


def show_exchange(line: str, headers: Mapping[str, str], body: str, status: int, answer: str) -> None:
    """Show a request and its answer."""
    print(f"     {line}")
    for name, value in headers.items():
        print(f"     {name}: {value}")
    if body:
        _wrapped("     ", body)
    _wrapped(f"  <- {status} ", answer)


def show_frame(direction: str, frame: object) -> None:
    """Show a message of the event stream."""
    _wrapped(f"  {direction} ", json.dumps(frame, ensure_ascii=False))


def _wrapped(lead: str, text: str) -> None:
    print(textwrap.fill(text, 110, initial_indent=lead, subsequent_indent="     ", break_on_hyphens=False))
