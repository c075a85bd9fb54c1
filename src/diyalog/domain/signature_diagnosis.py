"""Why a signature is wrong: try the usual mistakes until one of them reproduces what the caller sent.

Three things can be wrong at once or alone: the text that was signed (`signature_mistakes.py`), the way it was signed
(`Signer`: the secret or the algorithm), and the way the result was written (`Reading`). The search goes from no
mistake over one to two, and ends when its budget of bytes is used up, so it is bounded for any request.
"""

import hashlib
import hmac
import itertools
from base64 import b64decode, b64encode
from binascii import Error as NotBase64Error
from binascii import a2b_base64
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from diyalog.domain.signature import SigningKey
from diyalog.domain.signature_mistakes import LAYOUT, Layout, Mistake, Parts, Surroundings, Variant, joined, variants

Mistakes = tuple[Mistake, ...]

_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
"""URL-safe base64 in the letters of the standard one."""

THOROUGH_BYTES: Final = 400_000_000
"""Budget of a search for a person who waits: a few seconds at most."""
QUICK_BYTES: Final = 2_000_000
"""Budget of a search on a serving server: some milliseconds."""
QUICK_REQUEST_BYTES: Final = 8_192
"""Largest body and target, together, that are looked at on a serving server."""
_ATTEMPT_BYTES: Final = 500
"""What one attempt costs besides its text."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the signature as bytes, and which mistakes in writing it that supposes."""

    digest: bytes
    mistakes: Mistakes = ()


@dataclass(frozen=True, slots=True)
class Signer:
    """One way to sign a text, and which mistakes it is; none for the right way."""

    sign: Callable[[bytes], bytes]
    mistakes: Mistakes = ()


def readings(signature: bytes) -> list[Reading]:
    """Every sensible reading of a signature, the right one (canonical base64) first; empty for nonsense."""
    found: dict[bytes, Reading] = {}
    for text, before in _unwrapped(signature):
        for digest, mistake in _decoded(text):
            if len(digest) in _ALGORITHMS:
                found.setdefault(digest, Reading(digest, before if mistake is None else (*before, mistake)))
    return list(found.values())


def _unwrapped(signature: bytes) -> Iterator[tuple[bytes, Mistakes]]:
    yield signature, ()
    blanks = b"".join(signature.split())
    yield blanks, (Mistake("encoding_blanks", "the signature holds blanks or line ends (wrapped base64?)"),)
    quoted = blanks.strip(b"\"'<>")
    yield quoted, (Mistake("encoding_quotes", "the signature stands in quotes"),)
    escaped = unquote_to_bytes(quoted)
    yield escaped, (Mistake("encoding_percent", "the signature was percent-encoded; send it as it is"),)
    named = quoted.partition(b"=")[2]
    yield named, (Mistake("encoding_prefix", "a name and = stand before the signature"),)


def _decoded(text: bytes) -> Iterator[tuple[bytes, Mistake | None]]:
    plain = _base64(text)
    if plain is not None:
        loose = "the last letter of the base64 is not the one an encoder writes; was the signature typed or cut?"
        yield plain, None if b64encode(plain) == text else Mistake("encoding_not_canonical", loose)
    hexadecimal = "the signature was sent in hexadecimal; it is sent in base64"
    digest = _hex(text)
    if digest is not None:
        yield digest, Mistake("encoding_hex", hexadecimal)
    unpadded = "the base64 lacks its padding (=) or has too much of it; a signature has 44 characters"
    padded = text.rstrip(b"=") + b"=" * (-len(text.rstrip(b"=")) % 4)
    again = _base64(padded)
    if again is not None:
        yield again, Mistake("encoding_padding", unpadded)
    urlsafe = _base64(padded.translate(_STANDARD)) if set(text) & set(b"-_") else None
    if urlsafe is not None:
        words = "the signature is in URL-safe base64 (- and _); it must be standard base64 (+ and /)"
        yield urlsafe, Mistake("encoding_base64url", words)
    if plain is not None:
        inner = _hex(plain)
        if inner is not None:
            words = "the hexadecimal text of the signature was put into base64; encode its bytes instead"
            yield inner, Mistake("encoding_hex_in_base64", words)
        twice = _base64(plain)
        if twice is not None:
            yield twice, Mistake("encoding_base64_twice", "the signature was put into base64 twice")


def _base64(text: bytes) -> bytes | None:
    try:
        return b64decode(text, validate=True) or None
    except (NotBase64Error, ValueError):
        return None


def _hex(text: bytes) -> bytes | None:
    try:
        return bytes.fromhex(text.decode("ascii")) if text else None
    except ValueError:
        return None


_ALGORITHMS: Final = {16: "md5", 20: "sha1", 28: "sha224", 32: "sha256", 48: "sha384", 64: "sha512"}
_RIGHT_SIZE: Final = 32


