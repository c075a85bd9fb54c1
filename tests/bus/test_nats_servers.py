"""The bus over real NATS servers: who is let in, TLS, a cluster that loses a server, and what an operator is told."""

import pytest

from diyalog.bus.nats import NatsBus
from diyalog.bus.nats_address import nats_address
from diyalog.bus.nats_check import check
from diyalog.domain.ids import NodeId
from diyalog.ports_bus import BusUnusableError
from kit.buses import Node, nats_bus
from kit.certificates import Authority
from kit.nats import PASSWORD, TOKEN, USER, WITH_PASSWORD, WITH_TOKEN, NatsServer, nats_cluster, nats_server, tls
from kit.ports import free_port

from .raw_nats import RawNats, raw_nats

pytestmark = pytest.mark.usefixtures("nothing_unseen")
NODE = NodeId("checked")
LIMITED = {
    "authorization": {
        "users": [{"user": USER, "password": PASSWORD, "permissions": {"publish": ["other"], "subscribe": [">"]}}]
    }
}
DEAF = {
    "authorization": {
        "users": [{"user": USER, "password": PASSWORD, "permissions": {"publish": [">"], "subscribe": ["other"]}}]
    }
}
REFUSED = "refuses us: check user and password, or the token, and that they may publish and subscribe to diyalog.node.*"
AUTHORITY = "append ?ca=FILE"


async def joined(url: str) -> None:
    """Two nodes find each other by this URL, after a check that is content with it."""
    await check(nats_address(url), NODE)
    one, two = Node(), Node()
    buses = [nats_bus(one, url), nats_bus(two, url)]
    for bus in buses:
        await bus.start()
    await one.reports.connected()
    await two.reports.connected()
    buses[0].wake(two.id, [5])
    await two.hears(5)
    for bus in buses:
        await bus.stop()


async def refusal(url: str) -> str:
    """The line for an operator."""
    with pytest.raises(BusUnusableError) as raised:
        await check(nats_address(url), NODE)
    line = str(raised.value)
    assert line.startswith("DIYALOG_BUS_URL: ")
    assert "\n" not in line
    for secret in (USER + ":", PASSWORD, TOKEN):
        assert secret not in line
    return line.removeprefix("DIYALOG_BUS_URL: ")


async def test_a_user_with_a_password() -> None:
    with nats_server(WITH_PASSWORD) as server:
        await joined(f"nats://{USER}:{PASSWORD}@{server.address}")
        for wrong in (f"{USER}:wrong@", f"{PASSWORD}@", ""):
            assert await refusal(f"nats://{wrong}{server.address}") == f"{server.address} {REFUSED}"


async def test_a_token() -> None:
    with nats_server(WITH_TOKEN) as server:
        await joined(f"nats://{TOKEN}@{server.address}")
        for wrong in ("wrong@", f"{USER}:{TOKEN}@", ""):
            assert await refusal(f"nats://{wrong}{server.address}") == f"{server.address} {REFUSED}"


@pytest.mark.parametrize("configuration", [LIMITED, DEAF], ids=["may not publish", "may not subscribe"])
async def test_a_user_without_rights(configuration: dict[str, object]) -> None:
    with nats_server(configuration) as server:
        url = f"nats://{USER}:{PASSWORD}@{server.address}"
        assert await refusal(url) == f"{server.address} {REFUSED}"
        node = Node()
        bus = nats_bus(node, url)
        await bus.start()
        if configuration is LIMITED:
            await node.reports.connected()
            bus.wake(Node().id, [1])
        assert await node.reports.lost() == "refused"
        await bus.stop()


async def test_credentials_that_are_set_right_later() -> None:
    node = Node()
    server = NatsServer(WITH_PASSWORD)
    try:
        server.start()
        bus = nats_bus(node, server.url)
        await bus.start()
        assert await node.reports.lost() == "refused"
        server.configuration = {}
        server.restart()
        await node.reports.connected()
        await bus.stop()
    finally:
        server.remove()


