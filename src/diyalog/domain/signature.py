"""The signature of a company's request: what is signed, how it is checked and how it is refused.

Sources: the HMAC Authentication page and the answers printed on the interactionisnotdelivered page. Everything works
on the bytes as they were received, and nothing is parsed before the signature has been checked over them.
"""

import re
from binascii import b2a_base64
from calendar import timegm
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import lru_cache
from hashlib import sha256
from hmac import compare_digest
from typing import Final, NamedTuple

from diyalog.domain.commands import Caller
from diyalog.domain.ids import AccessKeyId

SCHEME: Final = b"DLGA "
"""What an authorization value begins with."""

CLOCK_WINDOW_MS: Final = 900_000
"""How far a request's date may lie from the server's clock, either way, in milliseconds; the limit itself passes."""


class Fault(Enum):
    """Everything a signed request can be refused for: the HTTP status and the exact text of the answer."""

    HEADERS = (400, "Required headers not found")
    FORMAT = (400, "Authorization failed due to data format not valid")
    DATE = (400, "Authorization failed due to date not valid")
    SIGNATURE = (401, "Authorization failed")
    CLOCK = (403, "Request time may not be correct.")


class SignatureRefusal(Exception):  # noqa: N818 - it is the answer to a caller, not a defect here
    """The request is refused. `status` is the HTTP status, `text` the exact body, `fault` which check it failed."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.name)
        self.fault = fault
        self.status, self.text = fault.value


class SignedHeaders(NamedTuple):
    """What the headers of one request claim; nothing of it is verified yet.

    `date` is the value as sent, which is what was signed, and `date_ms` the instant it names (ms since 1970, UTC).
    `content_type` is as sent, without surrounding blanks, empty when there is none. `requester` is not covered by
    the signature.
    """

    access_key: AccessKeyId
    signature: bytes
    requester: str
    date: bytes
    date_ms: int
    content_type: bytes


_DATE, _REQUESTER, _AUTHORIZATION, _CONTENT_TYPE = (
    b"x-dlg-date",
    b"x-dlg-requester-userid",
    b"x-dlg-authorization",
    b"content-type",
)
_OLD_NAME: Final = {_DATE: b"date", _REQUESTER: b"x-requester-userid", _AUTHORIZATION: b"x-authorization"}
_LONGEST: Final = 512
_PRINTABLE: Final = re.compile(rb"[\x20-\x7e]{1,%d}" % _LONGEST)
_AUTHORIZATION_FORM: Final = re.compile(re.escape(SCHEME) + rb"([\x20-\x39\x3b-\x7e]+):([\x20-\x7e]+)")
_BLANKS: Final = b" \t"
_REPEATED: Final = b"\0"  # no header can have this value, and no check lets it pass


def read_headers(headers: Sequence[tuple[bytes, bytes]], fields: Mapping[bytes, bytes] | None = None) -> SignedHeaders:
    """Take the signing headers out of a request's raw headers (lower-case name, value).

    `fields`: the same by name, from a caller who has found that no name is repeated.

    The `x-dlg-*` names come first; `Date`, `X-Requester-UserId` and `X-Authorization` are read where the one of the
    same role is absent, and an empty value counts as absent. A header that is used may occur only once; so may
    Content-Type, because it is signed and two of them leave open what was.

    Raises SignatureRefusal: HEADERS, then FORMAT (repeated, longer than 512 bytes, not printable ASCII, not
    `DLGA id:signature`), then DATE.
    """
    found: Mapping[bytes, bytes] = dict(headers) if fields is None else fields
    if len(found) < len(headers):
        found = _without_repeats(headers)
    date = found.get(_DATE, b"").strip(_BLANKS) or _by_old_name(found, _DATE)
    requester = found.get(_REQUESTER, b"").strip(_BLANKS) or _by_old_name(found, _REQUESTER)
    authorization = found.get(_AUTHORIZATION, b"").strip(_BLANKS) or _by_old_name(found, _AUTHORIZATION)
    content_type = found.get(_CONTENT_TYPE, b"").strip(_BLANKS)
    if content_type == _REPEATED or not (_PRINTABLE.fullmatch(date) and _PRINTABLE.fullmatch(requester)):
        raise SignatureRefusal(Fault.FORMAT)
    access_key, signature = parse_authorization(authorization)
    return SignedHeaders(access_key, signature, requester.decode("ascii"), date, parse_date(date), content_type)


def _by_old_name(found: Mapping[bytes, bytes], name: bytes) -> bytes:
    value = found.get(_OLD_NAME[name], b"").strip(_BLANKS)
    if not value:
        raise SignatureRefusal(Fault.HEADERS)
    return value


def _without_repeats(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Header values by name; a name that is repeated and not empty has a value that is refused wherever it is used."""
    found: dict[bytes, bytes] = {}
    for name, raw in headers:
        value = raw.strip(_BLANKS)
        if name in found and (value or found[name] or name == _CONTENT_TYPE):
            value = _REPEATED
        found[name] = value
    return found


def parse_authorization(value: bytes) -> tuple[AccessKeyId, bytes]:
    """Split `DLGA id:signature` at its first colon into the key's id and the signature as sent.

    Raises SignatureRefusal (FORMAT) when the prefix, the colon or one of the parts is missing, or when the value is
    longer than 512 bytes or not printable ASCII.
    """
    match = _AUTHORIZATION_FORM.fullmatch(value)
    if match is None or len(value) > _LONGEST:
        raise SignatureRefusal(Fault.FORMAT)
    return AccessKeyId(match[1].decode("ascii")), match[2]