def right_signer(key: SigningKey) -> Signer:
    """The right way to sign, by a key whose secret is not at hand."""
    return Signer(lambda text: a2b_base64(key.sign(text)))


def signers(secret: str, key_id: str, size: int) -> list[Signer]:
    """Ways to sign that give digests of `size` bytes: the right one first (32 bytes only), then mistaken ones."""
    algorithm = _ALGORITHMS[size]
    kind: Mistakes = ()
    if size != _RIGHT_SIZE:
        words = f"the signature was made with HMAC-{algorithm.upper()}; it must be HMAC-SHA256"
        kind = (Mistake(f"algorithm_hmac_{algorithm}", words),)
    raw = secret.encode()
    found = [Signer(_hmac(raw, algorithm), kind)]
    if size == _RIGHT_SIZE:
        words = "the signature was made with HMAC-SHA3-256; it must be HMAC-SHA256"
        found.append(Signer(_hmac(raw, "sha3_256"), (Mistake("algorithm_sha3", words),)))
    for mistake, key in _secrets(raw, key_id.encode()):
        if key != raw:
            found.append(Signer(_hmac(key, algorithm), (mistake, *kind)))
    swapped = "key and message are swapped: the secret must be the key of the HMAC, the string to sign its message"
    found.append(Signer(lambda text: hmac.digest(text, raw, algorithm), (Mistake("algorithm_swapped", swapped),)))
    plain = f"a plain {algorithm.upper()} hash was made, not an HMAC with the secret as its key"
    orders: tuple[Callable[[bytes], bytes], ...] = (
        lambda text: raw + text,
        lambda text: text + raw,
        lambda text: text,
        lambda text: raw + b"\n" + text,
    )
    hashed = (Mistake("algorithm_plain_hash", plain),)
    found.extend(Signer(_hash(combine, algorithm), hashed) for combine in orders)
    return found


def _hmac(key: bytes, algorithm: str) -> Callable[[bytes], bytes]:
    return lambda text: hmac.digest(key, text, algorithm)


def _hash(combine: Callable[[bytes], bytes], algorithm: str) -> Callable[[bytes], bytes]:
    return lambda text: hashlib.new(algorithm, combine(text), usedforsecurity=False).digest()


def _secrets(secret: bytes, key_id: bytes) -> Iterator[tuple[Mistake, bytes]]:
    blanks = "the secret was used with a blank or line end too many (from a file or a copied text?)"
    for key in (secret + b"\n", secret + b"\r\n", secret + b" ", b" " + secret, secret + b"\r"):
        yield Mistake("secret_blanks", blanks), key
    yield Mistake("secret_stripped", "the secret was used without blanks that belong to it"), secret.strip()
    decoded = "the secret was base64-decoded; its text is used as it was issued"
    for text in (secret, secret + b"=" * (-len(secret) % 4), secret.translate(_STANDARD)):
        from_base64 = _base64(text)
        if from_base64 is not None:
            yield Mistake("secret_base64_decoded", decoded), from_base64
    from_hex = _hex(secret)
    if from_hex is not None:
        words = "the secret was hex-decoded; its text is used as it was issued"
        yield Mistake("secret_hex_decoded", words), from_hex
    yield Mistake("secret_quoted", "the secret was used with quotes round it"), b'"' + secret + b'"'
    yield Mistake("secret_quoted", "the secret was used with quotes round it"), b"'" + secret + b"'"
    case = "the secret was used in another case"
    yield Mistake("secret_case", case), secret.lower()
    yield Mistake("secret_case", case), secret.upper()
    hashed = Mistake("secret_hashed", "a hash of the secret was used as the key")
    yield hashed, hashlib.sha256(secret).digest()
    yield hashed, hashlib.sha256(secret).hexdigest().encode()
    yield Mistake("secret_encoded", "the secret was base64-encoded once more"), b64encode(secret)
    for codec in ("iso-8859-9", "utf-16-le", "utf-16-be"):
        words = f"the secret was used in {codec}; its UTF-8 bytes are the key"
        yield Mistake("secret_character_set", words), secret.decode().encode(codec, "replace")
    yield Mistake("secret_is_key_id", "the access key id was used as the secret"), key_id
    yield Mistake("secret_with_key_id", "the key id was put before the secret"), key_id + b":" + secret


class Budget:
    """How many bytes a search may still sign."""

    def __init__(self, size: int) -> None:
        self._left = size

    def take(self, text: bytes) -> bool:
        """Count one attempt; False when it is too much."""
        self._left -= len(text) + _ATTEMPT_BYTES
        return self._left >= 0


Matches = Callable[[bytes], Mistakes | None]
"""Tells whether a text is the one that is looked for, and with which further mistakes."""