@pytest.mark.parametrize("scheme", ["tls", "nats"])
async def test_tls(authority: Authority, scheme: str) -> None:
    with nats_server({**tls(authority), **WITH_PASSWORD}) as server:
        url = f"{scheme}://{USER}:{PASSWORD}@{server.address}"
        await joined(f"{url}?ca={authority.certificate}")
        await joined(f"{url.replace('127.0.0.1', 'localhost')}?ca={authority.certificate}")
        line = await refusal(url)
        assert line.startswith(f"no TLS with {server.address}")
        assert line.endswith(AUTHORITY)


async def test_tls_under_another_name(authority: Authority) -> None:
    with nats_server(tls(authority, "nats.example")) as server:
        line = await refusal(f"tls://{server.address}?ca={authority.certificate}")
        assert "its certificate is for this name" in line


async def test_a_server_without_tls(authority: Authority) -> None:
    with nats_server() as server:
        line = await refusal(f"tls://{server.address}?ca={authority.certificate}")
        assert line.startswith(f"no TLS with {server.address}: check that it encrypts")


async def test_nobody_there() -> None:
    ports = [free_port(), free_port()]
    line = await refusal(",".join(f"nats://{USER}:{PASSWORD}@127.0.0.1:{port}" for port in ports))
    names = ", ".join(f"127.0.0.1:{port}" for port in ports)
    assert line == f"no NATS server can be reached at {names}: check host and port, and that it runs"


async def test_a_name_that_is_not_known() -> None:
    assert (await refusal("nats://nobody.invalid")).startswith("no NATS server can be reached at nobody.invalid:4222")


async def test_a_server_that_is_no_nats_server() -> None:
    async with raw_nats(RawNats(greeting=b"SSH-2.0-OpenSSH_9.2\r\n", bad=9)) as server:
        line = await refusal(f"nats://127.0.0.1:{server.port}")
        assert line == f"what answers at 127.0.0.1:{server.port} is no NATS server: check host and port"


async def test_a_server_that_hangs() -> None:
    with nats_server() as server:
        server.pause()
        assert await refusal(server.url) == f"no answer from {server.address} in time: check host, port and firewall"
        server.resume()
        await joined(server.url)


async def test_one_of_several_servers_is_enough_for_the_check() -> None:
    with nats_server() as server:
        await check(nats_address(f"nats://127.0.0.1:{free_port()},{server.address}"), NODE)


async def test_the_others_of_a_cluster_go_on_when_one_is_lost() -> None:
    with nats_cluster() as servers:
        url = ",".join(server.url for server in servers)
        nodes = [Node() for _ in range(12)]
        buses = [nats_bus(node, url) for node in nodes]
        for bus, node in zip(buses, nodes, strict=True):
            await bus.start()
            await node.reports.connected()
        await everybody_hears_everybody(nodes, buses, 1)
        servers[0].kill()
        servers[1].kill()
        for bus, node in zip(buses, nodes, strict=True):
            await node.reports.until(lambda reports, bus=bus: bus.connected)  # type: ignore[misc]
        await everybody_hears_everybody(nodes, buses, 2)
        moved = sum(node.reports.said.count("connected") > 1 for node in nodes)
        assert moved > 0, "somebody was connected to the servers that were lost"
        for bus in buses:
            await bus.stop()


async def everybody_hears_everybody(nodes: list[Node], buses: list[NatsBus], mark: int) -> None:
    """Each node tells each other one its own number; told again until it is heard, for a hint may be lost."""

    def tell() -> None:
        for number, bus in enumerate(buses):
            for node in nodes:
                bus.wake(node.id, [1000 * mark + number])

    tell()
    for own, node in enumerate(nodes):
        others = [1000 * mark + number for number in range(len(nodes)) if number != own]
        await node.hears(*others, again=tell)
