"""`diyalog doctor`: what carries wake-ups between nodes. Each NATS server is asked on its own, as a node would."""

import asyncio
from dataclasses import replace
from typing import Final

from diyalog.bus.nats_address import NatsAddress, nats_address
from diyalog.bus.nats_check import check
from diyalog.cli.doctor_finding import Finding, fail, ok, warn
from diyalog.opening import new_node_id
from diyalog.ports_bus import BusUnusableError
from diyalog.settings import Settings

BUS: Final = "bus"
_SETTING: Final = "DIYALOG_BUS_URL: "


def check_bus(settings: Settings) -> list[Finding]:
    """Whether every NATS server of the settings lets this machine listen and speak."""
    if settings.database_url is None:
        return []
    if settings.bus_url is None:
        return [ok(BUS, "the database itself wakes other nodes (NOTIFY)")]
    try:
        address = nats_address(settings.bus_url)
    except BusUnusableError as error:
        return [fail(BUS, str(error), "correct DIYALOG_BUS_URL")]
    return asyncio.run(_ask_all(address))


async def _ask_all(address: NatsAddress) -> list[Finding]:
    alone = [replace(address, servers=(server,)) for server in address.servers]
    refusals = await asyncio.gather(*map(_refusal, alone))
    usable = refusals.count(None)
    findings = []
    for server, refusal in zip(address.servers, refusals, strict=True):
        if refusal is None:
            findings.append(ok(BUS, f"NATS at {server.name} lets us listen and speak"))
        elif usable:
            then = f"mend it; nodes use the other{'s' if usable > 1 else ''} meanwhile"
            findings.append(warn(BUS, refusal, then))
        else:
            findings.append(fail(BUS, refusal, "mend what the line names: a server does not start without"))
    return findings


async def _refusal(address: NatsAddress) -> str | None:
    """Why one server cannot be used, in the words of a node that starts; None when it can."""
    try:
        await check(address, new_node_id())
    except BusUnusableError as error:
        return str(error).removeprefix(_SETTING)
    return None
