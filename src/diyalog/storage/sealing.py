"""Encryption at rest: personal data and secrets are stored sealed under a key that lives outside the database."""

import functools
import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32
_REMEMBERED: Final = 1_000
_DRAWN_NONCES: Final = 64


class SealBrokenError(Exception):
    """A sealed value does not open: the secret key is another one, or the value was changed or moved."""


class SecretKeyError(Exception):
    """The file of the secret key cannot be used; the message says why."""


def read_secret_key(path: Path, *, create: bool) -> bytes:
    """Read the 32-byte secret key, kept as 64 hex digits in `path`; make it first if `create` and it is not there.

    Raises SecretKeyError.
    """
    try:
        if create and not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(_KEY_BYTES) + "\n")
                file.flush()
                os.fsync(file.fileno())
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except FileExistsError:
        return read_secret_key(path, create=False)
    except (OSError, ValueError) as error:
        raise SecretKeyError(f"{path} cannot be read as 64 hex digits ({type(error).__name__})") from None
    if len(key) != _KEY_BYTES:
        raise SecretKeyError(f"{path} must hold 64 hex digits")
    return key


class Sealer:
    """Seals values with AES-256-GCM and makes keyed digests for looking personal values up.

    Each value is bound to a `place` (table, column and row in words): moved elsewhere it does not open.
    """

    def __init__(self, secret_key: bytes) -> None:
        self._cipher = AESGCM(_derive(secret_key, b"diyalog sealing"))
        self._nonces: list[bytes] = []
        self._sealed = functools.lru_cache(_REMEMBERED)(self.seal)
        self._lookup = hmac.new(_derive(secret_key, b"diyalog lookup"), digestmod=hashlib.sha256)

    def seal(self, place: str, text: str) -> bytes:
        """Encrypt `text` for `place`."""
        nonce = self._nonce()
        return nonce + self._cipher.encrypt(nonce, text.encode(), place.encode())

    def _nonce(self) -> bytes:
        """Give twelve random bytes; the machine is asked for many at a time. For one thread, and not across a fork."""
        if not self._nonces:
            drawn = os.urandom(_NONCE_BYTES * _DRAWN_NONCES)
            self._nonces = [drawn[at : at + _NONCE_BYTES] for at in range(0, len(drawn), _NONCE_BYTES)]
        return self._nonces.pop()

    def seal_again(self, place: str, text: str) -> bytes:
        """Like `seal`, for texts that come over and over: the same sealed value may be given for the same text."""
        return self._sealed(place, text)

    def open(self, place: str, sealed: bytes) -> str:
        """Decrypt what was sealed for `place`; raises SealBrokenError."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.encode()).decode()
        except (InvalidTag, ValueError):
            raise SealBrokenError(place.partition(":")[0]) from None

    def lookup(self, kind: str, value: str) -> bytes:
        """Keyed digest (16 bytes) under which `value` is found; an unkeyed one of an 11-digit number is plain text."""
        digest = self._lookup.copy()
        digest.update(kind.encode() + b"\0" + value.encode())
        return digest.digest()[:16]


def _derive(secret_key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=purpose).derive(secret_key)
