"""The usual mistakes in the string to sign, each as the change that it makes to one part of it.

A request that was signed wrongly differs from what was sent in one part, seldom in two. The changes listed here are
those of libraries and habits: JSON encoders, HTTP clients, shells, other products' signing schemes. Pure: values of
one request in, changed values out; `signature_diagnosis.py` tries them.
"""

import itertools
import re
import unicodedata
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from hashlib import md5, sha256
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, quote, quote_plus, unquote_to_bytes, urlencode

from diyalog.domain.json_spellings import spellings
from diyalog.domain.signature import SignatureRefusal, parse_date, string_to_sign


class Parts(NamedTuple):
    """The five parts of the string to sign, in their order."""

    method: bytes
    content_type: bytes
    date: bytes
    body: bytes
    target: bytes


class Mistake(NamedTuple):
    """One mistake. `name` is a fixed word, for logs; `words` say it to people and quote nothing of the request."""

    name: str
    words: str


Layout = Callable[[Parts], bytes]
LAYOUT: Final = "layout"


@dataclass(frozen=True, slots=True)
class Variant:
    """A mistake as a change of the string to sign: another `value` for the part `where`, or another layout."""

    mistake: Mistake
    where: str
    value: bytes = b""
    layout: Layout | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stood around the signed parts and may have slipped into them."""

    headers: tuple[tuple[bytes, bytes], ...] = ()
    key_id: bytes = b""
    requester: bytes = b""


def joined(parts: Parts) -> bytes:
    """The right string to sign."""
    return string_to_sign(*parts)


def variants(parts: Parts, around: Surroundings, *, thorough: bool) -> list[Variant]:
    """List the changes worth trying on one request, likely ones first, each text once.

    `thorough` adds what costs more: every spelling of the JSON, every zone, every order of the parts.
    """
    found: list[Variant] = []
    seen: dict[str, set[bytes]] = {name: {value} for name, value in parts._asdict().items()}
    for where, changes in (
        ("body", _bodies(parts, thorough=thorough)),
        ("content_type", _content_types(parts)),
        ("target", _targets(parts, around)),
        ("method", _methods(parts)),
        ("date", _dates(parts, around, thorough=thorough)),
    ):
        for mistake, value in changes:
            if value not in seen[where]:
                seen[where].add(value)
                found.append(Variant(mistake, where, value))
    layouts = _layouts(around, thorough=thorough)
    return found + [Variant(mistake, LAYOUT, layout=layout) for mistake, layout in layouts]


_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_EMPTY_BODY: Final = Mistake("body_left_empty", "the body was signed as empty, although one was sent")


def _bodies(parts: Parts, *, thorough: bool) -> Iterator[tuple[Mistake, bytes]]:
    body = parts.body
    added = "a line end was added to the body before it was signed (echo, heredocs and editors do that)"
    yield Mistake("body_newline_added", added), body + b"\n"
    yield Mistake("body_newline_added", added), body + b"\r\n"
    lost = "the body was signed without the line end or blanks that were sent at its end or beginning"
    yield Mistake("body_newline_stripped", lost), body.rstrip(b"\r\n")
    yield Mistake("body_newline_stripped", lost), body.strip()
    line_feeds = body.replace(b"\r\n", b"\n")
    crlf = "line ends changed between signing and sending: CRLF on one side, LF on the other"
    yield Mistake("body_line_ends", crlf), line_feeds
    yield Mistake("body_line_ends", crlf), line_feeds.replace(b"\n", b"\r\n")
    yield Mistake("body_line_ends", crlf), line_feeds.replace(b"\n", b"")
    yield _EMPTY_BODY, b""
    for how, text in spellings(body, thorough=thorough):
        words = f"the body was encoded twice: the signed JSON text was another than the sent one ({how})"
        yield Mistake("body_reserialised", words), text
    mark = "a byte order mark (EF BB BF) stood before the body on one side only"
    yield Mistake("body_byte_order_mark", mark), body.removeprefix(_BYTE_ORDER_MARK)
    yield Mistake("body_byte_order_mark", mark), _BYTE_ORDER_MARK + body
    yield from _hashed_bodies(body)
    yield from _recoded_bodies(body)


def _hashed_bodies(body: bytes) -> Iterator[tuple[Mistake, bytes]]:
    words = "a hash of the body was signed instead of the body itself (other products do that)"
    digest = sha256(body)
    mistake = Mistake("body_hashed", words)
    yield mistake, digest.hexdigest().encode()
    yield mistake, b64encode(digest.digest())
    checksum = md5(body, usedforsecurity=False)
    yield mistake, checksum.hexdigest().encode()
    yield mistake, b64encode(checksum.digest())
    yield Mistake("body_base64", "the body was signed in base64"), b64encode(body)


def _recoded_bodies(body: bytes) -> Iterator[tuple[Mistake, bytes]]:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return
    for codec in ("iso-8859-9", "cp1254", "latin-1", "utf-16-le", "utf-16-be", "utf-16"):
        words = f"the body was signed in {codec} and sent in UTF-8"
        try:
            yield Mistake("body_character_set", words), text.encode(codec)
        except UnicodeEncodeError:
            continue
    twice = "the body's UTF-8 bytes were read as Latin-1 and encoded once more before signing"
    yield Mistake("body_character_set", twice), body.decode("latin-1").encode()
    for form in ("NFC", "NFD"):
        words = f"accented letters were composed differently before signing (Unicode {form})"
        yield Mistake("body_unicode_form", words), unicodedata.normalize(form, text).encode()


_MEDIA_TYPES: Final = (
    b"application/json",
    b"application/json; charset=utf-8",
    b"application/json;charset=utf-8",
    b"application/json; charset=UTF-8",
    b"application/json;charset=UTF-8",
    b"application/x-www-form-urlencoded",
    b"text/plain",
    b"text/plain; charset=utf-8",
    b"*/*",
)


def _content_types(parts: Parts) -> Iterator[tuple[Mistake, bytes]]:
    sent = parts.content_type
    without = "the content type was signed without the parameters with which it was sent"
    yield Mistake("content_type_without_parameters", without), sent.partition(b";")[0].rstrip(b" \t")
    yield Mistake("content_type_empty", "an empty content type was signed, although one was sent"), b""
    absent = "a content type was signed that the request did not carry"
    other = "the signed content type is another one than the sent one"
    parameters = "the content type was signed with parameters (`; charset=...`) that were not sent"
    for media_type in _MEDIA_TYPES:
        if not sent:
            yield Mistake("content_type_not_sent", absent), media_type
        elif media_type.startswith(sent.partition(b";")[0].lower().strip()):
            yield Mistake("content_type_parameters", parameters), media_type
        else:
            yield Mistake("content_type_other", other), media_type
    yield Mistake("content_type_case", "the content type was signed in lower case, sent otherwise"), sent.lower()
    named = "the header's name stood in the string to sign before its value"
    yield Mistake("content_type_with_name", named), b"content-type:" + sent
    yield Mistake("content_type_with_name", named), b"Content-Type: " + sent


_MOST_SEGMENTS, _MOST_HOSTS = 10, 2
"""So that what is tried does not grow with the square of what strangers send."""
_ESCAPE: Final = re.compile(rb"%[0-9A-F]{2}")


def _targets(parts: Parts, around: Surroundings) -> Iterator[tuple[Mistake, bytes]]:
    target = parts.target
    path, mark, query = target.partition(b"?")
    yield Mistake("target_without_query", "the target was signed without its query"), path
    with_host = "the target was signed with the server's address before it; only what follows the address is signed"
    hosts = [value for name, value in around.headers if name in {b"host", b"x-forwarded-host"} and value]
    for host, scheme in itertools.product(hosts[:_MOST_HOSTS], (b"", b"http://", b"https://", b"//")):
        for what in (target, path):
            yield Mistake("target_with_host", with_host), scheme + host + what
    decoded = "the target was percent-decoded before it was signed; it is signed as it is sent"
    yield Mistake("target_decoded", decoded), unquote_to_bytes(target)
    yield Mistake("target_decoded", decoded), unquote_to_bytes(target.replace(b"+", b" "))
    encoded = "the target was percent-encoded otherwise, or once more, before it was signed"
    plain = unquote_to_bytes(target)
    for text, safe in ((plain, "/?&=:@!$'()*,;~"), (plain, "/"), (target, "/?&="), (target, "/"), (target, "")):
        result = quote(text, safe=safe).encode()
        yield Mistake("target_encoded", encoded), result
        yield Mistake("target_encoded", encoded), _ESCAPE.sub(lambda escape: escape[0].lower(), result)
    if mark:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
        words = "the query was built anew before signing (order or encoding of its parameters)"
        for chosen in (pairs, sorted(pairs)):
            for plus in (True, False):
                yield Mistake("target_query_rebuilt", words), path + b"?" + _query(chosen, plus=plus)
        yield Mistake("target_query_rebuilt", words), path + b"?" + b"&".join(sorted(query.split(b"&")))
    slash = "the target was signed with another slash at its end or beginning than it was sent with"
    for text in (path.rstrip(b"/"), path + b"/", target.lstrip(b"/"), path.lstrip(b"/"), b"/" + target):
        yield Mistake("target_slash", slash), text
    yield Mistake("target_case", "the target was signed in another case than it was sent in"), target.lower()
    partly = "only a part of the path was signed; all that follows the server's address is signed"
    pieces = path.split(b"/")
    for start in range(2, min(len(pieces), _MOST_SEGMENTS)):
        rest = b"/".join(pieces[start:])
        yield Mistake("target_partly", partly), b"/" + rest
        yield Mistake("target_partly", partly), rest
    yield Mistake("target_empty", "the target was left empty"), b""


def _query(pairs: list[tuple[str, str]], *, plus: bool) -> bytes:
    return urlencode(pairs, encoding="latin-1", quote_via=quote_plus if plus else quote).encode()


def _methods(parts: Parts) -> Iterator[tuple[Mistake, bytes]]:
    case = "the method was not signed in capitals"
    yield Mistake("method_case", case), parts.method.lower()
    yield Mistake("method_case", case), parts.method.capitalize()
    for method in (b"POST", b"GET", b"PUT", b"DELETE"):
        yield Mistake("method_other", "another method was signed than the request was sent with"), method
    yield Mistake("method_empty", "the method was left empty"), b""


_NAMES: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NEIGHBOURS: Final = 10
_LEAST_YEAR, _MOST_YEAR = 1970, 9999
"""Between these no arithmetic on a date leaves the calendar."""


def _dates(parts: Parts, around: Surroundings, *, thorough: bool) -> Iterator[tuple[Mistake, bytes]]:
    for name, value in around.headers:
        if b"date" in name or name == b"x-dlg-timestamp":
            words = f"the date was taken from the header {name.decode('ascii', 'replace')} instead of x-dlg-date"
            yield Mistake("date_of_another_header", words), value.strip(b" \t")
    yield Mistake("date_empty", "the date was left empty in the string to sign"), b""
    try:
        moment = datetime.fromtimestamp(parse_date(parts.date) / 1000, UTC)
    except (SignatureRefusal, ValueError, OverflowError):
        return
    if not _LEAST_YEAR < moment.year < _MOST_YEAR:
        return
    another = "the same moment was signed with another text than the one in x-dlg-date (time zone or form)"
    for text in _spelled(moment, thorough=thorough):
        yield Mistake("date_text", another), text.encode()
    twice = "the time was taken twice: the signed date is a few seconds from the one in x-dlg-date"
    pieces = parts.date.split(b" ")
    clock, zone = b" ".join(pieces[:5]), pieces[5:]
    local = datetime.fromtimestamp(parse_date(clock) / 1000, UTC)
    for seconds in range(1, (_NEIGHBOURS if thorough else 2) + 1):
        for moved in (local - timedelta(seconds=seconds), local + timedelta(seconds=seconds)):
            yield Mistake("date_taken_twice", twice), b" ".join((_form(moved).encode(), *zone))


def _form(moment: datetime) -> str:
    return f"{_NAMES[moment.weekday()]}, {moment.day:02} {_MONTHS[moment.month - 1]} {moment:%Y %H:%M:%S}"


def _spelled(moment: datetime, *, thorough: bool) -> Iterator[str]:
    utc = _form(moment)
    yield from (f"{utc}{zone}" for zone in (" GMT", " +0000", "", " UTC", " Z", " GMT+00:00"))
    if moment.day < 10:
        yield utc.replace(f" {moment.day:02} ", f" {moment.day} ", 1) + " GMT"
    iso = f"{moment:%Y-%m-%dT%H:%M:%S}"
    yield from (f"{iso}Z", f"{iso}.000Z", f"{iso}+00:00", f"{moment:%Y%m%dT%H%M%SZ}")
    seconds = int(moment.timestamp())
    yield from (str(seconds), str(seconds * 1000))
    hours = range(-12, 15) if thorough else (3,)
    for hour in hours:
        local = moment.astimezone(timezone(timedelta(hours=hour)))
        text = _form(local)
        yield from (
            f"{text} {hour:+03}00",
            f"{text} GMT{hour:+03}:00",
            f"{text} GMT",
            text,
            f"{local:%Y-%m-%dT%H:%M:%S}",
        )
        yield f"{local:%Y-%m-%dT%H:%M:%S}{hour:+03}:00"


def _separated(by: bytes, *, last: bytes = b"") -> Layout:
    return lambda parts: by.join(parts) + last


def _layouts(around: Surroundings, *, thorough: bool) -> Iterator[tuple[Mistake, Layout]]:
    no_feed = "the line feed between body and target is missing; it stands there always, also after an empty body"
    yield Mistake("layout_no_newline_before_target", no_feed), lambda parts: b"\n".join(parts[:4]) + parts.target
    empty = "an empty part was left out with its line feed; each of the five parts has its place, empty or not"
    yield Mistake("layout_empty_part_dropped", empty), lambda parts: b"\n".join(filter(None, parts))
    end = "a line end follows the target; nothing may follow it"
    yield Mistake("layout_newline_at_end", end), _separated(b"\n", last=b"\n")
    yield Mistake("layout_newline_at_end", end), _separated(b"\n", last=b"\r\n")
    crlf = "the parts are separated by CRLF; it must be one line feed (0A)"
    yield Mistake("layout_crlf", crlf), _separated(b"\r\n")
    yield Mistake("layout_crlf", crlf), _separated(b"\r\n", last=b"\r\n")
    text = r"the parts are separated by the two characters \ and n; it must be one line feed (0A)"
    yield Mistake("layout_backslash_n", text), _separated(b"\\n")
    other = "the parts are separated by something else than one line feed (0A)"
    for separator in (b"", b" ", b"|", b",", b":", b"&", b"\n\n", b";", b"\r"):
        yield Mistake("layout_separator", other), _separated(separator)
    for index, name in enumerate(Parts._fields):
        words = f"the {name.replace('_', ' ')} was left out of the string to sign, with its line feed"
        yield Mistake(f"layout_without_{name}", words), _without(index)
    extras = (("the access key id", around.key_id), ("the requester's user id", around.requester))
    for what, extra in extras:
        if extra:
            words = f"{what} was signed too; it does not belong into the string to sign"
            for layout in _with_extra(extra):
                yield Mistake("layout_extra_part", words), layout
    if thorough:
        words = "the parts stand in another order; it is method, content type, date, body, target"
        for order in itertools.permutations(range(5)):
            if order != (0, 1, 2, 3, 4):
                yield Mistake("layout_order", words), _ordered(order)
    else:
        words = "the parts stand in another order"
        for order in ((0, 4, 1, 2, 3), (0, 4, 2, 1, 3), (0, 1, 2, 4, 3), (0, 2, 1, 3, 4)):
            yield Mistake("layout_order", words), _ordered(order)


def _without(index: int) -> Layout:
    return lambda parts: b"\n".join(value for at, value in enumerate(parts) if at != index)


def _ordered(order: tuple[int, ...]) -> Layout:
    return lambda parts: b"\n".join(parts[index] for index in order)


def _with_extra(extra: bytes) -> Iterator[Layout]:
    for place in range(6):
        yield lambda parts, place=place: b"\n".join((*parts[:place], extra, *parts[place:]))  # type: ignore[misc]
    yield lambda parts: extra + joined(parts)
    yield lambda parts: joined(parts) + extra
