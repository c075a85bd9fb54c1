"""Other spellings of the same JSON text: what encoders would have made of a body before it was signed."""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import urlencode

_FEW_NAMES: Final = 4
_QUOTE: Final = re.compile(r'\\\\|\\"')
_HEX: Final = re.compile(r"\\\\|\\u[0-9a-f]{4}")
_SPACINGS: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("without blanks", {"separators": (",", ":")}),
    ("with a blank after each comma and colon", {"separators": (", ", ": ")}),
    ("with a blank after each colon", {"separators": (",", ": ")}),
    ("indented by 2 blanks", {"indent": 2}),
    ("indented by 4 blanks", {"indent": 4}),
    ("indented by a tab", {"indent": "\t"}),
    ("indented by 2 blanks, blanks round each colon", {"indent": 2, "separators": (",", " : ")}),
)
_COMMON_SPACINGS: Final = 2


def _upper_hex(text: str) -> str:
    return _HEX.sub(lambda match: match[0] if match[0] == "\\\\" else "\\u" + match[0][2:].upper(), text)


def _html_safe(text: str) -> str:
    return "".join(f"\\u{ord(letter):04x}" if letter in "<>&='" else letter for letter in text)


def _quotes_escaped(text: str) -> str:
    escaped = _QUOTE.sub(lambda match: match[0] if match[0] == "\\\\" else "\\u0022", text)
    return "".join(f"\\u{ord(letter):04X}" if letter in "<>&'+`" else letter for letter in _upper_hex(escaped))


_ESCAPES: Final[tuple[tuple[str, bool, Callable[[str], str]], ...]] = (
    ("", False, lambda text: text),
    (r"letters outside ASCII as \u015f", True, lambda text: text),
    (r"letters outside ASCII as \u015F", True, _upper_hex),
    (r"slashes as \/", False, lambda text: text.replace("/", "\\/")),
    (r"slashes as \/, letters outside ASCII as \u015f", True, lambda text: text.replace("/", "\\/")),
    (r"<, >, &, = and ' as \u003c", False, _html_safe),
    (r"quotes and signs as \u0022, letters outside ASCII as \u015F", True, _quotes_escaped),
)
_COMMON_ESCAPES: Final = 2


def spellings(body: bytes, *, thorough: bool) -> Iterator[tuple[str, bytes]]:
    """Other texts of the same JSON value, each with words on how it is written; none when `body` is not JSON.

    `thorough` tries more blanks, more escapes and other orders of few names.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return
    spacings = _SPACINGS if thorough else _SPACINGS[:_COMMON_SPACINGS]
    escapes = _ESCAPES if thorough else _ESCAPES[:_COMMON_ESCAPES]
    for order, arranged in _orders(value, thorough=thorough):
        for (spacing, layout), (escape, ascii_only, change) in itertools.product(spacings, escapes):
            try:
                text = change(json.dumps(arranged, ensure_ascii=ascii_only, **layout))
                how = ", ".join(filter(None, (spacing, order, escape)))
                yield how, text.encode()
                if "indent" in layout:
                    yield f"{how}, with CRLF", text.replace("\n", "\r\n").encode()
            except (ValueError, RecursionError):  # lone surrogates, depth
                continue
    yield from _other_forms(body, value)


def _orders(value: object, *, thorough: bool) -> Iterator[tuple[str, object]]:
    yield "", value
    if not isinstance(value, dict) or not value:
        return
    try:
        yield "names sorted", json.loads(json.dumps(value, sort_keys=True))
    except (ValueError, RecursionError):
        return
    if None in value.values():
        yield "without the fields that are null", {name: item for name, item in value.items() if item is not None}
    if len(value) > 1:
        yield "names in another order", dict(reversed(value.items()))
    if thorough and 2 < len(value) <= _FEW_NAMES:
        for order in itertools.permutations(value.items()):
            yield "names in another order", dict(order)


def _other_forms(body: bytes, value: object) -> Iterator[tuple[str, bytes]]:
    try:
        yield "as a JSON text within a JSON text", json.dumps(body.decode()).encode()
        if isinstance(value, dict):
            pairs = {name: item if isinstance(item, str) else json.dumps(item) for name, item in value.items()}
            yield "as a form, name=value&name=value", urlencode(pairs).encode()
            yield "as a form, not encoded", "&".join(f"{name}={item}" for name, item in pairs.items()).encode()
            yield "only the values", "".join(pairs.values()).encode()
    except (ValueError, RecursionError):
        return
