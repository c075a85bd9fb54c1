import json
from pathlib import Path

import pytest

from diyalog.domain.signature import SigningKey

V1 = json.loads((Path(__file__).parents[1] / "vectors" / "signature.json").read_text(encoding="utf-8"))["vectors"][0]
SECRET, TEXT, SIGNATURE = V1["accessKeySecret"], V1["stringToSign"].encode(), V1["signature"].encode()


def test_a_published_known_answer() -> None:
    # RFC 4231, test case 2
    assert SigningKey("Jefe").sign(b"what do ya want for nothing?") == b"W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="


def test_a_secret_as_long_as_a_block_and_longer() -> None:
    # openssl dgst -sha256 -hmac of 64, 65 and 100 times the letter s
    assert SigningKey("s" * 64).sign(b"text") == b"3T/2o7c1o6u11jucDHSz1I3gJ71Xf8p9hsrhpOK9IMo="
    assert SigningKey("s" * 65).sign(b"text") == b"8GDzvTFuyDC3S0V0SpCY0aIZ5AyoX2AYlk82T6vWGXU="
    assert SigningKey("s" * 100).sign(b"text") == b"nT5QrfxPHrZ8kvINGFhTQNp+nsi51UgkDK4Y9PEfRQs="


def test_signing_twice_gives_the_same() -> None:
    key = SigningKey(SECRET)
    key.sign(b"something else")
    assert key.sign(TEXT) == SIGNATURE


def test_signatures_are_compared_in_constant_time() -> None:
    class Watched(bytes):
        """Tells when it is compared byte by byte from the front, as `==` does."""

        compared = False

        def __eq__(self, other: object) -> bool:
            Watched.compared = True
            return super().__eq__(other)

        __hash__ = bytes.__hash__

    text = TEXT
    assert SigningKey(SECRET).verifies(text, Watched(SIGNATURE))
    assert not Watched.compared


def test_an_empty_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="never empty"):
        SigningKey("")


def test_does_not_show_its_secret() -> None:
    assert "Jefe" not in repr(SigningKey("Jefe"))
