"""Whether the bus of the settings can be used at all, asked once before a node serves."""

from typing import Final

from diyalog.bus.nats import subject
from diyalog.bus.nats_address import NatsAddress, NatsServer
from diyalog.bus.nats_connection import NatsConnection
from diyalog.bus.standing import SessionEndedError
from diyalog.domain.ids import NodeId
from diyalog.ports_bus import BusFault, BusUnusableError

_TELLING: Final = (BusFault.REFUSED, BusFault.TLS, BusFault.BROKEN, BusFault.SILENT, BusFault.LOST)
"""What says most first: a server that refuses us says more than one that is away."""
_WHAT: Final = {
    BusFault.REFUSED: (
        "{server} refuses us: check user and password, or the token, and that they may publish and subscribe to"
        " diyalog.node.*"
    ),
    BusFault.TLS: (
        "no TLS with {server}: check that it encrypts and that its certificate is for this name; for an authority of"
        " your own append ?ca=FILE"
    ),
    BusFault.BROKEN: "what answers at {server} is no NATS server: check host and port",
    BusFault.SILENT: "no answer from {server} in time: check host, port and firewall",
    BusFault.LOST: "{server} closed the connection: look into its log",
    BusFault.UNREACHABLE: "no NATS server can be reached at {all}: check host and port, and that it runs",
}


async def check(address: NatsAddress, node: NodeId) -> None:
    """Connect to one of the servers, listen and speak as a node does, and leave.

    Raises BusUnusableError when none of them lets us.
    """
    failures: dict[BusFault, NatsServer] = {}
    for server in address.servers:
        fault = await _try(address, server, node)
        if fault is None:
            return
        failures.setdefault(fault, server)
    fault = next((fault for fault in _TELLING if fault in failures), BusFault.UNREACHABLE)
    what = _WHAT[fault].format(server=failures[fault].name, all=address.names)
    raise BusUnusableError(f"DIYALOG_BUS_URL: {what}")


async def _try(address: NatsAddress, server: NatsServer, node: NodeId) -> BusFault | None:
    faults: list[BusFault] = []
    connection = NatsConnection(address, faults.append)
    try:
        await connection.open(server)
        await connection.listen(subject(node), lambda _: None)
        await connection.publish(subject(node), b"")
        await connection.probe()
    except SessionEndedError as ended:
        faults.append(ended.fault)
    finally:
        await connection.close()
    return faults[0] if faults else None
