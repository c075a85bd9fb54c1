"""Why the headers of a signed request were refused (400, 403), in words for the person who sent it.

The verdict itself is always that of `signature.py`; here it is only explained. Values are quoted nowhere but in a
date's case, where the date is the matter.
"""

import difflib
import re
from collections.abc import Sequence
from typing import Final

from diyalog.domain.signature import CLOCK_WINDOW_MS, SCHEME, Fault

Headers = Sequence[tuple[bytes, bytes]]

_ROLES: Final = (
    (b"x-dlg-date", b"date"),
    (b"x-dlg-requester-userid", b"x-requester-userid"),
    (b"x-dlg-authorization", b"x-authorization"),
)
_PRINTABLE: Final = re.compile(rb"[\x20-\x7e]*")
_LONGEST: Final = 512


def explain_headers(headers: Headers, fault: Fault) -> list[str]:
    """Say what is wrong with the headers (lower-case name, value) that were refused with `fault`."""
    if fault is Fault.HEADERS:
        return _missing(headers)
    used = [next((name for name in role if _value(headers, name)), role[0]) for role in _ROLES]
    if fault is Fault.FORMAT:
        return _format(headers, used)
    return [explain_date(_value(headers, used[0]))]


def _value(headers: Headers, name: bytes) -> bytes:
    return next((value.strip(b" \t") for key, value in headers if key == name and value.strip(b" \t")), b"")


def _missing(headers: Headers) -> list[str]:
    found = []
    given = {name for name, _ in headers}
    for new, old in _ROLES:
        if _value(headers, new) or _value(headers, old):
            continue
        text = f"The header {new.decode()} is {'empty' if new in given else 'missing'}."
        near = _nearest(new.decode(), given)
        if new == b"x-dlg-authorization" and _value(headers, b"authorization"):
            text += " There is a header named authorization: the name must be x-dlg-authorization."
        elif near:
            text += f" There is one named {near}: is that meant?"
        found.append(text)
    return found


def _nearest(name: str, given: set[bytes]) -> str | None:
    """A header whose name looks like a slip of the pen for `name`."""
    known = {known for role in _ROLES for known in role}
    others = {other.decode("ascii", "replace").replace("_", "-"): other for other in given - known}
    near = difflib.get_close_matches(name, others, n=1, cutoff=0.75)
    return others[near[0]].decode("ascii", "replace") if near else None


def _format(headers: Headers, used: list[bytes]) -> list[str]:
    found = []
    for name in (*used, b"content-type"):
        shown = name.decode()
        values = [value for key, value in headers if key == name]
        if len(values) > 1:
            found.append(f"The header {shown} stands {len(values)} times in the request; it may stand there once.")
        value = _value(headers, name)
        if name != b"content-type" and len(value) > _LONGEST:
            found.append(f"The header {shown} has {len(value)} characters; at most {_LONGEST} are allowed.")
        if name != b"content-type" and not _PRINTABLE.fullmatch(value):
            found.append(f"The header {shown} holds characters outside printable ASCII.")
    return found + _authorization(_value(headers, used[2]))


def _authorization(value: bytes) -> list[str]:
    form = "It must be `DLGA`, one blank, the access key id, a colon, the signature."
    if not value.startswith(SCHEME):
        if value[:4].upper() == SCHEME.strip():
            why = "DLGA is not in capitals" if value[:4] != SCHEME.strip() else "no blank follows DLGA"
            return [f"x-dlg-authorization: {why}. {form}"]
        return [f"x-dlg-authorization does not begin with `DLGA ` (another scheme, or the bare signature?). {form}"]
    key_id, colon, signature = value[len(SCHEME) :].partition(b":")
    if not colon:
        return [f"x-dlg-authorization has no colon between key id and signature. {form}"]
    if not key_id:
        return [f"x-dlg-authorization has no access key id before the colon. {form}"]
    return [] if signature else [f"x-dlg-authorization has no signature after the colon. {form}"]


_DATE_HINTS: Final = (
    (r"\d{4}-\d\d-\d\d.*", "it is in ISO 8601 form"),
    (r"\d{9,}", "it is a number of seconds or milliseconds"),
    (r"[A-Z][a-z]+day, .*", "the weekday is written out, or this is the form of RFC 850"),
    (r"[A-Z][a-z]{2} [A-Z][a-z]{2} .*", "it is in the form of C's asctime"),
    (r"\d{1,2} \w+ .*", "the weekday is missing"),
    (r"[A-Z][a-z]{2} \d.*", "the comma after the weekday is missing"),
    (r"\w+, \d{1,2}-\w+-\d.*", "day, month and year are joined by hyphens"),
    (r"\w+, \d{1,2} \w+ \d\d .*", "the year has two digits"),
    (r"\w+, \d{1,2} \w+ \d{4} \d\d?:\d\d( .*)?", "the seconds are missing"),
    (r"\w+, \d{1,2} \w+ \d{4} \d:\d\d:\d\d.*", "the hour has one digit"),
    (r"(?!(Mon|Tue|Wed|Thu|Fri|Sat|Sun),)\w+, .*", "the weekday is not one of Mon Tue Wed Thu Fri Sat Sun (English)"),
    (
        r"\w+, \d{1,2} (?!(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) )\w+ .*",
        "the month is not one of Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec (English)",
    ),
    (
        r"\w+, \d{1,2} \w+ \d{4} \d\d:\d\d:\d\d (?!(GMT|UTC|Z|[+-]\d{4}|GMT[+-]\d\d:\d\d)$).*",
        "the zone is none of GMT, UTC, Z, +hhmm, -hhmm, GMT+hh:mm, GMT-hh:mm",
    ),
)


def explain_date(value: bytes) -> str:
    """Say what is wrong with the form of a date that was refused."""
    text = value.decode("ascii", "replace")
    why = next((words for form, words in _DATE_HINTS if re.fullmatch(form, text)), "there is no such day or time")
    return f"The date `{text}` cannot be read: {why}. Write it like `Wed, 14 May 2025 08:05:09 GMT`."


def explain_clock(date_ms: int, now_ms: int) -> str:
    """Say by how much and in which direction a request's date lies from the server's clock (ms since 1970)."""
    off = date_ms // 1000 - now_ms // 1000
    size = abs(off)
    side = "ahead of" if off > 0 else "behind"
    text = f"The request's date is {size} s ({_span(size)}) {side} the server's clock"
    if size * 1000 <= CLOCK_WINDOW_MS:
        return f"{text}, within the {CLOCK_WINDOW_MS // 1000} s that are allowed."
    text += f"; at most {CLOCK_WINDOW_MS // 1000} s are allowed."
    hours = round(size / 3600)
    if 1 <= hours <= 14 and abs(size - hours * 3600) <= CLOCK_WINDOW_MS // 1000:
        text += " Nearly whole hours: is local time sent with the zone GMT, or without a zone?"
    return text


def _span(seconds: int) -> str:
    parts = ((seconds // 86_400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"