_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"), start=1
    )
}
_DATE_FORM: Final = re.compile(
    rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d)"
    rb"(?: (?:GMT|UTC|Z|([+-])([01]\d|2[0-3])([0-5]\d)|GMT([+-])([01]\d|2[0-3]):([0-5]\d)))?"
)


@lru_cache(256)  # the requests of one second carry the same text
def parse_date(value: bytes) -> int:
    """Read `EEE, dd MMM yyyy HH:mm:ss Z` as milliseconds since 1970, UTC.

    The zone is `GMT`, `UTC`, `Z`, `+hhmm`, `-hhmm`, `GMT+hh:mm` or `GMT-hh:mm`; without one the time is GMT. The
    weekday must be one but need not fit the date, as Java's lenient parser has it.

    Raises SignatureRefusal (DATE) for anything else and for dates that do not exist (31 Feb, hour 24, second 60).
    """
    match = _DATE_FORM.fullmatch(value)
    if match is None:
        raise SignatureRefusal(Fault.DATE)
    day, month, year, hour, minute, second, sign, zone_hour, zone_minute, *after_gmt = match.groups()
    if after_gmt[0] is not None:
        sign, zone_hour, zone_minute = after_gmt
    try:
        local = datetime(int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second))  # noqa: DTZ001 - the zone is applied below, where it cannot overflow
    except (KeyError, ValueError):
        raise SignatureRefusal(Fault.DATE) from None
    seconds = timegm(local.timetuple())
    if sign is not None:
        offset = int(zone_hour) * 3600 + int(zone_minute) * 60
        seconds += offset if sign == b"-" else -offset
    return seconds * 1000


def string_to_sign(method: bytes, content_type: bytes, date: bytes, body: bytes, target: bytes) -> bytes:
    r"""Join the five signed parts with one `\n` between each and none at the end.

    The newline before the target is always there, also after an empty body and after one that ends with a newline.
    `target` is path and query as received.
    """
    return b"\n".join((method, content_type, date, body, target))


_INNER_PAD, _OUTER_PAD = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))
_BLOCK: Final = 64


class SigningKey:
    """One access key secret, ready to sign (HMAC-SHA256, RFC 2104). Keeps hash states, not the secret.

    Both key blocks are hashed here once, which leaves only the text to hash for each signature. The secret is used
    as its UTF-8 bytes exactly as issued. Raises ValueError for an empty one.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, secret: str) -> None:
        if not secret:
            raise ValueError("an access key secret is never empty")
        key = secret.encode()
        if len(key) > _BLOCK:
            key = sha256(key).digest()
        key = key.ljust(_BLOCK, b"\0")
        self._inner = sha256(key.translate(_INNER_PAD))
        self._outer = sha256(key.translate(_OUTER_PAD))

    def sign(self, text: bytes) -> bytes:
        """Return the signature of `text`: canonical base64, 44 characters."""
        inner = self._inner.copy()
        inner.update(text)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return b2a_base64(outer.digest(), newline=False)

    def verifies(self, text: bytes, signature: bytes) -> bool:
        """Tell whether `signature` is that of `text`.

        The texts of the signatures are compared, in constant time: only the one canonical base64 spelling of exactly
        the right 32 bytes is equal, so nothing has to be decoded.
        """
        return compare_digest(self.sign(text), signature)


_UNKNOWN_KEY: Final = (SigningKey("stands for every key that does not exist"),)


def verify(
    claimed: SignedHeaders,
    *,
    method: bytes,
    target: bytes,
    body: bytes,
    now_ms: int,
    known: Sequence[SigningKey],
) -> Caller:
    """Check the signature, then the clock; return who asked.

    `known` are the live keys of the claimed id, none when it is unknown or revoked: then the same work is done with a
    key nobody has, so that ids cannot be probed. `now_ms` is the server's clock (ms since 1970).

    The content type is verified as sent; when that fails and it has parameters, once more with only the media type,
    because many HTTP libraries add `; charset=utf-8` to what the caller signed. Parameters have no effect here: a
    body is UTF-8 whatever they say.

    Raises SignatureRefusal: SIGNATURE, then CLOCK, so that only the holder of a secret learns that a clock is wrong.
    """
    access_key, signature, requester, date, date_ms, content_type = claimed
    keys = known or _UNKNOWN_KEY
    proven = _any_verifies(keys, string_to_sign(method, content_type, date, body, target), signature)
    if not proven and b";" in content_type:
        media_type = content_type.partition(b";")[0].rstrip(_BLANKS)
        proven = _any_verifies(keys, string_to_sign(method, media_type, date, body, target), signature)
    if not (proven and known):
        raise SignatureRefusal(Fault.SIGNATURE)
    if abs(now_ms // 1000 * 1000 - date_ms) > CLOCK_WINDOW_MS:  # dates have whole seconds, so has this clock
        raise SignatureRefusal(Fault.CLOCK)
    return Caller(access_key, requester)


def _any_verifies(keys: Sequence[SigningKey], text: bytes, signature: bytes) -> bool:
    for key in keys:  # noqa: SIM110 - a generator would cost as much as the hash
        if key.verifies(text, signature):
            return True
    return False


def check(
    headers: Sequence[tuple[bytes, bytes]],
    *,
    method: bytes,
    target: bytes,
    body: bytes,
    now_ms: int,
    lookup: Callable[[AccessKeyId], Sequence[SigningKey]],
) -> Caller:
    """Check one request in the documented order: headers, format and date (400), signature (401), clock (403).

    A server that wants to refuse before it has read the body calls `read_headers` and `verify` itself.
    Raises SignatureRefusal.
    """
    claimed = read_headers(headers)
    known = lookup(claimed.access_key)
    return verify(claimed, method=method, target=target, body=body, now_ms=now_ms, known=known)
