"""Request bodies: one JSON object, read strictly, because what two readers understand differently is a hole.

Refused beyond what JSON itself refuses: text that is not UTF-8, repeated names, NaN and infinity, lone surrogates,
NUL characters, nesting deeper than 16. msgspec alone lets repeated names, NUL and depth through. The ordinary body is
proven clean with a few searches over its bytes; only what these cannot decide is read a second time, slowly.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Final, Generic, NoReturn, TypeVar, get_args

import msgspec
from msgspec.structs import fields

T = TypeVar("T", bound=msgspec.Struct)

DEEPEST: Final = 16
"""Objects and arrays may be nested this deep, the outermost counted."""

_LONGEST_INTEGER: Final = 4300
"""Digits that Python turns into a number; a longer integer is kept as its digits."""

_encode: Final = msgspec.json.Encoder().encode
_NUL_OR_SURROGATE: Final = re.compile("[\0\ud800-\udfff]")


class MalformedError(Exception):
    """The body is not what it has to be. Its text says why, in words that hold nothing of the body's values."""


@dataclass(frozen=True, slots=True)
class LongInteger:
    """An integer too long for Python, which still names something where an integer may stand for its text."""

    digits: str


class StrictDecoder(Generic[T]):
    """Reads bodies into one Struct type. Unknown names are ignored, but checked like all others.

    The type's fields hold a string, an integer, null or an object of strings, and are UNSET when absent.
    """

    def __init__(self, type_: type[T]) -> None:
        self._type = type_
        self._decode = msgspec.json.Decoder(type_).decode
        self._fields = type_.__struct_fields__
        self._integers = [field.encode_name for field in fields(type_) if int in get_args(field.type)]

    def decode(self, body: bytes) -> T:
        """Raises MalformedError."""
        plain = body
        if b"\\" in body:
            # Without its escaped backslashes and quotes, every quote left in the body begins or ends a string.
            plain = body.replace(b"\\\\", b"").replace(b'\\"', b"")
            if b"\\u0000" in plain or b"\\ud" in plain or b"\\uD" in plain:
                return self._slowly(body)
        if body.count(b"{") + body.count(b"[") > DEEPEST:
            return self._slowly(body)
        try:
            if not body.isascii():
                body.decode()
            value = self._decode(body)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return self._slowly(body)  # which says why, or reads the integer that msgspec finds too long
        # A repeated or an unknown name has strings in the body that did not come out of it.
        written = _encode(value) if plain is body else b'""' * _strings(value, self._fields)
        if written.count(b'"') != plain.count(b'"'):
            return self._slowly(body)
        return value

    def _slowly(self, body: bytes) -> T:
        try:
            text = body.decode()
        except UnicodeDecodeError:
            raise MalformedError("it is not UTF-8.") from None
        if _depth(text) > DEEPEST:
            raise MalformedError(f"it is nested deeper than {DEEPEST} levels.")
        try:
            value = json.loads(
                text, object_pairs_hook=_object, parse_int=_integer, parse_constant=_constant, parse_float=_fraction
            )
        except (json.JSONDecodeError, RecursionError):
            raise MalformedError("it is not valid JSON.") from None
        if not isinstance(value, dict):
            raise MalformedError("it is not a JSON object.")
        _check_texts(value)
        for name in self._integers:
            if isinstance(value.get(name), LongInteger):
                value[name] = value[name].digits
        try:
            return msgspec.convert(value, self._type)
        except msgspec.ValidationError as error:
            # Names the place and the types only; the types have no constraint that would quote a value.
            raise MalformedError(f"{error}.") from None


def _strings(value: msgspec.Struct, fields: tuple[str, ...]) -> int:
    """Count the strings of the JSON text that `value` was read from, given that it was all used."""
    count = 0
    for field in fields:
        found = getattr(value, field)
        kind = type(found)
        if kind is str:
            count += 2
        elif kind is dict:
            count += 1 + 2 * len(found)
        elif found is not msgspec.UNSET:
            count += 1
    return count


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise MalformedError("a name is repeated in an object.")
    return value


def _integer(text: str) -> int | LongInteger:
    return int(text) if len(text) <= _LONGEST_INTEGER else LongInteger(text)


def _fraction(text: str) -> float:
    value = float(text)
    if value - value != 0:
        raise MalformedError("a number is too large.")
    return value


def _constant(_: str) -> NoReturn:
    raise MalformedError("NaN and Infinity are not JSON.")


def _check_texts(value: Any) -> None:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        if _NUL_OR_SURROGATE.search(value):
            raise MalformedError("a string holds a NUL character or half a surrogate pair.")
    elif isinstance(value, dict):
        for name, member in value.items():
            _check_texts(name)
            _check_texts(member)
    elif isinstance(value, list):
        for member in value:
            _check_texts(member)


_STRING_OR_BRACKET: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{\]}]', re.DOTALL)


def _depth(text: str) -> int:
    """How deep a JSON text is nested; counted before anything recursive sees it."""
    deepest = depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        mark = match[0]
        if mark in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in "]}":
            depth -= 1
    return deepest
