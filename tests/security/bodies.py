"""Bodies as strangers and careless programs send them; all random choices come from the generator that is given."""

import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

CANARY = "kanarya-7c1f"
"""Stands in what is sent wherever it may; no refusal and no log may repeat it."""

_ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    1e300,
    2**63,
    -(2**63) - 1,
    10**40,
    "",
    " ",
    "\t\n",
    "\u00a0",
    "\u200b",
    [],
    {},
    [[]],
    {"a": {}},
    ["x", 1],
    {"interactionId": "1"},
    "x" * 3000,
    "Ş\u0307ü🙏\u202e\u2028",
    "\x7f\x1f",
    "\ufeff",
    "'; DROP TABLE wait; --",
    "<script>",
    "../../etc",
    "%00%0a",
    "\U0010ffff",
)
_NUMBERS = ("1e999", "-1e999", "NaN", "Infinity", "-Infinity", "01", "1.", ".5", "+1", "0x10", "-", "-0", "9" * 5000)
_ESCAPES = ("\\u0000", "\\ud800", "\\uDC00", "\\ud83d", "\\ud83d\\ude4f", "\\u12", "\\x41", "\\", "\x01", "\\u000a")


def written(rng: Random, fields: Mapping[str, Any]) -> bytes:
    """The fields as JSON, in one of the ways in which programs write it."""
    separators = rng.choice(((",", ":"), (", ", ": "), (" ,\n", "\t:\r\n"), (",", ": ")))
    text = json.dumps(
        fields, ensure_ascii=rng.random() < 0.5, separators=separators, indent=rng.choice((None, None, 2))
    )
    padding = rng.choice(("", "", "", "\n", "  ", "\r\n\t"))
    return f"{padding}{text}{padding}".encode("utf-8", "surrogatepass")


def mutated(rng: Random, fields: Mapping[str, Any]) -> bytes:
    """The fields spoilt in one way, sometimes in two."""
    body = rng.choice(_WAYS)(rng, fields)
    return _bytes_changed(rng, body) if rng.random() < 0.1 else body


def _other_type(rng: Random, fields: Mapping[str, Any]) -> bytes:
    return written(rng, {**fields, _name(rng, fields): rng.choice(_ODD)})


def _extra(rng: Random, fields: Mapping[str, Any]) -> bytes:
    name = rng.choice((CANARY, "", "InteractionId", "interactionid", "__proto__", "message ", "x" * 200))
    return written(rng, {name: rng.choice(_ODD), **fields})


def _number(rng: Random, fields: Mapping[str, Any]) -> bytes:
    return written(rng, {**fields, _name(rng, fields): "@"}).replace(b'"@"', rng.choice(_NUMBERS).encode())


def _escape(rng: Random, fields: Mapping[str, Any]) -> bytes:
    where = _name(rng, fields)
    spoilt: dict[str, Any] = {**fields, where: "@"} if rng.random() < 0.7 else {**fields, "@": 1}
    return written(rng, spoilt).replace(b'"@"', f'"{rng.choice(_ESCAPES)}{CANARY}"'.encode())


def _deep(rng: Random, fields: Mapping[str, Any]) -> bytes:
    depth = rng.choice((14, 15, 16, 17, 40, 990, 5000, 30_000))
    opening, closing = rng.choice((("[", "]"), ('{"a":', "}")))
    inside = opening * depth + ("" if opening == "[" else "1") + closing * rng.choice((depth, depth, depth, 0))
    name = rng.choice(("zz", _name(rng, fields)))
    return written(rng, {**fields, name: "@"}).replace(b'"@"', inside.encode())[:80_000]


def _doubled(rng: Random, fields: Mapping[str, Any]) -> bytes:
    name = _name(rng, fields)
    again = rng.choice((name, f"\\u{ord(name[0]):04x}{name[1:]}"))
    value = json.dumps(rng.choice((fields.get(name), CANARY, None)))
    inner = f'"{again}": {value}' if rng.random() < 0.7 else '"zz": {"a": 1, "\\u0061": 2}'
    return written(rng, fields).rstrip()[:-1] + f", {inner}}}".encode()


def _not_utf8(rng: Random, fields: Mapping[str, Any]) -> bytes:
    body = written(rng, {**fields, "message": f"{CANARY} ş"})
    bad = rng.choice((b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\xfe", b"\x80"))
    way = rng.randrange(4)
    if way == 0:
        return body.replace(CANARY.encode(), bad + CANARY.encode())
    if way == 1:
        return b"\xef\xbb\xbf" + body
    return body.decode().encode(rng.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "iso-8859-9")), "replace")


def _cut(rng: Random, fields: Mapping[str, Any]) -> bytes:
    body = written(rng, fields)
    return body[: rng.randrange(len(body))]


def _more(rng: Random, fields: Mapping[str, Any]) -> bytes:
    tails = (b"x", b"{}", b",", b"\0", b"]", b"}", b"\n{}", b"//" + CANARY.encode(), b"\x0c", b" " * 500, b"\xc2\xa0")
    body = written(rng, fields).strip()
    return rng.choice((body + rng.choice(tails), body[:-1] + b",}", rng.choice(tails) + body))


def _no_object(rng: Random, fields: Mapping[str, Any]) -> bytes:
    whole = json.dumps([fields]).encode()
    others = (
        b"",
        b"null",
        b"true",
        b"[]",
        b"1",
        b'"x"',
        b"{}",
        b" ",
        b"\0",
        b"interactionId=1",
        b"<a/>",
        b"{",
        b"[" * 9,
    )
    return rng.choice((whole, *others))


def _large(rng: Random, fields: Mapping[str, Any]) -> bytes:
    body = written(rng, {**fields, "message": "@"})
    size = rng.choice((65_535, 65_536, 65_537, 70_000))
    return body.replace(b"@", b"x" * (size - len(body) + 1))


def _bytes_changed(rng: Random, body: bytes) -> bytes:
    changed = bytearray(body)
    for _ in range(rng.randint(1, 4)):
        if changed:
            place = rng.randrange(len(changed))
            changed[place : place + rng.randrange(2)] = rng.randbytes(rng.randrange(3))
    return bytes(changed)


def _flipped(rng: Random, fields: Mapping[str, Any]) -> bytes:
    return _bytes_changed(rng, written(rng, fields))


def _name(rng: Random, fields: Mapping[str, Any]) -> str:
    return rng.choice(sorted(fields)) if fields else "message"


_WAYS: tuple[Callable[[Random, Mapping[str, Any]], bytes], ...] = (
    _other_type,
    _other_type,
    _extra,
    _number,
    _escape,
    _deep,
    _doubled,
    _not_utf8,
    _cut,
    _more,
    _no_object,
    _flipped,
    _flipped,
)


def large(rng: Random, fields: Mapping[str, Any]) -> bytes:
    """A body about as long as the limit allows, or a little longer."""
    return _large(rng, fields)
