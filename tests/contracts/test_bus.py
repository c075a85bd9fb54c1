"""What every bus must do; run against each backend, the two with a server also through that server's faults."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from diyalog.bus.nats import MOST_PENDING
from diyalog.ports_bus import MOST_ROWS, Bus
from kit.buses import Backend, MemoryBackend, NatsBackend, Node, PostgresBackend, Server, nothing_goes_wrong_unseen
from kit.cutting import obedient
from kit.nats import NatsServer, nats_server
from kit.postgres import PostgresServer

NOTICED_S = 12.0
"""A connection that died in silence is noticed within about 10 s."""
HOSTILE = [
    "",
    " ",
    "abc",
    "1,",
    ",1",
    "1,,2",
    "-1",
    "+1",
    "1.5",
    "0",
    "01",
    "0x1",
    "1_0",
    "1e3",
    "1, 2",
    "1\n",
    "１",
    "[1]",
    '{"rows":[1]}',
    "9223372036854775808",
    "1" * 7900,
    "1," * 3900 + "x",
    "\udcff\udcfe1",
    "'; DROP TABLE wait; --",
]


@pytest.fixture(scope="module")
def nats() -> Iterator[NatsServer]:
    with nats_server() as server:
        yield server


@pytest.fixture(params=["memory", "postgres", "nats"])
def backend(request: pytest.FixtureRequest) -> Backend:
    match request.param:
        case "postgres":
            return PostgresBackend(request.getfixturevalue("postgres"))
        case "nats":
            return NatsBackend(request.getfixturevalue("nats"))
        case _:
            return MemoryBackend()


@pytest.fixture(params=["postgres", "nats"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of the test's own, to do harm to."""
    if request.param == "nats":
        with nats_server() as own:
            yield NatsBackend(own)
        return
    postgres = PostgresServer()
    try:
        postgres.start()
        yield PostgresBackend(postgres)
    finally:
        postgres.remove()


@pytest.fixture(autouse=True)
async def nothing_unseen(caplog: pytest.LogCaptureFixture) -> AsyncIterator[None]:
    with nothing_goes_wrong_unseen():
        yield
    assert asyncio.all_tasks() == {asyncio.current_task()}, "tasks were left"
    assert [record.getMessage() for record in caplog.get_records("call")] == []


@asynccontextmanager
async def joined(backend: Backend, *nodes: Node) -> AsyncIterator[list[Bus]]:
    """The nodes' buses, connected."""
    async with AsyncExitStack() as stack:
        buses = [backend.bus(node) for node in nodes]
        for bus, node in zip(buses, nodes, strict=True):
            await bus.start()
            stack.push_async_callback(bus.stop)
            await node.reports.connected()
            assert bus.connected
        yield buses


def buses_connected(*buses: Bus) -> int:
    return sum(bus.connected for bus in buses)


async def test_only_the_node_that_is_named_is_woken(backend: Backend) -> None:
    one, two, three = Node(), Node(), Node()
    async with joined(backend, one, two, three) as [first, _, last]:
        await backend.say(first, two.id, [4, 5])
        await backend.say(last, one.id, [1])
        await backend.say(first, three.id, [3])
        await asyncio.gather(one.hears(1), two.hears(4, 5), three.hears(3))
    assert (one.heard, sorted(two.heard), three.heard) == ([1], [4, 5], [3])


async def test_thousands_of_rows_arrive(backend: Backend) -> None:
    one, two = Node(), Node()
    rows = range(1, 12 * MOST_ROWS + 7)
    async with joined(backend, one, two) as [bus, _]:
        await backend.say(bus, two.id, rows)
        await two.hears(*rows)
    assert sorted(two.heard) == list(rows)


async def test_many_small_calls_of_one_turn_arrive(backend: Backend) -> None:
    one, two = Node(), Node()
    large = (1 << 63) - 1
    async with joined(backend, one, two) as [bus, _]:
        await asyncio.gather(*(backend.say(bus, two.id, [row, large - row]) for row in range(1, 30)))
        await two.hears(*range(1, 30), *(large - row for row in range(1, 30)))


async def test_a_node_does_not_wake_itself(backend: Backend) -> None:
    one, two = Node(), Node()
    async with joined(backend, one, two) as [bus, other]:
        bus.wake(one.id, [7])
        await backend.say(other, one.id, [8])
        await one.hears(8)
    assert one.heard == [8]


async def test_waking_never_raises(backend: Backend) -> None:
    one, two = Node(), Node()
    bus = backend.bus(one)
    bus.wake(two.id, [1])
    async with joined(backend, two) as [other]:
        other.wake(one.id, [1])
        other.wake(two.id, [])
        other.wake(one.id, [])
    other.wake(one.id, [1])
    await bus.stop()
    assert not bus.connected
    assert not other.connected
    assert one.heard == two.heard == []


