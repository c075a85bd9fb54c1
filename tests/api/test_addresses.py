"""Whose address counts, behind proxies."""

import pytest

from diyalog.api.addresses import ClientAddresses

TRUSTED = ("10.0.0.0/8", "2001:db8:ffff::/48")


@pytest.mark.parametrize(
    ("peer", "headers", "client"),
    [
        ("192.0.2.7", {}, "192.0.2.7"),
        ("192.0.2.7", {"x-forwarded-for": "203.0.113.1"}, "192.0.2.7"),
        ("192.0.2.7", {"forwarded": "for=203.0.113.1"}, "192.0.2.7"),
        ("10.0.0.1", {}, "10.0.0.1"),
        ("10.0.0.1", {"x-forwarded-for": "203.0.113.1"}, "203.0.113.1"),
        ("10.0.0.1", {"x-forwarded-for": "198.51.100.9, 203.0.113.1"}, "203.0.113.1"),
        ("10.0.0.1", {"x-forwarded-for": "203.0.113.1, 10.2.2.2"}, "203.0.113.1"),
        ("10.0.0.1", {"x-forwarded-for": "10.2.2.2"}, "10.2.2.2"),
        ("10.0.0.1", {"x-forwarded-for": "nonsense"}, "10.0.0.1"),
        ("10.0.0.1", {"x-forwarded-for": ""}, "10.0.0.1"),
        ("10.0.0.1", {"x-forwarded-for": "203.0.113.1:4711"}, "203.0.113.1"),
        ("10.0.0.1", {"forwarded": "for=203.0.113.1;proto=https"}, "203.0.113.1"),
        ("10.0.0.1", {"forwarded": 'proto=https; For="203.0.113.1:80"'}, "203.0.113.1"),
        ("10.0.0.1", {"forwarded": "for=198.51.100.9, for=203.0.113.1, for=10.3.3.3"}, "203.0.113.1"),
        ("10.0.0.1", {"forwarded": "for=unknown"}, "10.0.0.1"),
        ("10.0.0.1", {"forwarded": "for=203.0.113.1", "x-forwarded-for": "198.51.100.9"}, "203.0.113.1"),
        ("10.0.0.1", {"forwarded": 'for="[2001:db8:1:2:3:4:5:6]:4711"'}, "2001:db8:1:2::"),
        ("10.0.0.1", {"forwarded": 'host="a;for=198.51.100.9";for=203.0.113.1'}, "203.0.113.1"),
        ("10.0.0.1", {"forwarded": 'for=203.0.113.1;host="a,b"'}, "203.0.113.1"),
        ("10.0.0.1", {"forwarded": r'for=203.0.113.1;host="a\",for=198.51.100.9"'}, "203.0.113.1"),
        ("10.0.0.1", {"forwarded": 'for=203.0.113.1;host="a'}, "10.0.0.1"),
        ("2001:db8:ffff::1", {"x-forwarded-for": "2001:db8:1:2:a::"}, "2001:db8:1:2::"),
        ("::ffff:192.0.2.7", {}, "192.0.2.7"),
        ("::ffff:10.0.0.1", {"x-forwarded-for": "203.0.113.1"}, "203.0.113.1"),
        (None, {"x-forwarded-for": "203.0.113.1"}, ""),
    ],
)
def test_client(peer: str | None, headers: dict[str, str], client: str) -> None:
    scope = {
        "client": None if peer is None else (peer, 50_000),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    assert ClientAddresses(TRUSTED).of(scope) == client


def test_repeated_headers_are_one_list() -> None:
    headers = [(b"x-forwarded-for", b"198.51.100.9"), (b"x-forwarded-for", b"203.0.113.1")]
    assert ClientAddresses(TRUSTED).of({"client": ("10.0.0.1", 1), "headers": headers}) == "203.0.113.1"
