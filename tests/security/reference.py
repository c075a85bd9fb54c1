"""What the documents say of a company request, written from them alone: nothing here is the server's code."""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NoReturn

Header = tuple[bytes, bytes]

NO_HEADERS = (400, "Required headers not found")
BAD_FORMAT = (400, "Authorization failed due to data format not valid")
BAD_DATE = (400, "Authorization failed due to date not valid")
UNPROVEN = (401, "Authorization failed")
WRONG_CLOCK = (403, "Request time may not be correct.")
GATE_REFUSALS = (NO_HEADERS, BAD_FORMAT, BAD_DATE, UNPROVEN, WRONG_CLOCK)
MALFORMED = "The request content was malformed: "
BODY_BYTES = 65_536
DEEPEST = 16

_ROLES = (
    ("x-dlg-date", "date"),
    ("x-dlg-requester-userid", "x-requester-userid"),
    ("x-dlg-authorization", "x-authorization"),
)
_WEEKDAYS = ("Mon,", "Tue,", "Wed,", "Thu,", "Fri,", "Sat,", "Sun,")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Sent:
    """One request as it is sent."""

    method: str
    target: str
    headers: Sequence[Header]
    body: bytes = b""


def string_to_sign(method: str, content_type: str, date: str, body: bytes, target: str) -> bytes:
    return b"\n".join((method.encode(), content_type.encode("latin-1"), date.encode(), body, target.encode()))


def signature(secret: str, text: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), text, hashlib.sha256).digest()).decode()


def gate(sent: Sent, keys: Mapping[str, str], now_ms: int) -> tuple[int, str | None] | None:  # noqa: PLR0911 - a return for each rule, in their order
    """The refusal that a company request meets before it is looked at: status and text. None: it is let in.

    `keys`: the live ones, id -> secret.
    """
    values = []
    for names in _ROLES:
        found = next((given for name in names if any(given := _values(sent, name))), None)
        if found is None:
            return NO_HEADERS
        values.append(found)
    content_types = _values(sent, "content-type")
    if len(content_types) > 1 or any(len(found) > 1 for found in values):
        return BAD_FORMAT
    date, requester, authorization = (found[0].decode("latin-1") for found in values)
    if any(not re.fullmatch("[ -~]{1,512}", value) for value in (date, requester, authorization)):
        return BAD_FORMAT
    parts = re.fullmatch("DLGA ([^:]+):(.+)", authorization)
    if parts is None:
        return BAD_FORMAT
    at_ms = instant(date)
    if at_ms is None:
        return BAD_DATE
    if len(sent.body) > BODY_BYTES:
        return 413, None
    content_type = content_types[0].decode("latin-1") if content_types else ""
    if not _is_proven(sent, content_type, date, keys.get(parts[1]), parts[2]):
        return UNPROVEN
    return WRONG_CLOCK if abs(now_ms // 1000 * 1000 - at_ms) > 900_000 else None


def _values(sent: Sent, name: str) -> list[bytes]:
    return [value.strip(b" \t") for key, value in sent.headers if key == name.encode()]


def _is_proven(sent: Sent, content_type: str, date: str, secret: str | None, shown: str) -> bool:
    """Content-Type counts as sent, or else as the bare media type before its parameters."""
    return secret is not None and any(
        signature(secret, string_to_sign(sent.method, signed_type, date, sent.body, sent.target)) == shown
        for signed_type in (content_type, content_type.partition(";")[0].rstrip(" \t"))
    )


def instant(text: str) -> int | None:  # noqa: PLR0911 - a return for each rule, in their order
    """`EEE, dd MMM yyyy HH:mm:ss Z` as ms since 1970; None when it is no such date."""
    parts = text.split(" ")
    if len(parts) not in {5, 6}:
        return None
    weekday, day, month, year, time, zone = parts if len(parts) == 6 else [*parts, "GMT"]
    digits = [day, year, *time.split(":")]
    if weekday not in _WEEKDAYS or month not in _MONTHS or len(digits) != 5:
        return None
    if len(day) not in {1, 2} or [len(part) for part in digits[1:]] != [4, 2, 2, 2]:
        return None
    if not all(re.fullmatch("[0-9]+", part) for part in digits):
        return None
    offset = _offset_minutes(zone)
    if offset is None:
        return None
    number, hour, minute, second = (int(part) for part in (day, *digits[2:]))
    try:
        local = datetime(int(year), _MONTHS.index(month) + 1, number, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return (local - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) - offset * 60_000


def _offset_minutes(zone: str) -> int | None:
    if zone in {"GMT", "UTC", "Z"}:
        return 0
    form = re.fullmatch("([+-])([0-9]{2})([0-9]{2})|GMT([+-])([0-9]{2}):([0-9]{2})", zone)
    if form is None:
        return None
    sign, hours, minutes = (part for part in form.groups() if part is not None)
    if int(hours) > 23 or int(minutes) > 59:
        return None
    return (int(hours) * 60 + int(minutes)) * (-1 if sign == "-" else 1)


class MalformedError(Exception):
    """The body is not what it must be."""


class Digits(str):
    """A JSON integer, as its decimal text."""

    __slots__ = ()


def strict_object(body: bytes) -> dict[str, object]:
    """One JSON object in UTF-8 without repeated names, NaN, infinity, half surrogates, NUL, or depth over 16.

    Integers are `Digits`. Raises MalformedError.
    """
    try:
        value = json.loads(
            body.decode(), object_pairs_hook=_object, parse_constant=_refuse, parse_int=_digits, parse_float=_float
        )
    except (ValueError, RecursionError):
        raise MalformedError from None
    if not isinstance(value, dict):
        raise MalformedError
    layer: list[object] = [value]
    for level in range(DEEPEST + 1):
        texts = [one for one in layer if isinstance(one, str)]
        texts += [name for one in layer if isinstance(one, dict) for name in one]
        if any(re.search("[\0\ud800-\udfff]", text) for text in texts):
            raise MalformedError
        if level == DEEPEST and any(isinstance(one, dict | list) for one in layer):
            raise MalformedError
        layer = [member for one in layer for member in _members(one)]
    return value


def _members(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise MalformedError
    return dict(pairs)


def _refuse(_: str) -> NoReturn:
    raise MalformedError


def _digits(text: str) -> Digits:
    return Digits("0" if text == "-0" else text)


def _float(text: str) -> float:
    value = float(text)
    if value in {float("inf"), float("-inf")}:
        raise MalformedError
    return value


def id_of(fields: Mapping[str, object], name: str) -> str | None:
    """An id: a text or an integer; None when absent, null or blank. Raises MalformedError."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise MalformedError
    return str(value) if value.strip() else None


def text_of(fields: Mapping[str, object], name: str) -> str | None:
    """A text, never a number; None when absent, null or blank. Raises MalformedError."""
    if isinstance(fields.get(name), Digits):
        raise MalformedError
    return id_of(fields, name)
