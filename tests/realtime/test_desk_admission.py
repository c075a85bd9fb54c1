"""Which handshakes become desks: the same rules as for customers' streams."""

import pytest

from diyalog.domain.ids import StaffRef
from diyalog.realtime.admission import MOST_JOINING
from diyalog.realtime.connection import CustomerStream
from diyalog.realtime.desk import DeskStream
from diyalog.server.sockets import Handshake, Refusal

from .desk_world import DeskWorld
from .world import World


def _handshake(path: str = "/v1/staff/events", origin: str | None = None) -> Handshake:
    return Handshake(path, path.encode(), origin, "192.0.2.1", secure=False, headers=((b"host", b"d.example"),))


async def test_each_path_has_its_kind_of_stream(office: DeskWorld) -> None:
    assert isinstance(office.streams.admit(_handshake()), DeskStream)
    assert isinstance(office.streams.admit(_handshake("/v1/client/events")), CustomerStream)


@pytest.mark.parametrize("path", ["/v1/staff", "/v1/staff/events/", "/v1/staff/queue", "/v1/Staff/events"])
async def test_there_is_one_path_for_desks(office: DeskWorld, path: str) -> None:
    answer = office.streams.admit(_handshake(path))
    assert isinstance(answer, Refusal)
    assert answer.status == 404


async def test_a_node_without_desks_has_no_such_path(world: World) -> None:
    answer = world.streams.admit(_handshake())
    assert isinstance(answer, Refusal)
    assert answer.status == 404


@pytest.mark.parametrize("origin", [None, "https://d.example", "https://bank.example"])
async def test_desks_of_known_origins_are_admitted(office: DeskWorld, origin: str | None) -> None:
    assert isinstance(office.streams.admit(_handshake(origin=origin)), DeskStream)


@pytest.mark.parametrize("origin", ["null", "https://evil.example", "https://d.example.evil.example"])
async def test_desks_of_other_origins_are_refused(office: DeskWorld, origin: str) -> None:
    answer = office.streams.admit(_handshake(origin=origin))
    assert isinstance(answer, Refusal)
    assert answer.status == 403


async def test_a_server_that_goes_away_sends_desks_elsewhere(office: DeskWorld) -> None:
    office.draining = True
    answer = office.streams.admit(_handshake())
    assert isinstance(answer, Refusal)
    assert (answer.status, dict(answer.headers)["retry-after"]) == (503, "1")


async def test_while_very_many_desks_join_others_come_a_little_later_and_customers_do_not_wait(
    office: DeskWorld,
) -> None:
    joining = []
    for number in range(MOST_JOINING):
        desk = office.streams.admit(_handshake())
        assert isinstance(desk, DeskStream)
        desk.staff = StaffRef(number)
        office.desks.join(desk)
        joining.append(desk)
    answer = office.streams.admit(_handshake())
    assert isinstance(answer, Refusal)
    assert (answer.status, dict(answer.headers)["retry-after"]) == (503, "1")
    assert isinstance(office.streams.admit(_handshake("/v1/client/events")), CustomerStream)
    for desk in joining:
        office.desks.unjoin(desk)
    assert isinstance(office.streams.admit(_handshake()), DeskStream)


async def test_streams_cost_no_dictionary(office: DeskWorld) -> None:
    for path in ("/v1/staff/events", "/v1/client/events"):
        assert not hasattr(office.streams.admit(_handshake(path)), "__dict__")
