"""What DIYALOG_BUS_URL may say, and the line that an operator gets for what it may not."""

from pathlib import Path

import pytest

from diyalog.bus.nats_address import NatsServer, nats_address
from diyalog.ports_bus import BusUnusableError
from kit.certificates import Authority

READ = [
    ("nats://localhost", [("localhost", 4222)], None, None, None),
    ("nats://10.0.0.7:4333/", [("10.0.0.7", 4333)], None, None, None),
    ("nats://[::1]:4223", [("::1", 4223)], None, None, None),
    ("nats://a,nats://b:5,c", [("a", 4222), ("b", 5), ("c", 4222)], None, None, None),
    ("nats://u:p@a:1,nats://b:2", [("a", 1), ("b", 2)], "u", "p", None),
    ("nats://u:p@a,u:p@b", [("a", 4222), ("b", 4222)], "u", "p", None),
    ("nats://u%40x:p%2C%3A%2F@a", [("a", 4222)], "u@x", "p,:/", None),
    ("nats://u:@a", [("a", 4222)], "u", "", None),
    ("nats://token%21@a", [("a", 4222)], None, None, "token!"),
]
WRONG = [
    ("", "does not begin with nats:// or tls://"),
    ("localhost:4222", "does not begin with nats:// or tls://"),
    ("http://localhost", "does not begin with nats:// or tls://"),
    ("nats://", "a server has no host"),
    ("nats://secret:secret@", "a server has no host"),
    ("nats://a,", "a server has no host"),
    ("nats://a:0", "a port is no number"),
    ("nats://a:99999", "a port is no number"),
    ("nats://a:secret", "a port is no number"),
    ("nats://[::1", "cannot be read"),
    ("nats://a b", "a blank or a control character"),
    ("nats://a\n", "a blank or a control character"),
    ("nats://a, nats://b", "a blank or a control character"),
    ("nats://u:se/cret@a", "percent-encoded"),
    ("nats://a/path", "something follows the port"),
    ("nats://a#part", "something follows the port"),
    ("nats://a?tls=yes", "only ?ca=FILE may follow"),
    ("nats://a,tls://b", "are mixed"),
    ("nats://u:secret@a,nats://u:other@b", "different credentials"),
    ("tls://a?ca=/x,b?ca=/y", "several files"),
]


@pytest.mark.parametrize(("url", "servers", "user", "password", "token"), READ)
def test_what_it_may_say(
    url: str, servers: list[tuple[str, int]], user: str | None, password: str | None, token: str | None
) -> None:
    address = nats_address(url)
    assert address.servers == tuple(NatsServer(host, port) for host, port in servers)
    assert (address.user, address.password, address.token) == (user, password, token)
    assert address.tls is False


@pytest.mark.parametrize(("url", "why"), WRONG)
def test_what_it_may_not_say(url: str, why: str) -> None:
    with pytest.raises(BusUnusableError) as raised:
        nats_address(url)
    line = str(raised.value)
    assert why in line
    assert line.startswith("DIYALOG_BUS_URL ")
    assert line.endswith("write nats://user:password@host:4222 or tls://..., several servers separated by commas")
    assert "secret" not in line
    assert "\n" not in line


def test_tls_trusts_the_system_or_a_file(authority: Authority) -> None:
    own = nats_address(f"tls://a?ca={authority.certificate},b")
    assert own.tls
    assert [found["subject"] for found in own.context.get_ca_certs()] == [
        ((("commonName", "authority of a test"),),),
    ]
    assert own.context.check_hostname
    assert nats_address("tls://a").tls


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_that_holds_no_certificates(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(BusUnusableError, match="name a PEM file that this user may read"):
        nats_address(f"tls://secret:secret@a?ca={path}")


def test_secrets_do_not_show() -> None:
    assert "secret" not in repr(nats_address("nats://secret:secret@a"))
    assert "secret" not in repr(nats_address("nats://secret@a"))
    assert nats_address("nats://secret@a,[::1]:5").names == "a:4222, [::1]:5"
