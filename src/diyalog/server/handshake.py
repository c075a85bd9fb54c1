"""Judge the offer to change the protocol: the opening handshake of a WebSocket (RFC 6455, section 4.2). No I/O."""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Final

from diyalog.server.sockets import Refusal

Headers = Sequence[tuple[bytes, bytes]]

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_PLAIN: Final = ("content-type", "text/plain; charset=utf-8")


def asks_for_websocket(method: str, http_version: str, headers: Headers) -> bool:
    """Tell whether a request wants to become a WebSocket; any other upgrade is ignored, as RFC 9110 allows."""
    if method != "GET" or http_version != "1.1":
        return False
    return any(
        name == b"upgrade" and b"websocket" in (token.strip() for token in value.lower().split(b","))
        for name, value in headers
    )


def head_without_upgrade(method: str, target: bytes, http_version: str, headers: Headers) -> bytes:
    """Write a request's head again as if it had offered no other protocol."""
    lines = [b"%b %b HTTP/%b\r\n" % (method.encode("ascii"), target, http_version.encode("ascii"))]
    for name, value in headers:
        if name == b"connection":
            tokens = [token.strip() for token in value.split(b",")]
            kept = b", ".join(token for token in tokens if token.lower() not in (b"upgrade", b"http2-settings"))
            lines.append(b"connection: %b\r\n" % kept)
        elif name != b"upgrade":
            lines.append(b"%b: %b\r\n" % (name, value))
    return b"".join((*lines, b"\r\n"))


def refusal_of(headers: Headers) -> Refusal | None:
    """Find what is wrong with a WebSocket handshake's headers; None when it is valid."""
    if _values(headers, b"sec-websocket-version") != [b"13"]:
        return Refusal(
            426,
            b"Only version 13 of the WebSocket protocol is spoken here.",
            (_PLAIN, ("upgrade", "websocket"), ("sec-websocket-version", "13")),
        )
    keys = _values(headers, b"sec-websocket-key")
    if len(keys) != 1 or not _is_key(keys[0]):
        return Refusal(400, b"The WebSocket handshake needs one Sec-WebSocket-Key of 16 bytes.", (_PLAIN,))
    if _values(headers, b"transfer-encoding") or _values(headers, b"content-length") not in ([], [b"0"]):
        return Refusal(400, b"A WebSocket handshake has no body.", (_PLAIN,))
    if len(_values(headers, b"origin")) > 1:
        return Refusal(400, b"A WebSocket handshake has at most one Origin.", (_PLAIN,))
    return None


def acceptance(headers: Headers) -> bytes:
    """Write the 101 answer to a valid handshake."""
    key = _values(headers, b"sec-websocket-key")[0]
    digest = hashlib.sha1(key + _GUID, usedforsecurity=False).digest()
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: "
        + base64.b64encode(digest)
        + b"\r\n\r\n"
    )


def _values(headers: Headers, wanted: bytes) -> list[bytes]:
    return [value.strip() for name, value in headers if name == wanted]


def _is_key(value: bytes) -> bool:
    try:
        return len(base64.b64decode(value, validate=True)) == 16
    except binascii.Error:
        return False
