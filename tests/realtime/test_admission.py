"""Which handshakes become event streams."""

import pytest

from diyalog.domain.ids import SessionId
from diyalog.realtime.admission import MOST_JOINING
from diyalog.realtime.connection import CustomerStream
from diyalog.server.sockets import Handshake, Refusal

from .world import World


def _handshake(path: str = "/v1/client/events", origin: str | None = None, host: str | None = "d.example") -> Handshake:
    headers = () if host is None else ((b"host", host.encode()),)
    return Handshake(path, path.encode(), origin, "192.0.2.1", secure=False, headers=headers)


@pytest.mark.parametrize("path", ["/", "/v1/client", "/v1/client/events/", "/v1/client/help", "/V1/client/events"])
async def test_there_is_one_path(world: World, path: str) -> None:
    answer = world.streams.admit(_handshake(path))
    assert isinstance(answer, Refusal)
    assert answer.status == 404


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "d.example"),
        (None, None),
        ("https://d.example", "d.example"),
        ("http://d.example", "D.EXAMPLE"),
        ("https://D.example", "d.example"),
        ("https://d.example", "d.example:443"),
        ("http://d.example:80", "d.example"),
        ("http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://[::1]:8080", "[::1]:8080"),
        ("https://bank.example", "d.example"),
        ("HTTPS://BANK.example", "d.example"),
    ],
)
async def test_apps_and_pages_of_known_origins_are_admitted(world: World, origin: str | None, host: str | None) -> None:
    assert isinstance(world.streams.admit(_handshake(origin=origin, host=host)), CustomerStream)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("", "d.example"),
        ("null", "d.example"),
        ("null", "null"),
        ("d.example", "d.example"),
        ("https://evil.example", "d.example"),
        ("https://d.example.evil.example", "d.example"),
        ("https://evil-d.example", "d.example"),
        ("https://d.example@evil.example", "d.example"),
        ("https://evil.example@d.example", "d.example"),
        ("https://d.example:8443", "d.example"),
        ("http://d.example", "d.example:8080"),
        ("http://bank.example", "d.example"),
        ("https://bank.example:444", "d.example"),
        ("https://bank.example/", "d.example"),
        ("https://d.example/path", "d.example"),
        ("https://d.example?x", "d.example"),
        ("https://d.example, https://evil.example", "d.example"),
        ("file://d.example", "d.example"),
        ("https://[::1", "[::1"),
        ("https://d.example:x", "d.example:x"),
        ("https://d.example", None),
        ("https://d.example", ""),
        ("https://", ""),
    ],
)
async def test_pages_of_other_origins_are_refused(world: World, origin: str, host: str | None) -> None:
    answer = world.streams.admit(_handshake(origin=origin, host=host))
    assert isinstance(answer, Refusal)
    assert answer.status == 403
    assert origin == "" or origin.encode() not in answer.body


async def test_a_server_that_goes_away_sends_clients_elsewhere(world: World) -> None:
    world.draining = True
    answer = world.streams.admit(_handshake())
    assert isinstance(answer, Refusal)
    assert answer.status == 503
    assert dict(answer.headers)["retry-after"] == "1"


async def test_while_very_many_join_at_once_others_come_a_little_later(world: World) -> None:
    hub = world.streams._context.hub
    joining = []
    for number in range(MOST_JOINING):
        stream = world.streams.admit(_handshake())
        assert isinstance(stream, CustomerStream)
        stream.session_id = SessionId(f"session-{number}")
        hub.join(stream)
        joining.append(stream)
    answer = world.streams.admit(_handshake())
    assert isinstance(answer, Refusal)
    assert (answer.status, dict(answer.headers)["retry-after"]) == (503, "1")
    hub.unjoin(joining[0])
    hub.unjoin(joining[0])
    assert hub.joining == MOST_JOINING - 1
    assert isinstance(world.streams.admit(_handshake()), CustomerStream)