async def test_what_is_no_list_of_rows_says_nothing(backend: Backend) -> None:
    one, two = Node(), Node()
    async with joined(backend, one, two) as [bus, _]:
        for payload in HOSTILE:
            if payload.isprintable() or not isinstance(backend, PostgresBackend):  # which takes no broken text
                await backend.shout(two.id, payload)
        await backend.say(bus, two.id, [11])
        await two.hears(11)
    assert two.heard == [11]
    assert two.reports.errors == []


@pytest.mark.parametrize("backend", ["postgres", "nats"], indirect=True)
async def test_a_listener_that_fails_is_reported_and_called_again(backend: Backend) -> None:
    one, two = Node(), Node()
    two.fault = ValueError("a bug")
    async with joined(backend, one, two) as [bus, _]:
        await backend.say(bus, two.id, [1])
        await two.reports.until(lambda reports: bool(reports.errors))
        await backend.say(bus, two.id, [2])
        await two.hears(2)
    assert [str(error) for error in two.reports.errors] == ["a bug"]
    assert two.reports.said == ["connected"]


async def test_it_works_again_after_a_restart_of_the_server(server: Server) -> None:
    one, two = Node(), Node()
    async with joined(server, one, two) as [bus, other]:
        await asyncio.to_thread(server.stop)
        await asyncio.gather(one.reports.lost(), two.reports.lost())
        assert buses_connected(bus, other) == 0
        bus.wake(two.id, [1])
        await asyncio.to_thread(server.start)
        await asyncio.gather(one.reports.connected(2), two.reports.connected(2))
        assert buses_connected(bus, other) == 2
        await server.say(bus, two.id, [2])
        await two.hears(2)
    assert one.reports.said in (["connected", "lost", "connected"], ["connected", "lost", "unreachable", "connected"])
    assert two.heard == [2], "what was said while it was away is dropped"


async def test_it_begins_without_the_server_and_joins_when_that_comes(server: Server) -> None:
    one, two = Node(), Node()
    await asyncio.to_thread(server.stop)
    buses = [server.bus(one), server.bus(two)]
    for bus in buses:
        await bus.start()
    assert await one.reports.lost() == "unreachable"
    assert not buses[0].connected
    await asyncio.to_thread(server.start)
    await asyncio.gather(one.reports.connected(), two.reports.connected())
    await server.say(buses[0], two.id, [3])
    await two.hears(3)
    for bus in buses:
        await bus.stop()


async def test_a_partition_holds_nobody_up_and_is_noticed_and_healed(server: Server) -> None:
    one, two = Node(), Node()
    loop = asyncio.get_running_loop()
    async with obedient(server.port) as network, joined(server.by(network.port), one, two) as [bus, _]:
        network.hold()
        begun = loop.time()
        for row in range(1, 40_000):
            bus.wake(two.id, [row])
        assert loop.time() - begun < 2.0
        if isinstance(server, NatsBackend):
            assert one.reports.dropped == 39_999 - MOST_PENDING, "what waits is bounded"
        assert await one.reports.lost() == "silent"
        assert loop.time() - begun < NOTICED_S
        assert network.held_up > 0, "the partition"
        assert not bus.connected
        network.release()
        await asyncio.gather(one.reports.connected(2), two.reports.connected(2))
        await server.say(bus, two.id, [50_000])
        await two.hears(50_000)


async def test_a_cut_connection_is_made_again(server: Server) -> None:
    one, two = Node(), Node()
    async with obedient(server.port) as network, joined(server.by(network.port), one, two) as [bus, _]:
        for times in range(2, 5):
            network.cut_all()
            await asyncio.gather(one.reports.connected(times), two.reports.connected(times))
        assert network.cuts >= 6
        await server.say(bus, two.id, [9])
        await two.hears(9)


async def test_stopping_leaves_nothing_whatever_it_does(server: Server) -> None:
    """Beside `nothing_unseen`, which looks for tasks: not one connection."""
    async with obedient(server.port) as network:
        by = server.by(network.port)
        connected, cut_off, connecting, unused = (by.bus(Node()) for _ in range(4))
        node = Node()
        late = by.bus(node)
        for bus in (connected, late):
            await bus.start()
        await node.reports.connected()
        network.hold()
        for bus in (cut_off, connecting):
            await bus.start()
        async with asyncio.timeout(8):
            for bus in (connected, cut_off, connecting, late, unused, late):
                await bus.stop()
        assert not connected.connected
        network.release()
        await network.is_empty()