def search(texts: Iterable[tuple[Mistakes, bytes]], matches: Matches, budget: Budget) -> Mistakes | None:
    """Find the first text that matches; the mistakes that led there, None when there is none within the budget."""
    for mistakes, text in texts:
        if not budget.take(text):
            return None
        further = matches(text)
        if further is not None:
            return (*further, *mistakes)
    return None


def with_one(parts: Parts, changes: Sequence[Variant]) -> Iterator[tuple[Mistakes, bytes]]:
    """The right text, then each with one mistake in it."""
    yield (), joined(parts)
    for change in changes:
        yield (change.mistake,), _text(parts, (change,))


def with_two(parts: Parts, changes: Sequence[Variant]) -> Iterator[tuple[Mistakes, bytes]]:
    """Each text with two mistakes in different parts, those of likely mistakes first."""
    by_part = [list(group) for _, group in itertools.groupby(changes, key=lambda change: change.where)]
    longest = max(map(len, by_part), default=0)
    for reach in range(2 * longest - 1):
        for first, second in itertools.combinations(by_part, 2):
            for at in range(max(0, reach - len(second) + 1), min(reach + 1, len(first))):
                pair = (first[at], second[reach - at])
                yield tuple(change.mistake for change in pair), _text(parts, pair)


def _text(parts: Parts, changes: Iterable[Variant]) -> bytes:
    layout: Layout = joined
    for change in changes:
        if change.where == LAYOUT:
            assert change.layout is not None, "a change of the layout has one"
            layout = change.layout
        else:
            parts = parts._replace(**{change.where: change.value})
    return layout(parts)


def matching(ways: Sequence[Signer], wanted: Sequence[Reading]) -> Matches:
    """Tells whether one of `ways` makes one of the wanted digests of a text; compares in constant time."""

    def matches(text: bytes) -> Mistakes | None:
        for way in ways:
            digest = way.sign(text)
            for reading in wanted:
                if hmac.compare_digest(digest, reading.digest):
                    return (*reading.mistakes, *way.mistakes)
        return None

    return matches


def diagnose(parts: Parts, around: Surroundings, signature: bytes, secret: str) -> Mistakes | None:
    """The mistakes with which `signature` comes out: none at all when it is right, None when nothing fits.

    For a person who waits: tries one and two mistakes, in a few seconds at most.
    """
    key_id = around.key_id.decode("utf-8", "replace")
    changes = variants(parts, around, thorough=True)
    budget = Budget(THOROUGH_BYTES)
    wanted = readings(signature)
    ways = {size: signers(secret, key_id, size) for size in {len(reading.digest) for reading in wanted}}

    def tried(texts: Iterable[tuple[Mistakes, bytes]], first: int, last: int | None) -> Mistakes | None:
        chosen = [way for of_size in ways.values() for way in of_size[first:last]]
        return search(texts, matching(chosen, wanted), budget)

    for texts, first, last in (
        (with_one(parts, changes), 0, 1),
        (with_one(parts, changes), 1, None),
        (with_two(parts, changes), 0, 1),
    ):
        found = tried(texts, first, last)
        if found is not None:
            return found
    return None


def too_large(parts: Parts) -> bool:
    """Whether a request is more than a serving server looks at."""
    return len(parts.body) + len(parts.target) > QUICK_REQUEST_BYTES


def diagnose_quickly(parts: Parts, around: Surroundings, signature: bytes, key: SigningKey) -> Mistakes | None:
    """As `diagnose`, for a serving server: one mistake of the text, the secret not looked into, a few milliseconds."""
    if too_large(parts):
        return None
    changes = variants(parts, around, thorough=False)
    return search(with_one(parts, changes), matching([right_signer(key)], readings(signature)), Budget(QUICK_BYTES))


def explain_text(parts: Parts, around: Surroundings, own: bytes) -> Mistakes | None:
    """The mistakes with which the caller's own string to sign comes out; none when it is right, None: unknown."""
    changes = variants(parts, around, thorough=True)
    budget = Budget(THOROUGH_BYTES)

    def same(text: bytes) -> Mistakes | None:
        return () if text == own else None

    found = search(with_one(parts, changes), same, budget)
    return search(with_two(parts, changes), same, budget) if found is None else found


def first_difference(parts: Parts, own: bytes) -> tuple[int, str]:
    """Where the caller's string to sign leaves the right one: the byte's number from 0, and the part it falls into."""
    right = joined(parts)
    at = next(
        (i for i, pair in enumerate(zip(right, own, strict=False)) if pair[0] != pair[1]), min(len(right), len(own))
    )
    end = 0
    for name, value in parts._asdict().items():
        end += len(value) + 1
        if at < end - 1 or (at == end - 1 and name != "target"):
            what = name.replace("_", " ")
            return at, what if at < end - 1 else f"line feed after the {what}"
    return at, "end"
